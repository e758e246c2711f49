//! Connecting to the first of several addresses that answers.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::addr::ToSocketAddrs;
use super::lookup::resolve;
use super::tcp_listener::no_address;
use super::tcp_stream::{TcpStream, connect_to};
use crate::time::{Sleep, sleep};

/// How long an attempt is ahead of the next one: the "Connection Attempt Delay" of RFC 8305.
pub const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to whichever of the addresses of `addr` answers first, without waiting for those that
/// do not ("happy eyeballs", RFC 8305).
///
/// The addresses are tried in their order, but so that those of IPv4 and IPv6 alternate. An attempt
/// starts when the one before it has failed, or has been under way for
/// [250 ms](CONNECTION_ATTEMPT_DELAY). The first that succeeds is kept, and the others are dropped.
/// [`TcpStream::connect`] tries one after the other instead, as tokio's does.
///
/// # Errors
/// That of the attempt that failed last; when `addr` names no address; outside a runtime.
///
/// # Cancel safety
/// Safe: a dropped future leaves no connection, though the peers may have seen some come and go.
///
/// # Examples
/// ```
/// use simoom::net::{TcpListener, connect_happy_eyeballs};
///
/// # let rt = simoom::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let addr = listener.local_addr().unwrap();
/// let stream = connect_happy_eyeballs(("localhost", addr.port())).await.unwrap();
/// assert_eq!(stream.peer_addr().unwrap(), addr);
/// # });
/// ```
#[track_caller]
#[must_use = "futures do nothing unless awaited"]
pub fn connect_happy_eyeballs<A: ToSocketAddrs>(
    addr: A,
) -> impl Future<Output = io::Result<TcpStream>> {
    let named = addr.named();
    let site = Location::caller();
    async move {
        let waiting = alternate(resolve(named, site).await?);
        let mut race = Race {
            waiting,
            attempts: Vec::new(),
            head_start: None,
            last: None,
            site,
        };
        poll_fn(move |cx| race.poll(cx)).await
    }
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

struct Race {
    waiting: VecDeque<SocketAddr>,
    attempts: Vec<Attempt>,
    /// How long the newest attempt is still ahead.
    head_start: Option<Pin<Box<Sleep>>>,
    last: Option<io::Error>,
    site: &'static Location<'static>,
}

impl Race {
    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<io::Result<TcpStream>> {
        loop {
            let mut index = 0;
            while index < self.attempts.len() {
                match self.attempts[index].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.last = Some(error);
                        drop(self.attempts.remove(index));
                        self.head_start = None;
                    }
                    Poll::Pending => index += 1,
                }
            }
            if let Some(head_start) = &mut self.head_start
                && head_start.as_mut().poll(cx).is_ready()
            {
                self.head_start = None;
            }
            if self.head_start.is_some() {
                return Poll::Pending;
            }
            match self.waiting.pop_front() {
                Some(addr) => {
                    self.attempts.push(Box::pin(connect_to(addr, self.site)));
                    self.head_start = Some(Box::pin(sleep(CONNECTION_ATTEMPT_DELAY).into_part()));
                }
                None if self.attempts.is_empty() => {
                    let error = self.last.take();
                    return Poll::Ready(Err(error.unwrap_or_else(no_address)));
                }
                None => return Poll::Pending,
            }
        }
    }
}

/// The addresses so that those of the first one's family and the others take turns.
fn alternate(addrs: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = addrs.first().map(SocketAddr::is_ipv4) else {
        return VecDeque::new();
    };
    let (one, two): (Vec<_>, Vec<_>) = addrs.into_iter().partition(|it| it.is_ipv4() == first);
    let mut all = VecDeque::new();
    let (mut one, mut two) = (one.into_iter(), two.into_iter());
    loop {
        let (next, other) = (one.next(), two.next());
        if next.is_none() && other.is_none() {
            return all;
        }
        all.extend(next);
        all.extend(other);
    }
}
