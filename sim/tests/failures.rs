//! What is made of a failure: its text, its stacks, and what the environment says.
//!
//! Tests that are a child's do nothing unless they are one.

mod child;

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::sync::{Mutex, Notify};
use simoom::task::yield_now;
use simoom::time::sleep;
use simoom_sim::{Config, Escape, Failure, Leaks, Matching, Sim, Strategy, check};

use crate::child::{child, child_with, is_child, text};

fn config() -> Config {
    Config::default().persist(false).seeds(20)
}

#[test]
fn a_panic_is_told_with_its_text_task_and_place() {
    let report = check(config().shrink(false), |sim| async move {
        sim.node("server")
            .spawn(async { panic!("number {} is wrong", 7) });
        sleep(Duration::from_millis(1)).await;
    });
    let line = line!() - 3;
    let found = report.failure().unwrap();
    let Failure::Panic {
        message,
        location,
        task,
    } = found.cause()
    else {
        panic!("{}", found.cause());
    };
    assert_eq!(message, "number 7 is wrong");
    assert!(
        location.starts_with(&format!("sim/tests/failures.rs:{line}:")),
        "{location}"
    );
    assert!(
        task.starts_with("server/failures::a_panic_is_told"),
        "{task}"
    );
    assert_eq!(found.position(), Some(1));
    let text = report.to_string();
    for part in [
        "number 7 is wrong",
        "seed 1 of 20",
        "SIMOOM_SEED=0x5eed_0000_0000_0000",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

async fn innermost(notify: Rc<Notify>) {
    notify.notified().await;
}

async fn middle(notify: Rc<Notify>) {
    innermost(notify).await;
}

async fn in_a_select(notify: Rc<Notify>) {
    simoom::select! {
        () = middle(notify) => {}
        () = std::future::pending() => {}
    }
}

async fn in_a_join(lock: Rc<Mutex<()>>, notify: Rc<Notify>) {
    let _held = lock.lock().await;
    simoom::join!(async { drop(lock.lock().await) }, middle(notify));
}

#[test]
fn a_deadlock_says_what_traffic_the_test_stopped() {
    let deadlock = |stop: fn(&Sim)| {
        let report = check(config().shrink(false), move |sim| async move {
            let server = sim.node("server");
            let socket = server.spawn(UdpSocket::bind("0.0.0.0:53")).await;
            let (socket, client) = (socket.unwrap().unwrap(), sim.node("client"));
            stop(&sim);
            let sent = client.spawn(async {
                let socket = UdpSocket::bind("0.0.0.0:0").await?;
                socket.send_to(b"hello", "server:53").await
            });
            sent.await.unwrap().unwrap();
            socket.recv(&mut [0; 8]).await.unwrap();
        });
        assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
        report.to_string()
    };
    let text = deadlock(|sim| {
        sim.net().hold(Matching::all());
    });
    let held = "\n  the test holds messages\n  a datagram from client to server:53 is held\n";
    assert!(text.contains(held), "{text}");
    let text = deadlock(|sim| {
        sim.net()
            .partition_one_way(&sim.node("client"), &sim.node("server"))
    });
    let cut = "\n  nothing gets from client to server\n";
    assert!(text.contains(cut), "{text}");
}

#[test]
fn what_waits_for_an_acknowledgement_is_told_at_the_end_of_the_time() {
    let limit = Duration::from_secs(60);
    let report = check(config().time(limit).shrink(false), |sim| async move {
        let server = sim.node("server");
        let accepting = server.spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            listener.accept().await.unwrap().0
        });
        sleep(Duration::from_secs(1)).await;
        let mut client = TcpStream::connect("server:80").await.unwrap();
        let mut accepted = accepting.await.unwrap();
        sim.net().hold(Matching::all().from(&server).port(80));
        client.write_all(b"head").await.unwrap();
        client.write_all(b"body").await.unwrap();
        accepted.read_exact(&mut [0; 8]).await.unwrap();
    });
    let cause = report.failure().unwrap().cause();
    assert!(matches!(cause, Failure::TimeLimit { .. }), "{cause}");
    let text = report.to_string();
    for line in [
        "\n  the test holds messages from server of port 80\n",
        "\n  4 bytes from test to server:80 wait for the acknowledgement of those before them \
         (`set_nodelay(true)` sends them at once)\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_node_without_a_main_is_told_where_it_was_restarted() {
    let report = check(config(), |sim| async move { sim.node("a").restart() });
    let text = report.to_string();
    assert!(
        text.contains("panicked at sim/tests/failures.rs:"),
        "{text}"
    );
    assert!(text.contains(", 1 step, "), "{text}");
}

#[test]
fn a_deadlock_lists_every_task_with_its_awaits() {
    let report = check(config().shrink(false), |sim| async move {
        let notify = Rc::new(Notify::new());
        let lock = Rc::new(Mutex::new(()));
        sim.node("a").spawn(in_a_select(notify.clone()));
        let joined = sim.node("b").spawn(in_a_join(lock, notify));
        drop(joined.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    let text = report.to_string();
    for part in [
        "task 1 (test/main), spawned at sim/tests/failures.rs:",
        "waits in join at sim/tests/failures.rs:",
        "(a/failures::in_a_select), spawned at sim/tests/failures.rs:",
        "waits in notified at sim/tests/failures.rs:",
        "(b/failures::in_a_join), spawned at sim/tests/failures.rs:",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let frames: Vec<_> = (text.lines())
        .filter_map(|line| line.trim().strip_prefix("in failures::"))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let select = ["innermost", "middle", "in_a_select"];
    assert!(
        frames.windows(3).any(|frames| frames == select),
        "{frames:?}\n{text}"
    );
    let join = ["innermost", "middle", "in_a_join"];
    assert!(
        frames.windows(3).any(|frames| frames == join),
        "{frames:?}\n{text}"
    );
}

#[test]
fn limits_end_a_run_and_say_so() {
    let steps = config().steps(1_000).shrink(false).seeds(1);
    let report = check(steps, |_| async {
        loop {
            yield_now().await;
            if simoom::time::Instant::now().elapsed() > Duration::from_secs(1) {
                break;
            }
        }
    });
    assert_eq!(
        report.failure().unwrap().cause(),
        &Failure::StepLimit { steps: 1_000 }
    );
    assert!(
        report.to_string().contains("can run; was at yield"),
        "{report}"
    );
    let time = config()
        .time(Duration::from_secs(10))
        .shrink(false)
        .seeds(1);
    let report = check(time, |_| sleep(Duration::from_secs(11)));
    let limit_ns = 10_000_000_000;
    assert_eq!(
        report.failure().unwrap().cause(),
        &Failure::TimeLimit { limit_ns }
    );
    assert!(report.to_string().contains("waits in sleep"), "{report}");
}

#[test]
fn a_run_may_take_as_many_polls_as_it_is_allowed() {
    let body = |_| async {
        for _ in 0..9 {
            yield_now().await;
        }
    };
    let calm = config().seeds(1).strategy(Strategy::Calm);
    assert_eq!(check(calm.clone().steps(10), body).runs()[0].polls, 10);
    check(calm.clone().steps(10), body).unwrap();
    assert!(check(calm.steps(9), body).failure().is_some());
}

#[test]
fn a_calm_failure_is_reported_without_any_seed() {
    let report = check(config().seeds(0), |_| async { Err::<(), _>("always") });
    let found = report.failure().unwrap();
    assert!(
        found.cause().to_string().contains("always"),
        "{}",
        found.cause()
    );
    assert!(
        found.to_string().contains("it fails undisturbed too"),
        "{found}"
    );
}

#[test]
fn what_a_static_decides_is_called_nondeterminism() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let report = check(config().jobs(1), |_| async {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        for _ in 0..run {
            yield_now().await;
        }
        assert!(run < 5, "the sixth run fails");
    });
    let text = report.failure().unwrap().to_string();
    assert!(text.contains("the run is not deterministic"), "{text}");
    assert!(text.contains("nothing to shrink"), "{text}");
    assert!(!text.contains("undisturbed"), "{text}");
}

#[test]
fn the_environment_overrides_the_code() {
    const NAME: &str = "the_environment_overrides_the_code";
    if is_child() {
        let report = check(config().seeds(3), |_| async move {
            let lock = Rc::new(Mutex::new(()));
            simoom::join!(async { drop(lock.lock().await) }, yield_now());
        });
        let seeds: Vec<_> = report.runs().iter().map(|run| run.seed).collect();
        println!("seeds: {seeds:x?}");
        println!("doubled: {} {}", report.doubled(), report.in_processes());
        return;
    }
    let check = |variables: &[(&str, &str)], expected: &str| {
        let output = child(NAME, variables);
        assert!(
            text(&output).contains(expected),
            "{expected}\n{}",
            text(&output)
        );
    };
    check(
        &[],
        "seeds: [5eed000000000000, 5eed000000000001, 5eed000000000002]",
    );
    check(&[("SIMOOM_SEEDS", "1")], "seeds: [5eed000000000000]\n");
    check(&[("SIMOOM_SEED", "0xabc_def")], "seeds: [abcdef]\n");
    check(
        &[("SIMOOM_SEED", "17"), ("SIMOOM_SEEDS", "5")],
        "seeds: [11]\n",
    );
    check(
        &[("SIMOOM_JOBS", "1"), ("SIMOOM_STRATEGY", "pct:2")],
        "seeds: [5eed000000000000, ",
    );
    check(
        &[("SIMOOM_FIRST_SEED", "0x10"), ("SIMOOM_SEEDS", "2")],
        "seeds: [10, 11]\n",
    );
    check(&[], "doubled: 1 0\n");
    check(&[("SIMOOM_DOUBLED", "1")], "doubled: 3 0\n");
    check(&[("SIMOOM_DOUBLED", "0")], "doubled: 0 0\n");
    check(&[("SIMOOM_PROCESSES", "9")], "doubled: 1 1\n");
    check(
        &[("SIMOOM_DOUBLED", "2"), ("SIMOOM_PROCESSES", "9")],
        "doubled: 2 2\n",
    );
    check(
        &[("SIMOOM_FIRST_SEED", "x")],
        "SIMOOM_FIRST_SEED is \"x\": it must be a number",
    );
    check(
        &[("SIMOOM_DOUBLED", "5%")],
        "SIMOOM_DOUBLED is \"5%\": it must be a number",
    );
    check(
        &[("SIMOOM_PROCESSES", "all")],
        "SIMOOM_PROCESSES is \"all\": it must be a number",
    );
    check(
        &[("SIMOOM_PROGRESS", "yes")],
        "SIMOOM_PROGRESS is \"yes\": it must be 0 or 1",
    );
    check(
        &[("SIMOOM_SEED", "x")],
        "SIMOOM_SEED is \"x\": it must be a number",
    );
    check(
        &[("SIMOOM_SEEDS", "-1")],
        "SIMOOM_SEEDS is \"-1\": it must be a number",
    );
    check(
        &[("SIMOOM_JOBS", "many")],
        "SIMOOM_JOBS is \"many\": it must be a number",
    );
    check(
        &[("SIMOOM_PERSIST", "no")],
        "SIMOOM_PERSIST is \"no\": it must be 0 or 1",
    );
    check(
        &[("SIMOOM_STRATEGY", "best")],
        "SIMOOM_STRATEGY: \"best\" names no strategy",
    );
    check(
        &[("SIMOOM_REPLAY", "/nowhere")],
        "SIMOOM_REPLAY: there is no file /nowhere",
    );
}

#[test]
fn a_poll_that_never_returns_ends_the_process_with_its_stack() {
    const NAME: &str = "a_poll_that_never_returns_ends_the_process_with_its_stack";
    async fn spins_for_ever() {
        loop {
            std::hint::black_box(0);
        }
    }
    if is_child() {
        let config = config().watchdog(Duration::from_millis(300));
        check(config, |sim| async move {
            drop(sim.node("hot").spawn(spins_for_ever()).await);
        })
        .unwrap();
        return;
    }
    // Without `--nocapture`: what the harness has caught would go down with the process.
    let output = child_with(&[], NAME, &[]);
    let text = text(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("a poll has not returned: seed 0x5eed_0000_0000_0000"),
        "{text}"
    );
    assert!(text.contains("task hot/failures::"), "{text}");
    assert!(text.contains("spins_for_ever::{{closure}}"), "{text}");
}

/// Five, in a child, which saves nothing beside the sources.
fn five_in_a_child() -> u64 {
    assert!(is_child(), "as expected");
    5
}

#[simoom_sim::test(seeds = five_in_a_child())]
#[should_panic(expected = "as expected")]
async fn keeps_should_panic() {
    assert!(!is_child(), "seed after seed fails as expected");
}

#[test]
fn an_attribute_keeps_should_panic() {
    if is_child() {
        return;
    }
    let output = child("keeps_should_panic", &[("SIMOOM_PERSIST", "0")]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("seed after seed fails as expected"),
        "{}",
        text(&output)
    );
    assert!(text(&output).contains("1 passed"), "{}", text(&output));
}

#[simoom_sim::test(seeds = 2)]
async fn an_attribute_takes_a_result() -> Result<(), String> {
    yield_now().await;
    Ok(())
}

#[simoom_sim::test(seeds = 0x10, strategy = Strategy::Calm, time = "5s")]
async fn an_attribute_has_settings(sim: Sim) {
    assert!(sim.seed() < 0x5eed_0000_0000_0010);
}

/// Leaves a task behind in its second seed, where `LEAVES` is set.
#[simoom_sim::test(
    seeds = 2,
    first_seed = 7,
    watchdog = "1min",
    leaks = Leaks::none(),
    shrink_replays = 0,
    shrink_time = "1min",
    explain_runs = 0,
    explain_time = "1s",
    regressions = "tests/nowhere",
    notes = 1
)]
async fn has_more_settings(sim: Sim) {
    sim.note("the first note");
    sim.note("the last note");
    if sim.seed() == 8 && std::env::var("LEAVES").is_ok() {
        drop(simoom::spawn(std::future::pending::<()>()));
        yield_now().await;
    }
}

/// The saved plan is the only run: its seed is none of the two.
#[simoom_sim::test(
    seeds = 2,
    replay = "simoom plan 1\nseed 0x77\nstrategy calm\nhorizon 0\n"
)]
async fn an_attribute_replays(sim: Sim) {
    assert_eq!(sim.seed(), 0x77);
}

