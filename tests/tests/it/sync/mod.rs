//! What tasks share.

mod mpsc;
mod mutex;
mod notify;
mod oneshot;
mod rw_lock;
mod semaphore;
