//! Canaries of nodes.

use std::cell::Cell;
use std::rc::Rc;

use simoom::time::{Duration, sleep};
use simoom_sim::{Fault, Kind, Sim};

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
