//! Models of what programs often have: a register, a map, a queue, a lock.

use std::fmt::Debug;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use super::model::Model;

/// One value that is read, written, and exchanged.
///
/// # Examples
/// See [`linear`](super).
#[derive(Clone, Debug)]
pub struct Register<T> {
    initial: T,
}

impl<T> Register<T> {
    /// A register that holds `initial`.
    #[must_use]
    pub fn new(initial: T) -> Self {
        Self { initial }
    }
}

/// What a [`Register`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterOp<T> {
    /// For its value.
    Read,
    /// To hold this.
    Write(T),
    /// To hold the second if it holds the first.
    CompareAndSet(T, T),
}

/// What a [`Register`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterRet<T> {
    /// What it holds.
    Value(T),
    /// That it was written.
    Written,
    /// Whether it was exchanged.
    Exchanged(bool),
}

impl<T: Clone + Ord + Debug> Model for Register<T> {
    type Op = RegisterOp<T>;
    type Ret = RegisterRet<T>;
    type State = T;

    fn init(&self) -> T {
        self.initial.clone()
    }

    fn step(&self, state: &T, op: &RegisterOp<T>, answer: Option<&RegisterRet<T>>) -> Vec<T> {
        let (next, expected) = match op {
            RegisterOp::Read => (state.clone(), RegisterRet::Value(state.clone())),
            RegisterOp::Write(value) => (value.clone(), RegisterRet::Written),
            RegisterOp::CompareAndSet(from, to) if from == state => {
                (to.clone(), RegisterRet::Exchanged(true))
            }
            RegisterOp::CompareAndSet(..) => (state.clone(), RegisterRet::Exchanged(false)),
        };
        unless_other(next, &expected, answer)
    }
}

/// Values by key, each of which is judged by itself.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::{Moment, Operation};
/// use simoom_sim::linear::{self, Map, MapOp, MapRet};
///
/// let at = |event| Moment::new(event, Duration::ZERO);
/// let history = [
///     Operation::new("a", MapOp::Increment("hits", 1), at(1)).returned(MapRet::Number(1), at(4)),
///     Operation::new("b", MapOp::Increment("hits", 1), at(2)).returned(MapRet::Number(2), at(3)),
///     // Nobody knows whether this was done, and what is read says that it was.
///     Operation::new("c", MapOp::Set("hits", 7), at(5)),
///     Operation::new("a", MapOp::Get("hits"), at(6)).returned(MapRet::Value(Some(7)), at(7)),
/// ];
/// assert!(linear::check(&Map::new(), &history).is_linearizable());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Map<K, V> {
    _of: std::marker::PhantomData<fn() -> (K, V)>,
}

impl<K, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        let _of = std::marker::PhantomData;
        Self { _of }
    }
}

/// What a [`Map`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapOp<K, V> {
    /// For the value of a key.
    Get(K),
    /// To give a key a value.
    Set(K, V),
    /// To take a key away.
    Delete(K),
    /// To give a key the second value if it has the first, or none where that is `None`.
    CompareAndSet(K, Option<V>, V),
    /// To add this to the value of a key, which is zero (`V::default()`) where there is none.
    Increment(K, V),
}

impl<K, V> MapOp<K, V> {
    /// The key that it is about.
    pub fn key(&self) -> &K {
        match self {
            Self::Get(key)
            | Self::Set(key, _)
            | Self::Delete(key)
            | Self::CompareAndSet(key, ..)
            | Self::Increment(key, _) => key,
        }
    }
}

/// What a [`Map`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapRet<V> {
    /// The value, if the key has one.
    Value(Option<V>),
    /// That it was set.
    Done,
    /// Whether there was something to take away.
    Deleted(bool),
    /// Whether it was exchanged.
    Exchanged(bool),
    /// The sum.
    Number(V),
}

impl<K, V> Model for Map<K, V>
where
    K: Debug,
    V: Clone + Ord + Debug + Default + Add<Output = V>,
{
    type Op = MapOp<K, V>;
    type Ret = MapRet<V>;
    type State = Option<V>;

    fn init(&self) -> Option<V> {
        None
    }

    fn step(
        &self,
        state: &Option<V>,
        op: &MapOp<K, V>,
        answer: Option<&MapRet<V>>,
    ) -> Vec<Option<V>> {
        let (next, expected) = match op {
            MapOp::Get(_) => (state.clone(), MapRet::Value(state.clone())),
            MapOp::Set(_, value) => (Some(value.clone()), MapRet::Done),
            MapOp::Delete(_) => (None, MapRet::Deleted(state.is_some())),
            MapOp::CompareAndSet(_, from, to) if from == state => {
                (Some(to.clone()), MapRet::Exchanged(true))
            }
            MapOp::CompareAndSet(..) => (state.clone(), MapRet::Exchanged(false)),
            MapOp::Increment(_, by) => {
                let sum = state.clone().unwrap_or_default() + by.clone();
                (Some(sum.clone()), MapRet::Number(sum))
            }
        };
        unless_other(next, &expected, answer)
    }

    fn partition(&self, op: &MapOp<K, V>) -> String {
        format!("{:?}", op.key())
    }
}

