//! That blocking closures leave no threads behind and repeat where faults decide who dies, and
//! when. Alone in its process: other tests start threads as they like.

use std::sync::Arc;
use std::time::Duration;

use simoom::runtime::Handle;
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::spawn_blocking;
use simoom::time::sleep;
use simoom_sim::{Config, Fault, Kind, Plan, Ratio, Sim, check};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A program whose closures wait for time, for a lock, for what others send, and for ever.
async fn closures() {
    let (lock, never) = (Arc::new(Mutex::new(0_u64)), Arc::new(Notify::new()));
    loop {
        let (sender, mut receiver) = mpsc::channel(1);
        let (held, waits) = (lock.clone(), never.clone());
        let waiting = spawn_blocking(move || {
            let mut count = held.blocking_lock();
            Handle::current().block_on(sleep(ms(1)));
            *count += 1;
            sender.blocking_send(*count).is_ok()
        });
        let receiving = spawn_blocking(move || receiver.blocking_recv());
        spawn_blocking(move || {
            Handle::current().block_on(simoom::time::timeout(ms(30), waits.notified()))
        });
        let _ = (waiting.await, receiving.await);
        sleep(ms(1)).await;
    }
}

async fn under_faults(sim: Sim) {
    let often = |kind| {
        let fault = Fault::new(kind).every(ms(10));
        fault.probability(Ratio::new(1, 3))
    };
    let brief = |kind| often(kind).lasting(ms(1)..=ms(6));
    let plan = Plan::new()
        .fault(brief(Kind::NodeKilled))
        .fault(brief(Kind::NodePowerLost))
        .fault(brief(Kind::NodePaused))
        .fault(brief(Kind::NodeShutDown))
        .fault(often(Kind::NodeRestarted));
    for name in ["one", "two"] {
        sim.node(name).max_blocking_threads(2).run(closures);
    }
    sim.faults(plan);
    sleep(ms(60)).await;
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// How many threads there are when those that have been joined are gone from the system's list,
/// too.
fn settled(most: usize) -> usize {
    for _ in 0..200 {
        if threads() <= most {
            break;
        }
        std::thread::sleep(ms(10));
    }
    threads()
}

/// Every run is made twice and compared event by event.
#[test]
fn closures_that_wait_when_faults_end_their_node_leave_no_thread_and_repeat() {
    let sweep = |seeds| {
        let config = Config::default().persist(false).doubled(1).seeds(seeds);
        check(config, under_faults)
    };
    sweep(4).unwrap();
    let before = threads();
    let report = sweep(40);
    let kinds = [
        Kind::NodeKilled,
        Kind::NodePowerLost,
        Kind::NodePaused,
        Kind::NodeShutDown,
        Kind::NodeRestarted,
    ];
    for kind in kinds {
        let fired = report.faults().of(kind).fired;
        assert!(fired > 10, "{kind} {fired} times");
    }
    assert_eq!(report.doubled(), 40);
    let notes = report.notes().to_vec();
    report.unwrap();
    assert!(notes.is_empty(), "threads are left behind: {notes:?}");
    assert_eq!(settled(before), before, "threads");
}
