//! The names of the things that tasks share.
//!
//! Owns the table behind the one word that each primitive keeps. The word holds the world's number
//! too, so that a static that outlives a run is named anew in the next. Whoever touches a thing first
//! gives it a number, which holds for this run; only an operation that is waited for gives it a name,
//! so that names depend on as little as can be.

use std::collections::BTreeMap;

use simoom::backend::Resource;

use super::alive::is_alive;
use crate::choice::{PathId, Paths, ResourceName, escape, escape_thing};
use crate::strategy::Thing;

/// All resources of a world.
#[derive(Debug, Default)]
pub(crate) struct Resources {
    entries: Vec<Entry>,
    /// What faults have hit.
    things: BTreeMap<ResourceName, String>,
    /// Something was used that another world, which runs now, uses too.
    is_shared: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    /// What it is called and after what, once it has a name.
    named: Option<(ResourceName, Origin)>,
}

/// What a resource's name is made of.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The `number`-th thing a task was first to use.
    Created { creator: PathId, number: u32 },
    /// A connection's direction away from its opener, or towards it.
    Direction {
        opener: PathId,
        number: u32,
        away: bool,
    },
    /// What a task's `number`-th socket sends to a port of a node.
    Flow {
        opener: PathId,
        number: u32,
        far: String,
        port: u16,
    },
}

impl Origin {
    fn text(&self, paths: &Paths) -> String {
        match self {
            Self::Created { creator, number } => format!("{}!{number}", paths.text(*creator)),
            Self::Direction {
                opener,
                number,
                away,
            } => {
                format!(
                    "{}~{number}{}",
                    paths.text(*opener),
                    if *away { '>' } else { '<' }
                )
            }
            Self::Flow {
                opener,
                number,
                far,
                port,
            } => {
                let mut text = format!("{}@{number}>", paths.text(*opener));
                escape(far, &mut text);
                text + &format!(":{port}")
            }
        }
    }
}

impl Resources {
    /// The number of `resource`, if this world has given it one.
    pub(crate) fn number(&self, world: u64, resource: &Resource) -> Option<Thing> {
        let word = resource.name();
        let is_ours = word != 0 && (word >> 32) == world & 0xffff_ffff;
        is_ours.then_some(Thing((word & 0xffff_ffff) as u32))
    }

    /// The name of `resource` if this world has given it one.
    pub(crate) fn get(&self, world: u64, resource: &Resource) -> Option<ResourceName> {
        let Thing(index) = self.number(world, resource)?;
        let named = self.entries.get(index as usize)?.named.as_ref();
        named.map(|&(name, _)| name)
    }

    /// The number of `resource`, given now if it has none.
    pub(crate) fn thing(&mut self, world: u64, resource: &Resource) -> Thing {
        if let Some(thing) = self.number(world, resource) {
            return thing;
        }
        self.is_shared |= resource.name() != 0 && is_alive(resource.name() >> 32);
        let index = self.entries.len() as u32;
        self.entries.push(Entry { named: None });
        resource.set_name((world << 32) | u64::from(index));
        Thing(index)
    }

    /// Whether something was used since the last call that another world, which runs now, uses too.
    pub(super) fn take_shared(&mut self) -> bool {
        std::mem::take(&mut self.is_shared)
    }

    /// Names `resource`.
    pub(crate) fn name(
        &mut self,
        world: u64,
        resource: &Resource,
        name: ResourceName,
        origin: Origin,
    ) {
        let Thing(index) = self.thing(world, resource);
        self.entries[index as usize].named = Some((name, origin));
    }

    /// Keeps what people call the thing `name` that a fault has hit.
    pub(crate) fn name_thing(&mut self, name: ResourceName, text: String) {
        self.things.insert(name, text);
    }

    /// What people call the thing `name` that a fault has hit.
    pub(crate) fn hit(&self, name: ResourceName) -> Option<&str> {
        self.things.get(&name).map(String::as_str)
    }

    /// Keeps the origin of a name that no primitive holds.
    pub(crate) fn name_unheld(&mut self, name: ResourceName, origin: Origin) {
        self.entries.push(Entry {
            named: Some((name, origin)),
        });
    }

    /// Every name and after what it is.
    fn named(&self) -> impl Iterator<Item = (ResourceName, &Origin)> {
        let named = self.entries.iter().filter_map(|entry| entry.named.as_ref());
        named.map(|(name, origin)| (*name, origin))
    }

    /// What people call the direction of a connection called `name`.
    pub(crate) fn label(&self, name: ResourceName, paths: &Paths) -> String {
        let mut named = self.named();
        match named.find(|&(other, _)| other == name).map(|(_, it)| it) {
            Some(Origin::Direction {
                opener,
                number,
                away,
            }) => {
                let way = if *away { "from" } else { "to" };
                format!("{way} {}, connection {number},", paths.label(*opener))
            }
            Some(Origin::Flow {
                opener, far, port, ..
            }) => format!("from {} to {far}:{port},", paths.label(*opener)),
            _ => "a connection".to_owned(),
        }
    }

    /// The name of every connection, and its text: that of its directions without the way.
    pub(crate) fn connections(&self, paths: &Paths) -> Vec<(ResourceName, String)> {
        let connection = |(_, origin): (ResourceName, &Origin)| match *origin {
            Origin::Direction { opener, number, .. } => Some((
                ResourceName::connection(paths.hash(opener), number),
                format!("{}~{number}", paths.text(opener)),
            )),
            _ => None,
        };
        self.named().filter_map(connection).collect()
    }

    /// The stored text of every name.
    pub(crate) fn texts(&self, paths: &Paths) -> BTreeMap<ResourceName, String> {
        let things = self.things.iter().map(|(&name, thing)| {
            let mut text = String::new();
            escape_thing(thing, &mut text);
            (name, text)
        });
        let named = self.named();
        named
            .map(|(name, origin)| (name, origin.text(paths)))
            .chain(things)
            .collect()
    }
}

#[cfg(test)]
mod tests;
