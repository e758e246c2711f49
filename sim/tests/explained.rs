//! Why a failure happened: the moment that decides it, the run that passes, what led to it.

mod child;
#[path = "explained/shop.rs"]
mod shop;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel::Cancels;
use simoom_sim::{Class, Config, Escape, Fault, Kind, Sim, Strategy, check};

use crate::child::{child, is_child, text};

fn config() -> Config {
    Config::default().persist(false).explain_time(LONG)
}

/// No test is to depend on how fast the machine is.
const LONG: Duration = Duration::from_secs(600);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The line of this file that has `text` in it, the first one but for those that ask.
fn line_of(text: &str) -> usize {
    let is_it = |line: &str| line.contains(text) && !line.contains("line_of(");
    let lines = include_str!("explained.rs").lines();
    1 + lines.take_while(|line| !is_it(line)).count()
}

/// Reads, waits, writes.
async fn add(counter: Rc<Cell<u32>>, lock: Rc<Mutex<()>>) {
    let seen = counter.get();
    drop(lock.lock().await); // where an update is lost
    counter.set(seen + 1);
}

/// Works on things of its own, at other times.
async fn noise(lock: Rc<Mutex<u32>>) {
    for _ in 0..20 {
        *lock.lock().await += 1;
        sleep(ms(2)).await;
    }
}

async fn lost_update(_sim: Sim) {
    let (counter, lock) = (Rc::default(), Rc::new(Mutex::new(())));
    let apart = Rc::new(Mutex::new(0));
    let noisy = [apart.clone(), apart].map(|lock| spawn_local(noise(lock)));
    sleep(ms(5)).await;
    let adders = [0; 2].map(|_| spawn_local(add(Rc::clone(&counter), lock.clone())));
    for adder in adders {
        adder.await.unwrap();
    }
    assert_eq!(counter.get(), 2, "an update is lost");
    drop(noisy);
}

