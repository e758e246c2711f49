//! The kernels as programs of simoom, and its sweeps of them.

use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use simoom::backend::{Op, OpKind, Resource, proceed};
use simoom::sync::Mutex;
use simoom::task::{JoinHandle, preemption_point};
use simoom_sim::{Config, Strategy, check};

use crate::trial::{Limits, Trial, ensure};

macro_rules! program {
    ($(#[$meta:meta])* fn $name:ident($($argument:ident: $kind:ty),*) $body:block) => {
        $(#[$meta])*
        async fn $name($($argument: $kind),*) $body
    };
}

macro_rules! visible {
    ($operation:expr) => {
        $operation.await
    };
}

macro_rules! task {
    ($body:block) => {
        visible!(started(async move { $body }))
    };
}

include!("kernels.rs");

/// A variable whose every reading and writing is an operation.
struct Cell {
    value: AtomicI64,
    resource: Resource,
}

impl Cell {
    fn new(value: i64) -> Self {
        Self {
            value: AtomicI64::new(value),
            resource: Resource::new(),
        }
    }

    #[track_caller]
    fn read(&self) -> Access<'_> {
        self.access(None)
    }

    #[track_caller]
    fn write(&self, value: i64) -> Access<'_> {
        self.access(Some(value))
    }

    #[track_caller]
    fn access(&self, written: Option<i64>) -> Access<'_> {
        let (cell, site) = (self, Location::caller());
        Access {
            cell,
            written,
            site,
        }
    }
}

/// Yields what the cell holds afterwards.
struct Access<'a> {
    cell: &'a Cell,
    written: Option<i64>,
    site: &'static Location<'static>,
}

impl Future for Access<'_> {
    type Output = i64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<i64> {
        let resource = &self.cell.resource;
        let op = match self.written {
            None => Op::read(OpKind::Point, resource, self.site),
            Some(_) => Op::write(OpKind::Point, resource, self.site),
        };
        let progress = ready!(proceed(cx, &op));
        if let Some(value) = self.written {
            self.cell.value.store(value, SeqCst);
        }
        progress.done();
        Poll::Ready(self.cell.value.load(SeqCst))
    }
}

type Lock = Mutex<()>;

/// Starting a thread is visible: another may go first.
async fn started(body: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    preemption_point().await;
    simoom::spawn(body)
}

async fn join(task: JoinHandle<()>) {
    task.await.expect("what it finds fails the run before");
}

/// Sweeps until the first failing run. The undisturbed run that each sweep begins with counts.
pub fn trial(kernel: &str, strategy: &str, limits: Limits) -> Trial {
    let strategy: Strategy = strategy.parse().expect("a strategy of simoom");
    let config = Config::default()
        .strategy(strategy)
        .first_seed(limits.seed)
        .seeds(limits.most - 1)
        .jobs(1)
        .doubled(0)
        .shrink(false)
        .persist(false);
    let kernel = kernel.to_owned();
    let begin = Instant::now();
    let report = check(config, move |_sim| {
        let kernel = kernel.clone();
        async move { run(&kernel).await }
    });
    Trial {
        executions: report.runs().len() as u64 + 1,
        is_found: report.failure().is_some(),
        wall: begin.elapsed(),
    }
}
