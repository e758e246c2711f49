//! The server and its client over loopback, as their users meet them.

mod client;
mod limits;
mod program;
mod shutdown;
mod tools;

mod process;
