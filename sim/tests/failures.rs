//! What is made of a failure: its text, its stacks, its confirmation, and what the environment says.
//!
//! Variables of the environment belong to the whole process: what depends on them runs in a child,
//! which is this binary with one test's name. Those tests do nothing unless they are a child's.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::sync::{Mutex, Notify};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Escape, Failure, Matching, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false).seeds(20)
}

/// Whether this process was started by [`child`].
fn is_child() -> bool {
    std::env::var_os("SIMOOM_TEST_CHILD").is_some()
}

/// Runs the test `name` of this binary alone, with `variables`.
fn child(name: &str, variables: &[(&str, &str)]) -> Output {
    child_with(&["--nocapture"], name, variables)
}

/// What the environment can say, without its prefix.
const VARIABLES: [&str; 10] = [
    "SEED",
    "SEEDS",
    "FIRST_SEED",
    "STRATEGY",
    "DOUBLED",
    "PROCESSES",
    "REPLAY",
    "JOBS",
    "PERSIST",
    "PROGRESS",
];

/// Runs one test of this binary in a process of its own, with these arguments for the harness.
fn child_with(arguments: &[&str], name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--include-ignored"]);
    command.args(arguments);
    for name in VARIABLES {
        command.env_remove(format!("SIMOOM_{name}"));
    }
    command
        .env("SIMOOM_TEST_CHILD", "1")
        .env("RUST_BACKTRACE", "0");
    command.envs(variables.iter().copied());
    command.output().unwrap()
}

/// What a child printed.
fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

/// Two tasks that lose an update when one is interrupted between its read and its write.
async fn lost_update(_: Sim) {
    let counter = Rc::new(std::cell::Cell::new(0));
    let lock = Rc::new(Mutex::new(()));
    let add = |counter: Rc<std::cell::Cell<u32>>, lock: Rc<Mutex<()>>| async move {
        let seen = counter.get();
        drop(lock.lock().await);
        counter.set(seen + 1);
    };
    let one = spawn_local(add(counter.clone(), lock.clone()));
    let two = spawn_local(add(counter.clone(), lock));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(counter.get(), 2, "an update was lost");
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
fn a_failure_of_its_own_is_confirmed_by_a_fresh_process() {
    if is_child() {
        let report = check(config(), lost_update);
        let found = report.failure().unwrap();
        println!(
            "confirmed: {}, left: {}",
            found.is_confirmed(),
            found.deviations()
        );
        return;
    }
    let output = child("a_failure_of_its_own_is_confirmed_by_a_fresh_process", &[]);
    assert!(
        text(&output).contains("confirmed: true, left: "),
        "{}",
        text(&output)
    );
}

#[test]
fn a_calm_failure_is_confirmed_by_a_fresh_process() {
    let report = check(config().seeds(0), |_| async { Err::<(), _>("always") });
    let found = report.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
}

#[test]
fn outside_a_test_the_report_says_why_no_process_was_asked() {
    let elsewhere = std::thread::spawn(|| check(config(), lost_update).to_string());
    let text = elsewhere.join().unwrap();
    assert!(
        text.contains("not tried in a fresh process: `check` was called neither"),
        "{text}"
    );
}

#[test]
fn a_failure_that_needs_earlier_runs_is_not_confirmed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    if is_child() {
        let report = check(config().jobs(1), |_| async {
            assert!(RUNS.fetch_add(1, Ordering::Relaxed) < 5, "later runs fail");
        });
        println!("{report}");
        return;
    }
    let output = child("a_failure_that_needs_earlier_runs_is_not_confirmed", &[]);
    let text = text(&output);
    assert!(
        text.contains("not confirmed by a fresh process: there, it passes"),
        "{text}"
    );
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
fn a_failure_is_saved_replayed_first_and_replayed_alone() {
    const NAME: &str = "a_failure_is_saved_replayed_first_and_replayed_alone";
    if is_child() {
        check(config().persist(true), lost_update).unwrap();
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("simoom-it-{}", std::process::id())));
    let home = folder.0.to_str().unwrap();
    let file = folder
        .0
        .join("simoom-regressions/failures")
        .join(format!("{NAME}.txt"));
    std::fs::create_dir_all(&folder.0).unwrap();
    let failing = |variables: &[(&str, &str)]| {
        let mut all = vec![("CARGO_MANIFEST_DIR", home)];
        all.extend(variables);
        let output = child(NAME, &all);
        assert!(!output.status.success(), "{}", text(&output));
        text(&output)
    };
    let off = failing(&[("SIMOOM_PERSIST", "0")]);
    assert!(!file.exists(), "{off}");
    let first = failing(&[]);
    assert!(
        first.contains("(commit it: it is replayed before new seeds)"),
        "{first}"
    );
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(
        (1..=2).contains(&saved.matches("\nsched ").count()),
        "{saved}"
    );
    let again = failing(&[]);
    assert!(again.contains("failed (saved)"), "{again}");
    // A fresh process has shown it, and said so by writing the record.
    assert!(again.contains("  record  "), "{again}");
    assert!(!again.contains("in a fresh process"), "{again}");
    assert!(!again.contains("by a fresh process"), "{again}");
    let replayed = failing(&[("SIMOOM_REPLAY", file.to_str().unwrap())]);
    assert!(replayed.contains("failed (saved)"), "{replayed}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        saved,
        "the file is as it was"
    );
    // What cannot be read is said, and does not hide the failure.
    std::fs::write(&file, "simoom plan 2\n").unwrap();
    let unread = failing(&[]);
    assert!(
        unread.contains("saved failures were not replayed"),
        "{unread}"
    );
    assert!(unread.contains("an update was lost"), "{unread}");
}