#[test]
fn an_attribute_takes_what_a_configuration_takes() {
    let output = child("has_more_settings", &[("SIMOOM_PERSIST", "0")]);
    assert!(output.status.success(), "{}", text(&output));
    let settings = [("SIMOOM_PERSIST", "0"), ("LEAVES", "1")];
    let output = child("has_more_settings", &settings);
    assert!(!output.status.success(), "{}", text(&output));
    let text = text(&output);
    assert!(
        text.contains("seed 0x0000_0000_0000_0008 failed (seed 2 of 2)"),
        "{text}"
    );
    assert!(text.contains("in 0 replays"), "{text}");
    assert!(text.contains("the last note"), "{text}");
    assert!(!text.contains("the first note"), "{text}");
}

#[test]
fn a_passing_test_that_is_not_the_same_run_twice_is_reported_with_the_first_difference() {
    static RUNS: AtomicU32 = AtomicU32::new(1);
    let config = Config::default().seeds(3).persist(false);
    let report = check(config, |_sim| async {
        let runs = RUNS.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(u64::from(runs))).await;
    });
    let found = report.failure().expect("a static decides");
    assert!(
        matches!(found.cause(), Failure::Nondeterminism { .. }),
        "{found}"
    );
    let text = found.to_string();
    assert!(text.contains("time.advanced"), "{text}");
    assert!(text.contains("a static"), "{text}");
}

