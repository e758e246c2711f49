//! Histories and ledgers of a run, as its test writes them down.

use std::time::Duration;

use super::simulation::{Sim, with};
use crate::checkers::Written;
use crate::checkers::history::{self, History, Moment};
use crate::checkers::ledger::{self, Ledger};

impl Sim {
    /// A new history called `name`, of what clients ask for and are answered.
    ///
    /// What is written into it is part of the run's record. If the run fails, the history lies
    /// beside the record as `history-NAME.jsonl`, for [`History::load`].
    ///
    /// # Panics
    /// If this run has a history of that name (clone its handle instead), or the name has other
    /// characters than letters, digits, `-`, `_` and `.`.
    ///
    /// # Examples
    /// See [`History`].
    #[track_caller]
    #[must_use]
    pub fn history<O, R>(&self, name: &str) -> History<O, R> {
        History::written(name, Box::new(self.sheet(history::KIND, name)))
    }

    /// A new ledger called `name`, of what is sent and where it is in the end.
    ///
    /// If the run fails, it lies beside the record as `ledger-NAME.jsonl`, for [`Ledger::load`].
    ///
    /// # Panics
    /// As [`history`](Self::history).
    ///
    /// # Examples
    /// See [`Ledger`].
    #[track_caller]
    #[must_use]
    pub fn ledger<M>(&self, name: &str) -> Ledger<M> {
        Ledger::written(name, Box::new(self.sheet(ledger::KIND, name)))
    }

    #[track_caller]
    fn sheet(&self, kind: &'static str, name: &str) -> Sheet {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        assert!(
            !name.is_empty() && name.chars().all(is_plain),
            "the name {name:?} of a {kind} has other characters than letters, digits, `-`, `_` and `.`"
        );
        let number = with(self.world, |backend| {
            backend.with(|world| world.open_sheet(kind, name))
        });
        let Some(number) = number else {
            panic!("there is a {kind} {name:?} in this run: clone its handle");
        };
        Sheet {
            world: self.world,
            number,
        }
    }
}

/// Where a history or a ledger is written down.
struct Sheet {
    world: u64,
    number: usize,
}

impl Written for Sheet {
    fn write(&self, body: &str) -> Option<Moment> {
        with(self.world, |backend| {
            if backend.is_dead() || backend.is_over() {
                return None;
            }
            let (event, time_ns) = backend.with(|world| world.write_down(self.number, body));
            Some(Moment::new(event, Duration::from_nanos(time_ns)))
        })
    }
}
