//! Canaries of nodes.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use simoom::signal::unix::{SignalKind, signal};
use simoom::time::{Duration, sleep};
use simoom_sim::{Ended, Fault, Kind, Sim};

use crate::Canary;

pub(crate) const CANARIES: &[Canary] = &[
    Canary::new(Kind::NodeKilled, |sim| {
        Box::pin(async move {
            let boots = boots(&sim);
            sleep(Duration::from_millis(100)).await;
            let is_down = !sim.node("worker").is_alive();
            sleep(Duration::from_secs(2)).await;
            assert_eq!(is_down, boots.get() > 1, "who was down is booted again");
            is_down
        })
    })
    .with(|fault| {
        let second = Duration::from_secs(1);
        often(fault).lasting(second..=second)
    }),
    Canary::new(Kind::NodePowerLost, |sim| {
        Box::pin(async move {
            let boots = boots(&sim);
            sleep(Duration::from_millis(100)).await;
            let ended = sim.node("worker").exited();
            sleep(Duration::from_secs(2)).await;
            assert_eq!(
                ended.is_some(),
                boots.get() > 1,
                "who was down is booted again"
            );
            ended == Some(Ended::PowerLost)
        })
    })
    .with(|fault| {
        let second = Duration::from_secs(1);
        often(fault).lasting(second..=second)
    }),
    Canary::new(Kind::NodePaused, |sim| {
        Box::pin(async move {
            let beats = Rc::new(Cell::new(0));
            let count = beats.clone();
            sim.node("worker").spawn(async move {
                loop {
                    sleep(Duration::from_millis(10)).await;
                    count.set(count.get() + 1);
                }
            });
            sleep(Duration::from_secs(5)).await;
            beats.get() < 400
        })
    })
    .with(|fault| {
        let second = Duration::from_secs(1);
        often(fault).lasting(second..=second)
    }),
    Canary::new(Kind::NodeShutDown, |sim| {
        Box::pin(async move {
            let asked = Rc::new(Cell::new(0));
            let count = asked.clone();
            let worker = sim.node("worker").run(move || {
                let count = count.clone();
                async move {
                    let mut stop = signal(SignalKind::terminate())?;
                    stop.recv().await;
                    count.set(count.get() + 1);
                    io::Result::Ok(())
                }
            });
            sleep(Duration::from_millis(100)).await;
            let is_down = worker.exited() == Some(Ended::Returned);
            sleep(Duration::from_secs(2)).await;
            assert_eq!(is_down, asked.get() > 0, "it stops in good order");
            is_down
        })
    })
    .with(|fault| {
        let second = Duration::from_secs(1);
        often(fault).lasting(second..=second)
    }),
    Canary::new(Kind::NodeRestarted, |sim| {
        Box::pin(async move {
            let boots = boots(&sim);
            sleep(Duration::from_millis(100)).await;
            boots.get() > 1 && sim.node("worker").is_alive()
        })
    })
    .with(often),
];

fn often(fault: Fault) -> Fault {
    fault.every(Duration::from_millis(10))
}

/// How often the main of a node has begun.
fn boots(sim: &Sim) -> Rc<Cell<u32>> {
    let boots = Rc::new(Cell::new(0));
    let count = boots.clone();
    sim.node("worker").run(move || {
        count.set(count.get() + 1);
        async {
            std::future::pending::<()>().await;
        }
    });
    boots
}
