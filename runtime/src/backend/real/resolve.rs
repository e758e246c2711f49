//! Looking up names in the real world.
//!
//! Owns the short-lived thread that a lookup blocks.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::backend::Resolving;
use crate::shim::{Mutex, lock};

/// Looks up `host` on a thread of its own; `getaddrinfo(3)` cannot be asked to return early.
pub(super) fn resolve(host: &str, port: u16) -> Resolving {
    let lookup = Arc::new(Lookup {
        state: Mutex::new(State::default()),
    });
    let host = host.to_owned();
    let answered = lookup.clone();
    let thread = std::thread::Builder::new()
        .name("simoom-resolve".to_owned())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs();
            answered.finish(found.map(Iterator::collect));
        });
    if let Err(error) = thread {
        lookup.finish(Err(error));
    }
    Box::pin(Answer(lookup))
}

struct Lookup {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    result: Option<io::Result<Vec<SocketAddr>>>,
    waker: Option<Waker>,
}

impl Lookup {
    fn finish(&self, result: io::Result<Vec<SocketAddr>>) {
        let mut state = lock(&self.state);
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Waits for a lookup. Dropping it abandons the lookup, whose thread ends by itself.
struct Answer(Arc<Lookup>);

impl Future for Answer {
    type Output = io::Result<Vec<SocketAddr>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Cloning and dropping a waker runs foreign code.
        let waker = cx.waker().clone();
        let mut state = lock(&self.0.state);
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        let previous = state.waker.replace(waker);
        drop(state);
        drop(previous);
        Poll::Pending
    }
}
