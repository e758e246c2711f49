//! Who sees the virtual clock and the seeded entropy, and who the real ones; what an escape costs.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant, SystemTime};

use simoom::time::sleep;
use simoom_sim::{Config, Escape, Failure, Fault, Interception, Kind, Report, check, interception};

fn config() -> Config {
    Config::default().persist(false).shrink(false).seeds(2)
}

/// A moment that is past on every real clock, and future on every virtual one.
fn is_real(now: SystemTime) -> bool {
    now > SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
}

#[test]
fn it_works_here_and_reports_have_nothing_to_say_of_it() {
    assert_eq!(interception(), Interception::Active);
    let report = check(config(), |_| async {});
    assert_eq!(report.notes(), [""; 0]);
    report.unwrap();
}

#[test]
fn the_caller_of_a_sweep_has_the_real_clock() {
    let (start, wall) = (Instant::now(), SystemTime::now());
    assert!(is_real(wall));
    check(config().time(Duration::from_secs(1 << 30)), |_| async {
        assert!(!is_real(SystemTime::now()));
        sleep(Duration::from_secs(3_600 * 24)).await;
    })
    .unwrap();
    assert!(start.elapsed() < Duration::from_secs(3_600 * 24));
    assert!(SystemTime::now() < wall + Duration::from_secs(3_600 * 24));
}

#[test]
fn another_thread_has_the_real_clock_while_a_run_goes_on() {
    check(config(), |sim| async move {
        sim.allow(Escape::THREADS);
        let elsewhere = std::thread::spawn(SystemTime::now).join().unwrap();
        assert!(is_real(elsewhere));
        assert!(!is_real(SystemTime::now()));
    })
    .unwrap();
}

