//! Names that survive edits.
//!
//! Owns the names of tasks, resources and connections: how they are built from a parent's name,
//! written, read back and hashed. Knows nothing of what happens to the things named.
//!
//! ```text
//! path      = name [ "#" count ] { "/" name [ "#" count ] }     a task; the first name is its node
//! resource  = path "!" number                                   the number-th thing the task used
//! link      = path "~" number [ ">" | "<" ]                     the number-th connection it opened
//! flow      = path "@" number ">" name ":" port             what its number-th socket sends there
//! ```
//! Counts tell equal siblings apart and are left out when 0. No file, line, address or global
//! counter is part of a name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::siblings::{Families, family_of};
use super::value::{hash_text, mix};

/// A path that has been given a number in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathId(pub(crate) u32);

/// What identifies a path in any run: its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathHash(pub(crate) u64);

/// All paths of one run.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    entries: Vec<Entry>,
    siblings: BTreeMap<(u32, u64), u32>,
}

#[derive(Debug)]
struct Entry {
    parent: u32,
    name: Cow<'static, str>,
    count: u32,
    hash: PathHash,
    /// The same for equal siblings and what is below them.
    kin: u64,
    /// Siblings of one name sort by count, all else by hash: stable under unrelated edits.
    order: u128,
}

const ROOT: u32 = u32::MAX;

impl Paths {
    /// The next path called `name` below `parent`.
    pub(crate) fn child(&mut self, parent: Option<PathId>, name: Cow<'static, str>) -> PathId {
        let above = parent.map_or(ROOT, |parent| parent.0);
        let name_hash = hash_text(&name);
        let next = self.siblings.entry((above, name_hash)).or_default();
        let count = *next;
        *next += 1;
        let parent_hash = parent.map_or(PathHash(0), |parent| self.hash(parent));
        let parent_kin = parent.map_or(0, |parent| self.kin(parent));
        let family = family_of(parent_hash.0, name_hash);
        let hash = extend(parent_hash, name_hash, count);
        let order = (u128::from(family) << 64) | u128::from(count);
        let id = PathId(u32::try_from(self.entries.len()).expect("fewer than 2^32 tasks"));
        self.entries.push(Entry {
            parent: above,
            name,
            count,
            hash,
            kin: mix(parent_kin, name_hash),
            order,
        });
        id
    }

    /// A hash of the path without its counts.
    pub(crate) fn kin(&self, path: PathId) -> u64 {
        self.entries[path.0 as usize].kin
    }

    pub(crate) fn hash(&self, path: PathId) -> PathHash {
        self.entries[path.0 as usize].hash
    }

    /// The rank of the path among others, the same in every run.
    pub(crate) fn order(&self, path: PathId) -> u128 {
        self.entries[path.0 as usize].order
    }

    /// The path as it is stored.
    pub(crate) fn text(&self, path: PathId) -> String {
        let entry = &self.entries[path.0 as usize];
        let mut text = String::new();
        if entry.parent != ROOT {
            text = self.text(PathId(entry.parent));
            text.push('/');
        }
        escape(&entry.name, &mut text);
        if entry.count > 0 {
            let _ = write!(text, "#{}", entry.count);
        }
        text
    }

    /// How many there are of each name.
    pub(crate) fn families(&self) -> Families {
        let mut families = Families::default();
        for entry in &self.entries {
            families.add((entry.order >> 64) as u64);
        }
        families
    }

    /// Every path by its hash, as it is stored.
    pub(crate) fn all(&self) -> impl Iterator<Item = (PathHash, String)> {
        let ids = (0..self.entries.len() as u32).map(PathId);
        ids.map(|path| (self.hash(path), self.text(path)))
    }

    /// What people call every path, by its hash.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (PathHash, String)> {
        let ids = (0..self.entries.len() as u32).map(PathId);
        ids.map(|path| (self.hash(path), self.label(path)))
    }

    /// The path as people read it: the node, then the last name without module or closure marks.
    pub(crate) fn label(&self, path: PathId) -> String {
        let entry = &self.entries[path.0 as usize];
        let mut label = String::new();
        let mut root = path;
        while self.entries[root.0 as usize].parent != ROOT {
            root = PathId(self.entries[root.0 as usize].parent);
        }
        let node = &self.entries[root.0 as usize];
        label.push_str(&node.name);
        if root != path {
            label.push('/');
            label.push_str(&short_type_name(&entry.name));
            if entry.count > 0 {
                let _ = write!(label, "#{}", entry.count);
            }
        } else if node.count > 0 {
            let _ = write!(label, "#{}", node.count);
        }
        label
    }
}

/// The hash of a path from its stored text; `None` if the text is malformed.
pub(crate) fn parse_path(text: &str) -> Option<PathHash> {
    let mut hash = PathHash(0);
    for part in text.split('/') {
        let (name, count) = match part.rsplit_once('#') {
            Some((name, count)) => (name, count.parse().ok()?),
            None => (part, 0),
        };
        if name.is_empty() {
            return None;
        }
        hash = extend(hash, hash_text(&unescape(name)?), count);
    }
    Some(hash)
}

fn extend(parent: PathHash, name_hash: u64, count: u32) -> PathHash {
    PathHash(mix(mix(parent.0, name_hash), u64::from(count)))
}

/// Writes `name` without the characters that mean something in a stored plan.
pub(crate) fn escape(name: &str, text: &mut String) {
    if name.is_empty() {
        text.push_str("%u;");
    }
    for character in name.chars() {
        match character {
            '%' | '/' | '#' | '!' | '~' | '>' | '<' | ' ' => {
                let _ = write!(text, "%{:02x}", character as u32);
            }
            character if character.is_control() || character.is_whitespace() => {
                let _ = write!(text, "%u{:x};", character as u32);
            }
            character => text.push(character),
        }
    }
}

/// Writes what a fault hits without the characters that mean something in a stored plan.
pub(crate) fn escape_thing(name: &str, text: &mut String) {
    text.push('=');
    for character in name.chars() {
        if character == '%' || character.is_control() || character.is_whitespace() {
            let _ = write!(text, "%u{:x};", character as u32);
        } else {
            text.push(character);
        }
    }
}

/// Reads what [`escape`] and [`escape_thing`] wrote.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = text;
    while let Some(position) = rest.find('%') {
        name.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        let (digits, after) = match rest.strip_prefix('u') {
            Some(long) => long.split_once(';')?,
            None => (rest.get(..2)?, rest.get(2..)?),
        };
        if !digits.is_empty() {
            name.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

/// `kv::server::run` for `kv::server::run::{{closure}}`.
pub(crate) fn short_type_name(name: &str) -> String {
    // An async closure is made of a closure and of what the compiler makes around it.
    let name = name
        .replace("::{{closure}}", "")
        .replace("::{{synthetic}}", "");
    match name.split_once('<') {
        Some((head, _)) if !head.is_empty() => head.to_owned(),
        _ => name,
    }
}

/// What the function of a captured stack is called.
///
/// Where the debug information says little of a name, as it does with line tables only, the place
/// beside it is all there is.
pub(crate) fn frame_name(name: &str) -> String {
    let nameless = match name.split(['#', '<']).next() {
        Some("{async_fn") => "an async fn",
        Some("{async_block") => "an async block",
        Some("{closure") => "a closure",
        // What a body that starts an async closure is called.
        Some("{synthetic") => "an async closure",
        _ => return short_type_name(name),
    };
    nameless.to_owned()
}

#[cfg(test)]
mod tests;
