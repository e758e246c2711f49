//! What tasks share.

mod barrier;
mod broadcast;
mod cancelled;
mod mpsc;
mod mutex;
mod notify;
mod once_cell;
mod oneshot;
mod rw_lock;
mod semaphore;
mod set_once;
mod watch;
