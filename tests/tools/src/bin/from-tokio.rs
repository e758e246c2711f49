//! Compares what tokio has with what simoom has, and writes `docs/from-tokio.md`.
//!
//! ```sh
//! cargo run -p simoom-tools --bin from-tokio -- --write
//! cargo run -p simoom-tools --bin from-tokio -- --list target/doc/tokio
//! ```
//! Without an argument it only says what is wrong with the page. `--list` prints what the
//! documentation of a crate lists, which is how `tests/src/from_tokio/tokio.txt` was made.

use std::path::Path;
use std::process::ExitCode;

use simoom_tests::from_tokio::{self, Surface};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => from_tokio::check(),
        ["--write"] => from_tokio::write(),
        ["--list", folder] => Surface::of_pages(Path::new(folder))
            .map(|surface| print!("{}", surface.to_text()))
            .map_err(|error| error.to_string()),
        _ => Err("from-tokio: --write, --list FOLDER or nothing".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
