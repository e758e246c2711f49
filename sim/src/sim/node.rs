//! Nodes, as a test holds them.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use simoom::signal::unix::SignalKind;

use super::exit::Exit;
use super::simulation::{tell, with};
use crate::backend::SimBackend;
use crate::baton;
use crate::kill;
use crate::world::failure::Seconds;
use crate::world::node::{Boot, NodeId, OnFailure};

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
    pub(super) world: u64,
    pub(super) id: NodeId,
}

impl Node {
    pub(super) fn new(world: u64, id: NodeId) -> Self {
        Self { world, id }
    }

    /// Boots the node: runs `main` now and again at every [restart](Self::restart).
    ///
    /// `main` stands for the `main` of a program: when it returns, the process ends. Its other
    /// tasks are dropped, which their destructors notice, closures of `spawn_blocking` that have
    /// started are waited for, and its sockets are closed.
    ///
    /// A panic in any of its tasks, or an error returned by `main`, fails the run, unless
    /// [`on_failure`](Self::on_failure) says otherwise. Returning `()` or `Ok(())` is fine.
    ///
    /// # Panics
    /// If the node was booted before; see [`restart_with`](Self::restart_with) for a program in
    /// another version.
    #[track_caller]
    pub fn run<F, M>(&self, main: M) -> Self
    where
        M: Fn() -> F + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        baton::assert_at_home("Node::run");
        let location = Location::caller();
        with(self.world, |backend| {
            let booted = backend.with(|world| world.nodes[self.id.0 as usize].boot.is_some());
            assert!(
                !booted,
                "node {:?} was booted before: `restart` boots it again, `restart_with` with \
                 another main",
                self.name()
            );
            self.install(backend, main, location);
            kill::boot(backend, self.id);
        });
        self.clone()
    }

    /// Whether there is something to boot.
    pub(super) fn has_main(&self) -> bool {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].boot.is_some())
        })
    }

    fn install<F, M>(&self, backend: &SimBackend, main: M, location: &'static Location<'static>)
    where
        M: Fn() -> F + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        let boot: Boot = Rc::new(move || {
            let main = main();
            Box::pin(async move { main.await.exit() })
        });
        let before = backend.with(|world| {
            let node = &mut world.nodes[self.id.0 as usize];
            node.booted_at = location;
            node.boot.replace(boot)
        });
        drop(before);
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
        if self.is_alive() {
            self.tell("node.killed", Location::caller());
        }
        with(self.world, |backend| kill::kill(backend, self.id));
    }

    /// Tells what the test does to this node.
    pub(super) fn tell(&self, name: &str, place: &Location<'_>) {
        self.tell_more(name, place, "");
    }

    /// Tells what the test does to this node, and how.
    pub(super) fn tell_more(&self, name: &str, place: &Location<'_>, how: &str) {
        tell(self.world, name, place, |world| {
            format!("{}{how}", world.nodes[self.id.0 as usize].name)
        });
    }

    /// Kills the node if it lives, and boots it again.
    ///
    /// # Panics
    /// If it was never booted with [`run`](Self::run), or is the node of the test itself.
    #[track_caller]
    pub fn restart(&self) {
        self.assert_not_test();
        assert!(
            self.has_main(),
            "node {:?} has no main to boot: call `run` first",
            self.name()
        );
        self.tell("node.restarted", Location::caller());
        with(self.world, |backend| {
            kill::kill(backend, self.id);
            kill::boot(backend, self.id);
        });
    }

    /// Kills the node if it lives, and boots it with `main`, now and at every later restart.
    ///
    /// This is how a node gets another version of its program, or another configuration; what it
    /// has on its disk stays. Boots a node that was never booted, too.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    ///
    /// # Examples
    /// A rolling upgrade: one node after the other stops cleanly and comes back with the next
    /// version.
    ///
    /// ```
    /// use std::time::Duration;
    /// use simoom::signal::ctrl_c;
    /// use simoom::signal::unix::{SignalKind, signal};
    /// use simoom_sim::{Config, check};
    ///
    /// async fn serve(version: u32) -> std::io::Result<()> {
    ///     signal(SignalKind::terminate())?.recv().await;
    ///     assert!(version < 3);
    ///     Ok(())
    /// }
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let nodes: Vec<_> = ["one", "two", "three"]
    ///         .map(|name| sim.node(name).run(|| serve(1)))
    ///         .into();
    ///     simoom::time::sleep(Duration::from_secs(1)).await;
    ///     for node in &nodes {
    ///         assert!(node.shutdown(Duration::from_secs(10)).await);
    ///         node.restart_with(|| serve(2));
    ///         simoom::time::sleep(Duration::from_secs(1)).await;
    ///         assert_eq!(node.incarnation(), 2);
    ///     }
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn restart_with<F, M>(&self, main: M)
    where
        M: Fn() -> F + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        baton::assert_at_home("Node::restart_with");
        self.assert_not_test();
        let location = Location::caller();
        self.tell_more("node.restarted", location, " with another main");
        with(self.world, |backend| {
            kill::kill(backend, self.id);
            self.install(backend, main, location);
            kill::boot(backend, self.id);
        });
    }

    /// How often the node was booted: 0 before [`run`](Self::run), then 1, and one more with every
    /// restart.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].incarnation)
        })
    }

    /// Takes the power from the node's machine: everything stops at once.
    ///
    /// Nothing is closed and nobody is told. Peers find out as on a real network: what they send
    /// gets no answer, and their own limits end the wait (connecting after 131 s, a connection with
    /// bytes waiting after 924.6 s, both with `TimedOut`); a peer that sends nothing learns nothing.
    /// If the node is back before that, it knows none of the old connections and resets them.
    ///
    /// What was written to its [disk](Self::disk) and not synced is kept, lost, or torn in the middle
    /// of a sector, one by one; so is every name that was made, removed or changed in a directory
    /// that was not synced since. Each is a choice, which a failure's story names. A plan of faults
    /// that has [`Kind::DiskUnsyncedLost`](crate::Kind::DiskUnsyncedLost) or
    /// [`Kind::DiskSectorTorn`](crate::Kind::DiskSectorTorn) says how probable they are; without one,
    /// some losses of power take everything, some about half, some little. Under
    /// [`Strategy::Calm`](crate::Strategy::Calm) nothing is lost.
    ///
    /// [`restart`](Self::restart) turns the machine on again. A process that was killed before does
    /// not keep its machine from losing power. Does nothing to a machine that is off.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    /// use simoom::io::{AsyncReadExt, AsyncWriteExt};
    /// use simoom::net::{TcpListener, TcpStream};
    /// use simoom_sim::{Config, check};
    ///
    /// async fn accept_for_ever() -> std::io::Result<()> {
    ///     let listener = TcpListener::bind("0.0.0.0:80").await?;
    ///     let mut streams = Vec::new();
    ///     loop {
    ///         streams.push(listener.accept().await?);
    ///     }
    /// }
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let server = sim.node("server").run(accept_for_ever);
    ///     let mut stream = TcpStream::connect("server:80").await.unwrap();
    ///     server.power_loss();
    ///     // Nothing tells the client: its bytes go nowhere.
    ///     stream.write_all(b"hello").await.unwrap();
    ///     let waited = simoom::time::timeout(Duration::from_secs(60), stream.read_u8()).await;
    ///     assert!(waited.is_err());
    ///     // The machine is back, and has never heard of the connection.
    ///     server.restart();
    ///     let error = stream.read_u8().await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn power_loss(&self) {
        self.assert_not_test();
        self.tell("node.power_lost", Location::caller());
        with(self.world, |backend| {
            kill::power_loss(backend, &[self.id]);
        });
    }

    /// Stops the node's process where it is, as SIGSTOP does, or a host that moves its virtual
    /// machine.
    ///
    /// Its tasks do not run until [`resume`](Self::resume). Its kernel goes on: segments arrive and
    /// are acknowledged as long as there is room, connections wait in the backlog, clocks go. What
    /// fell due in the meantime happens when it goes on, so that a pause looks to the program like
    /// one very long step. It can be killed, and is not paused after a restart. Does nothing to a
    /// node that is dead or paused, but for a pause of a known length: that has no end any more.
    ///
    /// A task may pause its own node: it goes on to its next operation.
    ///
    /// A run in which all that could go on is paused fails, and says which nodes are.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    ///
    /// # Examples
    /// A loop that counts seconds has not counted those of the pause:
    ///
    /// ```
    /// use std::{cell::Cell, rc::Rc, time::Duration};
    /// use simoom::time::sleep;
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let ticks = Rc::new(Cell::new(0));
    ///     let counted = ticks.clone();
    ///     let server = sim.node("server");
    ///     server.spawn(async move {
    ///         loop {
    ///             sleep(Duration::from_secs(1)).await;
    ///             counted.set(counted.get() + 1);
    ///         }
    ///     });
    ///     server.pause();
    ///     sleep(Duration::from_secs(60)).await;
    ///     assert_eq!(ticks.get(), 0);
    ///     server.resume();
    ///     sleep(Duration::from_millis(1500)).await;
    ///     assert_eq!(ticks.get(), 1);
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn pause(&self) {
        self.assert_not_test();
        self.tell("node.paused", Location::caller());
        with(self.world, |backend| {
            backend.with(|world| world.pause(self.id, None));
        });
    }

    /// [Pauses](Self::pause) the node now, and has it go on after `duration` of true time.
    ///
    /// Returns at once. A later [`resume`](Self::resume) ends the pause early, and a later pause
    /// sets a new end.
    ///
    /// # Panics
    /// If it is the node of the test itself.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let node = sim.node("slow");
    ///     let answer = node.spawn(async { 5 });
    ///     node.pause_for(Duration::from_secs(30));
    ///     assert_eq!(answer.await.unwrap(), 5);
    ///     assert_eq!(sim.elapsed(), Duration::from_secs(30));
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn pause_for(&self, duration: Duration) {
        self.assert_not_test();
        let length_ns = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let how = format!(", for {}", Seconds(length_ns));
        self.tell_more("node.paused", Location::caller(), &how);
        with(self.world, |backend| {
            backend.with(|world| world.pause(self.id, Some(length_ns)));
        });
    }

    /// Lets a paused node go on. Signals that came in the meantime are delivered first.
    ///
    /// Does nothing to a node that is not paused.
    #[track_caller]
    pub fn resume(&self) {
        if self.is_paused() {
            self.tell("node.resumed", Location::caller());
        }
        with(self.world, |backend| {
            backend.with(|world| world.resume(self.id))
        });
    }

    /// Whether the node is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].pause.is_some())
        })
    }

    /// Sends a signal to the node's process.
    ///
    /// If the program listens for it, with [`simoom::signal`], it is woken. Otherwise the signal
    /// does what it does by default on Linux, which is for most to end the process: its `main` must
    /// have listened before. SIGKILL ends it in any case, SIGSTOP [pauses](Self::pause) it and
    /// SIGCONT has it go on. A paused process learns of other signals when it goes on. Does nothing
    /// to a dead node.
    ///
    /// # Panics
    /// If it is the node of the test itself and the signal would end or stop it.
    ///
    /// # Examples
    /// ```
    /// use simoom::signal::unix::{SignalKind, signal};
    /// use simoom_sim::{Config, Ended, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let node = sim.node("daemon").run(|| async {
    ///         let mut hangup = signal(SignalKind::hangup())?;
    ///         loop {
    ///             hangup.recv().await;
    ///             println!("reading the configuration again");
    ///         }
    ///         #[expect(unreachable_code, reason = "gives the block its type")]
    ///         Ok::<(), std::io::Error>(())
    ///     });
    ///     simoom::time::sleep(std::time::Duration::from_secs(1)).await;
    ///     node.signal(SignalKind::hangup());
    ///     assert!(node.is_alive());
    ///     node.signal(SignalKind::quit());
    ///     assert_eq!(node.wait().await, Ended::Killed { signal: 3 });
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn signal(&self, kind: SignalKind) {
        self.send(kind, Location::caller());
    }

    #[track_caller]
    pub(super) fn send(&self, kind: SignalKind, place: &Location<'_>) {
        let signal = kind.as_raw_value();
        with(self.world, |backend| {
            if self.id == NodeId::TEST && backend.with(|world| world.is_harmful(self.id, signal)) {
                self.assert_not_test();
            }
            self.tell_more("signal.sent", place, &format!(", signal {signal}"));
            backend.with(|world| world.send_signal(self.id, signal));
        });
    }

    /// Asks the node to stop, as supervisors do: sends SIGTERM. See [`signal`](Self::signal).
    ///
    /// # Panics
    /// If it is the node of the test itself, unless that listens for it.
    #[track_caller]
    pub fn terminate(&self) {
        self.signal(SignalKind::terminate());
    }

    /// Asks the node to stop, as Ctrl-C does: sends SIGINT. See [`signal`](Self::signal).
    ///
    /// # Panics
    /// If it is the node of the test itself, unless that listens for it.
    #[track_caller]
    pub fn interrupt(&self) {
        self.signal(SignalKind::interrupt());
    }

    /// When the node's main has returned, its tasks are asked to end, and run until they have, for
    /// `bound` of virtual time at most, before its process ends. Else they are dropped where they are.
    ///
    /// It is to a node what `Builder::shutdown_within` is to a runtime, and `#[simoom::main(shutdown =
    /// "5s")]` to a program. What had to be dropped is told in the story of a failing run.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom::task::catch_cancel;
    /// use simoom::time::sleep;
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(5).persist(false), |sim| async move {
    ///     let (written, mut all) = simoom::sync::mpsc::channel(1);
    ///     let server = sim.node("server").shutdown_within(Duration::from_secs(5));
    ///     server.run(move || {
    ///         let written = written.clone();
    ///         async move {
    ///             drop(simoom::spawn(async move {
    ///                 let _ = catch_cancel(std::future::pending::<()>()).await;
    ///                 sleep(Duration::from_secs(1)).await;
    ///                 let _ = written.try_send("all written");
    ///             }));
    ///             sleep(Duration::from_millis(1)).await;
    ///         }
    ///     });
    ///     assert_eq!(all.recv().await, Some("all written"));
    /// })
    /// .unwrap();
    /// ```
    pub fn shutdown_within(&self, bound: Duration) -> Self {
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].shutdown = Some(bound));
        });
        self.clone()
    }

    /// Sets what a failing task of this node means for the run.
    ///
    /// The test's own panic or error always fails the run.
    ///
    /// # Panics
    /// If the node of the test itself were to be killed.
    #[track_caller]
    pub fn on_failure(&self, on_failure: OnFailure) -> Self {
        let ends = matches!(on_failure, OnFailure::KillNode | OnFailure::Restart { .. });
        if ends {
            self.assert_not_test();
        }
        with(self.world, |backend| {
            backend.with(|world| world.nodes[self.id.0 as usize].on_failure = on_failure);
        });
        self.clone()
    }

    /// Sets how many closures of `simoom::task::spawn_blocking` the node runs at once; the others
    /// wait their turn. 512 by default, as in production.
    ///
    /// Stands for `max_blocking_threads` of a runtime's builder, which a simulated program has no
    /// use for. A low limit finds what waits for ever because everybody who could help has no
    /// thread.
    ///
    /// # Panics
    /// If `threads` is 0.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let report = check(Config::default().seeds(1).persist(false), |sim| async move {
    ///     let worker = sim.node("worker").max_blocking_threads(1);
    ///     let nested = worker.spawn(async {
    ///         simoom::task::spawn_blocking(|| {
    ///             let inner = simoom::task::spawn_blocking(|| 5);
    ///             simoom::runtime::Handle::current().block_on(inner).unwrap()
    ///         })
    ///         .await
    ///     });
    ///     let _ = nested.await;
    /// });
    /// assert!(report.failure().unwrap().to_string().contains("waits for a thread"));
    /// ```
    #[track_caller]
    pub fn max_blocking_threads(&self, threads: usize) -> Self {
        assert!(
            threads > 0,
            "the most blocking threads must be greater than 0"
        );
        with(self.world, |backend| {
            backend.with(|world| world.set_pool_max(self.id, threads));
        });
        self.clone()
    }

    #[track_caller]
    pub(super) fn assert_not_test(&self) {
        assert!(
            self.id != NodeId::TEST,
            "the node of the test itself cannot be killed or stopped: run what is to die on a node of \
             its own, made by `Sim::node`"
        );
    }

    /// Whether the node's process has not ended since it was made or booted; a paused one has not.
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