/// What each task of [`drawers`] drew from the system.
fn drawn(first_draws: usize) -> Vec<u64> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let drawn = seen.clone();
    check(config().seeds(1), move |sim| {
        let drawn = drawn.clone();
        async move {
            drawn.lock().unwrap().clear();
            let one = sim.node("one").spawn(async move {
                for _ in 0..first_draws {
                    draw();
                    simoom::task::yield_now().await;
                }
            });
            let two = sim.node("two").spawn(async { (draw(), draw()) });
            one.await.unwrap();
            let (one, two) = two.await.unwrap();
            drawn.lock().unwrap().extend([one, two]);
        }
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    seen.clone()
}

fn draw() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

#[test]
fn what_one_task_draws_moves_nothing_of_another() {
    let (few, many) = (drawn(1), drawn(20));
    assert_eq!(few, many);
    assert_ne!(few[0], few[1]);
}

#[test]
fn what_is_drawn_is_part_of_what_happened() {
    let hash = |draws: usize| {
        let report = check(config().seeds(1), move |_| async move {
            for _ in 0..draws {
                draw();
            }
        });
        report.runs()[0].hash
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

fn escape_of(report: &Report) -> (Escape, String, String) {
    match report.failure().expect("the run fails").cause() {
        Failure::Escaped {
            escape,
            task,
            place,
            ..
        } => (*escape, task.clone(), place.clone()),
        other => panic!("another failure: {other}"),
    }
}

#[test]
fn an_escape_is_told_with_its_task_place_and_stack() {
    let report = check(config(), |sim| async move {
        sim.node("server")
            .spawn(async {
                let _ = std::thread::Builder::new().spawn(|| ());
            })
            .await
            .unwrap();
    });
    let line = line!() - 5;
    let (escape, task, place) = escape_of(&report);
    assert_eq!(escape, Escape::THREADS);
    assert!(
        task.starts_with("server/intercept::an_escape_is_told"),
        "{task}"
    );
    assert!(
        place.ends_with(&format!("tests/intercept.rs:{line}")),
        "{place}"
    );
    let text = report.to_string();
    for part in [
        "started a thread of the operating system: pthread_create, called by ",
        "simoom::spawn",
        "`sim.allow(Escape::THREADS)`",
        "stack of the call",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

/// The refused call makes the program fail too, by a panic or an error: that is not the story.
#[test]
fn an_escape_comes_before_what_its_refusal_leads_to() {
    let report = check(config(), |_| async {
        std::thread::spawn(|| ());
    });
    assert_eq!(escape_of(&report).0, Escape::THREADS);
    let report = check(config(), |sim| async move {
        sim.node("server").run(|| async {
            std::fs::File::create(scratch("refused"))?;
            Ok::<(), std::io::Error>(())
        });
        sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(escape_of(&report).0, Escape::FILES);
    assert!(!scratch("refused").exists());
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("simoom-intercept-{name}-{}", std::process::id()))
}

#[test]
fn the_same_escape_is_shrunk_and_confirmed() {
    let config = Config::default().persist(false).seeds(200);
    let report = check(config, |_| async {
        let shared = std::rc::Rc::new(std::cell::Cell::new(0));
        let lock = std::rc::Rc::new(simoom::sync::Mutex::new(()));
        let add = |shared: std::rc::Rc<std::cell::Cell<u32>>,
                   lock: std::rc::Rc<simoom::sync::Mutex<()>>| async move {
            let seen = shared.get();
            drop(lock.lock().await);
            shared.set(seen + 1);
        };
        let one = simoom::task::spawn_local(add(shared.clone(), lock.clone()));
        let two = simoom::task::spawn_local(add(shared.clone(), lock.clone()));
        one.await.unwrap();
        two.await.unwrap();
        if shared.get() != 2 {
            std::thread::sleep(Duration::from_secs(3_600));
        }
    });
    assert_eq!(escape_of(&report).0, Escape::SLEEP);
    let found = report.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
    assert!(found.deviations() <= 2, "{found}");
}

/// What the destructors of a killed node do has no effect, and nobody is blamed for it.
#[test]
fn a_killed_node_changes_no_file() {
    struct Leaves(PathBuf);
    impl Drop for Leaves {
        fn drop(&mut self) {
            assert!(std::fs::write(&self.0, "x").is_err());
            assert!(!is_real(SystemTime::now()));
        }
    }
    check(config(), |sim| async move {
        let node = sim.node("server");
        node.spawn(async {
            let _leaves = Leaves(scratch("killed"));
            std::future::pending::<()>().await;
        });
        sleep(Duration::from_millis(1)).await;
        node.kill();
        sleep(Duration::from_millis(1)).await;
    })
    .unwrap();
    assert!(!scratch("killed").exists());
}

/// The same in the last poll of a task that has killed its own node.
#[test]
fn a_task_that_killed_its_node_changes_no_file() {
    check(config(), |sim| async move {
        let node = sim.node("server");
        let own = node.clone();
        node.spawn(async move {
            own.kill();
            assert!(std::fs::write(scratch("suicide"), "x").is_err());
        });
        sleep(Duration::from_millis(1)).await;
    })
    .unwrap();
    assert!(!scratch("suicide").exists());
}

struct Sleeper;

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        std::thread::sleep(Duration::from_secs(3_600));
    }
}

#[test]
fn an_escape_of_a_waker_fails_the_run_too() {
    let report = check(config(), |_| async {
        let mut timer = Box::pin(sleep(Duration::from_millis(1)));
        let waker = Waker::from(Arc::new(Sleeper));
        poll_fn(|_| {
            let mut cx = Context::from_waker(&waker);
            // The first operation of a task may be put off: then there is nothing to wait for yet.
            for _ in 0..3 {
                if timer.as_mut().poll(&mut cx).is_ready() {
                    break;
                }
            }
            Poll::Ready(())
        })
        .await;
        sleep(Duration::from_secs(1)).await;
        drop(timer);
    });
    let (escape, task, _) = escape_of(&report);
    assert_eq!(escape, Escape::SLEEP);
    assert_eq!(task, "code outside of every task");
}

#[test]
fn what_is_allowed_in_one_run_is_refused_in_the_next() {
    async fn start() {
        std::thread::spawn(|| ()).join().unwrap();
    }
    check(config(), |sim| async move {
        sim.allow(Escape::FILES);
        sim.allow(Escape::THREADS);
        start().await;
    })
    .unwrap();
    let report = check(config(), |sim| async move {
        sim.allow(Escape::FILES);
        start().await;
    });
    assert_eq!(escape_of(&report).0, Escape::THREADS);
}

#[test]
fn an_allowed_sleep_takes_real_and_virtual_time() {
    let real = Instant::now();
    check(config().seeds(1), |sim| async move {
        sim.allow(Escape::SLEEP);
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(start.elapsed(), Duration::from_millis(20));
        simoom::task::yield_now().await;
        assert_eq!(sim.elapsed(), Duration::from_millis(20));
    })
    .unwrap();
    assert!(real.elapsed() >= Duration::from_millis(60));
}

/// Notes when it was dropped.
struct Dropped(std::rc::Rc<std::cell::Cell<Option<Instant>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(Some(Instant::now()));
    }
}

#[test]
fn a_node_that_a_fault_kills_during_an_allowed_sleep_is_dead_from_that_moment() {
    let report = check(config(), |sim| async move {
        sim.allow(Escape::SLEEP);
        let start = Instant::now();
        let died = std::rc::Rc::new(std::cell::Cell::new(None));
        let note = died.clone();
        sim.node("server").run(move || {
            let dropped = Dropped(note.clone());
            async move {
                std::future::pending::<()>().await;
                drop(dropped);
            }
        });
        sleep(Duration::from_millis(1)).await;
        let kill = Fault::new(Kind::NodeKilled).every(Duration::from_millis(10));
        sim.faults(kill.times(1));
        std::thread::sleep(Duration::from_millis(30));
        simoom::task::yield_now().await;
        // Not in the run in which nothing happens.
        if let Some(died) = died.get() {
            let after = died - start;
            assert!(after <= Duration::from_millis(11), "after {after:?}");
        }
        assert_eq!(start.elapsed(), Duration::from_millis(31));
    });
    let fired = report.faults().of(Kind::NodeKilled).fired;
    assert_eq!(fired, report.runs().len() as u64, "{report}");
    report.unwrap();
}

/// Time that a loop spends on looking at the clock is time for others too.
#[test]
fn what_is_due_while_a_task_spins_happens_then() {
    check(config(), |sim| async move {
        let due = sim.node("other").spawn(async {
            sleep(Duration::from_millis(5)).await;
            Instant::now()
        });
        simoom::task::yield_now().await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {}
        let ours = simoom::time::Instant::now();
        let woken = due.await.unwrap();
        assert!(
            woken - start >= Duration::from_millis(20),
            "it ran after the loop"
        );
        assert!(simoom::time::Instant::now() >= ours, "no clock goes back");
    })
    .unwrap();
}
