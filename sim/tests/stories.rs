//! What a story tells that no choice made: what was not on the disk, how mains ended; and how a
//! report leads back to its run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use simoom::fs::{self, File};
use simoom::io::AsyncWriteExt;
use simoom::net::{UdpSocket, UnixStream};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::faults::Target;
use simoom_sim::{Config, Fault, Found, Kind, OnFailure, Ratio, Report, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false)
}

/// One run in which nothing is disturbed.
fn calm() -> Config {
    config().seeds(1).strategy(Strategy::Calm)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[track_caller]
fn found(report: &Report) -> &Found {
    report.failure().expect("the test fails")
}

/// The lines of the story that tell what is called `name`, without their times.
#[track_caller]
fn told(report: &Report, name: &str) -> Vec<String> {
    let story = found(report).story();
    let lines = story.iter().filter_map(|line| {
        let (_, line) = line.split_once(" s  ").expect(line);
        let (kind, what) = line.split_once("  ").expect(line);
        (kind == name).then(|| what.trim().to_owned())
    });
    lines.collect()
}

/// The line of this file that has `text` in it, the first one but for those that ask.
fn line_of(text: &str) -> usize {
    let is_it = |line: &str| line.contains(text) && !line.contains("line_of(");
    let lines = include_str!("stories.rs").lines();
    1 + lines.take_while(|line| !is_it(line)).count()
}

/// The record that a report names, which is where the test runs.
#[track_caller]
fn record(report: &Report) -> String {
    let text = found(report).to_string();
    let path = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("record "));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path.expect(&text).trim());
    std::fs::read_to_string(path).expect("the record that is named is there")
}

/// Fails the run.
fn what_now() {
    panic!("what now");
}

/// Three writes to a new file, and a sync that takes long.
async fn append() -> std::io::Result<()> {
    let mut log = File::create("/log").await?;
    for _ in 0..3 {
        log.write_all(&[7; 500]).await?;
        log.flush().await?;
    }
    log.sync_all().await // the sync that is cut off
}

#[test]
fn a_loss_of_power_tells_what_was_not_synced_and_which_sync_it_cut_off() {
    let line = line_of("the sync that is cut off");
    let report = check(calm(), |sim| async move {
        let server = sim.node("server");
        server.disk().sync_latency(ms(50), ms(50));
        server.spawn(append());
        sleep(ms(40)).await;
        server.power_loss();
        what_now();
    });
    let cut_off = format!("server: /log at sim/tests/stories.rs:{line}");
    assert_eq!(told(&report, "disk.sync.cut_off"), [cut_off], "{report}");
    let unsynced = [
        "server: /log 3 writes, 1500 B in 3 sectors",
        "server: /log made",
    ];
    assert_eq!(told(&report, "disk.unsynced"), unsynced, "{report}");
    // The report has the same lines, after what the test did.
    let text = report.to_string();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("node.power_lost    server, by the test") < at("disk.unsynced      server: /log 3"));
}

#[test]
fn a_kill_tells_the_sync_that_it_cut_off_and_nothing_of_what_is_not_lost() {
    let report = check(calm(), |sim| async move {
        let server = sim.node("server");
        server.disk().sync_latency(ms(50), ms(50));
        server.spawn(append());
        sleep(ms(40)).await;
        server.kill();
        what_now();
    });
    assert_eq!(told(&report, "disk.sync.cut_off").len(), 1, "{report}");
    assert_eq!(told(&report, "disk.unsynced"), [""; 0], "{report}");
}

/// What is told of a sync that ends while its process hears nothing, in a run in which it fails or
/// not.
fn told_of_an_unheard_sync(config: Config, fails: bool) -> Vec<String> {
    let report = check(config.shrink(false), move |sim| async move {
        let server = sim.node("server");
        server.disk().sync_latency(ms(50), ms(50));
        server.spawn(append());
        sleep(ms(40)).await;
        if fails {
            sim.faults(Fault::new(Kind::DiskSyncFailed).probability(Ratio::one_in(1)));
        }
        server.pause();
        sleep(ms(1_000)).await;
        let has_failed = server
            .disk()
            .read_synced("/log")
            .is_ok_and(|it| it.is_empty());
        server.kill();
        if has_failed == fails {
            what_now();
        }
    });
    told(&report, "disk.sync.cut_off")
}

