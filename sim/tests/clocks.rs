//! Clocks that are wrong.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use simoom::io::AsyncReadExt;
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Instant, interval, sleep, sleep_until, system_time, timeout};
use simoom_sim::{Config, check};

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(10)
        .time(secs(1_000_000))
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A clock that goes fast skips nanoseconds.
#[track_caller]
fn check_close(shown: Duration, wanted: Duration) {
    let late = shown.checked_sub(wanted).expect("a timer fires early");
    assert!(late <= Duration::from_nanos(1), "{shown:?}, not {wanted:?}");
}

#[test]
fn two_nodes_diverge_as_their_clocks_drift() {
    check(config(), |sim| async move {
        let (fast, slow) = (sim.node("fast"), sim.node("slow"));
        fast.clock().drift(200);
        slow.clock().drift(-200);
        let counted = |node: &simoom_sim::Node| {
            node.spawn(async {
                let start = (Instant::now(), system_time());
                let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                listener.accept().await.unwrap();
                (
                    start.0.elapsed(),
                    system_time().duration_since(start.1).unwrap(),
                )
            })
        };
        let tasks = [counted(&fast), counted(&slow)];
        sim.net().default_latency(ms(0), ms(0));
        sleep(secs(10_000)).await;
        let mut shown = Vec::new();
        for (name, task) in ["fast", "slow"].into_iter().zip(tasks) {
            drop(TcpStream::connect((name, 80)).await);
            shown.push(task.await.unwrap());
        }
        // 200 us each second, for 10 000 seconds.
        assert_eq!(
            shown,
            [(secs(10_002), secs(10_002)), (secs(9_998), secs(9_998))]
        );
        assert_eq!(fast.clock().elapsed(), secs(10_002));
        assert_eq!(sim.elapsed(), secs(10_000));
    })
    .unwrap();
}

#[test]
fn timers_follow_the_clock_of_their_node() {
    check(config(), |sim| async move {
        for (name, ppm) in [("fast", 500_000), ("slow", -500_000)] {
            let node = sim.node(name);
            node.clock().drift(ppm);
            let before = sim.elapsed();
            node.spawn(async {
                let start = Instant::now();
                sleep(secs(3)).await;
                check_close(start.elapsed(), secs(3));
                assert!(
                    timeout(secs(3), std::future::pending::<()>())
                        .await
                        .is_err()
                );
                check_close(start.elapsed(), secs(6));
                let mut ticks = interval(secs(1));
                for _ in 0..4 {
                    ticks.tick().await;
                }
                check_close(start.elapsed(), secs(9));
                let deadline = Instant::now() + secs(3);
                let sleeping = sleep_until(deadline);
                simoom::pin!(sleeping);
                assert!(timeout(secs(1), sleeping.as_mut()).await.is_err());
                sleeping.as_mut().reset(deadline - secs(1));
                sleeping.await;
                check_close(start.elapsed(), secs(11));
            })
            .await
            .unwrap();
            let shown = Duration::from_nanos(11_000_000_000);
            let truly = match ppm {
                500_000 => shown * 2 / 3 + Duration::from_nanos(1),
                _ => shown * 2,
            };
            let took = sim.elapsed() - before;
            assert!(took.abs_diff(truly) < Duration::from_nanos(10), "{took:?}");
        }
    })
    .unwrap();
}

#[test]
fn an_armed_timer_moves_with_a_drift_that_changes() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let asleep = |node: &simoom_sim::Node| {
            node.spawn(async {
                let start = Instant::now();
                sleep(secs(100)).await;
                check_close(start.elapsed(), secs(100));
            })
        };
        // 50 s at the true rate, then half as fast again: 50 more take 33.3.
        let (task, before) = (asleep(&node), sim.elapsed());
        sleep(secs(50)).await;
        node.clock().drift(500_000);
        task.await.unwrap();
        let took = sim.elapsed() - before;
        assert_eq!(took.as_millis(), 83_333);

        // 60 s of its own in 40, then at half the rate: 40 more take 80.
        let (task, before) = (asleep(&node), sim.elapsed());
        sleep(secs(40)).await;
        node.clock().drift(-500_000);
        task.await.unwrap();
        let took = sim.elapsed() - before;
        assert_eq!(took.as_millis(), 120_000);

        // Another node's timers stay where they are.
        let (task, before) = (asleep(&sim.node("other")), sim.elapsed());
        sleep(secs(1)).await;
        node.clock().drift(0);
        task.await.unwrap();
        assert_eq!(sim.elapsed() - before, secs(100));
    })
    .unwrap();
}

#[test]
fn setting_the_wall_clock_moves_no_timer() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let task = node.spawn(async {
            let (start, wall) = (Instant::now(), system_time());
            sleep(secs(10)).await;
            (start.elapsed(), wall, system_time())
        });
        sleep(secs(5)).await;
        node.clock().step_back(secs(3600));
        assert_eq!(node.clock().wall() + secs(3600), sim.wall_clock());
        let (slept, before, after) = task.await.unwrap();
        assert_eq!(slept, secs(10));
        assert_eq!(before.duration_since(after).unwrap(), secs(3590));

        let task = node.spawn(async {
            let start = Instant::now();
            sleep(secs(10)).await;
            start.elapsed()
        });
        sleep(secs(5)).await;
        node.clock().step_forward(secs(86_400));
        assert_eq!(task.await.unwrap(), secs(10));
        assert_eq!(node.clock().wall(), sim.wall_clock() + secs(82_800));
        node.clock().synchronise();
        assert_eq!(node.clock().wall(), sim.wall_clock());
        assert_eq!(sim.node("test").clock().wall(), sim.wall_clock());
    })
    .unwrap();
}

