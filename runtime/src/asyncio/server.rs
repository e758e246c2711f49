//! Serving the connections of a listener, and ending that gracefully.
//!
//! Owns the task that accepts and the tasks that serve. Knows nothing of what is served.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::sync::Arc;

use super::listens::Listens;
use crate::net::AcceptBackoff;
use crate::site::Site;
use crate::sync::watch;
use crate::task::{Builder, JoinError, JoinSet};
use crate::time::{Duration, timeout};

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
    // What reports show of the server is where the program started it.
    let site = Location::caller();
    let task = run(listener, handler, wished, tell, site);
    // It ends by itself, and says how.
    drop(Builder::new().name("server").spawn_at(task, site));
    Server { wish, told }
}

async fn run<L, H, F>(
    listener: L,
    mut handler: H,
    mut wished: watch::Receiver<Wish>,
    told: watch::Sender<Told>,
    site: &'static Location<'static>,
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
            _ = wished.wait_for_at(|wish| *wish != Wish::Serve, Site::inner(site)) => break Ok(()),
            Some(ended) = serving.join_next_at(Site::inner(site)) => report(&ended),
            accepted = accept(&listener, &mut backoff, site) => match accepted {
                Ok((stream, from)) => {
                    let connection = serving.build_task().name("connection");
                    connection.spawn_at(handler(stream, from), site);
                }
                Err(error) => break Err(Arc::new(error)),
            },
        }
        told.send_modify(|told| told.connections = serving.len());
    };
    drop(listener);
    told.send_modify(|told| told.is_closed = true);
    let mut done = Wish::Close;
    while !serving.is_empty() {
        crate::select! {
            biased;
            // Whoever drops the server has asked for its abortion.
            wish = wished.wait_for_at(|wish| *wish > done, Site::inner(site)), if done < Wish::Abort => {
                done = wish.map_or(Wish::Abort, |wish| *wish);
                match done {
                    Wish::Abort => {
                        // What has ended already is not cut off.
                        while let Some(ended) = serving.try_join_next() {
                            report(&ended);
                        }
                        serving.abort_all();
                    }
                    _ => serving.cancel_all(),
                }
            }
            Some(ended) = serving.join_next_at(Site::inner(site)) => {
                report(&ended);
                if done == Wish::Abort && ended.is_err_and(|error| error.is_cancelled()) {
                    told.send_modify(|told| told.cut_off += 1);
                }
            }
        }
        told.send_modify(|told| told.connections = serving.len());
    }
    told.send_modify(|told| told.ended = Some(accepting));
}

async fn accept<L: Listens>(
    listener: &L,
    backoff: &mut AcceptBackoff,
    site: &'static Location<'static>,
) -> io::Result<(L::Stream, L::Addr)> {
    loop {
        match poll_fn(|cx| listener.poll_accept_any(cx, site)).await {
            Ok(accepted) => {
                backoff.reset();
                return Ok(accepted);
            }
            Err(error) => backoff.after(error).await?,
        }
    }
}

fn report(ended: &Result<(), JoinError>) {
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
    /// And ask what serves to end.
    Ask,
    /// Nor serve what there is.
    Abort,
}

/// How it stands with the server.
#[derive(Debug, Default)]
struct Told {
    connections: usize,
    /// How many connections were aborted.
    cut_off: usize,
    /// The listener is closed.
    is_closed: bool,
    ended: Option<Result<(), Arc<io::Error>>>,
}

impl Server {
    /// Accepts no more connections: the listener is closed when the server's task runs next.
    ///
    /// Those that there are are served on, for as long as their handlers like: a client that keeps its
    /// connection and says nothing keeps the server from its end. See [`close_within`](Self::close_within).
    pub fn close(&self) {
        self.wish(Wish::Close);
    }

    /// Closes the server, and aborts the tasks of its connections.
    pub fn abort_clients(&self) {
        self.wish(Wish::Abort);
    }

    /// Closes the server, asks the handlers to end, waits for them at most for `grace` from this call,
    /// then aborts those that are left. Returns how many were aborted.
    ///
    /// A handler is asked as a task is by [`cancel`](crate::task::JoinHandle::cancel): where it waits
    /// it is dropped, and its connection closed, unless it [shields](crate::task::shield) what it does,
    /// or [answers](crate::task::catch_cancel). So shield what must not be cut in two, from the first
    /// byte of a request to the last of its answer, and wait for the first byte outside.
    ///
    /// # Errors
    /// Those of [`wait_closed`](Self::wait_closed), once the handlers have ended all the same.
    ///
    /// # Cancel safety
    /// Safe. Dropped after it was polled, it has asked the handlers to end and aborts none.
    ///
    /// # Examples
    /// A handler that finishes the request it is in, and ends between two:
    ///
    /// ```
    /// use std::io;
    /// use simoom::asyncio::{StreamReader, serve};
    /// use simoom::io::AsyncWriteExt;
    /// use simoom::net::{TcpListener, TcpStream};
    /// use simoom::task::shield;
    /// use simoom::time::{Duration, sleep};
    ///
    /// async fn keep_alive(stream: TcpStream) -> io::Result<()> {
    ///     let (reader, mut writer) = stream.into_split();
    ///     let mut reader = StreamReader::new(reader);
    ///     loop {
    ///         // Dropped here when the server closes. Nothing of a request has come.
    ///         let first = reader.read(1).await?;
    ///         if first.is_empty() {
    ///             return Ok(());
    ///         }
    ///         shield(async {
    ///             let rest = reader.read_line().await.map_err(io::Error::other)?;
    ///             sleep(Duration::from_millis(2)).await; // The work.
    ///             writer.write_all(&[&first[..], &rest[..]].concat()).await
    ///         })
    ///         .await?;
    ///     }
    /// }
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// let server = serve(listener, |stream, _| async move {
    ///     // The client may have gone.
    ///     let _ = keep_alive(stream).await;
    /// });
    /// let _idle = TcpStream::connect(address).await?;
    /// let mut busy = StreamReader::new(TcpStream::connect(address).await?);
    /// busy.get_mut().write_all(b"one\ntw").await?;
    /// assert_eq!(busy.read_line().await.unwrap(), "one\n");
    /// let client = simoom::spawn(async move {
    ///     sleep(Duration::from_millis(5)).await;
    ///     busy.get_mut().write_all(b"o\n").await?;
    ///     busy.read_to_end().await
    /// });
    /// # sleep(Duration::from_millis(2)).await;
    /// assert_eq!(server.close_within(Duration::from_secs(10)).await?, 0);
    /// assert_eq!(client.await??, "two\n");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn close_within(&self, grace: Duration) -> impl Future<Output = io::Result<usize>> + '_ {
        let ends = timeout(grace, self.wait_closed());
        let ends_at_last = self.wait_closed();
        async move {
            self.wish(Wish::Ask);
            match ends.await {
                Ok(ended) => ended?,
                Err(_) => {
                    self.wish(Wish::Abort);
                    ends_at_last.await?;
                }
            }
            Ok(self.told.borrow().cut_off)
        }
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
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = io::Result<()>> + '_ {
        let site = Location::caller();
        async move {
            let mut told = self.told.clone();
            let told = told
                .wait_for_at(|told| told.ended.is_some(), Site::inner(site))
                .await;
            match told.as_ref().map(|told| &told.ended) {
                Ok(Some(Err(error))) => Err(io::Error::new(error.kind(), error.clone())),
                Ok(_) => Ok(()),
                Err(_) => Err(io::Error::other(
                    "the server's task ended early: its handler panicked, or its runtime is gone",
                )),
            }
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
