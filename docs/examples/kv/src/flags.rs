//! The command line of the server.
//!
//! Owns which flags there are and what they say of a [`Config`]. Knows nothing of the process that
//! has them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::config::{Config, SyncPolicy};

/// A key-value server that speaks the Redis protocol, in memory or on a disk.
///
/// # Examples
/// ```
/// use clap::Parser;
/// use kv::{Config, Flags};
///
/// let flags = Flags::parse_from(["kv", "--port", "0", "--max-clients=100"]);
/// assert_eq!(Config::from(flags), Config::default().port(0).max_clients(100));
/// ```
#[derive(Debug, Parser)]
#[command(version)]
pub struct Flags {
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

impl From<Flags> for Config {
    fn from(flags: Flags) -> Self {
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

/// The settings that these arguments come to.
#[cfg(feature = "fuzzing")]
pub(crate) fn read<'a>(args: impl Iterator<Item = &'a str>) -> Result<Config, String> {
    let flags = Flags::try_parse_from(["kv"].into_iter().chain(args));
    flags.map(Config::from).map_err(|error| error.to_string())
}

/// Arguments that come to `config`.
#[cfg(feature = "fuzzing")]
pub(crate) fn written(config: &Config) -> Vec<String> {
    let seconds = |time: Option<Duration>| time.unwrap_or_default().as_secs();
    let mut args = vec![
        format!("--bind={}", config.bind),
        format!("--port={}", config.port),
        format!("--max-clients={}", config.max_clients),
        format!("--timeout={}", seconds(config.timeout)),
        format!("--max-request-bytes={}", config.limits.request_bytes_max),
        format!("--appendfsync={}", config.sync.name()),
        format!("--sync-replicas={}", config.sync_replicas),
        format!("--repl-timeout={}", seconds(Some(config.replica_timeout))),
        format!("--repl-backlog-size={}", config.backlog_bytes_max),
    ];
    if let Some(dir) = &config.dir {
        args.push(format!("--dir={}", dir.display()));
    }
    if let Some(port) = config.status_port {
        args.push(format!("--status-port={port}"));
        args.push(format!("--status-bind={}", config.status_bind));
    }
    if let Some((host, port)) = &config.replica_of {
        args.push(format!("--replicaof={host} {port}"));
    }
    args
}
