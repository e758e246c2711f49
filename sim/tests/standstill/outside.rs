//! What would end a wait that no task ends, and where parts of tasks wait for it.

use std::time::Duration;

use futures::StreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::FuturesUnordered;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::signal::unix::{SignalKind, signal};
use simoom::sync::{Notify, mpsc};
use simoom::task::{spawn_blocking, spawn_local};
use simoom::time::sleep;
use simoom_sim::{Failure, Node, Report, Sim, check};

use crate::{MS, assert_tells, config, line_in};

/// A frame of a stack of awaits.
#[track_caller]
fn frame(marker: &str) -> String {
    let line = line_in(include_str!("outside.rs"), marker);
    format!(" at tests/standstill/outside.rs:{line}\n")
}

/// A node that connects to the test and then does what `then` does with the connection.
fn client<F>(sim: &Sim, then: fn(TcpStream) -> F) -> Node
where
    F: Future<Output = ()> + 'static,
{
    sim.node("client").run(move || async move {
        then(TcpStream::connect("test:80").await.unwrap()).await;
    })
}

async fn keep_silent(_stream: TcpStream) {
    std::future::pending::<()>().await;
}

async fn accept_one() -> TcpStream {
    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    listener.accept().await.unwrap().0
}

async fn reads_what_never_comes(mut stream: TcpStream) {
    let _ = stream.read_u8().await; // Reads.
}

async fn accepts_nobody() {
    let listener = TcpListener::bind("0.0.0.0:81").await.unwrap();
    let _ = listener.accept().await; // Accepts.
}

async fn receives_no_datagram() {
    let socket = UdpSocket::bind("0.0.0.0:82").await.unwrap();
    let _ = socket.recv(&mut [0]).await; // Receives.
}

async fn hears_no_signal() {
    let mut hangup = signal(SignalKind::hangup()).unwrap();
    let _ = hangup.recv().await; // Hears.
}

