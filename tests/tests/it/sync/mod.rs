//! What tasks share.

mod barrier;
mod bounded;
mod broadcast;
mod cancelled;
mod condition;
mod event;
mod in_line;
mod mpsc;
mod mutex;
mod notify;
mod once_cell;
mod oneshot;
mod queue;
mod rw_lock;
mod semaphore;
mod set_once;
mod watch;
