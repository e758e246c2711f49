//! Signals of simulated nodes: what waits leave behind, and who is woken.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use simoom_sim::{Config, check};

async fn dropped_waits_leave_nothing() {
    let kind = simoom::signal::unix::SignalKind::interrupt();
    let mut listening = simoom::signal::unix::signal(kind).unwrap();
    for _ in 0..1000 {
        // A waker of its own for each, as a task for each connection has.
        let task = Arc::new(Idle);
        let waker = Waker::from(task.clone());
        let mut cx = Context::from_waker(&waker);
        let mut kept = Box::pin(simoom::signal::ctrl_c());
        let mut asked = Box::pin(simoom::signal::ctrl_c());
        assert!(kept.as_mut().poll(&mut cx).is_pending());
        assert!(asked.as_mut().poll(&mut cx).is_pending());
        drop(asked);
        assert_eq!(Arc::strong_count(&task), 3, "the other one waits");
        drop(kept);
        let mut came = Box::pin(listening.recv());
        assert!(came.as_mut().poll(&mut cx).is_pending());
        drop(came);
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 1);
    }
}

/// A task that is never run.
struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn dropped_waits_for_signals_leave_nothing() {
    check(Config::default().persist(false).seeds(2), |_| {
        dropped_waits_leave_nothing()
    })
    .unwrap();
}
