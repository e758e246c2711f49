//! Slots that a sender holds.

use std::fmt;
use std::iter::FusedIterator;

use super::bounded::Sender;
use crate::shim::Arc;

/// A slot held for one value; dropping it frees the slot.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
/// let permit = sender.try_reserve().unwrap();
/// permit.send(1);
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
#[must_use = "the slot is freed as soon as the permit is dropped"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
}

impl<'a, T> Permit<'a, T> {
    /// A slot of `sender`'s channel was taken for this permit.
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        Self { sender }
    }

    /// Sends `value`, even if the receiver was closed meanwhile. If it was dropped, so is `value`.
    pub fn send(self, value: T) {
        let sender = self.sender;
        std::mem::forget(self);
        sender.chan.send_held(value);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.sender.chan.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Slots held for several values, given out one by one; dropping it frees the rest.
///
/// # Examples
/// ```
/// let (sender, _receiver) = simoom::sync::mpsc::channel(3);
/// let mut permits = sender.try_reserve_many(2).unwrap();
/// permits.next().unwrap().send(1);
/// assert_eq!(permits.len(), 1);
/// drop(permits);
/// assert_eq!(sender.capacity(), 2);
/// ```
#[must_use = "the slots are freed as soon as the iterator is dropped"]
pub struct PermitIterator<'a, T> {
    sender: &'a Sender<T>,
    count: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    /// `count` slots of `sender`'s channel were taken for this iterator.
    pub(super) fn new(sender: &'a Sender<T>, count: usize) -> Self {
        Self { sender, count }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.count = self.count.checked_sub(1)?;
        Some(Permit::new(self.sender))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        self.sender.chan.give_back(self.count);
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// As [`Permit`], keeping the sender instead of borrowing it.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = simoom::sync::mpsc::channel(1);
/// let permit = sender.try_reserve_owned().unwrap();
/// let _sender = permit.send(1);
/// assert_eq!(receiver.try_recv(), Ok(1));
/// ```
#[must_use = "the slot is freed as soon as the permit is dropped"]
pub struct OwnedPermit<T> {
    /// There until the slot is used or freed.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// A slot of `sender`'s channel was taken for this permit.
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends `value` and returns the sender, even if the receiver was closed meanwhile. If it was
    /// dropped, so is `value`.
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.take();
        sender.chan.send_held(value);
        sender
    }

    /// Frees the slot and returns the sender.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.chan.give_back(1);
        sender
    }

    /// Whether both hold a slot of the same channel.
    #[must_use]
    pub fn same_channel(&self, other: &Self) -> bool {
        match &other.sender {
            Some(sender) => self.same_channel_as_sender(sender),
            None => false,
        }
    }

    /// Whether the slot is one of the channel that `sender` sends into.
    #[must_use]
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(&own.chan, &sender.chan))
    }

    fn take(&mut self) -> Sender<T> {
        match self.sender.take() {
            Some(sender) => sender,
            None => unreachable!("using the slot takes the permit itself"),
        }
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.chan.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
