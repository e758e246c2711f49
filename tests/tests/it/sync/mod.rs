//! What tasks share.

mod mpsc;
mod mutex;
mod notify;
mod oneshot;
