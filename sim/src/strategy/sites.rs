//! What operations have in common that stand at one place of the program.
//!
//! Owns the hash of a place. It holds for one build of the program: no anchor is made of it.

use std::collections::BTreeMap;
use std::panic::Location;

use super::{Doing, Step, Thing};
use crate::choice::{hash_text, mix};

/// An operation of a kind at a place, whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Site(u64);

/// Operations at a place, done by equal siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signature(u64);

impl Signature {
    /// Of what is done at `site`.
    pub(crate) fn of(Site(site): Site, doing: &Doing) -> Self {
        Self(mix(site, doing.kin))
    }
}

/// The places that were hashed before.
#[derive(Debug)]
pub(crate) struct Sites {
    /// By the address of the place, which is the same throughout a run and orders nothing.
    hashed: BTreeMap<usize, u64>,
    /// Some of those: every choice asks for all that can run.
    recent: [(usize, u64); RECENT],
}

const RECENT: usize = 32;

const BESIDE: u64 = 0x6265_7369_6465;

impl Default for Sites {
    fn default() -> Self {
        Self {
            hashed: BTreeMap::new(),
            recent: [(0, 0); RECENT],
        }
    }
}

impl Sites {
    /// The operation's place and kind; `None` if it is none that others can observe.
    pub(crate) fn site(&mut self, doing: &Doing) -> Option<Site> {
        match doing.thing {
            Thing::NONE => None,
            _ => self.any_site(doing),
        }
    }

    /// The operation's place and kind, whatever it acts on.
    fn any_site(&mut self, doing: &Doing) -> Option<Site> {
        let kind = doing.kind?;
        let place = self.place(doing.site);
        Some(Site(mix(place, kind as u64)))
    }

    /// The place and kind of what was done, and whose it is.
    pub(crate) fn signature(&mut self, step: &Step) -> Option<Signature> {
        let site = self.site(&step.did)?;
        if step.is_beside {
            return self.beside(&step.did);
        }
        Some(Signature::of(site, &step.did))
    }

    /// What a task of this kin changes without an operation, once it has done what it stands at.
    pub(crate) fn beside(&mut self, doing: &Doing) -> Option<Signature> {
        let Site(site) = self.any_site(doing)?;
        Some(Signature::of(Site(mix(site, BESIDE)), doing))
    }

    fn place(&mut self, site: &'static Location<'static>) -> u64 {
        let address = std::ptr::from_ref(site).addr();
        let at = address / align_of::<Location<'_>>() % RECENT;
        if self.recent[at].0 == address {
            return self.recent[at].1;
        }
        let hash = *self.hashed.entry(address).or_insert_with(|| {
            let line = u64::from(site.line()) << 32 | u64::from(site.column());
            mix(hash_text(site.file()), line)
        });
        self.recent[at] = (address, hash);
        hash
    }
}
