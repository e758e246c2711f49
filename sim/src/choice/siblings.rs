//! Equal siblings of the tasks that a plan names: how many there were, and whom the names mean
//! since there are more or fewer.
//!
//! Owns the count of a name and the rewriting of it in stored choices. Knows nothing of how one
//! finds out which of several meanings is right.
//!
//! Tasks of one name and one parent are told apart by the order in which they were spawned, and
//! nothing else. One more before them moves all of their counts; one more after them moves none.
//! Where it was added cannot be seen: but that there is one more can, if it is known how many
//! there were.

use std::collections::{BTreeMap, BTreeSet};

use super::ChoiceKind;
use super::path::{parse_path, unescape};
use super::plan::{ANY, Deviation, Plan};
use super::value::{hash_text, mix};

/// How many tasks of each name each parent had in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Families(BTreeMap<u64, u32>);

impl Families {
    /// One more member of the family that hashes so.
    pub(super) fn add(&mut self, family: u64) {
        *self.0.entry(family).or_default() += 1;
    }

    /// How many tasks are called `family`, a path without its last count.
    pub(crate) fn count(&self, family: &str) -> u32 {
        let hash = family_hash(family);
        hash.and_then(|hash| self.0.get(&hash).copied())
            .unwrap_or(0)
    }
}

impl Families {
    /// Whether there was a task of this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
        let (name, count) = member(last);
        above.is_empty() || self.count(&format!("{above}/{name}")) > count
    }
}

/// What the equal siblings of one name and parent have in common.
pub(super) fn family_of(parent: u64, name_hash: u64) -> u64 {
    mix(parent, name_hash)
}

fn family_hash(family: &str) -> Option<u64> {
    let (parent, name) = family.rsplit_once('/')?;
    let name = unescape(name)?;
    Some(family_of(parse_path(parent)?.0, hash_text(&name)))
}

/// Tasks whose names are taken for others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shift {
    family: String,
    /// Those of this count and above.
    from: u32,
    by: i64,
}

/// What a plan may mean since its program has other tasks.
#[derive(Clone, Debug)]
pub(crate) struct Renamed {
    pub(crate) plan: Plan,
    /// Which names are taken for which, for people.
    pub(crate) note: String,
}

/// The most meanings of a plan that are worth a run.
const MEANINGS_MAX: usize = 6;

impl Plan {
    /// Notes how many equal siblings those have that the choices name, as it was in their run.
    pub(crate) fn count_siblings(&mut self, families: &Families) {
        let mentions = self.mentions();
        let counted = (mentions.iter()).filter_map(|(family, counts)| {
            let count = families.count(family);
            (count > implied(counts)).then(|| (family.clone(), count))
        });
        self.siblings = counted.collect();
    }

    /// What else the choices may mean where each family has as many members as `now` says, the
    /// likeliest first; nothing if there are as many as there were.
    pub(crate) fn renamed(&self, now: &Families) -> Vec<Renamed> {
        let mentions = self.mentions();
        let was = |family: &str| {
            let stored = self.siblings.get(family).copied();
            stored.unwrap_or_else(|| mentions.get(family).map_or(0, implied))
        };
        let changed: Vec<_> = (mentions.iter())
            .filter_map(|(family, counts)| {
                let count = now.count(family);
                let by = i64::from(count) - i64::from(was(family));
                let first = i64::from(*counts.first()?);
                (by != 0 && count > 0 && first + by >= 0).then_some((family, counts, by))
            })
            .collect();
        let whole = |(family, _, by): &(&String, &BTreeSet<u32>, i64)| Shift {
            family: (*family).clone(),
            from: 0,
            by: *by,
        };
        let mut meanings: Vec<Vec<Shift>> = vec![changed.iter().map(whole).collect()];
        // One was added before them, and the others elsewhere.
        let one = |it| Shift {
            by: whole(it).by.signum(),
            ..whole(it)
        };
        meanings.push(changed.iter().map(one).collect());
        // They were added between them.
        for (index, (_, counts, _)) in changed.iter().enumerate() {
            for &from in counts.iter().skip(1) {
                let mut meaning: Vec<_> = changed.iter().map(whole).collect();
                meaning[index].from = from;
                meanings.push(meaning);
            }
        }
        if changed.len() > 1 {
            meanings.extend(changed.iter().map(|it| vec![whole(it)]));
        }
        let mut renamed: Vec<Renamed> = Vec::new();
        for shifts in meanings.iter().filter(|it| !it.is_empty()) {
            let deviations: Option<Vec<_>> = (self.deviations.iter())
                .map(|it| shifted(it, shifts))
                .collect();
            let Some(deviations) = deviations else {
                continue;
            };
            if renamed.iter().any(|it| it.plan.deviations == deviations) {
                continue;
            }
            let of = |it: &Shift| {
                let (family, from, by) = (&it.family, it.from, it.by);
                let (was, now) = (was(family), now.count(family));
                let counts = &mentions[family];
                let old = counts.range(from..).next().copied().unwrap_or(from);
                let new = u32::try_from(i64::from(old) + by).unwrap_or(0);
                let (old, new) = (Member(family, old), Member(family, new));
                format!("{was} called {family} became {now}, and {old} is taken for {new}")
            };
            let notes: Vec<_> = shifts.iter().map(of).collect();
            renamed.push(Renamed {
                plan: Self {
                    deviations,
                    ..self.clone()
                },
                note: notes.join("; "),
            });
            if renamed.len() == MEANINGS_MAX {
                break;
            }
        }
        renamed
    }