/// What does not move with every edit of this file or of a strategy.
fn without_numbers(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        while let Some(start) = line.find("sim/tests/explained.rs:") {
            let digits = start + "sim/tests/explained.rs:".len();
            let rest = line[digits..].trim_start_matches(|it: char| it.is_ascii_digit());
            line = format!("{}FILE:LINE{rest}", &line[..start]);
        }
        for (before, after) in [
            ("anew, ", " of 32"),
            ("before this, ", "; with"),
            ("the first ", " events"),
        ] {
            if let Some((head, tail)) = line.split_once(before)
                && let Some((_, tail)) = tail.split_once(after)
            {
                line = format!("{head}{before}N{after}{tail}");
            }
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[test]
fn a_lost_update_is_decided_where_the_first_task_is_interrupted() {
    let line = line_of("where an update is lost");
    let report = check(config(), lost_update);
    let found = report.failure().unwrap();
    let why = found.explanation();
    let told = report.to_string();
    let site = format!("is interrupted before lock at sim/tests/explained.rs:{line}");

    println!("{report}\n=====\n{why}");
    let moment = why.moment().expect(&told);
    assert!(moment.contains(&site), "{moment}");
    assert!(moment.contains("explained::add"), "{moment}");
    let curve: Vec<_> = why.curve().collect();
    assert!(curve.len() >= 4, "{why}");
    assert!(
        curve
            .iter()
            .all(|&(_, failed, of)| failed <= of && of == 32),
        "{why}"
    );
    assert_eq!(curve.last().unwrap().1, 32, "{why}");

    let difference = why.difference().expect(&told);
    assert!(difference.contains("differs in 1 choice"), "{difference}");
    let (fails, passes) = difference.split_once("\n  passes").expect(&difference);
    assert!(fails.contains(&site), "{difference}");
    assert!(passes.contains("goes on with lock"), "{difference}");

    let events = why.events().join("\n");
    assert!(events.contains(&site), "{events}");
    assert!(events.contains("panics"), "{events}");
    assert!(events.contains("joins test/explained::add#1"), "{events}");
    let noisy = |line: &&String| line.contains("explained::noise") && !line.contains("starts");
    assert_eq!(why.events().iter().find(noisy), None, "{events}");
    assert!(why.events().len() <= 26, "{events}");

    for part in ["why       ", "what led to it:", "fails in  ", &site] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn explanations_do_not_depend_on_how_many_runs_are_made_at_once() {
    let explained = |jobs| {
        let report = check(config().jobs(jobs), lost_update);
        report.failure().unwrap().explanation().clone()
    };
    let alone = explained(1);
    assert_eq!(explained(4), alone);
    assert_eq!(explained(1), alone, "nor on anything else");
}

/// Fails unless an update is lost.
async fn kept_update(_sim: Sim) {
    let (counter, lock) = (Rc::default(), Rc::new(Mutex::new(())));
    let adders = [0; 3].map(|_| spawn_local(add(Rc::clone(&counter), lock.clone())));
    for adder in adders {
        adder.await.unwrap();
    }
    assert_ne!(counter.get(), 3, "no update is lost");
}

#[test]
fn what_fails_undisturbed_shows_the_choice_that_makes_it_pass() {
    // All of them first: the fresh processes that confirm them come here, too.
    let reports = [1, 4, 4, 4].map(|jobs| check(config().jobs(jobs), kept_update));
    let found = reports.each_ref().map(|report| report.failure().unwrap());
    assert_eq!(found[0].deviations(), 0, "{}", found[0]);
    let why = found[0].explanation();
    let difference = why.difference().expect("some run passes");
    assert!(difference.contains("differs in 1 choice"), "{difference}");
    let (_, passes) = difference.split_once("\n  passes").unwrap();
    assert!(
        passes.contains("is interrupted before lock"),
        "{difference}"
    );
    for other in &found[1..] {
        assert_eq!(
            other.explanation(),
            why,
            "however many runs are made at once"
        );
    }
}

/// Serves one request, and forgets the second one of a client.
async fn serve(lost: Rc<Cell<bool>>) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let (mut stream, _) = listener.accept().await?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    lost.set(byte[0] == 7);
    stream.write_all(&[1]).await
}

#[test]
fn what_comes_over_the_network_leads_back_to_who_sent_it() {
    let report = check(
        config().seeds(1).strategy(Strategy::Calm),
        |sim| async move {
            let lost = Rc::new(Cell::new(false));
            let answers = lost.clone();
            // On the node of the test, so that what it finds can be shared.
            let server = spawn_local(serve(answers));
            let client = sim.node("client");
            client.spawn(noisy_client());
            client.spawn(async {
                let mut stream = TcpStream::connect("test:80").await.unwrap();
                stream.write_all(&[7]).await.unwrap();
                sleep(ms(500)).await;
            });
            server.await.unwrap().unwrap();
            assert!(!lost.get(), "the seven is lost");
        },
    );
    let why = report.failure().unwrap().explanation();
    let events = why.events().join("\n");
    assert!(events.contains("sends on connection"), "{events}");
    assert!(events.contains("reads from connection"), "{events}");
    assert!(!events.contains("noisy_client  "), "{events}");
    // It fails whatever is chosen.
    let moment = why.moment().expect(&events);
    assert!(
        moment.contains("it fails whatever follows its start"),
        "{moment}"
    );
    assert_eq!(why.difference(), None, "no run passes: {why}");
}

async fn noisy_client() {
    for _ in 0..5 {
        sleep(ms(1)).await;
    }
}

#[test]
fn a_fault_that_is_the_cause_is_told_and_its_absence_passes() {
    let report = check(config(), |sim| async move {
        sim.faults(Fault::new(Kind::DiskUnsyncedLost));
        let server = sim.node("server").run(std::future::pending::<()>);
        server
            .spawn(async {
                let mut log = simoom::fs::File::create("/log").await?;
                log.write_all(b"kept").await?;
                log.flush().await
            })
            .await
            .unwrap()
            .unwrap();
        server.power_loss();
        server.restart();
        let kept = server.spawn(async { simoom::fs::read("/log").await });
        let kept = kept.await.unwrap().unwrap_or_default();
        assert_eq!(kept, b"kept", "what was written is lost");
    });
    let found = report.failure().unwrap();
    let why = found.explanation();
    let told = report.to_string();
    let events = why.events().join("\n");
    assert!(events.contains("disk.unsynced.lost happens"), "{report}");
    assert!(events.contains("turns off the power of server"), "{report}");
    let difference = why.difference().expect(&told);
    let (fails, passes) = difference.split_once("\n  passes").unwrap();
    assert!(fails.contains("disk.unsynced.lost happens"), "{difference}");
    assert!(
        passes.contains("disk.unsynced.lost does not happen"),
        "{difference}"
    );
}

#[test]
fn two_locks_taken_in_opposite_orders_lead_to_the_two_who_hold_them() {
    async fn both(first: Rc<Mutex<()>>, second: Rc<Mutex<()>>) {
        let _first = first.lock().await; // the first lock
        let _second = second.lock().await; // the second lock
    }
    let report = check(config(), |_sim| async {
        let (one, two) = (Rc::new(Mutex::new(())), Rc::new(Mutex::new(())));
        let there = spawn_local(both(one.clone(), two.clone()));
        let back = spawn_local(both(two, one));
        there.await.unwrap();
        back.await.unwrap();
    });
    let found = report.failure().unwrap();
    assert_eq!(found.class(), Class::Liveness);
    let why = found.explanation();
    let events = why.events().join("\n");
    let takes = events.matches("takes ").count();
    assert!(takes >= 2, "each holds one: {events}");
    let second = line_of("// the second lock");
    let interrupted = format!("is interrupted before lock at sim/tests/explained.rs:{second}");
    assert!(events.contains(&interrupted), "{events}");
    let expected = [
        "  why       inevitable from 0.000 s on (step 3): test/both#1 goes on with lock at FILE:LINE",
        "            with nothing of this run kept and the rest drawn anew, N of 32 runs fail; with \
         all kept before this, N; with this too, 32",
        "  the nearest run that passes differs in 1 choice; the first N events are the same, and at \
         0.000 s:",
        "    fails   test/both is interrupted before lock at FILE:LINE; test/both#1 goes on",
        "            then test/both#1 takes test/both!1 at FILE:LINE",
        "    passes  test/both goes on with lock at FILE:LINE",
        "            then test/both takes test/both!1 at FILE:LINE",
        "            then test/both gives back test/both!1",
        "            then test/both gives back test/both!0",
        "  what led to it:",
        "    0.000 s  ●    test/main    starts test/both",
        "    0.000 s  ●    test/main    starts test/both#1",
        "    0.000 s   ●   test/both    takes test/both!0 at FILE:LINE",
    ];
    let shown = without_numbers(&report.to_string());
    let shown: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.contains("why  "))
        .collect();
    let all = expected.len() - 1;
    assert_eq!(shown[..all], expected[..all], "{report}");
    assert!(shown.contains(expected.last().unwrap()), "{report}");
    // The other one could still be interrupted before its first lock.
    let moment = why.moment().expect(&events);
    assert!(
        moment.contains(" lock at sim/tests/explained.rs:"),
        "{moment}"
    );
}

#[test]
fn a_wake_that_is_lost_shows_who_notified_and_when() {
    let report = check(config(), |_sim| async {
        let (notify, ready) = (Rc::new(Notify::new()), Rc::new(RefCell::new(false)));
        let (waker, set) = (notify.clone(), ready.clone());
        spawn_local(async move {
            yield_now().await;
            *set.borrow_mut() = true;
            waker.notify_waiters();
        });
        let looked = *ready.borrow();
        yield_now().await;
        simoom::task::preemption_point().await;
        if !looked {
            notify.notified().await; // waits for ever
        }
    });
    let found = report.failure().unwrap();
    assert_eq!(found.class(), Class::Liveness);
    let why = found.explanation();
    assert!(!why.events().is_empty(), "{why}");
}

#[test]
fn no_explanation_is_made_where_none_is_wanted() {
    let off = check(config().explain(false), lost_update);
    let why = off.failure().unwrap().explanation();
    assert_eq!(*why, Default::default());
    assert!(!off.to_string().contains("what led to it"), "{off}");
    // Without runs, there is the record of the failing one.
    let bare = check(config().explain_runs(0), lost_update);
    let why = bare.failure().unwrap().explanation();
    assert!(why.moment().is_none() && why.difference().is_none());
    assert!(!why.events().is_empty(), "{why}");
    assert_eq!(why.rate().map(|(failed, _)| failed), Some(1));
}

/// The chapter of the book shows the program and all that is said of it.
#[test]
fn the_book_shows_what_is_said_of_two_who_buy_one_book() {
    let chapter = include_str!("../../docs/book/src/explaining.md");
    let source = include_str!("explained/shop.rs");
    let (_, source) = source.split_once("\n\n").unwrap();
    assert!(chapter.contains(source.trim()), "the program is another");
    let report = check(
        config().strategy(Strategy::Random),
        shop::one_book_is_sold_once,
    );
    let why = report.failure().unwrap().explanation().to_string();
    let why = why.replace("sim/tests/explained/shop.rs", "src/shop.rs");
    assert!(
        chapter.contains(why.trim()),
        "the chapter is to have:\n{why}"
    );
}

/// Sells a seat twice while `BROKEN` says so, and saves its failures where `FOLDER` says.
#[test]
fn a_saved_failure_that_passes_says_how_many_clean_seeds_are_needed() {
    const NAME: &str = "a_saved_failure_that_passes_says_how_many_clean_seeds_are_needed";
    if is_child() {
        let folder = std::env::var("FOLDER").unwrap();
        let config = Config::default().seeds(50).regressions(folder);
        let is_broken = std::env::var("BROKEN").is_ok();
        return check(config, move |sim| async move {
            match is_broken {
                true => lost_update(sim).await,
                false => yield_now().await,
            }
        })
        .unwrap();
    }
    let folder = std::env::temp_dir().join(format!("simoom-explained-{}", std::process::id()));
    let path = folder.to_str().unwrap();
    let broken = child(NAME, &[("FOLDER", path), ("BROKEN", "1")]);
    assert!(!broken.status.success(), "{}", text(&broken));
    // Replayed, it is explained as well, but for what would be other seeds.
    let replayed = text(&child(NAME, &[("FOLDER", path), ("BROKEN", "1")]));
    let fixed = child(NAME, &[("FOLDER", path)]);
    let saved = std::fs::read_to_string(folder.join(format!("explained/{NAME}.txt")));
    std::fs::remove_dir_all(&folder).unwrap();
    let saved = saved.unwrap();
    let seen = saved.lines().find_map(|line| line.strip_prefix("seen "));
    let (failed, runs) = seen.expect(&saved).split_once(" of ").unwrap();
    assert!(fixed.status.success(), "{}", text(&fixed));
    for part in ["failed (saved)", "  why       ", "what led to it:"] {
        assert!(replayed.contains(part), "{part}: {replayed}");
    }
    assert!(!replayed.contains("  fails in  "), "{replayed}");
    let said = text(&fixed);
    for part in [
        "a saved failure passes, and so do 50 seeds in a row",
        &format!("({failed} of {runs})"),
        "with 95 % confidence",
        "an update is lost",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// Sells a seat twice while `BROKEN` says so, in a sweep of kind `SWEEP`, and saves its failures
/// where `FOLDER` says.
#[test]
fn where_no_chance_is_at_work_no_number_of_seeds_is_asked_for() {
    const NAME: &str = "where_no_chance_is_at_work_no_number_of_seeds_is_asked_for";
    if is_child() {
        let folder = std::env::var("FOLDER").unwrap();
        let config = Config::default().regressions(folder);
        let config = match std::env::var("SWEEP").unwrap().as_str() {
            "orders" => config.strategy(Strategy::Exhaustive {
                deviations: Some(2),
            }),
            "all orders" => config
                .strategy(Strategy::Exhaustive { deviations: None })
                .seeds(10_000),
            "pairs" => config.cancels(Cancels::Pairs),
            _ => config.cancels(Cancels::Every),
        };
        let is_broken = std::env::var("BROKEN").is_ok();
        return check(config, move |sim| async move {
            let ended = simoom::spawn(yield_now()).await;
            if is_broken {
                ended.unwrap();
                lost_update(sim).await;
            }
        })
        .unwrap();
    }
    for (sweep, failed, passed) in [
        (
            "orders",
            "no chance found this order, so no number of seeds is needed: it is gone, as far as \
             this sweep goes, when every order of the tasks with at most 2 deviations from calm has \
             passed",
            "every order of the tasks with at most 2 deviations from calm was run: ",
        ),
        (
            "points",
            "no chance found this point, so no number of seeds is needed: it is gone, as far as \
             this sweep goes, when every point at which this run can be cancelled has passed",
            "1 of 1 await points ",
        ),
        (
            "all orders",
            "no chance found this order, so no number of seeds is needed: it is gone, as far as \
             this sweep goes, when every order of the tasks has passed",
            "every order of the tasks was run: ",
        ),
        (
            "pairs",
            "no chance found this point, so no number of seeds is needed: it is gone, as far as \
             this sweep goes, when every point at which this run can be cancelled, and every pair \
             that is tried, has passed",
            "1 of 1 await points ",
        ),
    ] {
        let folder = format!(
            "simoom-tried-{}-{}",
            std::process::id(),
            sweep.replace(' ', "-")
        );
        let folder = std::env::temp_dir().join(folder);
        let path = folder.to_str().unwrap();
        let settings = [("FOLDER", path), ("SWEEP", sweep), ("BROKEN", "1")];
        let broken = child(NAME, &settings);
        let fixed = child(NAME, &settings[..2]);
        let _ = std::fs::remove_dir_all(&folder);
        assert!(!broken.status.success(), "{}", text(&broken));
        assert!(text(&broken).contains(failed), "{}", text(&broken));
        assert!(!text(&broken).contains("fails in  "), "{}", text(&broken));
        assert!(fixed.status.success(), "{}", text(&fixed));
        let said = format!(
            "a saved failure passes, and so does what was tried after it without chance: {passed}"
        );
        assert!(text(&fixed).contains(&said), "{}", text(&fixed));
    }
}

/// Loses an update in runs that take a while.
#[test]
fn it_is_told_how_far_shrinking_and_explaining_are_where_that_is_asked_for() {
    const NAME: &str = "it_is_told_how_far_shrinking_and_explaining_are_where_that_is_asked_for";
    if is_child() {
        let config = config().jobs(1).strategy(Strategy::Random);
        let report = check(config, |sim| async move {
            sim.allow(Escape::SLEEP);
            std::thread::sleep(ms(100));
            lost_update(sim).await;
        });
        assert!(report.failure().is_some());
        return;
    }
    let errors = |variables: &[(&str, &str)]| {
        let output = child(NAME, variables);
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = errors(&[("SIMOOM_PROGRESS", "1")]);
    for part in [
        ": shrinking, ",
        " replays, ",
        ": explaining, ",
        " of at most 600 runs, when it was decided",
        " of at most 600 runs, how often it fails",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert!(!told.contains('\u{1b}'), "no terminal: {told}");
    for quiet in [("SIMOOM_PROGRESS", "0"), ("CI", "true")] {
        let told = errors(&[quiet]);
        assert!(!told.contains(" of at most "), "{told}");
    }
}
