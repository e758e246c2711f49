//! Bugs of programs that draw random numbers.

use std::time::Duration;

use simoom::rand::{below, random};
use simoom::time::sleep;
use simoom_sim::Sim;

use super::edit::Edit;
use super::order::{Shared, all};
use super::spawn::spawn_local;

/// Two tasks add one to a number, in two operations each, after a while of their own; what they draw
/// has no part in it.
pub(super) async fn drawn_names(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let total = Shared::default();
    let add = || {
        let (total, sim) = (total.clone(), sim.clone());
        spawn_local(async move {
            let name: u64 = random();
            sleep(Duration::from_millis(below(4))).await;
            let seen = total.load().await;
            edit.note(&sim);
            sim.note(&format!("{name} saw {seen}"));
            total.store(seen + 1).await;
        })
    };
    all(vec![add(), add()]).await;
    assert_eq!(total.load().await, 2, "an update was lost");
}

/// One that is unlucky in its fourth draw adds in two operations; the other draws for nothing.
pub(super) async fn fourth_draw(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let total = Shared::default();
    let unlucky = {
        let total = total.clone();
        spawn_local(async move {
            let drawn: [u64; 6] = std::array::from_fn(|_| random());
            if drawn[3] > u64::MAX / 2 {
                let seen = total.load().await;
                total.store(seen + 1).await;
            } else {
                total.add(1).await;
            }
        })
    };
    let other = {
        let (total, sim) = (total.clone(), sim.clone());
        spawn_local(async move {
            for _ in 0..3 {
                let _: u64 = random();
            }
            edit.note(&sim);
            total.add(1).await;
        })
    };
    all(vec![unlucky, other]).await;
    assert_eq!(total.load().await, 2, "an update was lost");
}
