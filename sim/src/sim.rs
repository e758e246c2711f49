//! What a test holds: the simulation, its nodes and its network.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use simoom::backend::spawn_local_in;
use simoom::task::JoinHandle;

use crate::backend::{SimBackend, SpawnFor};
use crate::kill;
use crate::record::EventKind;
use crate::world::World;
use crate::world::net::Link;
use crate::world::node::{self, NodeId, OnFailure};

/// A running simulation, as its test sees it. Cloning is cheap.
///
/// The test itself runs on a node called `test`. Everything of `simoom` works in it: sleeping
/// takes virtual time, and connecting to a node's name reaches that node.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     let echo = sim.node("echo").spawn(async { 5 });
///     assert_eq!(echo.await.unwrap(), 5);
///     simoom::time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(sim.elapsed(), Duration::from_secs(3600));
/// })
/// .unwrap();
/// ```
#[derive(Clone)]
pub struct Sim {
    world: u64,
}

impl Sim {
    pub(crate) fn new(world: u64) -> Self {
        Self { world }
    }

    /// The seed of this run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        with(self.world, |backend| backend.with(|world| world.seed))
    }

    /// How much virtual time has passed since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        with(self.world, |backend| {
            backend.with(|world| Duration::from_nanos(world.now_ns as u64))
        })
    }

    /// The node called `name`, made now if there is none. Other nodes reach it by this name.
    ///
    /// It gets the next address of 10.0.0.0/16.
    ///
    /// # Panics
    /// If `name` is empty, or the simulation has 64 000 nodes.
    #[must_use]
    pub fn node(&self, name: &str) -> Node {
        assert!(!name.is_empty(), "a node needs a name");
        let id = with(self.world, |backend| backend.with(|world| world.node(name)));
        Node {
            world: self.world,
            id,
        }
    }

    /// The network between the nodes.
    #[must_use]
    pub fn net(&self) -> Net {
        Net { world: self.world }
    }

    /// Lets `duration` of virtual time pass, as `simoom::time::sleep` does.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn advance(&self, duration: Duration) {
        simoom::time::sleep(duration).await;
    }

    /// Notes what the program did, for the story of a failure and for checks of the history.
    ///
    /// A note is part of what happened: two runs with different notes differ.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let report = check(Config::default().seeds(1).persist(false), |sim| async move {
    ///     sim.note("set a=1 acknowledged");
    ///     assert_eq!(sim.seed(), 0, "lost it");
    /// });
    /// assert!(report.failure().unwrap().to_string().contains("set a=1 acknowledged"));
    /// ```
    pub fn note(&self, text: &str) {
        with(self.world, |backend| {
            backend.with(|world| world.user_note(text))
        });
    }

    /// Waits until `condition` holds, looking every millisecond of virtual time.
    ///
    /// Bound it with `simoom::time::timeout`; unbounded, a condition that never holds ends the run
    /// at its virtual-time limit.
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// # use std::{cell::Cell, rc::Rc, time::Duration};
    /// # use simoom_sim::{Config, check};
    /// check(Config::default().seeds(1), |sim| async move {
    ///     let done = Rc::new(Cell::new(false));
    ///     let flag = done.clone();
    ///     sim.node("worker").spawn(async move {
    ///         simoom::time::sleep(Duration::from_millis(30)).await;
    ///         flag.set(true);
    ///     });
    ///     sim.run_until(|| done.get()).await;
    ///     assert!(sim.elapsed() >= Duration::from_millis(30));
    /// })
    /// .unwrap();
    /// ```
    pub async fn run_until(&self, mut condition: impl FnMut() -> bool) {
        while !condition() {
            simoom::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

/// Runs `f` in the world `world`.
///
/// # Panics
/// If this thread is not inside it.
fn with<R>(world: u64, f: impl FnOnce(&SimBackend) -> R) -> R {
    SimBackend::current(
        |backend| match backend.filter(|backend| backend.id() == world) {
            Some(backend) => f(backend),
            None => panic!("a simulation's handle was used outside its run"),
        },
    )
}

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
    id: NodeId,
}

/// What the main of a node, or a test, may return: nothing, or a result whose error fails the run.
///
/// An `async` block that ends in a `loop` or a `panic!` returns `!`, which has no `Exit` yet: write
/// an `async fn` with `()` or `io::Result<()>` as its return type instead.
#[diagnostic::on_unimplemented(
    message = "a node's main and a simulated test return `()` or `Result<(), E>`, not `{Self}`",
    label = "returns `{Self}`",
    note = "if it never returns, write it as an `async fn` whose return type is `()` or `Result<(), E>`"
)]
pub trait Exit {
    /// The error, as text.
    fn exit(self) -> Result<(), String>;
}

