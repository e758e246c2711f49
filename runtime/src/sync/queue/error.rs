//! Why an item was not put or got.

use std::error::Error;
use std::fmt;

/// The queue was shut down.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// use simoom::asyncio::{Queue, error::ShutDown};
///
/// let queue: Queue<u8> = Queue::new(0);
/// queue.shutdown();
/// assert_eq!(queue.get().await, Err(ShutDown));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl Error for ShutDown {}

/// The queue was shut down; gives the item back.
///
/// # Examples
/// ```
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let queue = simoom::asyncio::Queue::new(0);
/// queue.shutdown();
/// assert_eq!(queue.put(7).await.unwrap_err().0, 7);
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T>(pub T);

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ShutDown, f)
    }
}

impl<T> Error for PutError<T> {}

/// Why an item could not be put at once; gives it back.
///
/// # Examples
/// ```
/// use simoom::asyncio::{Queue, error::TryPutError};
///
/// let queue = Queue::new(1);
/// queue.try_put(1).unwrap();
/// assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
/// queue.shutdown();
/// assert_eq!(queue.try_put(2), Err(TryPutError::ShutDown(2)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

impl<T> TryPutError<T> {
    /// The item that was not put.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::ShutDown(item) => item,
        }
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Full(_) => "Full(..)",
            Self::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full"),
            Self::ShutDown(_) => fmt::Display::fmt(&ShutDown, f),
        }
    }
}

impl<T> Error for TryPutError<T> {}

/// Why no item could be got at once.
///
/// # Examples
/// ```
/// use simoom::asyncio::{Queue, error::TryGetError};
///
/// let queue: Queue<u8> = Queue::new(0);
/// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
/// queue.shutdown();
/// assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// None is there, or those that are have been promised to others who wait.
    Empty,
    /// None is there, and the queue was shut down.
    ShutDown,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the queue is empty"),
            Self::ShutDown => fmt::Display::fmt(&ShutDown, f),
        }
    }
}

impl Error for TryGetError {}

/// More items were said to be done than were put.
///
/// # Examples
/// ```
/// let queue: simoom::asyncio::Queue<u8> = simoom::asyncio::Queue::new(0);
/// assert!(queue.task_done().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NothingToDo;

impl fmt::Display for NothingToDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more items were said to be done than were put")
    }
}

impl Error for NothingToDo {}