#[test]
fn a_select_is_named_by_its_own_line() {
    if is_child() {
        return;
    }
    let report = check(config(), |_| async {
        simoom::task::yield_now().await;
        let line = line!() + 1;
        let first = simoom::select! { () = async {} => true, () = async {} => false };
        assert!(first, "line {line}");
    });
    let found = report.failure().unwrap();
    let Failure::Panic { message, .. } = found.cause() else {
        panic!("{found}");
    };
    let line = message.strip_prefix("line ").unwrap();
    assert!(
        found.story()[0].ends_with(&format!("failures.rs:{line}")),
        "{found}"
    );
}

/// Says that it is done before it is.
async fn hasty(_sim: Sim) {
    let (say, said) = simoom::sync::oneshot::channel();
    let lock = std::sync::Arc::new(Mutex::new(false));
    let done = lock.clone();
    simoom::spawn(async move {
        say.send(()).unwrap();
        *done.lock().await = true;
    });
    said.await.unwrap();
    sleep(Duration::from_millis(1)).await;
    assert!(*lock.lock().await, "it is not done");
}

#[test]
fn a_slow_task_is_caught_where_stalls_are_asked_for_and_nowhere_else() {
    let without = check(Config::default().seeds(300).persist(false), hasty);
    assert!(without.failure().is_none(), "code takes no time by itself");
    let with = Config::default()
        .seeds(300)
        .stalls(Duration::from_millis(50))
        .persist(false);
    let report = check(with, hasty);
    let found = report.failure().expect("a slow task is caught");
    assert!(found.is_confirmed(), "{found}");
    assert_eq!(found.deviations(), 1, "{found}");
    let story = &found.story()[0];
    assert!(story.contains("task.stalled"), "{story}");
    assert!(story.contains("before lock at"), "{story}");
    assert!(story.contains("failures.rs"), "{story}");
}

