//! Histories and ledgers: what is written down in a run, stored, and judged again.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use simoom::sync::{Mutex, mpsc};
use simoom::task::spawn_local;
use simoom::time::{sleep, timeout};
use simoom_sim::history::Outcome;
use simoom_sim::linear::{self, Lock, LockOp, LockRet, Register, RegisterOp, RegisterRet};
use simoom_sim::{Config, History, Ledger, Report, Sim, Strategy, check};

type Log = History<RegisterOp<u32>, RegisterRet<u32>>;

fn config() -> Config {
    Config::default().persist(false)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The file `name` beside the record of a failure.
#[track_caller]
fn beside_the_record(report: &Report, name: &str) -> PathBuf {
    let text = report.failure().expect("the test fails").to_string();
    let path = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("record "));
    let record = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path.expect(&text).trim());
    record.with_file_name(name)
}

#[test]
fn each_operation_has_its_times_and_what_came_of_it() {
    check(config().seeds(5), |sim| async move {
        let log: Log = sim.history("register");
        assert!(log.is_empty());
        sleep(ms(3)).await;
        let write = log.invoke("a", RegisterOp::Write(1));
        sleep(ms(4)).await;
        write.returns(RegisterRet::Written);
        log.invoke("b", RegisterOp::Read).fails();
        drop(log.invoke("c", RegisterOp::Read));

        let [write, refused, dropped] = &log.operations()[..] else {
            panic!("{log:?}");
        };
        assert_eq!((&*write.client, &write.op), ("a", &RegisterOp::Write(1)));
        assert_eq!(write.outcome, Outcome::Returned(RegisterRet::Written));
        assert_eq!(write.invoked.time(), ms(3));
        assert_eq!(write.ended.unwrap().time(), ms(7));
        assert_eq!(refused.outcome, Outcome::Failed);
        // At one time, and still in order.
        assert_eq!(refused.invoked.time(), write.ended.unwrap().time());
        assert!(refused.invoked > write.ended.unwrap());
        assert_eq!((&dropped.outcome, dropped.ended), (&Outcome::Open, None));
    })
    .unwrap();
}

#[test]
fn what_a_killed_node_or_a_time_out_leaves_is_open() {
    check(config().seeds(20), |sim| async move {
        let log: Log = sim.history("register");
        let (late, killed) = (log.clone(), log.clone());
        let client = sim.node("client");
        client.spawn(async move {
            /// Answers when it is dropped.
            struct Guard(Option<simoom_sim::history::Call<RegisterOp<u32>, RegisterRet<u32>>>);
            impl Drop for Guard {
                fn drop(&mut self) {
                    self.0.take().unwrap().returns(RegisterRet::Written);
                }
            }
            let guard = Guard(Some(killed.invoke("killed", RegisterOp::Write(1))));
            std::future::pending::<()>().await;
            drop(guard);
        });
        let waiting = async move {
            let call = late.invoke("late", RegisterOp::Write(2));
            sleep(ms(10)).await;
            call.returns(RegisterRet::Written);
        };
        assert!(timeout(ms(5), waiting).await.is_err());
        client.kill();
        // A destructor of a killed process does nothing, as all that it does.
        let outcomes: Vec<_> = log.operations().into_iter().map(|it| it.outcome).collect();
        assert_eq!(outcomes, [Outcome::Open, Outcome::Open]);
    })
    .unwrap();
}

/// The hashes of a few runs in which `value` is written.
fn hashes(value: u32) -> Vec<u128> {
    let report = check(config().seeds(10).doubled(1), move |sim: Sim| async move {
        let log: Log = sim.history("register");
        let call = log.invoke("a", RegisterOp::Write(value));
        sleep(ms(1)).await;
        call.returns(RegisterRet::Written);
    });
    let hashes = report.runs().iter().map(|run| run.hash).collect();
    report.unwrap();
    hashes
}

#[test]
fn a_history_is_part_of_what_identifies_a_run() {
    assert_eq!(hashes(1), hashes(1));
    let pairs = hashes(1).into_iter().zip(hashes(2));
    assert!(pairs.into_iter().all(|(one, two)| one != two));
}

#[test]
fn two_histories_of_a_run_have_two_names() {
    let report = check(config().seeds(1), |sim| async move {
        let _one: Log = sim.history("same");
        let _two: Log = sim.history("same");
    });
    let text = report.failure().unwrap().to_string();
    assert!(
        text.contains("there is a history \"same\" in this run"),
        "{text}"
    );
    let report = check(config().seeds(1), |sim| async move {
        let _log: Log = sim.history("a/b");
    });
    let text = report.failure().unwrap().to_string();
    assert!(text.contains("other characters than letters"), "{text}");
}

