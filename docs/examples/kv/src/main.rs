//! The server as a program: flags in, exit code out.

#![forbid(unsafe_code)]

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use kv::{Flags, Server, stop_signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

#[simoom::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    log_to_stderr();
    match run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> io::Result<()> {
    let server = Server::bind(flags.into()).await?;
    let stop = stop_signal()?;
    // For scripts and tests that ask for a free port.
    println!("listening on {}", server.local_addr()?);
    if let Some(addr) = server.status_addr()? {
        println!("status on http://{addr}/");
    }
    server.run(stop).await
}

/// Reports what goes wrong, or what `RUST_LOG` asks for.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
}
