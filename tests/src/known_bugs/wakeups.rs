//! Waiting for what has happened already.

use std::cell::Cell;
use std::rc::Rc;

use simoom::sync::Notify;
use simoom::task::{preemption_point, spawn_local, yield_now};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};

pub(super) const BUGS: [Bug; 1] = [bug! {
    quiescence, LostWakeup, "deadlock", seeds: 100,
    "https://github.com/astrid-runtime/astrid/issues/1497",
    "Who waited for the last operation to end looked at their number before it was registered with \
     `Notify`. If the last one ended in between, `notify_waiters` told nobody, and the wait never \
     ended.",
}];

/// Operations that go on, and who waits for their end.
#[derive(Default)]
struct Tracker {
    active: Cell<u32>,
    idle: Notify,
}

impl Tracker {
    fn finish(&self) {
        self.active.set(self.active.get() - 1);
        if self.active.get() == 0 {
            self.idle.notify_waiters();
        }
    }

    async fn quiescence(&self, twin: Twin) {
        loop {
            let registered = self.idle.notified();
            if self.active.get() == 0 {
                return;
            }
            twin.here();
            // Between two statements there may always be another thread's.
            preemption_point().await;
            if twin.is_fixed() {
                registered.await;
            } else {
                self.idle.notified().await;
            }
        }
    }
}

async fn quiescence(_sim: Sim, twin: Twin) {
    let tracker = Rc::new(Tracker::default());
    for steps in 4..7 {
        tracker.active.set(tracker.active.get() + 1);
        let tracker = tracker.clone();
        spawn_local(async move {
            for _ in 0..steps {
                yield_now().await;
            }
            tracker.finish();
        });
    }
    let retirement = spawn_local(async move { tracker.quiescence(twin).await });
    retirement.await.unwrap();
}
