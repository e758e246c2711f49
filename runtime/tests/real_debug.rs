//! What a runtime finds out by itself in production: slow polls, times, counts.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use simoom::runtime::{Builder, Runtime, TaskTimes};
use simoom::task::{self, yield_now};
use simoom::time::sleep;

const SLOW: Duration = Duration::from_millis(30);

#[derive(Clone, Debug)]
struct Told {
    text: String,
    name: Option<String>,
    line: Option<u32>,
    duration: Duration,
    count: u64,
    goes_on: bool,
}

/// A runtime that writes down its slow polls.
fn watched() -> (Runtime, Arc<Mutex<Vec<Told>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let runtime = Builder::new_current_thread()
        .slow_poll(SLOW)
        .on_slow_poll(move |slow| {
            log.lock().unwrap().push(Told {
                text: slow.to_string(),
                name: slow.name().map(str::to_owned),
                line: slow.spawned_at().map(|place| place.line()),
                duration: slow.duration(),
                count: slow.count(),
                goes_on: slow.is_going_on(),
            });
        })
        .build()
        .unwrap();
    (runtime, told)
}

fn those_over(told: &Mutex<Vec<Told>>) -> Vec<Told> {
    let told = told.lock().unwrap();
    told.iter().filter(|it| !it.goes_on).cloned().collect()
}