#[test]
fn a_sync_that_ended_unheard_is_told_as_what_it_came_to() {
    let line = line_of("the sync that is cut off");
    let expected = |how| {
        [format!(
            "server: /log at sim/tests/stories.rs:{line}, {how}"
        )]
    };
    assert_eq!(
        told_of_an_unheard_sync(calm(), false),
        expected("which was done and not told")
    );
    // Nothing fails in a run that is not disturbed.
    assert_eq!(
        told_of_an_unheard_sync(config().seeds(9), true),
        expected("which had failed and was not told")
    );
}

#[test]
fn a_file_that_nobody_can_name_has_nothing_to_tell() {
    let report = check(calm(), |sim| async move {
        let server = sim.node("server");
        server.spawn(async {
            for number in 0..4 {
                let path = format!("/tmp/{number}");
                let mut file = File::create(&path).await.unwrap();
                file.write_all(b"gone with the process").await.unwrap();
                file.flush().await.unwrap();
                fs::remove_file(&path).await.unwrap();
                std::mem::forget(file);
            }
            fs::sync_dir("/tmp").await.unwrap();
            fs::write("/log", b"stays").await.unwrap();
            std::future::pending::<()>().await;
        });
        sleep(ms(5_000)).await;
        server.power_loss();
        what_now();
    });
    let unsynced = ["server: /log 1 write, 5 B in 1 sector", "server: /log made"];
    assert_eq!(told(&report, "disk.unsynced"), unsynced, "{report}");
}

#[test]
fn a_disk_that_was_synced_has_nothing_to_tell() {
    let report = check(calm(), |sim| async move {
        let server = sim.node("server");
        let saved = server.spawn(async {
            append().await?;
            fs::sync_dir("/").await
        });
        saved.await.unwrap().unwrap();
        server.power_loss();
        what_now();
    });
    assert_eq!(found(&report).story().len(), 1, "{report}");
}

#[test]
fn of_much_that_was_not_synced_a_few_are_told_with_how_many_more() {
    let report = check(calm(), |sim| async move {
        let server = sim.node("server");
        let written = server.spawn(async {
            for number in 0..10 {
                fs::write(format!("/{number}"), "x").await.unwrap();
            }
            File::options()
                .write(true)
                .open("/0")
                .await?
                .set_len(4096)
                .await
        });
        written.await.unwrap().unwrap();
        server.power_loss();
        what_now();
    });
    let one = "1 write, 1 B in 1 sector";
    let unsynced = [
        format!("server: /0 {one}; /1 {one}; /2 {one}; and 7 more files"),
        "server: /0 made; /1 made; /2 made; and 7 more names".to_owned(),
    ];
    assert_eq!(told(&report, "disk.unsynced"), unsynced, "{report}");
}

#[test]
fn a_loss_of_power_by_a_fault_tells_what_was_not_synced_too() {
    let report = check(config().seeds(3), |sim| async move {
        let server = sim.node("server").run(|| async {
            fs::write("/log", "x").await.unwrap();
            std::future::pending::<()>().await;
        });
        let fault = Fault::new(Kind::NodePowerLost).target(Target::node("server"));
        sim.faults(fault.every(ms(100)).times(1));
        sleep(ms(1_000)).await;
        assert_eq!(server.incarnation(), 2);
        what_now();
    });
    let unsynced = ["server: /log 1 write, 1 B in 1 sector", "server: /log made"];
    assert_eq!(told(&report, "disk.unsynced"), unsynced, "{report}");
}

