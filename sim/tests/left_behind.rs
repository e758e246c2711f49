//! What is left behind at the end of a run: each kind planted, and each named.

use std::future::pending;
use std::mem::forget;
use std::pin::pin;
use std::time::Duration;

use simoom::fs::{self, File};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use simoom::sync::{Mutex, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::{sleep, timeout};
use simoom_sim::{Class, Config, Exit, Failure, Leak, Leaks, OnFailure, Report, Sim, check};

fn config() -> Config {
    Config::default()
        .persist(false)
        .seeds(5)
        .leaks(Leaks::none())
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// What is left of a run in which `plant` is all that happens.
#[track_caller]
fn left<F>(plant: fn(Sim) -> F) -> Vec<String>
where
    F: Future + 'static,
    F::Output: Exit,
{
    leaks(&check(config(), plant))
}

#[track_caller]
fn leaks(report: &Report) -> Vec<String> {
    let found = report.failure().expect("a leak is found");
    let Failure::Leaked { leaks } = found.cause() else {
        panic!("{found}");
    };
    assert_eq!(found.class(), Class::Correctness);
    leaks.clone()
}

/// The place of the line of this file that has `text` in it, the first one but for those that ask.
fn place_of(text: &str) -> String {
    let is_it = |line: &str| line.contains(text) && !line.contains("place_of(");
    let lines = include_str!("left_behind.rs").lines();
    let line = 1 + lines.take_while(|line| !is_it(line)).count();
    format!("sim/tests/left_behind.rs:{line}")
}

#[test]
fn a_task_that_was_spawned_and_left() {
    async fn waits_for_ever() {
        sleep(Duration::from_secs(1 << 20)).await; // a long time
    }
    let left = left(|_sim| async {
        spawn_local(waits_for_ever()); // left alone
    });
    assert_eq!(
        left,
        [format!(
            "task test/left_behind::a_task_that_was_spawned_and_left::waits_for_ever, spawned at {}, \
             waits in sleep at {}",
            place_of("// left alone"),
            place_of("// a long time")
        )]
    );
}

#[test]
fn a_task_that_nobody_can_wake() {
    let left = left(|_sim| async {
        simoom::spawn(pending::<()>());
    });
    assert_eq!(left.len(), 1);
    assert!(left[0].ends_with("; nobody can wake it"), "{left:?}");
}

#[test]
fn a_task_that_a_forgotten_sender_keeps() {
    let left = left(|_sim| async {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        simoom::spawn(async move { while receiver.recv().await.is_some() {} });
        forget(sender);
    });
    assert_eq!(left.len(), 1);
    assert!(
        left[0].contains("waits in recv at sim/tests/left_behind.rs:"),
        "{left:?}"
    );
    assert!(!left[0].contains("nobody can wake it"), "{left:?}");
}

#[test]
fn a_blocking_closure_that_has_not_returned() {
    let left = left(|_sim| async {
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        simoom::task::spawn_blocking(move || receiver.blocking_recv());
        sleep(ms(1)).await;
        forget(sender);
    });
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("blocking closure test/"), "{left:?}");
    assert!(
        left[0].contains(&place_of("receiver.blocking_recv()")),
        "{left:?}"
    );
}

#[test]
fn dbg_5_sockets_of_every_kind() {
    let left = left(|sim| async move {
        let server = sim.node("server");
        let listening = server.spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let (stream, _) = listener.accept().await.unwrap(); // accepted
            forget(stream);
            drop(listener);
        });
        sleep(ms(1)).await;
        forget(TcpStream::connect("server:80").await.unwrap()); // connected
        listening.await.unwrap();
        forget(TcpListener::bind("0.0.0.0:81").await.unwrap());
        forget(UdpSocket::bind("0.0.0.0:53").await.unwrap());
        forget(TcpSocket::new_v4().unwrap());
        forget(UnixListener::bind("/run/listener").unwrap());
        forget(UnixDatagram::unbound().unwrap());
        forget(UnixStream::pair().unwrap());
        forget(simoom::net::unix::pipe::pipe().unwrap());
    });
    let mut expected = vec![
        format!("TCP stream, of test/main at {}", place_of("// connected")),
        format!(
            "TCP stream, of server/left_behind::dbg_5_sockets_of_every_kind at {}",
            place_of("// accepted")
        ),
    ];
    // What is made without waiting has the line of what was waited for last.
    let last = place_of("let listening = server.spawn(async {");
    for what in [
        "TCP listener",
        "UDP socket",
        "TCP socket",
        "Unix listener",
        "Unix datagram socket",
        "Unix stream",
        "Unix stream",
        "end of a pipe",
        "end of a pipe",
    ] {
        expected.push(format!("{what}, of test/main after {last}"));
    }
    let mut left = left;
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn files_and_what_lies_in_tmp() {
    let left = left(|_sim| async {
        let file = File::create("/log").await.unwrap(); // created
        forget(file);
        fs::create_dir_all("/tmp").await.unwrap();
        fs::write("/tmp/half", b"done").await.unwrap();
    });
    assert_eq!(
        left,
        [
            format!("open file, of test/main at {}", place_of("// created")),
            "temporary file test:/tmp/half".to_owned(),
        ]
    );
}