#[test]
fn dbg_1_6_a_slow_poll_is_told_with_its_task_and_where_that_was_spawned() {
    let (runtime, told) = watched();
    let line = runtime.block_on(async {
        let slow = async {
            yield_now().await;
            thread::sleep(2 * SLOW);
            yield_now().await;
            thread::sleep(2 * SLOW);
        };
        let line = line!() + 1;
        let slow = task::Builder::new().name("slow").spawn(slow).unwrap();
        slow.await.unwrap();
        line
    });
    let told = those_over(&told);
    let told: Vec<_> = told.iter().filter(|it| it.name.is_some()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for it in &told {
        assert_eq!(it.name.as_deref(), Some("slow"));
        assert_eq!(it.line, Some(line));
        assert!(it.duration >= 2 * SLOW);
        assert!(
            it.text.contains(&format!("real_debug.rs:{line}:")),
            "{it:?}"
        );
        assert!(it.text.contains(" was polled for "), "{it:?}");
    }
    assert!(told[0].count < told[1].count);
}

#[test]
fn dbg_1_a_slow_poll_of_block_on_is_told_too_and_waiting_is_none() {
    let (runtime, told) = watched();
    runtime.block_on(sleep(3 * SLOW));
    let long_waits = those_over(&told).len();
    runtime.block_on(async {
        yield_now().await;
        thread::sleep(10 * SLOW);
    });
    let told = those_over(&told);
    // The machine may have been slow, but not for as long as this.
    assert!(
        told[..long_waits].iter().all(|it| it.duration < 3 * SLOW),
        "{told:?}"
    );
    let last = told.last().unwrap();
    assert!(last.duration >= 10 * SLOW);
    assert_eq!((&last.name, last.line), (&None, None));
    assert!(
        last.text
            .starts_with("the future of `block_on` was polled for "),
        "{last:?}"
    );
}

/// Runs `block` in a task until somebody was told that its poll goes on.
fn told_while_it_goes_on(block: impl Fn(&AtomicBool) + Send + 'static) -> Told {
    let seen: Arc<AtomicBool> = Arc::default();
    let told = Arc::new(Mutex::new(None));
    let (log, flag) = (told.clone(), seen.clone());
    let runtime = Builder::new_current_thread()
        .slow_poll(SLOW)
        .on_slow_poll(move |slow| {
            if slow.is_going_on() && slow.name() == Some("stuck") {
                *log.lock().unwrap() = Some(Told {
                    text: slow.to_string(),
                    name: slow.name().map(str::to_owned),
                    line: None,
                    duration: slow.duration(),
                    count: slow.count(),
                    goes_on: true,
                });
                flag.store(true, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let stuck = task::Builder::new().name("stuck");
        let stuck = stuck.spawn(async move { block(&seen) }).unwrap();
        stuck.await.unwrap();
    });
    let told = told.lock().unwrap().take();
    told.unwrap()
}

#[test]
fn dbg_7_a_poll_that_blocks_is_told_while_it_goes_on_and_in_which_call() {
    let told = told_while_it_goes_on(|seen| {
        while !seen.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_secs(2));
        }
    });
    assert!(told.duration >= 10 * SLOW);
    if cfg!(target_os = "linux") {
        let (clock, plain) = ("system call clock_nanosleep", "system call nanosleep");
        assert!(
            told.text.contains(clock) || told.text.contains(plain),
            "{told:?}"
        );
    }
}

#[test]
fn dbg_7_a_poll_that_computes_is_told_while_it_goes_on() {
    let told = told_while_it_goes_on(|seen| while !seen.load(Ordering::SeqCst) {});
    if cfg!(target_os = "linux") {
        assert!(
            told.text.ends_with("and still is: its thread computes"),
            "{told:?}"
        );
    }
}

#[test]
fn dbg_1_whoever_is_told_may_panic() {
    let runtime = Builder::new_current_thread()
        .slow_poll(Duration::from_millis(1))
        .on_slow_poll(|_slow| panic!("told"))
        .build()
        .unwrap();
    runtime.block_on(async {
        let task = simoom::spawn(async { thread::sleep(Duration::from_millis(5)) });
        task.await.unwrap();
    });
}

/// What this test binary says on its standard error when it runs `test` in `environment`.
fn said_by(test: &str, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--include-ignored"]);
    command.env_remove("SIMOOM_DEBUG").env("IN_CHILD", "1");
    let output = command.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn is_in_child() -> bool {
    std::env::var_os("IN_CHILD").is_some()
}

/// Blocks for longer than the default allows.
async fn blocks() {
    let task = task::Builder::new().name("blocker");
    let task = task.spawn(async { thread::sleep(Duration::from_millis(150)) });
    task.unwrap().await.unwrap();
}

#[test]
fn dbg_1_the_environment_switches_debug_mode_on() {
    let this = "dbg_1_the_environment_switches_debug_mode_on";
    if is_in_child() {
        return Runtime::new().unwrap().block_on(blocks());
    }
    if cfg!(feature = "tracing") {
        return;
    }
    let said = said_by(this, &[("SIMOOM_DEBUG", "1")]);
    assert!(said.contains("simoom: task "), "{said}");
    assert!(said.contains(" (blocker), spawned at "), "{said}");
    assert_eq!(said_by(this, &[]).find("blocker"), None);
    assert_eq!(
        said_by(this, &[("SIMOOM_DEBUG", "0")]).find("blocker"),
        None
    );
}

#[test]
fn dbg_1_an_attribute_switches_debug_mode_on() {
    let this = "dbg_1_an_attribute_switches_debug_mode_on";
    #[simoom::main(debug = true)]
    async fn with_debug() {
        blocks().await;
    }
    #[simoom::main(debug = false)]
    async fn without_debug() {
        blocks().await;
    }
    if is_in_child() {
        return match std::env::var_os("WITH") {
            Some(_) => with_debug(),
            None => without_debug(),
        };
    }
    if cfg!(feature = "tracing") {
        return;
    }
    let said = said_by(this, &[("WITH", "1")]);
    assert!(said.contains(" (blocker), spawned at "), "{said}");
    // The program has the last word.
    assert_eq!(
        said_by(this, &[("SIMOOM_DEBUG", "1")]).find("blocker"),
        None
    );
}

fn times(runtime: &Runtime) -> TaskTimes {
    runtime.block_on(async {
        let body = async {
            thread::sleep(Duration::from_millis(20));
            sleep(Duration::from_millis(20)).await;
            yield_now().await;
        };
        let task = simoom::spawn(body);
        let handle = task.abort_handle();
        assert_eq!(task.times().map(|it| it.polls()), Some(0));
        assert_eq!(task.times().unwrap().until_first_poll(), None);
        // Meanwhile the task can run, and does not.
        thread::sleep(Duration::from_millis(15));
        yield_now().await;
        let listed = task::all();
        assert_eq!(listed[0].times().unwrap().polls(), 1);
        task.await.unwrap();
        handle.times().unwrap()
    })
}

#[test]
fn dbg_9_counts_and_times_of_a_task() {
    let runtime = Builder::new_current_thread()
        .task_times(true)
        .build()
        .unwrap();
    let times = times(&runtime);
    assert_eq!(times.polls(), 3);
    assert!(
        times.longest_poll() >= Duration::from_millis(20),
        "{times:?}"
    );
    assert!(times.busy() >= times.longest_poll(), "{times:?}");
    assert!(times.runnable() >= Duration::from_millis(15), "{times:?}");
    assert!(
        times.until_first_poll().unwrap() >= Duration::from_millis(15),
        "{times:?}"
    );
    assert!(times.idle() > Duration::ZERO, "{times:?}");
    let sum = times.busy() + times.runnable() + times.idle();
    assert!(
        sum <= times.age() && times.age() >= Duration::from_millis(55),
        "{times:?}"
    );
}

#[test]
fn dbg_9_times_of_a_task_that_has_ended_stand_still() {
    let runtime = Builder::new_current_thread()
        .task_times(true)
        .build()
        .unwrap();
    let task = runtime.spawn(async {});
    runtime.block_on(async {
        while !task.is_finished() {
            yield_now().await;
        }
    });
    let before = task.times().unwrap();
    thread::sleep(Duration::from_millis(5));
    assert_eq!(task.times().unwrap(), before);
}

#[test]
fn dbg_9_nothing_is_kept_unless_somebody_asks() {
    let runtime = Runtime::new().unwrap();
    let task = runtime.spawn(async { task::current().times().is_some() });
    assert!(task.times().is_none());
    assert!(!runtime.block_on(task).unwrap());
    assert_eq!(
        runtime.metrics().worker_total_busy_duration(0),
        Duration::ZERO
    );
}

#[test]
fn dbg_9_a_task_reads_its_own_times() {
    let runtime = Builder::new_current_thread().debug(true).build().unwrap();
    let task = runtime.spawn(async {
        yield_now().await;
        task::current().times().unwrap()
    });
    assert_eq!(runtime.block_on(task).unwrap().polls(), 1);
}

#[test]
fn dbg_9_a_runtime_counts() {
    let runtime = Builder::new_current_thread()
        .task_times(true)
        .build()
        .unwrap();
    let metrics = runtime.metrics();
    runtime.block_on(async {
        for _ in 0..3 {
            simoom::spawn(yield_now()).await.unwrap();
        }
        let greedy = simoom::spawn(async {
            for _ in 0..200 {
                task::consume_budget().await;
            }
        });
        greedy.await.unwrap();
        assert_eq!(metrics.spawned_tasks_count(), 4);
        assert_eq!(metrics.worker_poll_count(0), 3 * 2 + 2);
        assert_eq!(metrics.budget_forced_yield_count(), 1);
        let before = metrics.worker_total_busy_duration(0);
        thread::sleep(Duration::from_millis(10));
        let busy = metrics.worker_total_busy_duration(0);
        assert!(
            busy >= before + Duration::from_millis(10),
            "{before:?}, {busy:?}"
        );
        sleep(Duration::from_millis(50)).await;
        let after = metrics.worker_total_busy_duration(0);
        assert!(
            after >= busy && after < busy + Duration::from_millis(45),
            "{busy:?}, {after:?}"
        );

        let parks = metrics.worker_park_count(0);
        assert!(parks > 0);
        assert_eq!(metrics.worker_park_unpark_count(0), 2 * parks);
        let handle = simoom::runtime::Handle::current();
        let seen_by_thread = move || {
            // The loop waits for this very closure.
            thread::sleep(Duration::from_millis(50));
            handle.metrics().worker_park_unpark_count(0)
        };
        assert_eq!(task::spawn_blocking(seen_by_thread).await.unwrap() % 2, 1);
    });
}

#[test]
fn dbg_9_a_runtime_counts_its_threads_for_blocking_work() {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let metrics = runtime.metrics();
    assert_eq!(metrics.num_blocking_threads(), 0);
    let (begin, begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let first = runtime.spawn_blocking(move || {
        begin.send(()).unwrap();
        let _ = ended.recv();
    });
    begun.recv().unwrap();
    let second = runtime.spawn_blocking(|| {});
    assert_eq!(metrics.num_blocking_threads(), 1);
    assert_eq!(metrics.num_idle_blocking_threads(), 0);
    assert_eq!(metrics.blocking_queue_depth(), 1);
    drop(end);
    runtime.block_on(async {
        first.await.unwrap();
        second.await.unwrap();
    });
    assert_eq!(metrics.blocking_queue_depth(), 0);
}

/// Makes futures, of which some are forgotten.
async fn forgets() {
    use simoom::sync::{Mutex, Semaphore, mpsc};

    let (send, mut receive) = mpsc::channel::<u8>(1);
    let (lock, permits) = (Mutex::new(0), Semaphore::new(1));
    for _ in 0..2 {
        drop(sleep(Duration::from_secs(1))); // forgotten: sleep
        drop(send.send(1)); // forgotten: send
        drop(receive.recv()); // forgotten: recv
        drop(lock.lock()); // forgotten: lock
        drop(permits.acquire()); // forgotten: acquire
        drop(yield_now()); // forgotten: yield
    }
    // What was polled is not told, nor what loses.
    drop(lock.lock().await);
    yield_now().await;
    simoom::select! {
        biased;
        () = async {} => {}
        () = sleep(Duration::from_secs(1)) => {} // not forgotten
    }
    let late = sleep(Duration::from_secs(1)); // not forgotten
    let joined = simoom::try_join!(async { Err::<(), ()>(()) }, async {
        late.await;
        Ok(())
    });
    assert_eq!(joined, Err(()));
    let waits = simoom::time::timeout(Duration::from_secs(1), async {}); // not forgotten
    waits.await.unwrap();
    // A task that is dropped as it waits is none of it.
    let task = simoom::spawn(async {
        let later = sleep(Duration::from_secs(1)); // not forgotten
        std::future::pending::<()>().await;
        later.await;
    });
    yield_now().await;
    task.abort();
    task.await.unwrap_err();
}

#[test]
fn dbg_3_what_is_made_and_never_polled_is_told_once_with_its_line() {
    let this = "dbg_3_what_is_made_and_never_polled_is_told_once_with_its_line";
    if is_in_child() {
        return Runtime::new().unwrap().block_on(async {
            simoom::spawn(forgets()).await.unwrap();
            drop(sleep(Duration::from_secs(1))); // forgotten: by block_on
        });
    }
    if cfg!(feature = "tracing") || !cfg!(debug_assertions) {
        return;
    }
    let said = said_by(this, &[("SIMOOM_DEBUG", "1")]);
    let told: Vec<_> = said
        .lines()
        .filter(|it| it.contains("never polled"))
        .collect();
    let source = include_str!("real_debug.rs").lines().zip(1..);
    let forgotten = source.filter(|(line, _)| line.contains(concat!("// ", "forgotten: ")));
    let lines: Vec<u32> = forgotten.map(|(_, number)| number).collect();
    assert_eq!(told.len(), lines.len(), "{said}");
    for (told, line) in told.iter().zip(&lines) {
        assert!(
            told.contains(&format!("real_debug.rs:{line}:")),
            "{told}, not in line {line}"
        );
    }
    assert_eq!(said_by(this, &[]).find("never polled"), None);
}

#[test]
fn dbg_4_failures_that_nobody_saw_and_tasks_that_were_left_are_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (failures, left) = (told.clone(), told.clone());
    let runtime = Builder::new_current_thread()
        .on_unobserved_failure(move |failure| failures.lock().unwrap().push(failure.to_string()))
        .shutdown_within(Duration::from_millis(20))
        .on_shutdown(move |shutdown| left.lock().unwrap().push(shutdown.to_string()))
        .build()
        .unwrap();
    runtime.block_on(async {
        let fails = task::Builder::new().name("fails");
        drop(fails.spawn(async { panic!("nobody looks") }).unwrap());
        let stays = task::Builder::new().name("stays");
        drop(
            stays
                .spawn(task::shield(std::future::pending::<()>()))
                .unwrap(),
        );
        yield_now().await;
    });
    drop(runtime);
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("nobody looks") && told[0].contains("(fails)"),
        "{told:?}"
    );
    assert!(told[1].contains(" stays, spawned at "), "{told:?}");
}