#[test]
fn progress_is_told_where_it_is_asked_for_and_nowhere_else() {
    const NAME: &str = "progress_is_told_where_it_is_asked_for_and_nowhere_else";
    if is_child() {
        let config = Config::default().persist(false).jobs(1).seeds(4);
        let report = check(config, |sim| async move {
            sim.allow(Escape::SLEEP);
            std::thread::sleep(Duration::from_millis(400));
            sleep(Duration::from_secs(2)).await;
        });
        return report.unwrap();
    }
    let told = |variables: &[(&str, &str)], arguments: &[&str]| {
        let output = child_with(arguments, NAME, variables);
        assert!(output.status.success(), "{}", text(&output));
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (out, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (out, errors) = told(&[("SIMOOM_PROGRESS", "1")], &[]);
    let line = errors.lines().next().expect("a line of progress");
    for part in [
        NAME,
        " of 4 seeds, ",
        "/s, ",
        " s of virtual time, 0 failures, ",
    ] {
        assert!(line.contains(part), "{part:?} is not in {errors}");
    }
    assert!(!errors.contains('\u{1b}'), "no terminal: {errors}");
    assert!(!out.contains("virtual time"), "{out}");
    // Neither without a terminal nor where it is not wanted.
    std::thread::scope(|scope| {
        for variables in [&[][..], &[("SIMOOM_PROGRESS", "0")], &[("CI", "true")]] {
            for arguments in [&["--nocapture"][..], &[]] {
                let told = &told;
                scope.spawn(move || {
                    let (out, errors) = told(variables, arguments);
                    assert!(!out.contains("virtual time"), "{out}");
                    assert_eq!(errors, "");
                });
            }
        }
    });
}
