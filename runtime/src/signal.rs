//! Requests of the operating system to stop.
