//! Nodes, as a test holds them.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::Location;
use std::rc::Rc;

use simoom::backend::spawn_local_in;
use simoom::task::JoinHandle;

use super::exit::Exit;
use super::simulation::with;
use crate::backend::SpawnFor;
use crate::kill;
use crate::record::EventKind;
use crate::world::node::{NodeId, OnFailure};

/// A node of a simulation: a machine with a name, an address and tasks of its own.
///
/// # Examples
/// ```
/// use simoom::io::{AsyncReadExt, AsyncWriteExt};
/// use simoom::net::{TcpListener, TcpStream};
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     sim.node("server").run(|| async {
///         let listener = TcpListener::bind("0.0.0.0:80").await?;
///         loop {
///             let (mut stream, _) = listener.accept().await?;
///             stream.write_all(b"hello").await?;
///         }
///         #[expect(unreachable_code, reason = "gives the block its type")]
///         Ok::<(), std::io::Error>(())
///     });
///     simoom::time::sleep(std::time::Duration::from_millis(1)).await;
///     let mut stream = TcpStream::connect("server:80").await.unwrap();
///     let mut text = String::new();
///     stream.read_to_string(&mut text).await.unwrap();
///     assert_eq!(text, "hello");
/// })
/// .unwrap();
/// ```
#[derive(Clone)]
pub struct Node {
    world: u64,
    pub(super) id: NodeId,
}

impl Node {
    pub(super) fn new(world: u64, id: NodeId) -> Self {
        Self { world, id }
    }

    /// Boots the node: runs `main` now and again at every [restart](Self::restart).
    ///
    /// A panic in any of its tasks, or an error returned by `main`, fails the run, unless
    /// [`on_failure`](Self::on_failure) says otherwise. Returning `()` or `Ok(())` is fine.
    ///
    /// # Panics
    /// If the node was booted before.
    #[track_caller]
    pub fn run<F, M>(&self, main: M) -> Self
    where
        M: Fn() -> F + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        let location = Location::caller();
        with(self.world, |backend| {
            let booted = backend.with(|world| world.nodes[self.id.0 as usize].boot.is_some());
            assert!(
                !booted,
                "node {:?} was booted before: `restart` boots it again",
                self.name()
            );
            backend.with(|world| {
                let node = &mut world.nodes[self.id.0 as usize];
                node.booted_at = location;
                node.boot = Some(Rc::new(move || {
                    let main = main();
                    Box::pin(async move { main.await.exit() })
                }));
            });
            kill::boot(backend, self.id);
        });
        self.clone()
    }

    /// Starts a task on the node, which need not have a main.
    ///
    /// # Panics
    /// If the node was killed.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        assert!(
            self.is_alive(),
            "node {:?} was killed: restart it first",
            self.name()
        );
        let location = Location::caller();
        with(self.world, |backend| {
            let target = SpawnFor {
                node: self.id,
                name: None,
            };
            backend.spawning_for(target, || spawn_local_in(backend, future, location))
        })
    }

    /// Kills the node's process, as SIGKILL does.
    ///
    /// Its tasks stop where they are; their destructors run, but nothing they do has any effect.
    /// The operating system closes the sockets: peers see the end of the stream, or a reset if
    /// the node had not read everything. Does nothing to a dead node.
    ///
    /// A task may kill its own node: it goes on to its next operation, which never returns.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    #[track_caller]
    pub fn kill(&self) {
        self.assert_not_test();
        with(self.world, |backend| kill::kill(backend, self.id));
    }

    /// Kills the node if it lives, and boots it again.
    ///
    /// # Panics
    /// If it was never booted with [`run`](Self::run), or is the node of the test itself.
    #[track_caller]
    pub fn restart(&self) {
        self.assert_not_test();
        with(self.world, |backend| {
            let booted = backend.with(|world| world.nodes[self.id.0 as usize].boot.is_some());
            assert!(
                booted,
                "node {:?} has no main to boot: call `run` first",
                self.name()
            );
            kill::kill(backend, self.id);
            kill::boot(backend, self.id);
        });
    }

    /// Asks the node to stop: its `simoom::signal::ctrl_c()` return.
    pub fn interrupt(&self) {
        with(self.world, |backend| {
            backend.with(|world| {
                world.note(EventKind::SignalSent, u64::from(self.id.0), 0);
                let node = &mut world.nodes[self.id.0 as usize];
                node.interrupts += 1;
                world.effects.wake_all(&mut node.interrupt_wakers);
            });
        });
    }

    /// Sets what a failing task of this node means for the run.
    ///
    /// The test's own panic or error always fails the run.
    ///
    /// # Panics
    /// If the node of the test itself were to be killed.
    #[track_caller]
    pub fn on_failure(&self, on_failure: OnFailure) -> Self {
        if on_failure == OnFailure::KillNode {
            self.assert_not_test();
        }
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].on_failure = on_failure);
        });
        self.clone()
    }

    #[track_caller]
    fn assert_not_test(&self) {
        assert!(
            self.id != NodeId::TEST,
            "the node of the test itself cannot be killed: run what is to die on a node of its own, made by `Sim::node`"
        );
    }

    /// Whether the node was not killed since it was made or booted.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].alive)
        })
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> String {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].name.clone())
        })
    }

    /// The node's address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].ip)
        })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("id", &self.id.0)
            .finish_non_exhaustive()
    }
}
