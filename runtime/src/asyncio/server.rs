//! Serving the connections of a listener, and ending that gracefully.
//!
//! Owns the task that accepts and the tasks that serve. Knows nothing of what is served.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;

use super::listens::Listens;
use crate::net::AcceptBackoff;
use crate::sync::watch;
use crate::task::{Builder, JoinError, JoinSet};

/// Serves every connection of `listener` by a task that runs what `handler` returns, until the server
/// is [closed](Server::close).
///
/// When descriptors run out, accepting waits as [`AcceptBackoff`] says. A handler that panics ends
/// its connection and is told to `tracing`; under simulation it fails the run, as every task does.
///
/// # Panics
/// Outside a runtime.
///
/// # Under simulation
/// The server is of the node that started it.
///
/// # Examples
/// ```
/// use simoom::asyncio::{StreamReader, serve};
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{TcpListener, TcpStream};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let server = serve(listener, |stream: TcpStream, _from| async move {
///     let (reader, mut writer) = stream.into_split();
///     if let Ok(line) = StreamReader::new(reader).read_line().await {
///         // The client may have gone.
///         let _ = writer.write_all(&line).await;
///     }
/// });
/// let mut client = TcpStream::connect(address).await?;
/// client.write_all(b"hello\n").await?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "hello\n");
/// server.close();
/// server.wait_closed().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[track_caller]
pub fn serve<L, H, F>(listener: L, handler: H) -> Server
where
    L: Listens,
    H: FnMut(L::Stream, L::Addr) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (wish, wished) = watch::channel(Wish::Serve);
    let (tell, told) = watch::channel(Told::default());
    let task = Builder::new()
        .name("server")
        .spawn(run(listener, handler, wished, tell));
    // It ends by itself, and says how.
    drop(task.expect("the runtime takes tasks"));
    Server { wish, told }
}

async fn run<L, H, F>(
    listener: L,
    mut handler: H,
    mut wished: watch::Receiver<Wish>,
    told: watch::Sender<Told>,
) where
    L: Listens,
    H: FnMut(L::Stream, L::Addr) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut serving = JoinSet::new();
    let mut backoff = AcceptBackoff::new();
    let accepting = loop {
        crate::select! {
            biased;
            _ = wished.wait_for(|wish| *wish != Wish::Serve) => break Ok(()),
            Some(ended) = serving.join_next() => report(ended),
            accepted = accept(&listener, &mut backoff) => match accepted {
                Ok((stream, from)) => {
                    let connection = serving.build_task().name("connection");
                    connection.spawn(handler(stream, from)).expect("the runtime takes tasks");
                }
                Err(error) => break Err(Arc::new(error)),
            },
        }
        told.send_modify(|told| told.connections = serving.len());
    };
    drop(listener);
    told.send_modify(|told| told.is_closed = true);
    let mut is_aborted = false;
    while !serving.is_empty() {
        crate::select! {
            _ = wished.wait_for(|wish| *wish == Wish::Abort), if !is_aborted => {
                serving.abort_all();
                is_aborted = true;
            }
            Some(ended) = serving.join_next() => report(ended),
        }
        told.send_modify(|told| told.connections = serving.len());
    }
    told.send_modify(|told| told.ended = Some(accepting));
}

async fn accept<L: Listens>(
    listener: &L,
    backoff: &mut AcceptBackoff,
) -> io::Result<(L::Stream, L::Addr)> {
    loop {
        match poll_fn(|cx| listener.poll_accept_any(cx)).await {
            Ok(accepted) => {
                backoff.reset();
                return Ok(accepted);
            }
            Err(error) => backoff.after(error).await?,
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("serving a connection failed: {error}");
    }
}

/// A server that [`serve`] started.
///
/// Dropping it closes it and aborts what serves: keep it.
#[must_use = "the server ends as soon as this is dropped"]
pub struct Server {
    wish: watch::Sender<Wish>,
    told: watch::Receiver<Told>,
}

/// What the server is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Serve,
    /// Accept nothing more.
    Close,
    /// Nor serve what there is.
    Abort,
}

/// How it stands with the server.
#[derive(Debug, Default)]
struct Told {
    connections: usize,
    /// The listener is closed.
    is_closed: bool,
    ended: Option<Result<(), Arc<io::Error>>>,
}

impl Server {
    /// Accepts no more connections: the listener is closed when the server's task runs next. Those that there are are served on.
    pub fn close(&self) {
        self.wish(Wish::Close);
    }

    /// Closes the server, and aborts the tasks of its connections.
    pub fn abort_clients(&self) {
        self.wish(Wish::Abort);
    }

    fn wish(&self, wish: Wish) {
        self.wish.send_if_modified(|wished| {
            let is_more = *wished < wish;
            *wished = wish.max(*wished);
            is_more
        });
    }

    /// Whether it accepts connections.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        *self.wish.borrow() == Wish::Serve && !self.told.borrow().is_closed
    }

    /// How many connections are being served.
    #[must_use]
    pub fn connections(&self) -> usize {
        match self.told.has_changed() {
            Ok(_) => self.told.borrow().connections,
            // Its task has ended, and all that it served with it.
            Err(_) => 0,
        }
    }

    /// Waits until the server was closed and its last connection has ended, in whichever order.
    ///
    /// # Errors
    /// What accepting failed with, if that was what ended the server; that the handler panicked before it
    /// returned a future, or that the server's runtime is gone.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use simoom::asyncio::serve;
    /// use simoom::io::AsyncReadExt;
    /// use simoom::net::{TcpListener, TcpStream};
    /// use simoom::time::{Duration, timeout};
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// let server = serve(listener, |mut stream, _| async move {
    ///     // A client that says nothing is waited for.
    ///     let _ = stream.read_u8().await;
    /// });
    /// let _client = TcpStream::connect(address).await?;
    /// # while server.connections() == 0 { simoom::task::yield_now().await; }
    /// server.close();
    /// if timeout(Duration::from_millis(10), server.wait_closed()).await.is_err() {
    ///     server.abort_clients();
    ///     server.wait_closed().await?;
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn wait_closed(&self) -> io::Result<()> {
        let mut told = self.told.clone();
        let told = told.wait_for(|told| told.ended.is_some()).await;
        match told.as_ref().map(|told| &told.ended) {
            Ok(Some(Err(error))) => Err(io::Error::new(error.kind(), error.clone())),
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other(
                "the server's task ended early: its handler panicked, or its runtime is gone",
            )),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort_clients();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("is_serving", &self.is_serving())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
