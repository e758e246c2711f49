//! A world, as a handle that any thread may keep.
//!
//! Inside its own world's thread a handle works. Anywhere else its world cannot be reached: another
//! thread's timing must not decide anything, so it gets errors, and its wakes are reported.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use simoom::backend::{
    Backend, Blocking, Census, Chance, Clock, Job, Listener, Message, Net, Op, Owner, Remote,
    Resolving, Schedule, SendTask, SignalWait, Signals, Stream, Task, TaskRef, TimerKey,
};
use simoom::task::{Id, TaskInfo};
use simoom::time::Instant;

use crate::backend::SimBackend;
use crate::world::epoch;

/// A handle to a world.
pub(crate) struct SimRemote {
    owner: Owner,
}

impl SimRemote {
    pub(crate) fn new(owner: Owner) -> Self {
        Self { owner }
    }

    pub(crate) fn inside<R>(&self, f: impl FnOnce(Option<&SimBackend>) -> R) -> R {
        SimBackend::current(|backend| f(backend.filter(|backend| backend.id() == self.owner.id)))
    }

    /// Runs `f` in the world, or says that it cannot be reached.
    pub(crate) fn inside_or_fail<R>(
        &self,
        f: impl FnOnce(&SimBackend) -> io::Result<R>,
    ) -> io::Result<R> {
        self.inside(|backend| backend.map_or_else(|| Err(outside()), f))
    }
}

const OUTSIDE: &str = "a handle to a simulated runtime was used outside its simulation";

/// Why a handle does nothing outside its simulation.
pub(crate) fn outside() -> io::Error {
    io::Error::other(OUTSIDE)
}

impl Remote for SimRemote {
    fn owner(&self) -> Owner {
        self.owner
    }

    /// The node: what the process counts must not be seen.
    fn number(&self) -> u64 {
        self.inside(|backend| backend.map_or(0, SimBackend::node_number))
    }

    fn view(&self) -> &dyn Backend {
        self
    }
}

impl Backend for SimRemote {
    fn owner(&self) -> Owner {
        self.owner
    }

    fn remote(&self) -> Arc<dyn Remote> {
        Arc::new(Self { owner: self.owner })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Schedule for SimRemote {
    fn next_id(&self) -> Id {
        self.inside(|backend| backend.map_or(Id::from_number(u64::MAX), Schedule::next_id))
    }

    fn spawn(&self, task: Task) {
        self.inside(|backend| match backend {
            Some(backend) => backend.spawn(task),
            None => drop(task),
        });
    }

    fn spawn_send(&self, task: SendTask) {
        self.owner.send(Message::Spawn(task));
    }

    fn schedule(&self, _task: TaskRef<'_>) {}

    fn proceed(&self, _cx: &mut Context<'_>, _op: &Op<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn census(&self) -> Census {
        self.inside(|backend| backend.map_or(Census::default(), Schedule::census))
    }

    fn tasks(&self) -> Option<Vec<TaskInfo>> {
        self.inside(|backend| backend?.tasks())
    }

    fn completed(&self, _op: &Op<'_>) {}
}

impl Clock for SimRemote {
    fn system_time(&self) -> SystemTime {
        self.inside(|backend| match backend {
            Some(backend) => backend.system_time(),
            None => epoch(),
        })
    }

    fn now(&self) -> Instant {
        self.inside(|backend| backend.map_or(Instant::from_nanos(0), Clock::now))
    }

    fn arm(&self, deadline: Instant, waker: &Waker) -> TimerKey {
        self.inside(|backend| match backend {
            Some(backend) => backend.arm(deadline, waker),
            None => panic!("{OUTSIDE}"),
        })
    }

    fn poll_timer(&self, key: TimerKey, waker: &Waker) -> Poll<()> {
        self.inside(|backend| match backend {
            Some(backend) => backend.poll_timer(key, waker),
            None => Poll::Ready(()),
        })
    }

    fn disarm(&self, key: TimerKey) {
        self.inside(|backend| {
            if let Some(backend) = backend {
                backend.disarm(key);
            }
        });
    }
}

impl Chance for SimRemote {
    fn pick(&self, alternatives: u32, site: &'static Location<'static>) -> u32 {
        self.inside(|backend| backend.map_or(0, |backend| backend.pick(alternatives, site)))
    }

    fn turn(&self, alternatives: u32, site: &'static Location<'static>) -> u32 {
        self.pick(alternatives, site)
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.inside(|backend| match backend {
            Some(backend) => backend.fill(bytes),
            None => panic!("{OUTSIDE}"),
        });
    }

    fn buggify(&self, label: &'static str, odds: Option<(u32, u32)>) -> bool {
        self.inside(|backend| backend.is_some_and(|backend| backend.buggify(label, odds)))
    }
}

impl Signals for SimRemote {
    fn signal_count(&self, signal: i32) -> io::Result<u64> {
        self.inside(|backend| match backend {
            Some(backend) => backend.signal_count(signal),
            None => Err(outside()),
        })
    }

    fn poll_signal(
        &self,
        cx: &mut Context<'_>,
        signal: i32,
        seen: u64,
        wait: &mut Option<SignalWait>,
    ) -> Poll<u64> {
        self.inside(|backend| match backend {
            Some(backend) => backend.poll_signal(cx, signal, seen, wait),
            None => Poll::Pending,
        })
    }
}

impl Blocking for SimRemote {
    fn run_blocking(&self, job: Job) {
        self.inside(|backend| match backend {
            Some(backend) => backend.run_blocking(job),
            None => drop(job),
        });
    }
}

impl Net for SimRemote {
    fn tcp_listen(&self, address: SocketAddr, backlog: u32) -> io::Result<Arc<dyn Listener>> {
        self.inside(|backend| match backend {
            Some(backend) => backend.tcp_listen(address, backlog),
            None => Err(outside()),
        })
    }

    fn tcp_connect(&self, address: SocketAddr) -> io::Result<Arc<dyn Stream>> {
        self.inside(|backend| match backend {
            Some(backend) => backend.tcp_connect(address),
            None => Err(outside()),
        })
    }

    fn adopt_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn Listener>> {
        Err(outside())
    }

    fn adopt_stream(&self, _stream: std::net::TcpStream) -> io::Result<Arc<dyn Stream>> {
        Err(outside())
    }

    fn resolve(&self, host: &str, port: u16) -> Resolving {
        self.inside(|backend| match backend {
            Some(backend) => backend.resolve(host, port),
            None => Box::pin(std::future::ready(Err(outside()))),
        })
    }
}