#[test]
fn a_timer_of_a_task_that_has_ended() {
    let left = left(|_sim| async {
        let waits = async {
            let mut sleep = Box::pin(sleep(Duration::from_secs(3_600))); // an hour
            assert!(timeout(ms(1), &mut sleep).await.is_err());
            forget(sleep);
        };
        spawn_local(waits).await.unwrap();
    });
    assert_eq!(left.len(), 1);
    assert!(
        left[0].starts_with("timer that is due in 3599.999 s, of test/"),
        "{left:?}"
    );
}

#[test]
fn locks_whose_guards_are_forgotten() {
    let left = left(|_sim| async {
        let lock = std::sync::Arc::new(Mutex::new(()));
        let waited = lock.clone();
        let waits = async move { forget(waited.lock().await) }; // waited for
        simoom::spawn(waits).await.unwrap();
        let other = Mutex::new(());
        forget(other.try_lock().unwrap()); // tried
        drop(Mutex::new(()).try_lock());
        let fine = Mutex::new(());
        drop(fine.lock().await);
    });
    let task = "test/left_behind::locks_whose_guards_are_forgotten";
    assert_eq!(
        left,
        [
            format!(
                "lock that is still held, of {task} at {}",
                place_of("// waited for")
            ),
            format!(
                "lock that is still held, of test/main at {}",
                place_of("// tried")
            ),
        ]
    );
}

#[test]
fn messages_that_nobody_receives() {
    let left = left(|_sim| async {
        let (sender, mut receiver) = mpsc::channel::<u32>(8);
        for number in 0..4 {
            sender.send(number).await.unwrap(); // kept
        }
        receiver.recv().await.unwrap();
        receiver.try_recv().unwrap();
        forget((sender, receiver));
        let (sender, receiver) = mpsc::unbounded_channel::<u32>();
        sender.send(7).unwrap();
        yield_now().await; // before
        drop(receiver);
        let (sender, mut receiver) = mpsc::channel::<u32>(8);
        for number in 0..3 {
            sender.try_send(number).unwrap();
        }
        let mut all = Vec::new();
        assert_eq!(receiver.recv_many(&mut all, 8).await, 3);
    });
    assert_eq!(
        left,
        [
            format!(
                "2 messages in a channel, of test/main at {}",
                place_of("// kept")
            ),
            format!(
                "1 message in a channel that was dropped, of test/main after {}",
                place_of("// before")
            ),
        ]
    );
}

#[test]
fn nothing_is_left_of_what_ends_in_good_order() {
    check(config().seeds(50), |sim| async move {
        let server = sim.node("server").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                simoom::spawn(async move {
                    let mut file = File::create("/log").await.unwrap();
                    while let Ok(byte) = stream.read_u8().await {
                        file.write_u8(byte).await.unwrap();
                        stream.write_u8(byte).await.unwrap();
                    }
                });
            }
            #[expect(unreachable_code, reason = "it says of which type the error is")]
            Ok::<(), std::io::Error>(())
        });
        sleep(ms(1)).await;
        // The server's main and its listener are there; what it makes from here on is judged.
        sim.leaks(Leaks::none());
        for _ in 0..3 {
            let mut stream = TcpStream::connect("server:80").await.unwrap();
            stream.write_u8(7).await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), 7);
            let _ = timeout(ms(1), pin!(pending::<()>())).await;
        }
        let (sender, mut receiver) = mpsc::channel::<u32>(1);
        simoom::spawn(async move { while receiver.recv().await.is_some() {} });
        sender.send(1).await.unwrap();
        assert!(server.is_alive());
        // What is under way ends by itself when the test's own ends are gone.
    })
    .unwrap();
}