#[test]
fn a_wall_clock_may_show_a_time_before_1970() {
    check(config().seeds(1), |sim| async move {
        let clock = sim.node("broken").clock();
        clock.step_back(secs(1_577_836_800 + 3600));
        assert_eq!(clock.wall() + secs(3600), SystemTime::UNIX_EPOCH);
    })
    .unwrap();
}

#[test]
fn no_change_makes_a_monotonic_clock_go_back() {
    check(config().seeds(30), |sim| async move {
        let node = sim.node("victim");
        let shown = Rc::new(RefCell::new(Vec::new()));
        let noted = shown.clone();
        node.spawn(async move {
            loop {
                noted.borrow_mut().push(Instant::now());
                sleep(Duration::from_nanos(7)).await;
                noted.borrow_mut().push(Instant::now());
                sleep(Duration::from_micros(300)).await;
            }
        });
        for round in 0..50_i32 {
            let before = node.clock().elapsed();
            node.clock().drift((round * 37_813) % 1_000_000 - 500_000);
            assert_eq!(node.clock().elapsed(), before, "a change is not a jump");
            node.clock().step_back(secs(1000));
            sleep(Duration::from_nanos(999_983)).await;
            node.clock().step_forward(secs(3));
        }
        let shown = shown.borrow();
        assert!(shown.len() > 100);
        assert!(shown.is_sorted());
    })
    .unwrap();
}

#[test]
fn clocks_go_on_through_restarts_and_pauses() {
    check(config(), |sim| async move {
        let node = sim.node("victim").run(std::future::pending::<()>);
        node.clock().drift(-100_000);
        sleep(secs(10)).await;
        node.pause();
        sleep(secs(10)).await;
        node.resume();
        node.restart();
        sleep(secs(10)).await;
        assert_eq!(node.clock().elapsed(), secs(27));
        let started = node.spawn(async { Instant::now() }).await.unwrap();
        sleep(secs(10)).await;
        let passed = node.spawn(async move { started.elapsed() });
        assert_eq!(passed.await.unwrap(), secs(9));
    })
    .unwrap();
}

#[test]
fn the_network_keeps_true_time() {
    check(config(), |sim| async move {
        let slow = sim.node("slow");
        slow.clock().drift(-500_000);
        sim.net().default_latency(ms(100), ms(100));
        slow.run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                drop(listener.accept().await?);
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok::<(), std::io::Error>(())
        });
        let start = sim.elapsed();
        let mut stream = TcpStream::connect("slow:80").await.unwrap();
        assert_eq!(sim.elapsed() - start, ms(200));
        let _ = stream.read(&mut [0]).await;
    })
    .unwrap();
}

#[test]
fn a_clock_that_is_too_far_off_is_refused() {
    for ppm in [500_001, -500_001, i32::MIN, i32::MAX] {
        let report = check(config().seeds(1).shrink(false), move |sim| async move {
            sim.node("victim").clock().drift(ppm);
        });
        let cause = report.failure().unwrap().cause().to_string();
        assert!(cause.contains("is broken: at most 500000"), "{cause}");
    }
}

#[test]
fn reading_the_clock_of_a_slow_node_over_and_over_never_shows_it_going_back() {
    check(config(), |sim| async move {
        for (name, ppm) in [("slow", -300_000), ("fast", 300_000)] {
            let node = sim.node(name);
            node.clock().drift(ppm);
            node.spawn(async {
                let mut last = Instant::now();
                let mut last_std = std::time::Instant::now();
                for _ in 0..20 {
                    for _ in 0..2_000 {
                        let read = (Instant::now(), std::time::Instant::now());
                        assert!(read.0 >= last && read.1 >= last_std);
                        (last, last_std) = read;
                    }
                    simoom::task::yield_now().await;
                }
            })
            .await
            .unwrap();
        }
    })
    .unwrap();
}

#[test]
fn the_clocks_of_std_are_those_of_the_node() {
    if simoom_sim::interception() != simoom_sim::Interception::Active {
        return;
    }
    check(config(), |sim| async move {
        let node = sim.node("victim");
        node.clock().drift(-250_000);
        let task = node.spawn(async {
            let (start, wall) = (std::time::Instant::now(), SystemTime::now());
            assert_eq!(wall, system_time());
            sleep(secs(30)).await;
            let wall_passed = SystemTime::now().duration_since(wall).unwrap();
            (start.elapsed(), wall_passed)
        });
        sleep(secs(20)).await;
        node.clock().step_forward(secs(7));
        assert_eq!(task.await.unwrap(), (secs(30), secs(37)));
        assert_eq!(sim.elapsed(), secs(40));
        sim.node("test").clock().step_forward(secs(5));
        assert_eq!(SystemTime::now(), system_time(), "in the same poll, too");
        assert_eq!(system_time(), sim.wall_clock() + secs(5));
    })
    .unwrap();
}
