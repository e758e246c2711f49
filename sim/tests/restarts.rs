//! Processes that fail and are started again, and tasks for nodes that may be down.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use simoom::time::sleep;
use simoom_sim::{Config, Ended, NodeIsDown, OnFailure, Sim, check};

fn config() -> Config {
    Config::default().persist(false).seeds(10)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// When each process of a node began, in milliseconds.
type Times = Rc<RefCell<Vec<u64>>>;

/// A node whose processes live 10 ms, then do what `end` says.
fn failing(
    sim: &Sim,
    on_failure: OnFailure,
    end: fn() -> Result<(), String>,
) -> (simoom_sim::Node, Times) {
    let times = Times::default();
    let (noted, clock) = (times.clone(), sim.clone());
    let node = sim.node("server").on_failure(on_failure);
    node.run(move || {
        noted.borrow_mut().push(clock.elapsed().as_millis() as u64);
        async move {
            sleep(ms(10)).await;
            end()
        }
    });
    (node, times)
}

fn restart(after: Duration, at_most: u32) -> OnFailure {
    OnFailure::Restart { after, at_most }
}

#[test]
fn a_main_that_fails_is_restarted_after_a_while_and_so_often() {
    let ends: [fn() -> Result<(), String>; 2] = [|| Err("no luck".into()), || panic!("no luck")];
    for end in ends {
        check(config(), move |sim| async move {
            let (node, times) = failing(&sim, restart(ms(100), 3), end);
            sleep(ms(5_000)).await;
            assert_eq!(*times.borrow(), [0, 110, 220, 330]);
            assert_eq!((node.incarnation(), node.is_alive()), (4, false));
            assert!(matches!(node.exited(), Some(Ended::Failed { .. })));
            // The test may go on with it.
            node.restart();
            assert!(node.is_alive());
        })
        .unwrap();
    }
}

#[test]
fn a_panic_in_any_task_restarts_the_whole_process() {
    check(config(), |sim| async move {
        let begun = Rc::new(Cell::new(0));
        let count = begun.clone();
        let node = sim.node("server").on_failure(restart(ms(100), 1));
        node.run(move || {
            let number = count.get();
            count.set(number + 1);
            async move {
                if number == 0 {
                    simoom::spawn(async {
                        sleep(ms(10)).await;
                        panic!("in a task");
                    });
                }
                std::future::pending::<()>().await;
            }
        });
        sleep(ms(50)).await;
        assert!(!node.is_alive());
        sleep(ms(100)).await;
        assert!(node.is_alive());
        assert_eq!((begun.get(), node.incarnation()), (2, 2));
    })
    .unwrap();
}

#[test]
fn nobody_restarts_what_is_done_or_was_ended_from_without() {
    check(config(), |sim| async move {
        let (node, times) = failing(&sim, restart(ms(100), 9), || Ok(()));
        sleep(ms(5_000)).await;
        assert_eq!(*times.borrow(), [0], "its work is done");
        assert_eq!(node.exited(), Some(Ended::Returned));
    })
    .unwrap();
    check(config(), |sim| async move {
        let (node, times) = failing(&sim, restart(ms(100), 9), || Err("no luck".into()));
        sleep(ms(5)).await;
        node.kill();
        sleep(ms(5_000)).await;
        assert_eq!(*times.borrow(), [0], "it was killed");
        node.restart();
        sleep(ms(5)).await;
        node.power_loss();
        sleep(ms(5_000)).await;
        assert_eq!(times.borrow().len(), 2, "its machine has no power");
    })
    .unwrap();
    // Who loses the power while it waits is not booted, and who was booted is not booted again.
    check(config(), |sim| async move {
        let (node, times) = failing(&sim, restart(ms(100), 9), || Err("no luck".into()));
        sleep(ms(50)).await;
        node.power_loss();
        sleep(ms(5_000)).await;
        assert_eq!(*times.borrow(), [0]);
        node.restart();
        sleep(ms(50)).await;
        node.restart_with(std::future::pending::<()>);
        sleep(ms(5_000)).await;
        assert_eq!(node.incarnation(), 3);
        assert!(node.is_alive());
    })
    .unwrap();
}

#[test]
fn a_restart_is_told_and_shrunk_with_the_rest() {
    let report = check(config().seeds(1), |sim| async move {
        let (node, _) = failing(&sim, restart(ms(100), 1), || Err("no luck".into()));
        sleep(ms(1_000)).await;
        assert!(node.is_alive(), "gave up");
    });
    let story = report.failure().unwrap().story().join("\n");
    for line in [
        "0.010 s  node.exited        server: \"no luck\"",
        "0.110 s  node.restarted     server, by itself, time 1",
        "0.120 s  node.exited        server: \"no luck\"",
    ] {
        assert!(story.contains(line), "{line}: {report}");
    }
}

#[test]
#[should_panic(expected = "cannot be killed or stopped")]
fn the_test_itself_is_not_restarted() {
    check(config(), |sim| async move {
        let _ = sim.node("test").on_failure(restart(ms(1), 1));
    })
    .unwrap();
}

/// Ends a node's process.
type End = fn(&simoom_sim::Node);

#[test]
fn who_spawns_on_a_node_that_is_down_learns_why() {
    let ended: [(End, &str); 3] = [
        (|node| node.kill(), " (signal 9)"),
        (|node| node.power_loss(), " (its machine has no power)"),
        (|_| (), " (its main returned)"),
    ];
    for (end, how) in ended {
        check(config(), move |sim| async move {
            let node = sim.node("server").run(|| sleep(ms(10)));
            let five = node.try_spawn(async { 5 }).unwrap();
            assert_eq!(five.await.unwrap(), 5);
            end(&node);
            sleep(ms(20)).await;
            let dropped = Rc::new(());
            let kept = dropped.clone();
            let down: NodeIsDown = node.try_spawn(async move { drop(kept) }).unwrap_err();
            assert_eq!(Rc::strong_count(&dropped), 1, "the future is dropped");
            assert_eq!(
                (down.node.as_str(), &down.ended),
                ("server", &node.exited())
            );
            let text = format!("the process of node \"server\" has ended{how}: ");
            assert!(down.to_string().starts_with(&text), "{down}");
            node.restart();
            assert_eq!(node.try_spawn(async { 6 }).unwrap().await.unwrap(), 6);
        })
        .unwrap();
    }
    let report = check(config().seeds(1), |sim| async move {
        let node = sim.node("server").run(std::future::pending::<()>);
        node.kill();
        node.spawn(async {});
    });
    let cause = report.failure().unwrap().cause().to_string();
    let told = "the process of node \"server\" has ended (signal 9): `restart` boots it again \
                (`try_spawn` gives an error instead of this panic)";
    assert!(cause.contains(told), "{cause}");
    assert!(
        cause.contains("panicked at sim/tests/restarts.rs:"),
        "{cause}"
    );
}

#[test]
fn what_boots_a_node_that_is_down_is_what_the_error_says() {
    check(config(), |sim| async move {
        let node = sim.node("server");
        node.kill();
        let down = node.try_spawn(async { 5 }).unwrap_err();
        assert_eq!(
            down.to_string(),
            "the process of node \"server\" has ended (signal 9): it has no main, `run` boots it \
             with one"
        );
        node.run(std::future::pending::<()>);
        assert_eq!(node.try_spawn(async { 5 }).unwrap().await.unwrap(), 5);
    })
    .unwrap();
}

#[test]
fn a_node_without_a_main_is_not_restarted() {
    check(config(), |sim| async move {
        let node = sim.node("server").on_failure(restart(ms(100), 9));
        let failed = node.spawn(async { panic!("no luck") });
        assert!(failed.await.is_err());
        sleep(ms(5_000)).await;
        assert!(!node.is_alive(), "there is nothing to boot");
        assert_eq!(node.incarnation(), 0);
    })
    .unwrap();
}
