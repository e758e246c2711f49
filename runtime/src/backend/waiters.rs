//! Who waits for one side of a socket, in any world.
//!
//! Owns whose wakers are kept: of those who poll, the last one; of those with a seat, all. Knows
//! nothing of readiness.

use std::task::Waker;

/// Who waits for one side of a socket: hardly ever more than one.
#[derive(Debug, Default)]
pub struct Waiters {
    /// Of those without a seat, the last one that asked.
    last: Option<Waker>,
    /// By the numbers of their seats, which rise.
    seated: Vec<(u64, Waker)>,
    /// The number of the last seat that was taken.
    serial: u64,
}

impl Waiters {
    /// Whether `waker` is kept already, in the seat of this number or without one.
    #[must_use]
    pub fn keeps(&self, seat: Option<u64>, waker: &Waker) -> bool {
        let kept = match seat {
            Some(number) => self.place(number).map(|place| &self.seated[place].1),
            None => self.last.as_ref(),
        };
        kept.is_some_and(|kept| kept.will_wake(waker))
    }

    /// Keeps `waker` in the seat of this number, or in one at the end if there is none any more,
    /// or without a seat. Returns the waker that it takes the place of.
    #[must_use = "dropping a waker runs foreign code"]
    pub fn keep(&mut self, seat: Option<&mut u64>, waker: Waker) -> Option<Waker> {
        let Some(number) = seat else {
            return self.last.replace(waker);
        };
        if let Some(place) = self.place(*number) {
            return Some(std::mem::replace(&mut self.seated[place].1, waker));
        }
        self.serial += 1;
        *number = self.serial;
        self.seated.push((self.serial, waker));
        None
    }

    /// The waker of a seat, which is free from now on.
    #[must_use = "dropping a waker runs foreign code"]
    pub fn leave(&mut self, number: u64) -> Option<Waker> {
        let place = self.place(number)?;
        Some(self.seated.remove(place).1)
    }

    /// Everyone who waits; nobody does any more.
    pub fn drain(&mut self) -> impl Iterator<Item = Waker> + '_ {
        let seated = self.seated.drain(..).map(|(_, waker)| waker);
        self.last.take().into_iter().chain(seated)
    }

    fn place(&self, number: u64) -> Option<usize> {
        let found = self.seated.binary_search_by_key(&number, |&(it, _)| it);
        found.ok()
    }
}
