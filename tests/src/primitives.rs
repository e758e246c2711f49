//! A small program for each primitive, whose parties may be ended wherever they wait.
//!
//! Each has its oracle in it: mutual exclusion, turns in the order of waiting, permits and items that
//! are as many as before, numbers that differ. That no wake is lost needs none: a program whose
//! other parties do not get through never ends, which the simulator tells at once.

mod bytes;
mod channels;
mod injection;
mod limits;
mod locks;
mod meetings;
mod values;

use std::pin::Pin;

pub use injection::{Form, Outcome, Parties, Party};

/// A program, and what it is about.
#[derive(Clone, Copy)]
pub struct Program {
    /// What it is about.
    pub name: &'static str,
    body: fn(Parties) -> Pin<Box<dyn Future<Output = ()>>>,
}

impl Program {
    /// Runs it, and panics if something does not hold.
    pub async fn run(&self, parties: Parties) {
        (self.body)(parties).await;
    }

    /// The one of that name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> &'static Program {
        let found = PROGRAMS.iter().find(|program| program.name == name);
        found.unwrap_or_else(|| panic!("there is no program {name}"))
    }
}

macro_rules! programs {
    ($($room:ident: $($name:ident),+;)+) => {
        /// All of them.
        pub const PROGRAMS: &[Program] = &[$($(
            Program {
                name: stringify!($name),
                body: |parties| Box::pin($room::$name(parties)),
            },
        )+)+];
    };
}

programs! {
    locks: mutex, rw_lock, semaphore, bounded_semaphore;
    meetings: event, condition, barrier, notify;
    channels: queue, priority_queue, mpsc, oneshot, broadcast, watch;
    values: once_cell, set_once;
    limits: cancel, shield, timeout, timeout_cancel, gather, group;
    bytes: lines, socket, server;
}
