//! Checks of simoom as a whole: test bodies that run in both worlds.
//!
//! Owns how a body is run. A body is ordinary code and cannot know which world runs it, so what it
//! asserts is what both promise: order, lower bounds of time, values and errors.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

use simoom::runtime::Runtime;
use simoom::signal::unix::SignalKind;
use simoom::time::{Duration, sleep};
use simoom_sim::{Config, OnFailure, Sim, check};

use crate::programs;

/// Makes two tests of each body: `name::real`, on a runtime of its own, and `name::simulated`, in
/// a calm simulation and under several seeds.
///
/// # Examples
/// ```
/// simoom_tests::both! {
///     async fn a_task_returns_its_value() {
///         assert_eq!(simoom::spawn(async { 5 }).await.unwrap(), 5);
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! both {
    ($($(#[$attribute:meta])* async fn $name:ident() $body:block)+) => {
        $(
            $(#[$attribute])*
            mod $name {
                use super::*;

                async fn body() $body

                #[test]
                fn real() {
                    $crate::real(body);
                }

                #[test]
                fn simulated() {
                    $crate::simulated(body);
                }
            }
        )+
    };
}

/// How long a body may take in the real world.
const REAL_MAX: Duration = Duration::from_secs(30);

/// How long a body may take in the simulated one, on its clock.
const SIMULATED_MAX: Duration = Duration::from_secs(600);

/// How many seeds run a body.
const SEEDS: u64 = 30;

/// Runs `body` on a runtime of its own.
///
/// # Panics
/// When the body does, and when it takes more than 30 s.
pub fn real<F, M>(body: M)
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    really(Box::new(move || Box::pin(body())));
}

/// A body of whatever type: what runs it is compiled once, and not for each of them.
type Body = Pin<Box<dyn Future<Output = ()>>>;

fn really(body: Box<dyn FnOnce() -> Body + Send>) {
    let (ended, end) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let _ended = ended;
        let runtime = Runtime::new().expect("the system has descriptors left");
        runtime.block_on(body());
    });
    // Nothing is ever sent: the sender is dropped when the thread ends, however it does.
    let waited = end.recv_timeout(REAL_MAX);
    assert_ne!(
        waited,
        Err(mpsc::RecvTimeoutError::Timeout),
        "still running after {REAL_MAX:?}"
    );
    if let Err(payload) = thread.join() {
        std::panic::resume_unwind(payload);
    }
}

/// Runs `body` in a calm simulation, and under 30 seeds of the portfolio.
///
/// A task that panics is gone and nothing else happens, as in the real world.
///
/// # Panics
/// When the body does in one of the runs, or takes more than ten minutes of virtual time.
#[track_caller]
pub fn simulated<F, M>(body: M)
where
    M: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = ()> + 'static,
{
    in_simulations(Box::new(move || Box::pin(body())));
}

#[track_caller]
fn in_simulations(body: Box<dyn Fn() -> Body + Send + Sync>) {
    let config = Config::default()
        .seeds(SEEDS)
        .time(SIMULATED_MAX)
        .persist(false);
    check(config, move |sim| {
        let _test = sim.node("test").on_failure(OnFailure::Contain);
        programs::register(&sim);
        SIM.set(Some(sim));
        body()
    })
    .unwrap();
}

thread_local! {
    /// The simulation that runs a body on this thread.
    static SIM: RefCell<Option<Sim>> = const { RefCell::new(None) };
}

/// Sends a signal to the process that runs this body: to the node of the test in the simulated
/// world, to the test's own process in the real one, where other bodies see it too.
///
/// # Panics
/// If the system has no such signal.
pub fn raise(kind: SignalKind) {
    match SIM.with_borrow(Clone::clone) {
        Some(sim) => sim.node("test").signal(kind),
        None => signal_hook::low_level::raise(kind.as_raw_value()).expect("there is such a signal"),
    }
}

/// Gives every task the time to go on until it waits, and segments the time to arrive.
pub async fn settle() {
    sleep(Duration::from_millis(2)).await;
}

/// What a panic said.
#[must_use]
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<String>() {
        Some(text) => text.clone(),
        None => payload
            .downcast_ref::<&'static str>()
            .map_or_else(String::new, |text| (*text).to_owned()),
    }
}

/// Notes that it was dropped.
#[derive(Debug)]
pub struct Dropped(std::sync::Arc<std::sync::atomic::AtomicBool>);

/// Whether a [`Dropped`] was dropped.
#[derive(Clone, Debug, Default)]
pub struct DropFlag(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl DropFlag {
    /// A value that sets the flag when it is dropped.
    #[must_use]
    pub fn guard(&self) -> Dropped {
        Dropped(self.0.clone())
    }

    /// Whether the value was dropped.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}
