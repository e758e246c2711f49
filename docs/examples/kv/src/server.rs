//! The listening server.
//!
//! Owns who is let in, and the way out for all. Knows nothing of requests.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use simoom::io::AsyncWriteExt;
use simoom::net::{TcpListener, TcpStream, ToSocketAddrs};
use simoom::signal::unix::{SignalKind, signal};
use simoom::task::JoinHandle;
use simoom::time::{sleep, timeout};

use crate::config::Config;
use crate::connection::Connection;
use crate::connections::Connections;
use crate::log::{Folder, Keeping, Writer};
use crate::phase::Phase;
use crate::replication::{apply, run};
use crate::shared::Shared;
use crate::status::Status;

/// Listens on `addr` with default settings and serves clients until it is asked to stop, by SIGINT
/// or SIGTERM.
///
/// # Errors
/// If it cannot listen on `addr` or for the signals.
///
/// # Cancel safety
/// Dropped, it closes the listener and all connections at once.
///
/// # Examples
/// ```no_run
/// #[simoom::main]
/// async fn main() -> std::io::Result<()> {
///     kv::serve("127.0.0.1:6379").await
/// }
/// ```
pub async fn serve(addr: impl ToSocketAddrs) -> io::Result<()> {
    let server = Server::new(TcpListener::bind(addr).await?, Config::default());
    let stop = stop_signal()?;
    server.run(stop).await
}

/// Waits until the process is asked to stop, by SIGINT or SIGTERM. Listens from this call on.
///
/// # Errors
/// The signals cannot be listened for.
///
/// # Examples
/// ```no_run
/// # use kv::{Config, Server, stop_signal};
/// # async fn f() -> std::io::Result<()> {
/// let stop = stop_signal()?;
/// Server::bind(Config::default().dir("data")).await?.run(stop).await
/// # }
/// ```
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        simoom::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// A server that listens, and serves once it [runs](Self::run).
///
/// # Examples
/// ```
/// use kv::{Client, Config, Server};
/// use simoom::sync::oneshot;
///
/// #[simoom::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let server = Server::bind(Config::default().port(0)).await?;
///     let addr = server.local_addr()?;
///     let (stop, stopped) = oneshot::channel::<()>();
///     let running = simoom::spawn(server.run(async { drop(stopped.await) }));
///
///     assert_eq!(Client::connect(addr).await?.incr("n").await?, 1);
///
///     drop(stop);
///     running.await??;
///     assert!(Client::connect(addr).await.is_err());
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    status: Option<TcpListener>,
    shared: Arc<Shared>,
}

impl Server {
    /// Listens where `config` says.
    ///
    /// # Errors
    /// The name cannot be resolved, or the address is taken or not ours; the text says which.
    ///
    /// # Cancel safety
    /// Safe. Dropped, it does not listen.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = listen(&config.bind, config.port).await?;
        let status = match config.status_port {
            Some(port) => Some(listen(&config.status_bind, port).await?),
            None => None,
        };
        Ok(Self {
            status,
            ..Self::new(listener, config)
        })
    }

    /// Takes over `listener`; where `config` says to listen is ignored, so there is no status page.
    #[must_use]
    pub fn new(listener: TcpListener, config: Config) -> Self {
        Self {
            listener,
            status: None,
            shared: Arc::new(Shared::new(config)),
        }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The address of its [status page](Config::status_port), if it has one.
    ///
    /// # Errors
    /// What the system reports.
    pub fn status_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.status
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()
    }

    /// Reads what was kept, serves clients until `shutdown` completes, then finishes.
    ///
    /// Clients that come while the data is read wait.
    ///
    /// To finish is to accept no one, to answer the requests that were received, and to close.
    /// It takes at most the [shutdown timeout](Config::shutdown_timeout); connections that need
    /// longer are cut. The [status page](Config::status_port) is closed last, within a second. None is open when it returns, and what they wrote is synced.
    ///
    /// # Errors
    /// The data cannot be read, or no longer be written; always `Ok` without a
    /// [folder](Config::dir). No request that failed for that was answered.
    ///
    /// # Cancel safety
    /// Dropped, it closes the listener and all connections at once.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            listener,
            status,
            shared,
        } = self;
        if let Ok(addr) = listener.local_addr() {
            let _ = shared.port.set(addr.port());
        }
        let status = status.map(|listener| Status::start(listener, Arc::clone(&shared)));
        let mut writing = start_writer(&shared).await?;
        shared.current.enter(Phase::Serving);
        let (following, applying) = (Arc::clone(&shared), Arc::clone(&shared));
        let _following = AbortOnDrop(simoom::spawn(async move { run(&following).await }));
        let _applying = AbortOnDrop(simoom::spawn(async move { apply(&applying).await }));
        let connections = CutOnDrop(Arc::clone(&shared.connections));
        let broken = simoom::select! {
            biased;
            () = shutdown => None,
            written = &mut writing => Some(written),
            () = accept(&listener, &shared) => None,
        };
        drop(listener);
        let phase = match &broken {
            Some(_) => Phase::Broken,
            None => Phase::Stopping,
        };
        shared.current.enter(phase);
        tracing::info!(connections = connections.0.len(), "server.stop.requested");
        shared.stop.request();
        let limit = shared.config.shutdown_timeout;
        if timeout(limit, connections.0.all_ended()).await.is_err() {
            tracing::warn!(connections = connections.0.len(), "server.connections.cut");
            connections.0.abort_all();
            connections.0.all_ended().await;
        }
        let ended = match broken {
            Some(written) => written,
            None if shared.log.has_file() => {
                shared.log.finish();
                writing.await
            }
            None => Ok(()),
        };
        // Until here it could be seen how the server ends.
        if let Some(status) = status {
            status.stop().await;
        }
        ended
    }
}

