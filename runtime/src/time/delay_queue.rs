//! Values that come out when they are due.
//!
//! Owns their order. One timer is armed, for the first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;

use super::timer::{Timer, later};
use super::{Duration, Instant};
use crate::coop::{Op, OpKind, proceed};

/// Values that come out when they are due, the earliest first; of those that are due at the same
/// moment, the one that was put in first.
///
/// It is a [`Stream`] that ends whenever it is empty, and goes on when something
/// was put in. Names as in `tokio-util`.
///
/// # Cancel safety
/// Safe: what was not returned is in the queue.
///
/// # Under simulation
/// As [`sleep`](super::sleep()).
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::time::{DelayQueue, Duration};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut queue = DelayQueue::new();
/// queue.insert("late", Duration::from_millis(3));
/// let removed = queue.insert("never", Duration::from_millis(1));
/// queue.insert("early", Duration::from_millis(2));
/// assert_eq!(queue.remove(&removed).into_inner(), "never");
/// let mut out = Vec::new();
/// while let Some(expired) = queue.next().await {
///     out.push(expired.into_inner());
/// }
/// assert_eq!(out, ["early", "late"]);
/// # });
/// ```
pub struct DelayQueue<T> {
    entries: BTreeMap<u64, Entry<T>>,
    order: BTreeSet<(Instant, u64)>,
    next: u64,
    /// For the first deadline, once somebody waited for it.
    timer: Option<Timer>,
    /// Whoever was told that the queue is empty.
    waiting: Option<Waker>,
    site: &'static Location<'static>,
}

struct Entry<T> {
    value: T,
    deadline: Instant,
}

/// Names a value in a [`DelayQueue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

/// A value that has come out of a [`DelayQueue`].
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::time::{DelayQueue, Duration, Instant};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut queue = DelayQueue::new();
/// let key = queue.insert("tea", Duration::from_millis(1));
/// let expired = queue.next().await.unwrap();
/// assert_eq!((expired.key(), *expired.get_ref()), (key, "tea"));
/// assert!(Instant::now() >= expired.deadline());
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired<T> {
    value: T,
    deadline: Instant,
    key: Key,
}

impl<T> Expired<T> {
    /// The value.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// When it was due.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What named it.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }
}

impl<T> DelayQueue<T> {
    /// A queue without values.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            order: BTreeSet::new(),
            next: 0,
            timer: None,
            waiting: None,
            site: Location::caller(),
        }
    }

    /// Puts a value in that is due when `timeout` has passed.
    pub fn insert(&mut self, value: T, timeout: Duration) -> Key {
        self.insert_at(value, later(Instant::now(), timeout))
    }

    /// Puts a value in that is due at `deadline`.
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> Key {
        let key = self.next;
        self.next += 1;
        self.entries.insert(key, Entry { value, deadline });
        self.place(key, deadline);
        Key(key)
    }

    /// Takes a value out before it is due.
    ///
    /// # Panics
    /// If it is not in the queue.
    #[track_caller]
    pub fn remove(&mut self, key: &Key) -> Expired<T> {
        self.try_remove(key)
            .expect("the key names nothing in this queue")
    }

    /// As [`remove`](Self::remove), if the value is in the queue.
    pub fn try_remove(&mut self, key: &Key) -> Option<Expired<T>> {
        let Entry { value, deadline } = self.entries.remove(&key.0)?;
        self.order.remove(&(deadline, key.0));
        self.note_end();
        Some(Expired {
            value,
            deadline,
            key: *key,
        })
    }

    /// When a value is due.
    ///
    /// # Panics
    /// If it is not in the queue.
    #[track_caller]
    #[must_use]
    pub fn deadline(&self, key: &Key) -> Instant {
        self.entries
            .get(&key.0)
            .expect("the key names nothing in this queue")
            .deadline
    }

    /// Has a value be due when `timeout` has passed from now, instead.
    ///
    /// # Panics
    /// If it is not in the queue.
    ///
    /// # Examples
    /// ```
    /// use futures::StreamExt;
    /// use simoom::time::{DelayQueue, Duration};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let mut sessions = DelayQueue::new();
    /// let seen = sessions.insert("seen again", Duration::from_millis(1));
    /// sessions.insert("not seen", Duration::from_millis(2));
    /// sessions.reset(&seen, Duration::from_millis(4));
    /// assert_eq!(sessions.next().await.unwrap().into_inner(), "not seen");
    /// # });
    /// ```
    #[track_caller]
    pub fn reset(&mut self, key: &Key, timeout: Duration) {
        self.reset_at(key, later(Instant::now(), timeout));
    }

    /// Has a value be due at `deadline`, instead.
    ///
    /// # Panics
    /// If it is not in the queue.
    #[track_caller]
    pub fn reset_at(&mut self, key: &Key, deadline: Instant) {
        let entry = self
            .entries
            .get_mut(&key.0)
            .expect("the key names nothing in this queue");
        let previous = std::mem::replace(&mut entry.deadline, deadline);
        self.order.remove(&(previous, key.0));
        self.place(key.0, deadline);
    }

    /// The value that is due first.
    #[must_use]
    pub fn peek(&self) -> Option<Key> {
        self.order.first().map(|(_, key)| Key(*key))
    }

    /// Takes all values out.
    pub fn clear(&mut self) {
        self.order.clear();
        // Destructors are foreign code: nothing is left half done when they run.
        let entries = std::mem::take(&mut self.entries);
        self.note_end();
        drop(entries);
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// `Ready` with a value that is due, or with `None` if there are no values; else has the task
    /// woken when the first is due, or when one is put in that is due before.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        let op = Op::private(OpKind::Sleep, self.site);
        let progress = ready!(proceed(cx, &op));
        let Some(&(deadline, key)) = self.order.first() else {
            self.waiting = Some(cx.waker().clone());
            progress.done();
            return Poll::Ready(None);
        };
        let site = self.site;
        let timer = self.timer.get_or_insert_with(|| Timer::new(deadline, site));
        if timer.deadline() != deadline {
            timer.reset(deadline);
        }
        ready!(timer.poll(cx));
        progress.done();
        Poll::Ready(self.try_remove(&Key(key)))
    }

    /// Whoever waits for the first hears that there is none.
    fn note_end(&mut self) {
        if self.entries.is_empty()
            && let Some(timer) = &mut self.timer
        {
            timer.reset(Instant::now());
        }
    }

    fn place(&mut self, key: u64, deadline: Instant) {
        self.order.insert((deadline, key));
        let is_first = self.order.first() == Some(&(deadline, key));
        if is_first && let Some(timer) = &mut self.timer {
            // Whoever waits is woken then.
            timer.reset(deadline);
        }
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

impl<T> Default for DelayQueue<T> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Unpin for DelayQueue<T> {}

impl<T> Stream for DelayQueue<T> {
    type Item = Expired<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        self.poll_expired(cx)
    }
}

impl<T> fmt::Debug for DelayQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
