//! Settings of a server.

use std::path::PathBuf;
use std::time::Duration;

use crate::resp::Limits;

/// Settings of a server, with defaults that suit a trusted network.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use kv::Config;
///
/// let config = Config::default().port(0).max_clients(100).timeout(Duration::from_secs(30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) bind: String,
    pub(crate) port: u16,
    pub(crate) max_clients: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) max_reply_bytes: usize,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) sync: SyncPolicy,
    pub(crate) compact_bytes_min: u64,
    pub(crate) status_bind: String,
    pub(crate) status_port: Option<u16>,
    pub(crate) replica_of: Option<(String, u16)>,
    pub(crate) sync_replicas: usize,
    pub(crate) replica_timeout: Duration,
    pub(crate) backlog_bytes_max: usize,
}

/// When a write is answered, and so what it outlives. The words are those of Redis' `appendfsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// When it is synced (default): it outlives the machine's power.
    #[default]
    Always,
    /// When the system has it, which is synced within about a second: it outlives the process, and
    /// the power if that lasts a second longer.
    EverySecond,
    /// When the system has it: it outlives the process.
    Never,
}

impl SyncPolicy {
    /// Its name in Redis.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::EverySecond => "everysec",
            Self::Never => "no",
        }
    }
}

impl Config {
    /// The address or name to listen on. Default `127.0.0.1`: there is no password, so a wider
    /// address is for those who trust everyone that can reach it.
    #[must_use]
    pub fn bind(mut self, host: impl Into<String>) -> Self {
        self.bind = host.into();
        self
    }

    /// The port to listen on. Default 6379. 0 takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How many connections may be open; one more is told so and closed. Default 10 000.
    #[must_use]
    pub fn max_clients(mut self, clients: usize) -> Self {
        self.max_clients = clients;
        self
    }

    /// How long a connection may be silent, or leave its replies unread, before it is closed.
    /// Default and zero: for ever.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// How long connections may take to finish once the server was asked to stop. Default 5 s.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How many bytes a request may take as it is sent. Default 1 MiB. At most 4 GiB.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.limits.request_bytes_max = bytes;
        self
    }

    /// How many arguments a request may have, its name included. Default 65 536.
    #[must_use]
    pub fn max_request_args(mut self, args: usize) -> Self {
        self.limits.args_max = args;
        self
    }

    /// How many bytes one reply may take; a request for more is answered with an error.
    /// Default 16 MiB.
    #[must_use]
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = bytes;
        self
    }

    /// The folder in which the data is kept; it is made if there is none. Default: nothing is
    /// kept, and the data is gone when the process ends. One server at a time may have it.
    #[must_use]
    pub fn dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.dir = Some(path.into());
        self
    }

    /// When a write is answered. Default [`SyncPolicy::Always`].
    #[must_use]
    pub fn sync(mut self, policy: SyncPolicy) -> Self {
        self.sync = policy;
        self
    }

    /// How large the log must be to be made small, which happens when it has doubled since the
    /// last time. Default 16 MiB.
    #[must_use]
    pub fn compact_bytes_min(mut self, bytes: u64) -> Self {
        self.compact_bytes_min = bytes;
        self
    }

    /// The port on which the server tells of itself over HTTP: a page at `/`, metrics for
    /// Prometheus at `/metrics`, at `/health` whether it serves, and at `/ready` whether it answers
    /// as it should. Default: it tells nobody.
    /// 0 takes a free one, which [`Server::status_addr`](crate::Server::status_addr) tells.
    #[must_use]
    pub fn status_port(mut self, port: u16) -> Self {
        self.status_port = Some(port);
        self
    }

    /// The address or name to listen on for those who ask how the server is. Default `127.0.0.1`:
    /// whoever can reach it learns how much is stored and what is asked for, but no data.
    #[must_use]
    pub fn status_bind(mut self, host: impl Into<String>) -> Self {
        self.status_bind = host.into();
        self
    }

    /// The server to follow: it answers writes with an error, and reads with what that server has
    /// committed. Default: none, it decides itself.
    ///
    /// The requests `REPLICAOF HOST PORT` and `REPLICAOF NO ONE` change it for good: a server that
    /// was told something, and keeps it in its [folder](Self::dir), does that when it starts again,
    /// and not what is said here. Without a folder they change it until the process ends.
    #[must_use]
    pub fn replica_of(mut self, host: impl Into<String>, port: u16) -> Self {
        self.replica_of = Some((host.into(), port));
        self
    }

    /// How many replicas must have a write, as safe as their own [`sync`](Self::sync) says, before
    /// this server as a primary tells anybody of it, also by reading it. Default 0.
    ///
    /// A replica shows what it has itself, whatever the others have.
    ///
    /// While fewer are connected, writes are answered with an error.
    #[must_use]
    pub fn sync_replicas(mut self, replicas: usize) -> Self {
        self.sync_replicas = replicas;
        self
    }

    /// How long a primary, or a replica, may be silent before the connection to it is given up.
    /// Each shows that it lives ten times as often. Default 10 s.
    #[must_use]
    pub fn replica_timeout(mut self, timeout: Duration) -> Self {
        self.replica_timeout = timeout;
        self
    }

    /// How many bytes of the last commits are held for replicas that come back or are slow.
    /// Default 1 MiB. One that needs older ones copies everything. What a connected replica still
    /// has to be sent is held beyond that, up to 256 MiB.
    #[must_use]
    pub fn backlog_bytes_max(mut self, bytes: usize) -> Self {
        self.backlog_bytes_max = bytes;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1".into(),
            port: 6379,
            max_clients: 10_000,
            timeout: None,
            shutdown_timeout: Duration::from_secs(5),
            limits: Limits::default(),
            max_reply_bytes: 16 << 20,
            dir: None,
            sync: SyncPolicy::default(),
            compact_bytes_min: 16 << 20,
            status_bind: "127.0.0.1".into(),
            status_port: None,
            replica_of: None,
            sync_replicas: 0,
            replica_timeout: Duration::from_secs(10),
            backlog_bytes_max: 1 << 20,
        }
    }
}
