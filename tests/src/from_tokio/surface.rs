//! The public items of a crate, read from the pages that rustdoc makes.
//!
//! Rustdoc's own format for programs needs a nightly compiler; its pages name every item by the
//! path of the file and every member by an anchor, and have done so for years.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// The public items of a crate, each with its members: methods, variants, fields, and the traits
/// that are implemented for it (`impl Debug`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    /// By the path of the item below the crate, such as `sync::mpsc::Sender`.
    pub items: BTreeMap<String, BTreeSet<String>>,
}

/// Traits that are no promise of an item, or that the compiler implements.
const AUTOMATIC: [&str; 8] = [
    "Drop",
    "Freeze",
    "RefUnwindSafe",
    "Send",
    "Sync",
    "Unpin",
    "UnsafeUnpin",
    "UnwindSafe",
];

/// Where the own members of an item end on its page.
const FOREIGN: [&str; 5] = [
    "deref-methods-",
    "synthetic-implementations",
    "blanket-implementations",
    "foreign-impls",
    "implementors",
];

impl Surface {
    /// Reads `all.html` of a crate's documentation and the pages that it names.
    ///
    /// # Errors
    ///
    /// A page that cannot be read.
    pub fn of_pages(folder: &Path) -> io::Result<Surface> {
        let mut surface = Surface::default();
        let all = fs::read_to_string(folder.join("all.html"))?;
        for link in all.split("href=\"").skip(1) {
            let Some((file, _)) = link.split_once('"') else {
                continue;
            };
            let Some(path) = item_path(file) else {
                continue;
            };
            let page = fs::read_to_string(folder.join(file))?;
            surface
                .items
                .entry(path)
                .or_default()
                .extend(members(&page));
        }
        Ok(surface)
    }

    /// Reads what [`to_text`](Surface::to_text) wrote.
    #[must_use]
    pub fn of_text(text: &str) -> Surface {
        let mut surface = Surface::default();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (path, members) = line
                .split_once(": ")
                .unwrap_or((line.trim_end_matches(':'), ""));
            let members = members.split(", ").filter(|member| !member.is_empty());
            surface
                .items
                .entry(path.to_owned())
                .or_default()
                .extend(members.map(str::to_owned));
        }
        surface
    }

    /// One item per line, with its members.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.items
            .iter()
            .fold(String::new(), |mut text, (path, members)| {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                writeln!(text, "{path}: {}", members.join(", ")).expect("text takes everything");
                text
            })
    }
}

/// The path of an item from the name of its file: `sync/struct.Mutex.html` is `sync::Mutex`.
fn item_path(file: &str) -> Option<String> {
    let stem = file.strip_suffix(".html")?;
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let (kind, name) = name.split_once('.')?;
    let name = match kind {
        "struct" | "enum" | "union" | "trait" | "fn" | "type" | "constant" | "static" => {
            name.to_owned()
        }
        "macro" => format!("{}!", name.trim_end_matches('!')),
        "attr" => format!("#[{name}]"),
        _ => return None,
    };
    if folder.is_empty() {
        Some(name)
    } else {
        Some(format!("{}::{name}", folder.replace('/', "::")))
    }
}

/// What belongs to the item of a page.
fn members(page: &str) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    let mut of_traits = false;
    for anchor in page.split("id=\"").skip(1) {
        let Some((anchor, _)) = anchor.split_once('"') else {
            continue;
        };
        if FOREIGN.iter().any(|section| anchor.starts_with(section)) {
            break;
        }
        of_traits |= anchor == "trait-implementations";
        if let Some(implementation) = anchor.strip_prefix("impl-").filter(|_| of_traits) {
            if let Some(name) = trait_name(implementation) {
                members.insert(format!("impl {name}"));
            }
        } else if !of_traits {
            let kinds = [
                "method.",
                "tymethod.",
                "variant.",
                "structfield.",
                "associatedconstant.",
                "associatedtype.",
            ];
            let name = kinds.iter().find_map(|kind| anchor.strip_prefix(kind));
            // The field of a variant is `variant.V.field.f`, which goes with the variant.
            if let Some(name) = name.filter(|name| !name.contains('.')) {
                members.insert(unnumbered(name).to_owned());
            }
        }
    }
    members
}

/// `From<u8> for X` gives `From`; the automatic traits give nothing.
fn trait_name(implementation: &str) -> Option<&str> {
    let (name, _) = implementation.split_once("-for-")?;
    let name = name.split("%3C").next()?;
    (!AUTOMATIC.contains(&name) && !name.starts_with('!')).then_some(name)
}

/// The second anchor of a name is `name-1`.
fn unnumbered(anchor: &str) -> &str {
    match anchor.rsplit_once('-') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => anchor,
    }
}

#[cfg(test)]
#[path = "surface_tests.rs"]
mod tests;