#[test]
fn what_was_there_before_is_not_judged() {
    check(
        config().leaks(Leaks::none().settle(ms(1))),
        |sim| async move {
            let (sender, mut receiver) = mpsc::channel::<u32>(8);
            for number in 0..3 {
                sender.send(number).await.unwrap();
            }
            let lock = std::sync::Arc::new(Mutex::new(()));
            let taken = lock.clone();
            spawn_local(async move { forget(taken.lock().await) })
                .await
                .unwrap();
            forget(File::create("/log").await.unwrap());
            forget(TcpListener::bind("0.0.0.0:80").await.unwrap());
            simoom::spawn(pending::<()>());
            let waits = async { forget(Box::pin(sleep(Duration::from_secs(3_600)))) };
            spawn_local(waits).await.unwrap();

            sim.leaks(Leaks::none());
            // What is received of them now is not new.
            receiver.recv().await.unwrap();
            forget((sender, receiver, lock));
        },
    )
    .unwrap();
}

/// Keeps every connection.
async fn hoard() -> std::io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    let mut streams = Vec::new();
    loop {
        streams.push(listener.accept().await?); // hoarded
    }
}

async fn two_connections(sim: Sim, leaks: Leaks) {
    sim.node("server").run(hoard);
    sleep(ms(1)).await;
    sim.leaks(leaks);
    for _ in 0..2 {
        TcpStream::connect("server:80").await.unwrap();
    }
}

#[test]
fn a_server_that_still_runs_is_judged_by_what_it_has_made_since() {
    let unjudged = || config().leaks(Leaks::none());
    let report = check(unjudged(), |sim| two_connections(sim, Leaks::none()));
    let stream = format!("TCP stream, of server/main at {}", place_of("// hoarded"));
    assert_eq!(leaks(&report), [stream.clone(), stream]);

    let socket = |sim| two_connections(sim, Leaks::none().allow(Leak::Socket));
    check(unjudged(), socket).unwrap();
    let server = |sim| two_connections(sim, Leaks::none().allow_on("server"));
    check(unjudged(), server).unwrap();
}

#[test]
fn what_a_process_had_that_has_ended_is_no_leak() {
    check(config().seeds(20), |sim| async move {
        sim.leaks(Leaks::none());
        let server = sim.node("server").run(hoard);
        let victim = sim.node("victim");
        victim.spawn(async {
            forget(TcpStream::connect("server:80").await);
            forget(sleep(Duration::from_secs(3_600)));
            pending::<()>().await;
        });
        sleep(ms(100)).await;
        victim.kill();
        // Booted since, and killed: neither counts.
        server.restart();
        sleep(ms(100)).await;
        server.kill();
    })
    .unwrap();
}

#[test]
fn what_fails_while_it_settles_fails_the_run() {
    let report = check(config(), |sim| async move {
        sim.node("late")
            .on_failure(OnFailure::FailRun)
            .spawn(async {
                sleep(Duration::from_secs(1)).await;
                panic!("late, but not too late");
            });
    });
    let text = report.failure().unwrap().to_string();
    assert!(text.contains("late, but not too late"), "{text}");
    // Without time to settle it is what is left.
    let no_time = Leaks::none().settle(Duration::ZERO);
    let report = check(config().leaks(no_time), |sim| async move {
        sim.node("late").spawn(async {
            sleep(Duration::from_secs(1)).await;
            panic!("late");
        });
    });
    assert_eq!(leaks(&report).len(), 1);
}

#[test]
fn a_task_that_never_waits_is_left_too() {
    let left = left(|_sim| async {
        simoom::spawn(async {
            loop {
                simoom::task::yield_now().await;
            }
        });
    });
    assert_eq!(left.len(), 1);
    assert!(left[0].contains("waits in yield"), "{left:?}");
}

#[test]
fn nobody_looks_unless_asked() {
    check(Config::default().persist(false).seeds(5), |_sim| async {
        simoom::spawn(pending::<()>());
        forget(UdpSocket::bind("0.0.0.0:53").await.unwrap());
    })
    .unwrap();
}
