//! Timers that have been armed and have not fired.
//!
//! Owns the order in which deadlines fire. Knows nothing of wakers, threads or real time.
//!
//! A four-ary heap of (deadline, sequence) with back pointers: a timer can be removed from the
//! middle, and production and simulation share one order.
//!
//! # Invariants
//! 1. No entry is earlier than its parent in the heap.
//! 2. Equal deadlines leave in the order they were armed.
//! 3. `places[heap[i].slot] == i` for every `i`. The places stand apart from the values, so that
//!    moving entries touches little memory.

use super::Instant;

/// Names one armed timer of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    /// The world whose queue it is.
    pub owner: u64,
    slot: u32,
    generation: u32,
}

/// Values that wait for their deadlines.
#[derive(Debug)]
pub struct TimerQueue<T> {
    owner: u64,
    sequence: u64,
    heap: Vec<Entry>,
    /// Each slot's index in the heap, or the next free slot.
    places: Vec<u32>,
    slots: Vec<Slot<T>>,
    free: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    deadline: Instant,
    sequence: u64,
    slot: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// The number of children of a heap entry: four share a cache line pair.
const ARITY: usize = 4;
const NONE: u32 = u32::MAX;

impl<T> TimerQueue<T> {
    /// A queue of the world `owner`.
    #[must_use]
    pub const fn new(owner: u64) -> Self {
        Self {
            owner,
            sequence: 0,
            heap: Vec::new(),
            places: Vec::new(),
            slots: Vec::new(),
            free: NONE,
        }
    }

    /// Keeps `value` until `deadline`.
    pub fn insert(&mut self, deadline: Instant, value: T) -> TimerKey {
        let slot = self.take_slot(value);
        let sequence = self.sequence;
        self.sequence += 1;
        let place = self.heap.len();
        self.heap.push(Entry {
            deadline,
            sequence,
            slot,
        });
        self.sift_up(place);
        TimerKey {
            owner: self.owner,
            slot,
            generation: self.slots[slot as usize].generation,
        }
    }

    /// The value of a timer that has neither fired nor been removed.
    pub fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        if key.owner != self.owner || slot.generation != key.generation {
            return None;
        }
        slot.value.as_mut()
    }

    /// Removes a timer and returns its value, unless it has fired.
    pub fn remove(&mut self, key: TimerKey) -> Option<T> {
        self.get_mut(key)?;
        let place = self.places[key.slot as usize] as usize;
        self.remove_entry(place);
        self.give_slot(key.slot)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.deadline)
    }

    /// Removes the earliest timer if its deadline is not after `now`, and returns both.
    pub fn pop(&mut self, now: Instant) -> Option<(Instant, T)> {
        let first = *self.heap.first()?;
        if first.deadline > now {
            return None;
        }
        self.remove_entry(0);
        let value = self.give_slot(first.slot)?;
        Some((first.deadline, value))
    }

    /// Moves deadlines to where `moved` says, given a value and the deadline that it has.
    ///
    /// Equal deadlines still leave in the order they were armed.
    pub fn reschedule(&mut self, mut moved: impl FnMut(&T, Instant) -> Instant) {
        for entry in &mut self.heap {
            if let Some(value) = &self.slots[entry.slot as usize].value {
                entry.deadline = moved(value, entry.deadline);
            }
        }
        // A sorted row is a heap.
        self.heap.sort_unstable_by_key(Entry::order);
        for (place, entry) in self.heap.iter().enumerate() {
            self.places[entry.slot as usize] = place as u32;
        }
    }

    /// The timers that are armed, with their deadlines, in the order in which they fire.
    pub fn armed(&self) -> impl Iterator<Item = (Instant, &T)> {
        let mut entries = self.heap.clone();
        entries.sort_unstable_by_key(Entry::order);
        let value = |entry: Entry| {
            let value = self.slots[entry.slot as usize].value.as_ref()?;
            Some((entry.deadline, value))
        };
        entries.into_iter().filter_map(value)
    }

    /// What the timers hold that are armed, in no particular order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let slots = self.slots.iter_mut();
        slots.filter_map(|slot| slot.value.as_mut())
    }

    /// How many timers are armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no timer is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    fn take_slot(&mut self, value: T) -> u32 {
        if self.free == NONE {
            let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 timers are armed");
            self.places.push(0);
            self.slots.push(Slot {
                generation: 0,
                value: Some(value),
            });
            return slot;
        }
        let slot = self.free;
        self.free = self.places[slot as usize];
        self.slots[slot as usize].value = Some(value);
        slot
    }

    fn give_slot(&mut self, slot: u32) -> Option<T> {
        let entry = &mut self.slots[slot as usize];
        entry.generation = entry.generation.wrapping_add(1);
        self.places[slot as usize] = self.free;
        self.free = slot;
        entry.value.take()
    }

    /// Fills the hole at `place` with the last entry.
    fn remove_entry(&mut self, place: usize) {
        let Some(last) = self.heap.pop() else { return };
        if place == self.heap.len() {
            return;
        }
        // The last entry most likely belongs near the bottom: the hole goes there first, which
        // takes one comparison less at each level, and the entry rises from there.
        let bottom = self.sink_hole(place);
        self.heap[bottom] = last;
        self.sift_up(bottom);
    }

    /// Moves the earliest child up into the hole, again and again; returns where the hole ends.
    fn sink_hole(&mut self, mut place: usize) -> usize {
        loop {
            let first = place * ARITY + 1;
            let Some(children) = self.heap.get(first..) else {
                return place;
            };
            let children = &children[..children.len().min(ARITY)];
            let Some((head, rest)) = children.split_first() else {
                return place;
            };
            let (mut child, mut least) = (first, head.order());
            for (offset, entry) in rest.iter().enumerate() {
                let order = entry.order();
                if order < least {
                    (child, least) = (first + 1 + offset, order);
                }
            }
            self.put(place, self.heap[child]);
            place = child;
        }
    }

    fn sift_up(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if entry.order() >= self.heap[parent].order() {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.places[entry.slot as usize] = place as u32;
    }
}

impl Entry {
    /// One number to compare, so that comparing takes no branch.
    fn order(&self) -> i128 {
        (i128::from(self.deadline.as_nanos()) << 64) | i128::from(self.sequence)
    }
}

#[cfg(test)]
mod tests;