/// A queue: first in, first out.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::{Moment, Operation};
/// use simoom_sim::linear::{self, Queue, QueueOp, QueueRet};
///
/// let at = |event| Moment::new(event, Duration::ZERO);
/// let history = [
///     Operation::new("a", QueueOp::Push(1), at(1)).returned(QueueRet::Pushed, at(2)),
///     Operation::new("a", QueueOp::Push(2), at(3)).returned(QueueRet::Pushed, at(4)),
///     Operation::new("b", QueueOp::Pop, at(5)).returned(QueueRet::Popped(Some(2)), at(6)),
/// ];
/// assert!(!linear::check(&Queue::new(), &history).is_linearizable());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Queue<T> {
    _of: std::marker::PhantomData<fn() -> T>,
}

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        let _of = std::marker::PhantomData;
        Self { _of }
    }
}

/// What a [`Queue`] is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueOp<T> {
    /// To take this in.
    Push(T),
    /// For the one that came in first.
    Pop,
}

/// What a [`Queue`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueRet<T> {
    /// That it was taken in.
    Pushed,
    /// What came in first; `None` if the queue was empty.
    Popped(Option<T>),
}

impl<T: Clone + Ord + Debug> Model for Queue<T> {
    type Op = QueueOp<T>;
    type Ret = QueueRet<T>;
    type State = Vec<T>;

    fn init(&self) -> Vec<T> {
        Vec::new()
    }

    fn step(&self, state: &Vec<T>, op: &QueueOp<T>, answer: Option<&QueueRet<T>>) -> Vec<Vec<T>> {
        let (next, expected) = match op {
            QueueOp::Push(item) => {
                let mut next = state.clone();
                next.push(item.clone());
                (next, QueueRet::Pushed)
            }
            QueueOp::Pop => match state.split_first() {
                None => (Vec::new(), QueueRet::Popped(None)),
                Some((first, rest)) => (rest.to_vec(), QueueRet::Popped(Some(first.clone()))),
            },
        };
        unless_other(next, &expected, answer)
    }
}

/// A lock: held by nobody or by one.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::history::{Moment, Operation};
/// use simoom_sim::linear::{self, Lock, LockOp, LockRet};
///
/// let at = |event| Moment::new(event, Duration::ZERO);
/// let lock = |who: &str| LockOp::Lock(who.to_owned());
/// let history = [
///     Operation::new("a", lock("a"), at(1)).returned(LockRet::Done, at(2)),
///     Operation::new("b", lock("b"), at(3)).returned(LockRet::Done, at(4)),
/// ];
/// assert!(!linear::check(&Lock, &history).is_linearizable(), "both hold it");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock;

/// What a [`Lock`] is asked for, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockOp {
    /// To be held by this one, who waits for it.
    Lock(String),
    /// To be held by this one, if nobody holds it.
    TryLock(String),
    /// To be held by nobody, says the one who holds it.
    Unlock(String),
}

/// What a [`Lock`] answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockRet {
    /// That it is held, or given back.
    Done,
    /// Whether it is held by the one who tried.
    Tried(bool),
}

impl Model for Lock {
    type Op = LockOp;
    type Ret = LockRet;
    /// Who holds it.
    type State = Option<String>;

    fn init(&self) -> Option<String> {
        None
    }

    fn step(
        &self,
        holder: &Option<String>,
        op: &LockOp,
        answer: Option<&LockRet>,
    ) -> Vec<Option<String>> {
        let (next, expected) = match op {
            LockOp::Lock(who) if holder.is_none() => (Some(who.clone()), LockRet::Done),
            LockOp::Unlock(who) if holder.as_ref() == Some(who) => (None, LockRet::Done),
            LockOp::Lock(_) | LockOp::Unlock(_) => return Vec::new(),
            LockOp::TryLock(who) if holder.is_none() => (Some(who.clone()), LockRet::Tried(true)),
            LockOp::TryLock(_) => (holder.clone(), LockRet::Tried(false)),
        };
        unless_other(next, &expected, answer)
    }
}

/// `next`, unless there is another answer than the one expected.
fn unless_other<S, R: PartialEq>(next: S, expected: &R, answer: Option<&R>) -> Vec<S> {
    match answer {
        Some(answer) if answer != expected => Vec::new(),
        _ => vec![next],
    }
}