    /// The counts by which the choices name members of each family.
    fn mentions(&self) -> BTreeMap<String, BTreeSet<u32>> {
        let mut mentions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for path in self.deviations.iter().flat_map(Deviation::tasks) {
            let mut above = String::new();
            for (index, part) in path.split('/').enumerate() {
                let (name, count) = member(part);
                // The first is the node's.
                if index > 0 {
                    let family = format!("{above}/{name}");
                    mentions.entry(family).or_default().insert(count);
                    above.push('/');
                }
                above.push_str(part);
            }
        }
        mentions
    }
}

/// How many there are at least of those with such counts.
fn implied(counts: &BTreeSet<u32>) -> u32 {
    counts.last().map_or(0, |last| last.saturating_add(1))
}

/// A member of a family, as it is stored.
struct Member<'a>(&'a str, u32);

impl std::fmt::Display for Member<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(family, count) = self;
        match count {
            0 => f.write_str(family),
            count => write!(f, "{family}#{count}"),
        }
    }
}

/// A part of a path as its name and its count.
fn member(part: &str) -> (&str, u32) {
    match part.rsplit_once('#') {
        Some((name, count)) => (name, count.parse().unwrap_or(0)),
        None => (part, 0),
    }
}

impl Deviation {
    /// The tasks that the choice names: whose it is, who goes on, whose name a resource has.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &str> {
        let subject = Some(&*self.anchor.subject).filter(|it| *it != "-");
        let value = Some(&*self.value).filter(|value| is_task(self.anchor.kind, value));
        let resource = split_resource(&self.anchor.resource).map(|(path, _)| path);
        [subject, value, resource].into_iter().flatten()
    }
}

fn is_task(kind: ChoiceKind, value: &str) -> bool {
    kind == ChoiceKind::Sched && value != ANY
}

/// The task that names a resource, and what comes after it; `None` if no task does.
fn split_resource(text: &str) -> Option<(&str, &str)> {
    if text == "-" || text.starts_with('=') {
        return None;
    }
    // In the order in which they are read back.
    let place = match (text.rfind('!'), text.split_once('>')) {
        (Some(place), _) => place,
        (None, Some((socket, target))) if !target.is_empty() => socket.rfind('@')?,
        _ => text.rfind('~')?,
    };
    Some(text.split_at(place))
}

/// The choice with other names; `None` if there can be no such names.
fn shifted(it: &Deviation, shifts: &[Shift]) -> Option<Deviation> {
    let mut it = it.clone();
    if it.anchor.subject != "-" {
        it.anchor.subject = renamed_path(&it.anchor.subject, shifts)?;
    }
    if is_task(it.anchor.kind, &it.value) {
        it.value = renamed_path(&it.value, shifts)?;
    }
    if let Some((path, rest)) = split_resource(&it.anchor.resource) {
        it.anchor.resource = renamed_path(path, shifts)? + rest;
    }
    Some(it)
}

fn renamed_path(path: &str, shifts: &[Shift]) -> Option<String> {
    let (mut above, mut renamed) = (String::new(), String::new());
    for (index, part) in path.split('/').enumerate() {
        if index > 0 {
            above.push('/');
            renamed.push('/');
        }
        let (name, count) = member(part);
        let shift = shifts.iter().find(|it| {
            let is_of = it.family.strip_prefix(&*above) == Some(name);
            is_of && count >= it.from && index > 0
        });
        let count = match shift {
            Some(shift) => u32::try_from(i64::from(count) + shift.by).ok()?,
            None => count,
        };
        renamed.push_str(&Member(name, count).to_string());
        above.push_str(part);
    }
    Some(renamed)
}

#[cfg(test)]
mod tests;
