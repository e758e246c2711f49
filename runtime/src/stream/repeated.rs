//! What happens again and again, as streams.

use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::Stream;
use crate::fs::{DirEntry, ReadDir};
use crate::io::{AsyncBufRead, Lines, Split};
use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use crate::signal::unix::Signal;
use crate::time::{Instant, Interval};

/// The ticks of an interval. It never ends.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::stream::IntervalStream;
/// use simoom::time::{Duration, interval};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut ticks = IntervalStream::new(interval(Duration::from_millis(1)));
/// let first = ticks.next().await.unwrap();
/// let second = ticks.next().await.unwrap();
/// assert!(second - first >= Duration::from_millis(1));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct IntervalStream {
    inner: Interval,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl IntervalStream {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: Interval) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    #[must_use]
    pub fn into_inner(self) -> Interval {
        self.inner
    }
}

impl Stream for IntervalStream {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        let site = self.site;
        self.inner.poll_tick_at(cx, site).map(Some)
    }
}

impl AsRef<Interval> for IntervalStream {
    fn as_ref(&self) -> &Interval {
        &self.inner
    }
}

impl AsMut<Interval> for IntervalStream {
    fn as_mut(&mut self) -> &mut Interval {
        &mut self.inner
    }
}

/// The arrivals of a signal.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::signal::unix::{SignalKind, signal};
/// use simoom::stream::SignalStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let mut hangups = SignalStream::new(signal(SignalKind::hangup())?);
/// # if false {
/// while hangups.next().await.is_some() {
///     println!("reading the configuration again");
/// }
/// # }
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct SignalStream {
    inner: Signal,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl SignalStream {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: Signal) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    pub fn into_inner(self) -> Signal {
        self.inner
    }
}

impl Stream for SignalStream {
    type Item = ();

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let site = self.site;
        self.inner.poll_at(cx, site)
    }
}

impl AsRef<Signal> for SignalStream {
    fn as_ref(&self) -> &Signal {
        &self.inner
    }
}

impl AsMut<Signal> for SignalStream {
    fn as_mut(&mut self) -> &mut Signal {
        &mut self.inner
    }
}

/// The connections that a listener accepts. It never ends; after an error the next may be accepted.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::net::{TcpListener, TcpStream};
/// use simoom::stream::TcpListenerStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
/// let mut accepted = TcpListenerStream::new(listener);
/// let server = accepted.next().await.unwrap()?;
/// assert_eq!(server.peer_addr()?, client.local_addr()?);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct TcpListenerStream {
    inner: TcpListener,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl TcpListenerStream {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: TcpListener) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    #[must_use]
    pub fn into_inner(self) -> TcpListener {
        self.inner
    }
}

impl Stream for TcpListenerStream {
    type Item = io::Result<TcpStream>;

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<TcpStream>>> {
        let (stream, _) = ready!(self.inner.poll_accept_at(cx, None, self.site))?;
        Poll::Ready(Some(Ok(stream)))
    }
}

impl AsRef<TcpListener> for TcpListenerStream {
    fn as_ref(&self) -> &TcpListener {
        &self.inner
    }
}

impl AsMut<TcpListener> for TcpListenerStream {
    fn as_mut(&mut self) -> &mut TcpListener {
        &mut self.inner
    }
}

/// The connections that a listener accepts. It never ends; after an error the next may be accepted.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::StreamExt;
/// use simoom::net::{UnixListener, UnixStream};
/// use simoom::stream::UnixListenerStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let path = std::env::temp_dir().join(format!("simoom-stream-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let listener = UnixListener::bind(&path)?;
/// let _client = UnixStream::connect(&path).await?;
/// let mut accepted = UnixListenerStream::new(listener);
/// accepted.next().await.unwrap()?;
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct UnixListenerStream {
    inner: UnixListener,
    /// Where the stream was made, which is what reports show of whoever waits for it.
    site: &'static Location<'static>,
}

impl UnixListenerStream {
    /// Wraps it.
    #[track_caller]
    #[must_use]
    pub fn new(inner: UnixListener) -> Self {
        Self {
            inner,
            site: Location::caller(),
        }
    }

    /// What is wrapped.
    #[must_use]
    pub fn into_inner(self) -> UnixListener {
        self.inner
    }
}

