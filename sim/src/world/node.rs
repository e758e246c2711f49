//! Nodes: machines with a name, an address and tasks of their own.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use simoom::time::Instant;

use super::clock::Clock;
use super::pause::Pause;
use super::pool::Pool;
use super::signals::Signals;
use super::tasks::TaskSlot;
use super::{Due, World};
use crate::choice::PathId;
use crate::record::EventKind;

/// A node's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) u16);

impl NodeId {
    /// The node that the test itself runs on.
    pub(crate) const TEST: Self = Self(0);
}

/// What a node runs at every boot.
pub(crate) type Boot = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>>>>>;

/// What a failing task means for the run.
///
/// A task fails when it panics; a node's main also when it returns an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// The run fails (default).
    #[default]
    FailRun,
    /// The task is gone and nothing else happens, as in production.
    Contain,
    /// The node is killed, as by a supervisor or by `panic = "abort"`.
    KillNode,
    /// A main that returns an error ends its node's process; a panic fails the run.
    ///
    /// For programs whose way to say that something is wrong is a status other than zero.
    MayExit,
    /// The node's process ends and is booted again, as by systemd's `Restart=on-failure`.
    ///
    /// A main that returns an error ends it in good order, a panic in any of its tasks as by
    /// `panic = "abort"`. What kills it from without (the test, a fault, a signal, a loss of power)
    /// is none of its failures, and a main that returns `()` or `Ok` has done its work. A node
    /// without a main stays down: there is nothing to boot.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, OnFailure, check};
    ///
    /// /// Needs something that is there after a while.
    /// async fn serve() -> std::io::Result<()> {
    ///     simoom::fs::read("/run/ready").await?;
    ///     std::future::pending().await
    /// }
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let after = Duration::from_secs(1);
    ///     let node = sim.node("server");
    ///     node.on_failure(OnFailure::Restart { after, at_most: 5 }).run(serve);
    ///     simoom::time::sleep(Duration::from_millis(2500)).await;
    ///     assert_eq!(node.incarnation(), 3);
    ///     node.disk().write("/run/ready", b"").unwrap();
    ///     simoom::time::sleep(Duration::from_secs(60)).await;
    ///     assert_eq!(node.incarnation(), 4);
    /// })
    /// .unwrap();
    /// ```
    Restart {
        /// How much true time passes before it is booted.
        after: Duration,
        /// How often that happens in a run; then it stays down, as systemd leaves it. 0: never.
        at_most: u32,
    },
}

/// How the process of a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Its main returned `()` or `Ok`.
    Returned,
    /// Its main returned an error, or a panic ended it.
    Failed {
        /// The error or the panic.
        message: String,
    },
    /// A signal ended it; 9 after [`Node::kill`](crate::Node::kill).
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// Its machine lost its power.
    PowerLost,
}

/// How a main came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left<'a> {
    Fine,
    WithError(&'a str),
    Panicking(&'a str),
}

/// One node.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
    pub(crate) alive: bool,
    pub(crate) incarnation: u32,
    /// How often it was killed: what was born before the last time is dead.
    pub(crate) deaths: u32,
    /// The path of this incarnation.
    pub(crate) root: PathId,
    pub(crate) boot: Option<Boot>,
    /// Where its main was given.
    pub(crate) booted_at: &'static Location<'static>,
    pub(crate) on_failure: OnFailure,
    /// How long tasks may take to end after its main has, once they were asked.
    pub(crate) shutdown: Option<Duration>,
    /// How often it was booted again because it had failed.
    pub(crate) restarts: u32,
    pub(crate) next_port: u16,
    /// Whether its machine is on: it is, also when its process has ended.
    pub(crate) powered: bool,
    pub(crate) pause: Option<Pause>,
    pub(crate) signals: Signals,
    /// The task of its main, while that runs.
    pub(crate) main: Option<TaskSlot>,
    /// How each incarnation ended, and who waits for that.
    pub(crate) ends: BTreeMap<u32, Ended>,
    pub(crate) end_wakers: Vec<Waker>,
    pub(crate) clock: Clock,
    /// Its threads for blocking work.
    pub(crate) pool: Pool,
}

/// The ports given to sockets that ask for none (net.ipv4.ip_local_port_range).
pub(crate) const FIRST_PORT: u16 = 32_768;
pub(crate) const LAST_PORT: u16 = 60_999;

/// The signal that no process survives.
pub(crate) const SIGKILL: i32 = libc::SIGKILL;

impl World {
    /// Notes how the process of a node ended, unless its main had ended before.
    pub(crate) fn note_end(&mut self, node: NodeId, how: Ended) {
        let this = &mut self.nodes[node.0 as usize];
        this.ends.entry(this.incarnation).or_insert(how);
        self.effects.wake_all(this.end_wakers.drain(..));
    }

    /// Notes that the main of a node has ended, and how.
    pub(crate) fn note_exit(&mut self, node: NodeId, left: Left<'_>) {
        let (how, text) = match left {
            Left::Fine => (0, "Ok".to_owned()),
            Left::WithError(message) => (1, one_line(message)),
            Left::Panicking(message) => (2, format!("panicked: {}", one_line(message))),
        };
        let text = format!("{}: {text}", self.nodes[node.0 as usize].name);
        self.tell("node.exited", &text);
        self.say(|_| text);
        self.note(EventKind::NodeExited, u64::from(node.0), how);
    }

    /// Boots a node that has failed once `after` has passed, unless it was booted so often before.
    pub(crate) fn restart_later(&mut self, node: NodeId, after: Duration, at_most: u32) {
        let this = &mut self.nodes[node.0 as usize];
        if this.boot.is_none() || this.restarts >= at_most {
            return;
        }
        this.restarts += 1;
        let incarnation = this.incarnation;
        let after_ns = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX);
        let at = Instant::from_nanos(self.now_ns.saturating_add(after_ns));
        self.timers.insert(at, Due::Restart { node, incarnation });
    }

    /// Boots a node that has failed, unless it is another process since, or its machine is off.
    pub(super) fn restart_is_due(&mut self, node: NodeId, incarnation: u32) {
        let this = &self.nodes[node.0 as usize];
        if this.alive || !this.powered || this.incarnation != incarnation {
            return;
        }
        let text = format!("{}, by itself, time {}", this.name, this.restarts);
        self.tell("node.restarted", &text);
        self.faults.under_way.ask_to_boot(node);
    }

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
        self.nodes.push(Node {
            name: name.to_owned(),
            ip,
            alive: true,
            incarnation: 0,
            deaths: 0,
            root,
            boot: None,
            booted_at: Location::caller(),
            on_failure: OnFailure::default(),
            shutdown: None,
            restarts: 0,
            next_port: FIRST_PORT,
            powered: true,
            pause: None,
            signals: Signals::default(),
            main: None,
            ends: BTreeMap::new(),
            end_wakers: Vec::new(),
            clock: Clock::default(),
            pool: Pool::default(),
        });
        self.set_clocks_by_faults(id);
        id
    }
}

/// The first line of a message, as far as a line of a story holds it.
fn one_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let more = if first.len() < message.trim_end().len() {
        " …"
    } else {
        ""
    };
    match first.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{} …", &first[..end]),
        None => format!("{first}{more}"),
    }
}

/// So many characters of a message are told.
const MESSAGE_MAX: usize = 200;