/// A register that is kept twice: a write tells its client before the copy has it, and reads take
/// either.
async fn two_copies(sim: Sim) {
    let log: Log = sim.history("register");
    let copies = Rc::new([Cell::new(0), Cell::new(0)]);
    let (say, mut said) = mpsc::unbounded_channel();
    let behind = copies.clone();
    spawn_local(async move {
        while let Some(value) = said.recv().await {
            behind[1].set(value);
        }
    });
    let (writes, to) = (log.clone(), copies.clone());
    let writer = spawn_local(async move {
        for value in 1..=3 {
            let call = writes.invoke("writer", RegisterOp::Write(value));
            to[0].set(value);
            say.send(value).unwrap();
            call.returns(RegisterRet::Written);
            sleep(ms(1)).await;
        }
    });
    let (reads, from) = (log.clone(), copies);
    let reader = spawn_local(async move {
        for number in 0..6 {
            let call = reads.invoke("reader", RegisterOp::Read);
            call.returns(RegisterRet::Value(from[number % 2].get()));
            sleep(ms(1)).await;
        }
    });
    writer.await.unwrap();
    reader.await.unwrap();
    log.assert_linearizable(&Register::new(0));
}

#[test]
fn a_stale_read_is_found_stored_and_judged_again() {
    let report = check(config(), two_copies);
    let found = report.failure().expect("copies are not one register");
    let text = found.to_string();
    assert!(
        text.contains("history \"register\": not linearizable"),
        "{text}"
    );
    assert!(text.contains("reader Read = Value("), "{text}");
    assert!(found.is_confirmed(), "{text}");

    // The stored history is the one that was judged, and another judge may come to another verdict.
    let path = beside_the_record(&report, "history-register.jsonl");
    let stored = Log::load(&path).unwrap();
    assert_eq!(stored.name(), "register");
    let verdict = linear::check(&Register::new(0), &stored.operations());
    assert!(
        text.contains(&verdict.to_string().replace('\n', "\n  ")),
        "{text}\n{verdict}"
    );
    let by_reads = |op: &RegisterOp<u32>| matches!(op, RegisterOp::Read);
    let writes: Vec<_> = stored
        .operations()
        .into_iter()
        .filter(|it| !by_reads(&it.op))
        .collect();
    assert!(linear::check(&Register::new(0), &writes).is_linearizable());
    let message =
        std::panic::catch_unwind(AssertUnwindSafe(|| stored.invoke("a", RegisterOp::Read)))
            .unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(
        message.contains("was loaded: nothing can be added"),
        "{message}"
    );
}