impl Stream for UnixListenerStream {
    type Item = io::Result<UnixStream>;

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<UnixStream>>> {
        let (stream, _) = ready!(self.inner.poll_accept_at(cx, None, self.site))?;
        Poll::Ready(Some(Ok(stream)))
    }
}

impl AsRef<UnixListener> for UnixListenerStream {
    fn as_ref(&self) -> &UnixListener {
        &self.inner
    }
}

impl AsMut<UnixListener> for UnixListenerStream {
    fn as_mut(&mut self) -> &mut UnixListener {
        &mut self.inner
    }
}

/// What is in a directory.
///
/// # Cancel safety
/// Safe: what was not returned is in what is wrapped.
///
/// # Examples
/// ```
/// use futures::TryStreamExt;
/// use simoom::stream::ReadDirStream;
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let entries = ReadDirStream::new(simoom::fs::read_dir("/").await?);
/// let entries: Vec<_> = entries.try_collect().await?;
/// assert!(!entries.is_empty());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct ReadDirStream {
    inner: ReadDir,
}

impl ReadDirStream {
    /// Wraps it.
    #[must_use]
    pub fn new(inner: ReadDir) -> Self {
        Self { inner }
    }

    /// What is wrapped.
    pub fn into_inner(self) -> ReadDir {
        self.inner
    }
}

impl Stream for ReadDirStream {
    type Item = io::Result<DirEntry>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<DirEntry>>> {
        self.inner.poll_next_entry(cx).map(Result::transpose)
    }
}

impl AsRef<ReadDir> for ReadDirStream {
    fn as_ref(&self) -> &ReadDir {
        &self.inner
    }
}

impl AsMut<ReadDir> for ReadDirStream {
    fn as_mut(&mut self) -> &mut ReadDir {
        &mut self.inner
    }
}

pin_project! {
    /// The lines of what is read.
    ///
    /// # Cancel safety
    /// Safe: what was not returned is in what is wrapped.
    ///
    /// # Examples
    /// ```
    /// use futures::TryStreamExt;
    /// use simoom::io::AsyncBufReadExt;
    /// use simoom::stream::LinesStream;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let lines: Vec<String> = LinesStream::new((&b"one\ntwo\n"[..]).lines()).try_collect().await?;
    /// assert_eq!(lines, ["one", "two"]);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[derive(Debug)]
    pub struct LinesStream<R> {
        #[pin]
        inner: Lines<R>,
    }
}

impl<R> LinesStream<R> {
    /// Wraps it.
    #[must_use]
    pub fn new(inner: Lines<R>) -> Self {
        Self { inner }
    }

    /// What is wrapped.
    pub fn into_inner(self) -> Lines<R> {
        self.inner
    }
}

impl<R: AsyncBufRead> Stream for LinesStream<R> {
    type Item = io::Result<String>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<String>>> {
        self.project()
            .inner
            .poll_next_line(cx)
            .map(Result::transpose)
    }
}

pin_project! {
    /// The parts of what is read between bytes of one value.
    ///
    /// # Cancel safety
    /// Safe: what was not returned is in what is wrapped.
    ///
    /// # Examples
    /// ```
    /// use futures::TryStreamExt;
    /// use simoom::io::{AsyncBufReadExt, BufReader};
    /// use simoom::stream::SplitStream;
    ///
    /// # let rt = simoom::runtime::Runtime::new().unwrap();
    /// # rt.block_on(async {
    /// let parts: Vec<Vec<u8>> = SplitStream::new(BufReader::new(&b"a,b"[..]).split(b',')).try_collect().await?;
    /// assert_eq!(parts, [b"a", b"b"]);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[derive(Debug)]
    pub struct SplitStream<R> {
        #[pin]
        inner: Split<R>,
    }
}

impl<R> SplitStream<R> {
    /// Wraps it.
    #[must_use]
    pub fn new(inner: Split<R>) -> Self {
        Self { inner }
    }

    /// What is wrapped.
    pub fn into_inner(self) -> Split<R> {
        self.inner
    }
}

impl<R: AsyncBufRead> Stream for SplitStream<R> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Vec<u8>>>> {
        self.project()
            .inner
            .poll_next_segment(cx)
            .map(Result::transpose)
    }
}
