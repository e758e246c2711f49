//! The server and its client over loopback, as their users meet them.

mod client;
mod durable;
mod limits;
mod lists;
mod program;
mod replica;
mod shutdown;
mod status;
mod tools;

mod process;
