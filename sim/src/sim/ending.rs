//! How a test learns that a node's process has ended, and ends it in good order.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use simoom::backend::{Op, OpKind, proceed};
use simoom::signal::unix::SignalKind;

use super::node::Node;
use super::simulation::with;
use crate::kill;
use crate::world::node::Ended;

impl Node {
    /// Waits until the node's process has ended, and says how.
    ///
    /// A process ends when its main has returned or failed, when it is killed, or with its machine.
    /// A main that fails where failures are [contained](crate::OnFailure::Contain) has ended, too,
    /// though the rest of its process goes on. The node may be booted again in the meantime: this
    /// waits for the process of the time of the call.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, Ended, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let job = sim.node("job").run(|| simoom::time::sleep(Duration::from_secs(60)));
    ///     assert_eq!(job.exited(), None);
    ///     assert_eq!(job.wait().await, Ended::Returned);
    ///     assert_eq!(sim.elapsed(), Duration::from_secs(60));
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Wait {
        Wait {
            incarnation: self.incarnation(),
            node: self.clone(),
            site: Location::caller(),
        }
    }

    /// How the node's process ended, or `None` if it has not. See [`wait`](Self::wait).
    #[must_use]
    pub fn exited(&self) -> Option<Ended> {
        self.end_of(self.incarnation())
    }

    /// Stops the node as a supervisor does: sends SIGTERM, waits until the process has ended, and
    /// kills it when `grace` is over.
    ///
    /// Returns whether it ended in good order: its main returned `()` or `Ok`. A program that does
    /// not listen for SIGTERM is ended by it, and so does not.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    ///
    /// # Cancel safety
    /// A dropped future has sent the signal, and will not kill the node.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::signal::unix::{SignalKind, signal};
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let server = sim.node("server").run(|| async {
    ///         signal(SignalKind::terminate())?.recv().await;
    ///         // Finish what is under way …
    ///         simoom::time::sleep(Duration::from_secs(3)).await;
    ///         Ok::<(), std::io::Error>(())
    ///     });
    ///     simoom::time::sleep(Duration::from_secs(1)).await;
    ///     assert!(server.shutdown(Duration::from_secs(10)).await);
    ///     assert!(!server.is_alive());
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn shutdown(&self, grace: Duration) -> impl Future<Output = bool> + use<> {
        self.assert_not_test();
        let (node, place) = (self.clone(), Location::caller());
        async move {
            let ended = node.wait();
            node.send(SignalKind::terminate(), place);
            match simoom::time::timeout(grace, ended).await {
                Ok(how) => how == Ended::Returned,
                Err(_) => {
                    node.tell_more("node.killed", place, ", its time to stop is over");
                    with(node.world, |backend| kill::kill(backend, node.id));
                    false
                }
            }
        }
    }

    fn end_of(&self, incarnation: u32) -> Option<Ended> {
        with(self.world, |backend| {
            backend.with(|world| {
                let ends = &world.nodes[self.id.0 as usize].ends;
                ends.get(&incarnation).cloned()
            })
        })
    }
}

/// The future of [`Node::wait`].
#[must_use = "futures do nothing unless awaited"]
#[derive(Debug)]
pub struct Wait {
    node: Node,
    /// Whose end it waits for.
    incarnation: u32,
    site: &'static Location<'static>,
}

impl Future for Wait {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let progress = ready!(proceed(cx, &Op::private(OpKind::Join, self.site)));
        if let Some(how) = self.node.end_of(self.incarnation) {
            progress.done();
            return Poll::Ready(how);
        }
        let waker = cx.waker().clone();
        with(self.node.world, |backend| {
            backend.with(|world| {
                let wakers = &mut world.nodes[self.node.id.0 as usize].end_wakers;
                if let Some(spare) = keep_waker(wakers, waker) {
                    world.effects.drop(spare);
                }
            });
        });
        Poll::Pending
    }
}

/// Keeps `waker` unless an equal one is kept; returns the one that is not needed.
fn keep_waker(wakers: &mut Vec<Waker>, waker: Waker) -> Option<Waker> {
    if wakers.iter().any(|kept| kept.will_wake(&waker)) {
        return Some(waker);
    }
    wakers.push(waker);
    None
}
