//! What there is at the end of a run, by where in the program it was made.
//!
//! Owns the count, for one run to be compared with another. Knows nothing of what is a leak.

use std::collections::BTreeMap;
use std::panic::Location;

use simoom::backend::OpKind;

use super::leaks::{Books, Origin};
use super::locks::Waiting;
use super::{Due, World};
use crate::checkers::leaks::Leak;

/// How many there are of what.
pub(crate) type Remains = BTreeMap<Remnant, usize>;

/// Something that is there, as it is the same in two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Remnant {
    pub(crate) what: &'static str,
    pub(crate) leak: Leak,
    /// Where it was made, or the last operation before that.
    pub(crate) site: Option<&'static Location<'static>>,
}

impl Remnant {
    fn made(what: &'static str, leak: Leak, origin: &Origin) -> Self {
        let site = origin.site;
        Self { what, leak, site }
    }

    fn at(what: &'static str, leak: Leak, site: &'static Location<'static>) -> Self {
        let site = Some(site);
        Self { what, leak, site }
    }

    /// What it is and where it was made, in words.
    pub(crate) fn told(&self) -> String {
        match self.site {
            Some(site) => format!("{}, of {}:{}", self.what, site.file(), site.line()),
            None => self.what.to_owned(),
        }
    }
}

impl World {
    /// What there is now, if books are kept.
    pub(crate) fn remains(&self) -> Remains {
        let mut remains = Remains::new();
        let Some(books) = &self.books else {
            return remains;
        };
        let mut count = |what: Remnant, times: usize| *remains.entry(what).or_default() += times;
        self.count_tasks(&mut count);
        count_kept(books, &mut count);
        for (_, holder) in self.locks.held() {
            let what = match holder.kind {
                OpKind::Lock => "lock",
                OpKind::Acquire => "permit of a semaphore",
                _ => "reserved slot of a channel",
            };
            count(Remnant::at(what, Leak::Lock, holder.site), holder.amount);
        }
        // Whoever waits for a message keeps nobody else from getting one.
        let is_queue = |waiting: &&Waiting| waiting.kind != OpKind::Recv;
        for waiting in self.locks.waiting().iter().filter(is_queue) {
            count(Remnant::at("place in a queue", Leak::Lock, waiting.site), 1);
        }
        for (_, due) in self.timers.armed() {
            if let Due::Alarm { origin, .. } = due {
                count(Remnant::made("timer", Leak::Timer, origin), 1);
            }
        }
        remains
    }

    fn count_tasks(&self, count: &mut impl FnMut(Remnant, usize)) {
        for slot in self.tasks.by_birth() {
            if let Some(entry) = self.tasks.get(slot) {
                let (what, leak) = match entry.on_thread {
                    true => ("blocking closure", Leak::Blocking),
                    false => ("task", Leak::Task),
                };
                count(Remnant::at(what, leak, entry.location), 1);
            }
        }
    }
}

/// Sockets, files and messages.
fn count_kept(books: &Books, count: &mut impl FnMut(Remnant, usize)) {
    for kept in books.kept.values() {
        count(Remnant::made(kept.what, kept.leak, &kept.origin), 1);
    }
    for (messages, origin) in books.messages.values() {
        let what = "message in a channel";
        count(Remnant::made(what, Leak::Messages, origin), *messages);
    }
    for (messages, origin) in &books.abandoned {
        let what = "message in a channel that was dropped";
        count(Remnant::made(what, Leak::Messages, origin), *messages);
    }
}
