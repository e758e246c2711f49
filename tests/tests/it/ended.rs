//! Each primitive with one of its parties ended at every one of its polls: what holds all the same.
//! The numbers are those of what asyncio promises of its own.

use std::time::Duration;

use simoom_sim::Config;
use simoom_sim::cancel::every_await;
use simoom_tests::both;
use simoom_tests::primitives::{Form, Parties, Program};

/// Runs a program again and again, with the party ended that waits first, second and so on.
async fn at_every_poll(name: &str) {
    let program = Program::named(name);
    program.run(Parties::default()).await;
    for form in Form::ALL {
        for wait in 1.. {
            let parties = Parties::ended(form, wait);
            program.run(parties.clone()).await;
            if !parties.has_ended_one() {
                assert!(wait > 2, "the parties of {name} do not wait");
                break;
            }
        }
    }
}

/// In simulations alone: each task but the first is aborted at each of its awaits, as it waits and as
/// it was woken.
fn at_every_await(name: &'static str) {
    // What is lost is waited for in vain: not for long.
    let config = Config::default()
        .time(Duration::from_secs(60))
        .persist(false);
    let report = every_await(config, move |_sim| {
        Program::named(name).run(Parties::default())
    });
    let (waiting, woken) = (report.cancelled(), report.cancelled_woken());
    assert!(waiting > 2 && woken > 0, "{waiting} and {woken} in {name}");
    report.unwrap();
}

both! {
    async fn lck_1_4_5_6_7_8_at_every_poll() {
        at_every_poll("mutex").await;
    }

    async fn rw_lock_at_every_poll() {
        at_every_poll("rw_lock").await;
    }

    async fn sem_2_4_5_6_7_8_at_every_poll() {
        at_every_poll("semaphore").await;
    }

    async fn sem_1_2_4_5_6_bounded_at_every_poll() {
        at_every_poll("bounded_semaphore").await;
    }

    async fn evt_1_2_3_at_every_poll() {
        at_every_poll("event").await;
    }

    async fn cnd_2_3_5_7_9_at_every_poll() {
        at_every_poll("condition").await;
    }

    async fn bar_2_3_4_5_6_at_every_poll() {
        at_every_poll("barrier").await;
    }

    async fn notify_at_every_poll() {
        at_every_poll("notify").await;
    }

    async fn q_2_3_5_6_8_9_at_every_poll() {
        at_every_poll("queue").await;
    }

    async fn q_1_5_6_by_priority_at_every_poll() {
        at_every_poll("priority_queue").await;
    }

    async fn q_1_2_5_6_of_tokio_at_every_poll() {
        at_every_poll("mpsc").await;
    }

    async fn fut_3_5_10_at_every_poll() {
        at_every_poll("oneshot").await;
    }

    async fn broadcast_at_every_poll() {
        at_every_poll("broadcast").await;
    }

    async fn watch_at_every_poll() {
        at_every_poll("watch").await;
    }

    async fn once_cell_at_every_poll() {
        at_every_poll("once_cell").await;
    }

    async fn fut_2_6_at_every_poll() {
        at_every_poll("set_once").await;
    }

    async fn can_3_6_7_8_11_at_every_poll() {
        at_every_poll("cancel").await;
    }

    async fn sh_1_at_every_poll() {
        at_every_poll("shield").await;
    }

    async fn to_1_2_6_7_at_every_poll() {
        at_every_poll("timeout").await;
    }

    async fn wf_1_4_6_8_at_every_poll() {
        at_every_poll("timeout_cancel").await;
    }

    async fn gat_1_6_8_at_every_poll() {
        at_every_poll("gather").await;
    }

    async fn tg_1_3_5_22_at_every_poll() {
        at_every_poll("group").await;
    }

    async fn str_2_12_at_every_poll() {
        at_every_poll("lines").await;
    }

    async fn loop_11_12_at_every_poll() {
        at_every_poll("socket").await;
    }

    async fn str_8_at_every_poll() {
        at_every_poll("server").await;
    }
}

#[test]
fn lck_1_4_5_6_7_8_at_every_await() {
    at_every_await("mutex");
}

#[test]
fn rw_lock_at_every_await() {
    at_every_await("rw_lock");
}

#[test]
fn sem_2_4_5_6_7_8_at_every_await() {
    at_every_await("semaphore");
}

#[test]
fn sem_1_2_4_5_6_bounded_at_every_await() {
    at_every_await("bounded_semaphore");
}

#[test]
fn evt_1_2_3_at_every_await() {
    at_every_await("event");
}

#[test]
fn cnd_2_3_5_7_9_at_every_await() {
    at_every_await("condition");
}

#[test]
fn bar_2_3_4_5_6_at_every_await() {
    at_every_await("barrier");
}

#[test]
fn notify_at_every_await() {
    at_every_await("notify");
}

#[test]
fn q_2_3_5_6_8_9_at_every_await() {
    at_every_await("queue");
}

#[test]
fn q_1_5_6_by_priority_at_every_await() {
    at_every_await("priority_queue");
}

#[test]
fn q_1_2_5_6_of_tokio_at_every_await() {
    at_every_await("mpsc");
}

#[test]
fn fut_3_5_10_at_every_await() {
    at_every_await("oneshot");
}

#[test]
fn broadcast_at_every_await() {
    at_every_await("broadcast");
}

#[test]
fn watch_at_every_await() {
    at_every_await("watch");
}

#[test]
fn once_cell_at_every_await() {
    at_every_await("once_cell");
}

#[test]
fn fut_2_6_at_every_await() {
    at_every_await("set_once");
}

#[test]
fn can_3_6_7_8_11_at_every_await() {
    at_every_await("cancel");
}

#[test]
fn sh_1_at_every_await() {
    at_every_await("shield");
}

#[test]
fn to_1_2_6_7_at_every_await() {
    at_every_await("timeout");
}

#[test]
fn wf_1_4_6_8_at_every_await() {
    at_every_await("timeout_cancel");
}

#[test]
fn gat_1_6_8_at_every_await() {
    at_every_await("gather");
}

#[test]
fn tg_1_3_5_22_at_every_await() {
    at_every_await("group");
}

#[test]
fn str_2_12_at_every_await() {
    at_every_await("lines");
}

#[test]
fn loop_11_12_at_every_await() {
    at_every_await("socket");
}

#[test]
fn str_8_at_every_await() {
    at_every_await("server");
}
