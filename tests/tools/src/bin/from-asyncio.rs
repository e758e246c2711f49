//! Lists the checks of asyncio and the tests that see them, and writes
//! `docs/from-asyncio-checks.md`.
//!
//! ```sh
//! cargo run -p simoom-tools --bin from-asyncio -- --write
//! ```
//! Without an argument it only says what is wrong with the page.

use std::process::ExitCode;

use simoom_tests::asyncio;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => asyncio::check(),
        ["--write"] => asyncio::write(),
        _ => Err("from-asyncio: --write or nothing".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