#[test]
fn a_replay_has_the_faults_of_its_test_and_says_so() {
    const NAME: &str = "a_replay_has_the_faults_of_its_test_and_says_so";
    if is_child() {
        check(config().persist(true).shrink(false), |sim| async move {
            let server = sim.node("server").run(std::future::pending::<()>);
            sleep(Duration::from_secs(10)).await;
            assert!(server.incarnation() > 1, "it was not restarted");
        })
        .unwrap();
        return;
    }
    let name = format!("simoom-faults-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    std::fs::create_dir_all(&folder.0).unwrap();
    let home = folder.0.to_str().unwrap();
    let output = child(NAME, &[("CARGO_MANIFEST_DIR", home)]);
    assert!(!output.status.success(), "{}", text(&output));
    let file = format!("{home}/simoom-regressions/failures/{NAME}.txt");
    let variables = [
        ("CARGO_MANIFEST_DIR", home),
        ("SIMOOM_REPLAY", &file),
        ("SIMOOM_FAULTS", "node.restarted every=1s"),
    ];
    // Without `--nocapture`: what the harness has caught goes down with the process.
    let output = child_with(&[], NAME, &variables);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(81), "{text}");
    assert!(text.contains("failed (saved)"), "{text}");
    // One with other faults would not have run alike.
    assert!(!text.contains("fresh process"), "{text}");
    assert!(text.contains("SIMOOM_FAULTS is ignored"), "{text}");
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
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

/// Two sweeps in one test: the process that shows the second one's failure runs the first as well.
#[test]
fn a_sweep_before_the_failing_one_is_whole_in_the_process_that_confirms() {
    let config = || Config::default().seeds(3).persist(false);
    let first = check(config(), |_| async { yield_now().await });
    assert_eq!(first.runs().len(), 3, "an earlier sweep was left out");
    let second = check(config(), |sim: Sim| async move {
        assert_eq!(sim.seed(), 0, "fails under every seed");
    });
    let found = second.failure().unwrap();
    assert!(found.is_confirmed(), "{found}");
    let text = found.to_string();
    assert!(text.contains("--test failures -- --exact"), "{text}");
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
fn sweeps_of_one_test_save_their_failures_apart_and_replay_them_alone() {
    const NAME: &str = "sweeps_of_one_test_save_their_failures_apart_and_replay_them_alone";
    if is_child() {
        // The same line twice, which only their order tells apart.
        for message in ["the first sweep's", "the second sweep's"] {
            let report = check(config().persist(true).shrink(false), move |_| async move {
                Err::<(), _>(message)
            });
            println!("{report}\n---");
        }
        return;
    }
    let folder = Folder(std::env::temp_dir().join(format!("simoom-two-{}", std::process::id())));
    let home = folder.0.to_str().unwrap();
    std::fs::create_dir_all(&folder.0).unwrap();
    let run = |variables: &[(&str, &str)]| {
        let mut all = vec![("CARGO_MANIFEST_DIR", home)];
        all.extend(variables);
        text(&child(NAME, &all))
    };
    let found = run(&[]);
    assert!(!found.contains("not confirmed"), "{found}");
    let saved = folder.0.join("simoom-regressions/failures");
    let files = [
        saved.join(format!("{NAME}.txt")),
        saved.join(format!("{NAME}-2.txt")),
    ];
    for (file, message) in files.iter().zip(["the first", "the second"]) {
        let plans = std::fs::read_to_string(file).unwrap();
        assert_eq!(plans.matches("simoom plan").count(), 1, "{plans}");
        assert!(plans.contains(message), "{plans}");
        assert!(
            plans.contains(&format!("\ntest failures::{NAME}")),
            "{plans}"
        );
    }
    let again = run(&[]);
    assert_eq!(again.matches("failed (saved)").count(), 2, "{again}");
    // The replay of one leaves the other to its seeds.
    let second = run(&[("SIMOOM_REPLAY", files[1].to_str().unwrap())]);
    let (one, two) = second.split_once("---").unwrap();
    assert!(two.contains("failed (saved)"), "{second}");
    assert!(two.contains("the second sweep's"), "{second}");
    assert!(one.contains("the first sweep's"), "{second}");
}

#[test]
fn a_file_of_another_test_is_not_replayed() {
    if is_child() {
        check(config(), |_| async {}).unwrap();
        return;
    }
    let name = "a_file_of_another_test_is_not_replayed";
    let folder = Folder(std::env::temp_dir().join(format!("simoom-other-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("other.txt");
    let plan = "simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\n";
    let replay = |owner: &str| {
        std::fs::write(&file, format!("{owner}{plan}")).unwrap();
        let output = child(name, &[("SIMOOM_REPLAY", file.to_str().unwrap())]);
        (output.status.success(), text(&output))
    };
    let (passed, refused) = replay("test failures::module::another_test\n");
    assert!(!passed, "{refused}");
    assert!(
        refused.contains("holds failures of failures::module::another_test, not of failures::a_"),
        "{refused}"
    );
    assert!(
        refused.contains("`-- --exact module::another_test`"),
        "{refused}"
    );
    let (passed, own) = replay(&format!("test failures::{name}\n"));
    assert!(passed, "{own}");
    let (passed, nobodys) = replay("");
    assert!(passed, "{nobodys}");
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
