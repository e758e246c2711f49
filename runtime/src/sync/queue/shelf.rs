//! In which order items leave a queue.
//!
//! Owns the items. Knows nothing of who waits for them.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Items in an order.
pub(super) trait Shelf: Default {
    type Item;

    fn len(&self) -> usize;
    fn put(&mut self, item: Self::Item);
    fn take(&mut self) -> Option<Self::Item>;
}

/// First in, first out.
pub(super) struct Fifo<T>(VecDeque<T>);

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Shelf for Fifo<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn put(&mut self, item: T) {
        self.0.push_back(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

/// Last in, first out.
pub(super) struct Lifo<T>(Vec<T>);

impl<T> Default for Lifo<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Shelf for Lifo<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn put(&mut self, item: T) {
        self.0.push(item);
    }

    fn take(&mut self) -> Option<T> {
        self.0.pop()
    }
}

/// The least first, and of equal ones the first in.
pub(super) struct Priority<T> {
    items: BinaryHeap<Ranked<T>>,
    /// How many were put.
    count: u64,
}

struct Ranked<T> {
    item: T,
    number: u64,
}

impl<T: Ord> Default for Priority<T> {
    fn default() -> Self {
        Self {
            items: BinaryHeap::new(),
            count: 0,
        }
    }
}

impl<T: Ord> Shelf for Priority<T> {
    type Item = T;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn put(&mut self, item: T) {
        let number = self.count;
        self.count += 1;
        self.items.push(Ranked { item, number });
    }

    fn take(&mut self) -> Option<T> {
        self.items.pop().map(|ranked| ranked.item)
    }
}

impl<T: Ord> Ord for Ranked<T> {
    /// A heap gives the greatest first: that is the least item here.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_item = other.item.cmp(&self.item);
        by_item.then_with(|| other.number.cmp(&self.number))
    }
}

impl<T: Ord> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T: Ord> Eq for Ranked<T> {}