#[test]
fn the_story_and_the_record_tell_how_mains_ended() {
    async fn fails() -> std::io::Result<()> {
        fs::read("/nothing").await.map(drop)
    }
    async fn panics() {
        panic!("by mistake\nand more");
    }
    async fn long() -> Result<(), Box<dyn std::error::Error>> {
        Err("long ".repeat(200).into())
    }
    let report = check(calm(), |sim| async move {
        for policy in [OnFailure::MayExit, OnFailure::KillNode, OnFailure::Contain] {
            sim.node(&format!("{policy:?}"))
                .on_failure(policy)
                .run(fails);
        }
        sim.node("fine").run(yield_now);
        sim.node("panics")
            .on_failure(OnFailure::KillNode)
            .run(panics);
        sim.node("long").on_failure(OnFailure::MayExit).run(long);
        sleep(ms(100)).await;
        // Not contained: what fails the run is told as well.
        sim.node("last").run(fails);
        sleep(ms(100)).await;
    });
    let mut ended = told(&report, "node.exited");
    ended.sort();
    let nothing = "No such file or directory (os error 2)";
    let long = format!("long: {} …", "long ".repeat(40));
    let expected = [
        format!("Contain: {nothing}"),
        format!("KillNode: {nothing}"),
        format!("MayExit: {nothing}"),
        "fine: Ok".to_owned(),
        format!("last: {nothing}"),
        long,
        "panics: panicked: by mistake …".to_owned(),
    ];
    assert_eq!(ended, expected, "{report}");
    let record = record(&report);
    for line in expected {
        assert!(
            record.contains(&format!("  node.exited  {line}\n")),
            "{line}\n{record}"
        );
    }
    let cause = found(&report).cause().to_string();
    assert_eq!(cause, format!("last returned an error: {nothing}"));
}

#[test]
fn the_record_tells_which_operations_failed() {
    let (read, paired) = (line_of("to a missing file"), line_of("with nobody"));
    let (sent, written) = (line_of("to an open door"), line_of("to a missing folder"));
    let report = check(calm(), |sim| async move {
        sim.node("server").spawn(async {
            fs::read("/nothing").await.unwrap_err(); // to a missing file
            fs::write("/no/log", "x").await.unwrap_err(); // to a missing folder
            let (mut stream, other) = UnixStream::pair().unwrap(); // with nobody
            drop(other);
            stream.write_all(b"x").await.unwrap_err();
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            socket.send_to(b"x", "server:9").await.unwrap(); // to an open door
        });
        sleep(ms(100)).await;
        what_now();
    });
    let record = record(&report);
    let line_at = |line: usize| {
        let at = format!("sim/tests/stories.rs:{line}");
        let mut lines = record.lines();
        let found = lines.find(|it| it.contains("  op.completed  ") && it.contains(&at));
        found.unwrap_or_else(|| panic!("{line} is not in:\n{record}"))
    };
    let nothing = ", failed: No such file or directory (os error 2)";
    assert!(line_at(read).ends_with(nothing), "{}", line_at(read));
    assert!(line_at(written).ends_with(nothing), "{}", line_at(written));
    let broken = line_at(paired);
    assert!(broken.contains("  write "), "{broken}");
    assert!(
        broken.ends_with(", failed: Broken pipe (os error 32)"),
        "{broken}"
    );
    assert!(!line_at(sent).contains(", failed"), "{}", line_at(sent));
}

