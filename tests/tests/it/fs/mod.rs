//! Files and directories.

mod directories;
mod errors;
mod file;
mod links;
mod metadata;
mod model;
mod options;
mod order;
mod positional;
mod sockets;
mod whole;

use std::io;
use std::path::PathBuf;

use simoom::fs;

/// A new, empty directory. [`done`] removes it.
async fn dir() -> PathBuf {
    let name = format!("simoom-it-{:016x}", simoom::rand::random::<u64>());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir_all(&dir).await.unwrap();
    dir
}

/// Removes what [`dir`] made.
async fn done(dir: PathBuf) {
    fs::remove_dir_all(dir).await.unwrap();
}

/// The number that the system gives an error.
#[track_caller]
fn number<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    let error = result.unwrap_err();
    let number = error.raw_os_error();
    number.unwrap_or_else(|| panic!("{error:?} has no number of the system"))
}