/// Listens, or says where that was not possible.
async fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        let why = format!("cannot listen on {host}:{port}: {error}");
        io::Error::new(error.kind(), why)
    })
}

/// Reads the data and starts to write what changes; how the writing ended, which it never does
/// without a folder.
async fn start_writer(shared: &Arc<Shared>) -> io::Result<Writing> {
    let Some(dir) = &shared.config.dir else {
        return Ok(Writing(None));
    };
    let folder = Arc::new(Folder::open(dir).await?);
    let store = &mut *shared.store.lock().await;
    let (roles, log) = (&shared.roles, &shared.log);
    roles.begin(Arc::clone(&folder), store, log).await?;
    let keeping = Keeping {
        sync: shared.config.sync,
        compact_bytes_min: shared.config.compact_bytes_min,
        follows: roles.is_replica(),
    };
    let writer = Writer::open(folder, keeping, Arc::clone(log), store).await?;
    shared.publish(store);
    let writing = writer.run(Arc::clone(shared));
    Ok(Writing(Some(simoom::spawn(writing))))
}

/// The task that writes the log, if there is one. Dropped, it ends.
struct Writing(Option<JoinHandle<io::Result<()>>>);

impl Future for Writing {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            None => Poll::Pending,
            Some(task) => Pin::new(task)
                .poll(cx)
                .map(|joined| joined.unwrap_or_else(|error| Err(error.into()))),
        }
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Lets clients in, for ever.
async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                pause = ACCEPT_PAUSE_MIN;
                admit(stream, shared).await;
            }
            // Most of what can go wrong (no descriptors, no memory) goes wrong again at once.
            Err(error) => {
                tracing::warn!(%error, ?pause, "server.accept.failed");
                sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

/// Starts to serve a client, or tells it that there are too many.
async fn admit(mut stream: TcpStream, shared: &Arc<Shared>) {
    let Some(place) = shared.connections.admit(shared.config.max_clients) else {
        shared.statistics.connections_refused.add(1);
        tracing::debug!("server.client.refused");
        // A new socket has room for a line. Whoever manages to delay this delays only those who
        // would be refused too.
        let _ = timeout(REFUSAL_TIMEOUT, stream.write_all(REFUSAL)).await;
        return;
    };
    shared.statistics.connections_accepted.add(1);
    let shared = Arc::clone(shared);
    place.spawn(|place| async move {
        // Replies are gathered here; the kernel need not wait for more of them.
        let served = match stream.set_nodelay(true) {
            Ok(()) => Connection::new(stream, place.id(), shared).serve().await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            tracing::debug!(%error, id = place.id(), "connection.failed");
        }
    });
}

/// Ends the connections of a server that is dropped while it runs.
struct CutOnDrop(Arc<Connections>);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.abort_all();
    }
}

/// Ends a task that serves no client.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";

const REFUSAL_TIMEOUT: Duration = Duration::from_millis(100);

const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(5);

const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