/// A lost update, told with how long it took: the run that is found takes longer, by choices that
/// shrinking leaves out.
#[test]
fn the_headline_is_that_of_the_shrunk_run_as_all_else_is() {
    let report = check(config().seeds(200), |sim| async move {
        let total = std::rc::Rc::new(simoom::sync::Mutex::new(0));
        let add = |total: std::rc::Rc<simoom::sync::Mutex<u32>>| async move {
            let seen = *total.lock().await;
            *total.lock().await = seen + 1;
        };
        // Late segments take time, and have no part in what goes wrong.
        let server = sim.node("server").run(|| async {
            let listener = simoom::net::TcpListener::bind("0.0.0.0:80").await?;
            loop {
                drop(listener.accept().await?);
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok::<(), std::io::Error>(())
        });
        sleep(ms(1)).await;
        simoom::net::TcpStream::connect((server.ip(), 80))
            .await
            .unwrap();
        let (one, two) = (
            spawn_local(add(total.clone())),
            spawn_local(add(total.clone())),
        );
        one.await.unwrap();
        two.await.unwrap();
        let (total, took) = (*total.lock().await, sim.elapsed());
        assert_eq!(total, 2, "lost after {} us", took.as_micros());
    });
    let found = found(&report);
    assert!(
        found.raw_deviations() > found.deviations(),
        "it is shrunk: {found}"
    );
    let record = record(&report);
    let polls = record
        .lines()
        .filter(|line| line.contains("  task.polled  "))
        .count();
    let last = record.lines().last().unwrap();
    let (seconds, _) = last.split_once(" s  ").expect(last);
    let time = &seconds[..seconds.len() - 6];
    let text = found.to_string();
    let head = text.lines().next().unwrap();
    assert!(
        head.ends_with(&format!(", {polls} steps, {time} s of virtual time")),
        "{last}\n{text}"
    );
    // What it says is of the same run too.
    let micros: u64 = seconds.replace('.', "").parse::<u64>().unwrap() / 1000;
    let cause = found.cause().to_string();
    assert!(
        cause.contains(&format!("lost after {micros} us")),
        "{micros}: {text}"
    );
}

#[test]
fn a_panic_of_simooms_own_shows_the_users_line() {
    let line = line_of("the second time");
    let report = check(calm(), |_| async {
        let mut handle = spawn_local(async {});
        (&mut handle).await.unwrap();
        (&mut handle).await.unwrap(); // the second time
    });
    let text = report.to_string();
    assert!(text.contains("panicked at runtime/src/task/"), "{text}");
    assert!(text.contains(&format!("tests/stories.rs:{line}")), "{text}");
    // Where an argument is wrong, the call itself is named.
    let line = line_of("which is less than nothing");
    let report = check(calm(), |sim| async move {
        sim.node("a").disk().latency(ms(2), ms(1)); // which is less than nothing
    });
    let place = format!("panicked at sim/tests/stories.rs:{line}:");
    assert!(report.to_string().contains(&place), "{report}");
    let line = line_of("which has no name");
    let report = check(calm(), |sim| async move {
        let _ = sim.node(""); // which has no name
    });
    let place = format!("panicked at sim/tests/stories.rs:{line}:");
    assert!(report.to_string().contains(&place), "{report}");
}

// What a process of its own shows.

const CHILD: &str = "SIMOOM_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test `name` of `binary` alone in `folder`.
fn child(binary: &Path, folder: &Path, name: &str, variables: &[(&str, &Path)]) -> String {
    let mut command = Command::new(binary);
    command
        .args([name, "--exact", "--nocapture"])
        .current_dir(folder);
    for name in ["SEED", "SEEDS", "REPLAY", "NOTES", "STRATEGY"] {
        command.env_remove(format!("SIMOOM_{name}"));
    }
    command
        .env_remove("CARGO_TARGET_DIR")
        .env("RUST_BACKTRACE", "0")
        .env(CHILD, "1");
    command.envs(variables.iter().copied());
    let Output { stdout, stderr, .. } = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    format!("{out}{err}")
}

fn this_binary() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("simoom-stories-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn always(sim: Sim) {
    for number in 1..=30 {
        sim.note(&format!("note {number:02}"));
    }
    assert_eq!(sim.seed(), 0, "always");
}

#[test]
fn how_many_notes_are_shown_is_a_setting() {
    if is_child() {
        check(calm(), always).unwrap();
        return;
    }
    let count = |text: &str| text.lines().filter(|line| line.contains(": note ")).count();
    let name = "how_many_notes_are_shown_is_a_setting";
    let run = |variables: &[(&str, &Path)]| child(&this_binary(), Path::new("."), name, variables);
    let usual = run(&[]);
    assert!(
        usual.contains("the last 20 of 30 notes:") && count(&usual) == 20,
        "{usual}"
    );
    let more = run(&[("SIMOOM_NOTES", Path::new("25"))]);
    assert!(
        more.contains("the last 25 of 30 notes:") && count(&more) == 25,
        "{more}"
    );
    let all = check(calm().notes(100), always).to_string();
    assert!(all.contains("  notes:\n") && count(&all) == 30, "{all}");
    let none = check(calm().notes(0), always).to_string();
    assert!(count(&none) == 0 && !none.contains("notes:"), "{none}");
}

/// What a report says of a binary's place.
#[test]
fn a_copied_test_binary_says_where_its_record_is() {
    if is_child() {
        check(calm(), always).unwrap();
        return;
    }
    let name = "a_copied_test_binary_says_where_its_record_is";
    let folder = Folder::new("copied");
    let binary = folder.0.join("copied");
    std::fs::copy(this_binary(), &binary).unwrap();
    let run = |variables: &[(&str, &Path)]| child(&binary, &folder.0, name, variables);
    let record = |text: &str| {
        let path = text
            .lines()
            .find_map(|line| line.strip_prefix("  record    "));
        let path = PathBuf::from(path.unwrap_or_else(|| panic!("no record: {text}")));
        assert!(path.is_file(), "{}: {text}", path.display());
        path
    };
    // Of its own, beside what other tests leave there.
    let temporary = Folder::new("temporary");
    let text = run(&[("TMPDIR", &temporary.0)]);
    assert!(
        record(&text).starts_with(temporary.0.join("simoom")),
        "{text}"
    );
    assert!(
        text.contains("its record is in the folder for temporary files"),
        "{text}"
    );
    // What it was built with is known of the original alone.
    let unknown = "it is not known which features this binary was built with";
    assert!(text.contains(unknown), "{text}");

    std::fs::create_dir(folder.0.join("target")).unwrap();
    let text = run(&[]);
    assert!(
        record(&text).starts_with(folder.0.join("target/simoom")),
        "{text}"
    );
    assert!(
        text.contains("its record is in the `target` of the current directory"),
        "{text}"
    );

    let asked = folder.0.join("asked");
    let text = run(&[("CARGO_TARGET_DIR", &asked)]);
    assert!(record(&text).starts_with(asked.join("simoom")), "{text}");
    assert!(text.contains("its record is in CARGO_TARGET_DIR"), "{text}");

    let text = child(&this_binary(), Path::new("."), name, &[]);
    assert!(text.contains("  record    target/"), "{text}");
    assert!(!text.contains("its record is in"), "{text}");
}

#[test]
fn a_file_of_another_test_says_how_that_is_replayed() {
    if is_child() {
        check(calm(), |_| async {}).unwrap();
        return;
    }
    let name = "a_file_of_another_test_says_how_that_is_replayed";
    let package = Folder::new("package");
    for folder in ["simoom-regressions/it", "tests/it", "src/bin"] {
        std::fs::create_dir_all(package.0.join(folder)).unwrap();
    }
    let manifest = "[package]\nversion = \"0.1.0\"\nname = \"my-shop\"\n\n[dependencies]\n";
    std::fs::write(package.0.join("Cargo.toml"), manifest).unwrap();
    for file in [
        "tests/it/main.rs",
        "tests/orders.rs",
        "src/lib.rs",
        "src/bin/till.rs",
    ] {
        std::fs::write(package.0.join(file), "").unwrap();
    }
    let file = package.0.join("simoom-regressions/it/some.txt");
    let check = |owner: &str, command: &str| {
        let plan = "simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\n";
        std::fs::write(&file, format!("test {owner}\n{plan}")).unwrap();
        let variables = [("SIMOOM_REPLAY", file.as_path())];
        let text = child(&this_binary(), Path::new("."), name, &variables);
        let line = format!("  SIMOOM_REPLAY={} cargo test {command}\n", file.display());
        assert!(text.contains(&line), "{line}{text}");
    };
    check(
        "it::cart::adds_up",
        "-p my-shop --test it -- --exact cart::adds_up --nocapture",
    );
    check(
        "orders::are_kept 2",
        "-p my-shop --test orders -- --exact are_kept --nocapture",
    );
    check(
        "till::tests::opens",
        "-p my-shop --bin till -- --exact tests::opens --nocapture",
    );
    check(
        "my_shop::tests::sells",
        "-p my-shop --lib -- --exact tests::sells --nocapture",
    );
}