#[test]
fn a_file_that_holds_no_such_history_is_an_error() {
    let path = std::env::temp_dir().join(format!("simoom-histories-{}", std::process::id()));
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Log::load(&path).unwrap_err().to_string()
    };
    assert!(load("").contains("the file is empty"));
    let head = r#"{"simoom":"history","format":1,"name":"x"}"#;
    let ledger = head.replace("history", "ledger");
    assert!(load(&ledger).contains("this is a ledger of format 1, not a history of 1"));
    let line = format!("{head}\n{{\"event\":1,\"ns\":0,\"call\":7,\"failed\":true}}");
    assert!(load(&line).contains("nobody has made call 7"));
    let line = format!("{head}\n{{\"event\":1,\"ns\":0,\"call\":0,\"client\":\"a\",\"op\":5}}");
    assert!(load(&line).contains("event 1"));
    assert!(load(&format!("{head}\nnonsense")).contains(":2: "));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_lock_of_the_runtime_is_linearizable() {
    check(config().seeds(300), |sim| async move {
        let log: History<LockOp, LockRet> = sim.history("lock");
        let lock = Rc::new(Mutex::new(()));
        let clients: Vec<_> = (0..4)
            .map(|number| {
                let (log, lock) = (log.clone(), lock.clone());
                spawn_local(async move {
                    let who = format!("c{number}");
                    for _ in 0..3 {
                        let call = log.invoke(&who, LockOp::Lock(who.clone()));
                        let guard = lock.lock().await;
                        call.returns(LockRet::Done);
                        simoom::task::yield_now().await;
                        let call = log.invoke(&who, LockOp::Unlock(who.clone()));
                        drop(guard);
                        call.returns(LockRet::Done);
                        let call = log.invoke(&who, LockOp::TryLock(who.clone()));
                        let guard = lock.try_lock();
                        call.returns(LockRet::Tried(guard.is_ok()));
                        if guard.is_ok() {
                            let call = log.invoke(&who, LockOp::Unlock(who.clone()));
                            drop(guard);
                            call.returns(LockRet::Done);
                        }
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        assert!(log.len() >= 4 * 3 * 3);
        log.assert_linearizable(&Lock);
    })
    .unwrap();
}

/// A run in which `fill` writes a ledger; what `judge` says of it.
fn ledger(
    fill: fn(&Ledger<u32>),
    judge: fn(&Ledger<u32>) -> Result<(), simoom_sim::ledger::Unbalanced>,
) -> Option<String> {
    let report = check(
        config().seeds(1).strategy(Strategy::Calm),
        move |sim: Sim| async move {
            let ledger = sim.ledger("books");
            fill(&ledger);
            judge(&ledger).unwrap();
        },
    );
    let found = report.failure()?.cause().to_string();
    let (_, message) = found
        .split_once("`Err` value: ")
        .expect("only `unwrap` fails");
    Some(message.to_owned())
}

#[test]
fn the_books_balance_where_every_message_is_in_one_place() {
    let fill = |ledger: &Ledger<u32>| {
        for number in 0..4 {
            ledger.sent("a", number);
        }
        ledger.received("b", 0);
        ledger.received("c", 1);
        ledger.returned("a", 2);
        ledger.in_flight("queue", 3);
    };
    assert_eq!(ledger(fill, Ledger::conserved), None);
    assert_eq!(ledger(fill, Ledger::at_least_once), None);
    assert_eq!(ledger(fill, Ledger::at_most_once), None);
    assert_eq!(ledger(fill, Ledger::fifo), None);
    assert_eq!(
        ledger(fill, Ledger::exactly_once).unwrap(),
        "2 messages are lost:
  2, sent by a at 0.000000 s, returned to a at 0.000000 s
  3, sent by a at 0.000000 s, in flight at queue at 0.000000 s"
    );
}

#[test]
fn what_is_lost_doubled_or_out_of_nothing_is_told() {
    let lost = |ledger: &Ledger<u32>| ledger.sent("a", 1);
    let message = "1 message is lost: 1, sent by a at 0.000000 s";
    assert_eq!(ledger(lost, Ledger::conserved).unwrap(), message);
    assert_eq!(ledger(lost, Ledger::exactly_once).unwrap(), message);
    assert_eq!(ledger(lost, Ledger::at_least_once).unwrap(), message);
    assert_eq!(ledger(lost, Ledger::at_most_once), None);

    let twice = |ledger: &Ledger<u32>| {
        ledger.sent("a", 1);
        ledger.received("b", 1);
        ledger.received("c", 1);
    };
    let message = "1 message is in too many places: 1, sent by a at 0.000000 s, received by b at \
                   0.000000 s, received by c at 0.000000 s";
    assert_eq!(ledger(twice, Ledger::conserved).unwrap(), message);
    assert_eq!(ledger(twice, Ledger::exactly_once).unwrap(), message);
    assert_eq!(ledger(twice, Ledger::at_most_once).unwrap(), message);
    assert_eq!(ledger(twice, Ledger::at_least_once), None);

    let early = |ledger: &Ledger<u32>| {
        ledger.received("b", 1);
        ledger.sent("a", 1);
        ledger.received("b", 2);
    };
    for judge in [
        Ledger::conserved,
        Ledger::exactly_once,
        Ledger::at_least_once,
        Ledger::at_most_once,
    ] {
        assert_eq!(
            ledger(early, judge).unwrap(),
            "2 messages are out of nothing:
  1, received by b at 0.000000 s, before it was sent by a at 0.000000 s
  2, received by b at 0.000000 s"
        );
    }
}

#[test]
fn messages_that_are_equal_are_counted() {
    let fill = |ledger: &Ledger<u32>| {
        ledger.sent("a", 7);
        ledger.sent("a", 7);
        ledger.received("b", 7);
        ledger.received("b", 7);
    };
    assert_eq!(ledger(fill, Ledger::conserved), None);
    assert_eq!(ledger(fill, Ledger::exactly_once), None);
    assert_eq!(ledger(fill, Ledger::fifo), None);
}

#[test]
fn an_order_that_is_broken_is_told_for_each_pair() {
    let fill = |ledger: &Ledger<u32>| {
        for number in [1, 2, 3] {
            ledger.sent("a", number);
        }
        ledger.sent("z", 10);
        // Another receiver may be ahead.
        ledger.received("c", 3);
        ledger.received("b", 2);
        ledger.received("b", 10);
        ledger.received("b", 1);
        ledger.received("b", 3);
    };
    let text = ledger(fill, Ledger::fifo).unwrap();
    assert_eq!(
        text,
        "1 message overtook another: 1, sent by a before 2, received by b after it at 0.000000 s"
    );
}

#[test]
fn a_stored_ledger_is_judged_again() {
    let report = check(config().seeds(1), |sim| async move {
        let ledger = sim.ledger("books");
        ledger.sent("a", (1, "one"));
        assert!(sim.elapsed() > Duration::ZERO, "in any case");
    });
    let path = beside_the_record(&report, "ledger-books.jsonl");
    let stored = Ledger::<(u32, String)>::load(path).unwrap();
    let lost = stored.conserved().unwrap_err();
    assert_eq!(lost.count(), 1);
    assert_eq!(
        format!("{lost:?}"),
        "1 message is lost: (1, \"one\"), sent by a at 0.000000 s"
    );
    stored.at_most_once().unwrap();
}