/// Of futures that are polled only when they were woken, the world knows where each waits.
#[test]
fn parts_that_wait_for_the_world_are_all_seen() {
    for is_join_all in [false, true] {
        let report = check(config(), move |sim: Sim| async move {
            let _client = client(&sim, keep_silent);
            let stream = accept_one().await;
            let mut parts: Vec<LocalBoxFuture<'_, ()>> = vec![
                Box::pin(reads_what_never_comes(stream)),
                Box::pin(accepts_nobody()),
                Box::pin(receives_no_datagram()),
                Box::pin(hears_no_signal()),
            ];
            if is_join_all {
                // So many that each has a waker of its own.
                parts.extend((0..30).map(|_| Box::pin(async {}) as LocalBoxFuture<'_, ()>));
                futures::future::join_all(parts).await;
            } else {
                let mut parts: FuturesUnordered<_> = parts.into_iter().collect();
                while parts.next().await.is_some() {}
            }
        });
        assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
        assert_tells(
            &report,
            &[
                "silent peer: client, at 10.0.0.2:",
                ", writes nothing and does not close",
                "no caller: nobody connects to 0.0.0.0:81",
                "no datagram: nobody sends to its socket",
                "no signal: nobody sends signal 1 to test",
                &frame("Reads"),
                &frame("Accepts"),
                &frame("Receives"),
                &frame("Hears"),
            ],
        );
    }
}

/// Where the time is up, a part may sleep on.
#[test]
fn parts_that_sleep_on_are_seen_at_the_end_of_the_time() {
    async fn sleeps_on() {
        sleep(Duration::from_secs(60)).await; // Sleeps.
    }
    let report = check(config().time(Duration::from_secs(1)), |_| async {
        let mut parts: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        parts.push(Box::pin(sleeps_on()));
        parts.push(Box::pin(accepts_nobody()));
        while parts.next().await.is_some() {}
    });
    let cause = report.failure().unwrap().cause();
    assert!(matches!(cause, Failure::TimeLimit { .. }), "{cause}");
    assert_tells(&report, &[&frame("Sleeps"), &frame("Accepts")]);
}

/// The test waits to read from its client, which `happens` meets.
fn waiting_for_client(happens: fn(&Sim, &Node)) -> Report {
    check(config(), move |sim: Sim| async move {
        let client = client(&sim, keep_silent);
        let stream = accept_one().await;
        sleep(MS).await;
        happens(&sim, &client);
        reads_what_never_comes(stream).await;
    })
}

#[test]
fn a_peer_whose_machine_is_off_is_told() {
    let report = waiting_for_client(|_, client| client.power_loss());
    assert_tells(
        &report,
        &["node down: the machine of client lost its power, and says nothing of 10.0.0.2:"],
    );
}

#[test]
fn a_peer_behind_a_partition_is_told() {
    let report = waiting_for_client(|sim, client| {
        sim.net().partition(client, &sim.node("test"));
        client.kill();
    });
    assert_tells(
        &report,
        &["partition: nothing gets through between it and client, at 10.0.0.2:"],
    );
}

#[test]
fn a_peer_that_is_paused_is_told() {
    let report = waiting_for_client(|_, client| client.pause());
    assert_tells(
        &report,
        &[
            "paused node: client, at 10.0.0.2:",
            "until somebody resumes it",
        ],
    );
}

#[test]
fn two_that_read_from_each_other_are_told_of_each_other() {
    let report = check(config(), |sim: Sim| async move {
        let _client = client(&sim, reads_what_never_comes);
        reads_what_never_comes(accept_one().await).await;
    });
    let text = report.to_string();
    assert!(text.contains("; there task 2 (client/main"), "{text}");
    assert!(
        text.contains("; there task 1 (test/main) waits in read at"),
        "{text}"
    );
}

#[test]
fn a_peer_that_does_not_read_is_told() {
    let report = check(config(), |sim: Sim| async move {
        let _client = client(&sim, keep_silent);
        let mut stream = accept_one().await;
        let _ = stream.write_all(&[0; 1 << 20]).await;
    });
    assert_tells(
        &report,
        &[
            "full peer: client, at 10.0.0.2:",
            "does not read: 65536 B wait there",
        ],
    );
}

#[test]
fn the_end_of_a_process_is_told() {
    let report = check(config(), |sim: Sim| async move {
        let node = sim.node("server").run(std::future::pending::<()>);
        node.wait().await;
    });
    assert_tells(
        &report,
        &[
            "process: for the end of the process of server",
            "foreign wait: ",
        ],
    );
}

#[test]
fn threads_that_are_all_busy_are_told() {
    let report = check(config(), |sim: Sim| async move {
        let worker = sim.node("worker").max_blocking_threads(1);
        let work = || async {
            let (_send, mut recv) = mpsc::channel::<()>(1);
            let _busy = spawn_blocking(move || recv.blocking_recv());
            spawn_blocking(|| ()).await.unwrap();
        };
        worker.run(work).wait().await;
    });
    assert_tells(
        &report,
        &[
            "blocking thread: all 1 of worker for blocking work run closures that do not end",
            "blocking thread: for a blocking closure that has not returned",
            "no message: nobody sends",
        ],
    );
}

#[test]
fn what_is_not_simooms_is_told() {
    let report = check(config(), |_| async {
        let (_send, recv) = futures::channel::oneshot::channel::<()>();
        let waits = spawn_local(async move { recv.await.ok() });
        let _ = waits.await;
    });
    assert_tells(
        &report,
        &[
            "foreign wait: for something that is not simoom's",
            "foreign wait: for the end of task 2 (test/",
        ],
    );
}

/// A connection within a machine has no other node that could be down.
#[test]
fn the_other_end_of_a_pair_is_told() {
    let report = check(config(), |_| async {
        let (mut one, _two) = simoom::net::UnixStream::pair().unwrap();
        let never = Notify::new();
        simoom::select! {
            _ = one.read_u8() => {}
            () = never.notified() => {}
        }
    });
    assert_tells(
        &report,
        &[
            "silent peer: its other end is open, and nobody writes into it",
            "no notification: nobody notifies",
        ],
    );
}
