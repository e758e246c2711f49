//! The server as a program: flags in, exit code out.

#![forbid(unsafe_code)]

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use kv::{Config, Server, SyncPolicy, stop_signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// A key-value server that speaks the Redis protocol, in memory or on a disk.
#[derive(Debug, Parser)]
#[command(version)]
struct Flags {
    /// Address or name to listen on.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    bind: String,

    /// Port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6379)]
    port: u16,

    /// How many clients may be connected.
    #[arg(
        long,
        alias = "maxclients",
        value_name = "COUNT",
        default_value_t = 10_000
    )]
    max_clients: usize,

    /// Close a connection after this many silent seconds; 0 never does.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,

    /// How many bytes a request may take as it is sent.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u32).range(1024..))]
    max_request_bytes: u32,

    /// Keep the data in this folder; without it nothing is kept.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,

    /// When a write is answered: `always` when it is synced, else when the system has it.
    #[arg(long, value_name = "WHEN", default_value = "always")]
    appendfsync: Fsync,

    /// Tell over HTTP how the server is on this port: `/`, `/metrics`, `/health` and `/ready`; 0 takes
    /// a free one. Without it nobody is told.
    #[arg(long, value_name = "PORT")]
    status_port: Option<u16>,

    /// Address or name to tell it on.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    status_bind: String,

    /// Follow the server there: answer reads with what it has committed, and no writes. What
    /// REPLICAOF has told a server with a folder counts more.
    #[arg(long, value_name = "HOST PORT", value_parser = primary)]
    replicaof: Option<(String, u16)>,

    /// How many replicas must have a write before it is answered.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    sync_replicas: usize,

    /// Give up a primary or a replica that is silent for this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..))]
    repl_timeout: u64,

    /// How many bytes of the last writes are held for replicas that come back or are slow.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    repl_backlog_size: usize,
}

/// The words of Redis.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Fsync {
    Always,
    Everysec,
    No,
}

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
    let server = Server::bind(config(flags)).await?;
    let stop = stop_signal()?;
    // For scripts and tests that ask for a free port.
    println!("listening on {}", server.local_addr()?);
    if let Some(addr) = server.status_addr()? {
        println!("status on http://{addr}/");
    }
    server.run(stop).await
}

fn config(flags: Flags) -> Config {
    let sync = match flags.appendfsync {
        Fsync::Always => SyncPolicy::Always,
        Fsync::Everysec => SyncPolicy::EverySecond,
        Fsync::No => SyncPolicy::Never,
    };
    let config = Config::default().sync(sync);
    let config = match flags.dir {
        Some(dir) => config.dir(dir),
        None => config,
    };
    let config = match flags.replicaof {
        Some((host, port)) => config.replica_of(host, port),
        None => config,
    };
    let config = match flags.status_port {
        Some(port) => config.status_port(port).status_bind(flags.status_bind),
        None => config,
    };
    config
        .sync_replicas(flags.sync_replicas)
        .replica_timeout(Duration::from_secs(flags.repl_timeout))
        .backlog_bytes_max(flags.repl_backlog_size)
        .bind(flags.bind)
        .port(flags.port)
        .max_clients(flags.max_clients)
        .timeout(Duration::from_secs(flags.timeout))
        .max_request_bytes(flags.max_request_bytes as usize)
}

/// The host and the port in `text`.
fn primary(text: &str) -> Result<(String, u16), String> {
    let mut words = text.split_whitespace();
    let (Some(host), Some(port), None) = (words.next(), words.next(), words.next()) else {
        return Err("it is a host and a port, such as \"127.0.0.1 6379\"".into());
    };
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    Ok((host.into(), port))
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