impl Exit for () {
    fn exit(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug> Exit for Result<(), E> {
    fn exit(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

impl Node {
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

/// The network of a simulation.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::net::{TcpListener, TcpStream};
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     let server = sim.node("server");
///     sim.net().partition(&server, &sim.node("test"));
///     server.run(|| async {
///         TcpListener::bind("0.0.0.0:80").await?.accept().await?;
///         Ok::<(), std::io::Error>(())
///     });
///     let connecting = TcpStream::connect("server:80");
///     let late = simoom::time::timeout(Duration::from_secs(1), connecting).await;
///     assert!(late.is_err());
///     sim.net().heal_all();
///     TcpStream::connect("server:80").await.unwrap();
/// })
/// .unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Net {
    world: u64,
}

impl Net {
    /// Cuts both directions between two nodes.
    ///
    /// Segments that would cross, those on their way included, wait at their senders and travel
    /// when the link heals. Connecting fails with `TimedOut` after 127 s, a connection with
    /// segments waiting after 924.6 s, as on Linux.
    pub fn partition(&self, one: &Node, two: &Node) {
        with(self.world, |backend| {
            backend.with(|world| {
                world.cut(one.id, two.id);
                world.cut(two.id, one.id);
            });
        });
    }

    /// Cuts one direction only.
    pub fn partition_one_way(&self, from: &Node, to: &Node) {
        with(self.world, |backend| {
            backend.with(|world| world.cut(from.id, to.id))
        });
    }

    /// Heals both directions between two nodes.
    pub fn heal(&self, one: &Node, two: &Node) {
        with(self.world, |backend| {
            backend.with(|world| {
                world.heal(one.id, two.id);
                world.heal(two.id, one.id);
            });
        });
    }

    /// Heals every link.
    pub fn heal_all(&self) {
        with(self.world, |backend| backend.with(World::heal_all));
    }

    /// Sets how long a segment travels between two nodes, in both directions.
    ///
    /// Each segment takes `least`, plus what chance adds up to `most`. Segments of one direction
    /// of a connection never overtake each other.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    pub fn latency(&self, one: &Node, two: &Node, least: Duration, most: Duration) {
        let link = link(least, most);
        with(self.world, |backend| {
            backend.with(|world| {
                world.net.links.insert((one.id, two.id), link);
                world.net.links.insert((two.id, one.id), link);
            });
        });
    }

    /// Sets how long a segment travels between nodes that have no latency of their own.
    ///
    /// Default: 500 us to 20 ms. A node's connections to itself take 20 us to 200 us.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    pub fn default_latency(&self, least: Duration, most: Duration) {
        let link = link(least, most);
        with(self.world, |backend| {
            backend.with(|world| world.net.link = link)
        });
    }
}

fn link(least: Duration, most: Duration) -> Link {
    assert!(
        least <= most,
        "the least latency {least:?} is more than the most, {most:?}"
    );
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4);
    Link {
        least_ns: nanos(least),
        most_ns: nanos(most),
    }
}

impl World {
    /// The node called `name`, made now if there is none.
    pub(crate) fn node(&mut self, name: &str) -> NodeId {
        if let Some(index) = self.nodes.iter().position(|node| node.name == name) {
            return NodeId(index as u16);
        }
        let index = self.nodes.len();
        assert!(index < 64_000, "a simulation has at most 64 000 nodes");
        let ip = IpAddr::V4(Ipv4Addr::new(
            10,
            0,
            (index / 250) as u8,
            (index % 250 + 1) as u8,
        ));
        let root = self.paths.child(None, name.to_owned().into());
        let id = NodeId(index as u16);
        self.net.addresses.insert(ip, id);
        self.nodes.push(node::Node {
            name: name.to_owned(),
            ip,
            alive: true,
            incarnation: 0,
            deaths: 0,
            root,
            boot: None,
            booted_at: Location::caller(),
            on_failure: OnFailure::default(),
            next_port: node::FIRST_PORT,
            interrupts: 0,
            interrupt_wakers: Vec::new(),
        });
        id
    }
}
