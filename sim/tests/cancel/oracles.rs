//! What cancelled runs leave, tear and answer, beside what their test asserts: in pairs of something
//! broken and its fixed twin.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UnixStream};
use simoom::sync::{Mutex, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::cancel::{self, CancelReport};
use simoom_sim::linear::{Register, RegisterOp, RegisterRet};
use simoom_sim::{Failure, History, Leaks, Sim};

use crate::{config, line_in};

const FILE: &str = "sim/tests/cancel/oracles.rs";

fn place(marker: &str) -> (String, u32) {
    (FILE.to_owned(), line_in(include_str!("oracles.rs"), marker))
}

const MS: Duration = Duration::from_millis(1);

/// More than the buffers of a connection take.
const BIG: usize = 1 << 18;

/// How a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By `write_all`, and then by another.
    Torn,
    /// By a task that goes on with the rest.
    Counted,
    /// On a new connection.
    Anew,
    /// Whoever cuts it off writes nothing after it.
    Silent,
    /// In the scope that is not cancelled.
    Beside,
}

async fn write_frames(mut stream: TcpStream, way: Way) {
    let frame = |number: u8| vec![number; BIG];
    match way {
        Way::Torn | Way::Silent | Way::Anew => {
            let first = frame(1);
            let written = cancel::scope(stream.write_all(&first)).await;
            if written.is_err() && way == Way::Anew {
                stream = TcpStream::connect("reader:80").await.unwrap();
            }
            if written.is_ok() || way != Way::Silent {
                stream.write_all(&frame(2)).await.unwrap(); // Torn.
            }
        }
        Way::Counted => {
            let mut rest = std::io::Cursor::new(frame(1));
            while cancel::scope(stream.write_all_buf(&mut rest))
                .await
                .is_err()
            {}
            stream.write_all(&frame(2)).await.unwrap();
        }
        Way::Beside => {
            let first = frame(1);
            let writes = stream.write_all(&first);
            let (written, _) = simoom::join!(writes, cancel::scope(sleep(MS)));
            written.unwrap();
            stream.write_all(&frame(2)).await.unwrap();
        }
    }
}

fn writing(way: Way) -> CancelReport {
    cancel::every_await(config(), move |sim: Sim| async move {
        let _reader = sim.node("reader").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            // The main of a node is not cancelled.
            while let Ok((mut stream, _)) = listener.accept().await {
                sleep(5 * MS).await;
                let mut all = Vec::new();
                let _ = stream.read_to_end(&mut all).await;
            }
        });
        sleep(MS).await;
        let stream = TcpStream::connect("reader:80").await.unwrap();
        write_frames(stream, way).await;
    })
}

#[test]
fn a_frame_that_is_cut_off_and_followed_by_another_is_told() {
    let report = writing(Way::Torn);
    assert!(report.cancelled() >= 1, "{report}");
    let torn = report.torn_frames();
    assert_eq!(torn.len(), 1, "{report}");
    // A stream that is written by `AsyncWrite` is told by where it was made.
    let (begun, next) = (&torn[0].begun, &torn[0].next);
    assert_eq!((&*begun.0, &*next.0), (FILE, FILE), "{report}");
    let text = report.to_string();
    let head = format!(
        "torn frame: begun at {}:{}, cancelled at {FILE}:",
        begun.0, begun.1
    );
    assert!(text.contains(&head), "{text}");
    assert!(text.contains("and something else written at"), "{text}");
    report.unwrap();
}

#[test]
fn a_frame_that_is_written_on_or_left_alone_is_not_torn() {
    for way in [Way::Counted, Way::Anew, Way::Silent, Way::Beside] {
        let report = writing(way);
        assert!(report.cancelled() >= 1, "{way:?}: {report}");
        assert_eq!(report.torn_frames(), [], "{way:?}: {report}");
        report.unwrap();
    }
}

/// The same for what is written in a task that is aborted while another has the other half.
#[test]
fn a_frame_of_a_task_that_is_cancelled_is_told() {
    let report = cancel::every_await(config(), |_| async {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let reads = async move {
            sleep(5 * MS).await;
            let _ = reader.read_to_end(&mut Vec::new()).await;
        };
        let writer = Rc::new(Mutex::new(writer));
        let first = writer.clone();
        let task = spawn_local(async move {
            let frame = vec![1; 1 << 20];
            first.lock().await.write_all(&frame).await.unwrap();
        });
        let writes = async move {
            drop(task.await);
            writer.lock().await.write_all(&[2; 100]).await.unwrap();
        };
        simoom::join!(reads, writes);
    });
    assert!(!report.torn_frames().is_empty(), "{report}");
    report.unwrap();
}

/// Starts a child, opens a connection, takes a lock and a slot, and has its own way to leave them.
fn leaving(is_careful: bool) -> CancelReport {
    cancel::every_await(config(), move |sim: Sim| async move {
        let server = sim.node("server").run(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let mut kept = Vec::new();
            while let Ok(accepted) = listener.accept().await {
                kept.push(accepted);
            }
        });
        sleep(MS).await;
        let (send, _recv) = mpsc::channel::<()>(8);
        let lock = std::sync::Arc::new(Mutex::new(()));
        let bag: Rc<Cell<Vec<Box<dyn std::any::Any>>>> = Rc::default();
        let _keeper = spawn_local({
            let bag = bag.clone();
            async move {
                std::future::pending::<()>().await;
                drop(bag);
            }
        });
        let parent = spawn_local({
            let (bag, lock, send) = (bag.clone(), lock.clone(), send.clone());
            async move {
                let child = spawn_local(std::future::pending::<()>()); // Child.
                let stream = TcpStream::connect("server:80").await.unwrap(); // Stream.
                let guard = lock.lock_owned().await; // Lock.
                let permit = send.reserve_owned().await.unwrap(); // Slot.
                if !is_careful {
                    bag.set(vec![Box::new(stream), Box::new(guard), Box::new(permit)]);
                }
                let stop = is_careful.then(|| Stop(child.abort_handle()));
                sleep(MS).await;
                child.abort();
                drop(stop);
                bag.set(Vec::new());
            }
        });
        drop(parent.await);
        sleep(MS).await;
        // The kernel of a node takes back what its process had.
        server.kill();
    })
}

struct Stop(simoom::task::AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[test]
fn what_a_cancelled_task_leaves_is_counted() {
    let report = leaving(false);
    let left = report.left_behind();
    let of = |what: &str| left.iter().filter(|it| it.what == what).collect::<Vec<_>>();
    let made = |what: &str| of(what).first().and_then(|it| it.made.clone());
    assert_eq!(made("task"), Some(place("Child")), "{report}");
    assert_eq!(made("TCP stream"), Some(place("Stream")), "{report}");
    assert_eq!(made("lock"), Some(place("Lock")), "{report}");
    assert_eq!(
        made("reserved slot of a channel"),
        Some(place("Slot")),
        "{report}"
    );
    let text = report.to_string();
    let line = place("Child").1;
    assert!(
        text.contains(&format!("left behind: task, of {FILE}:{line}, by ")),
        "{text}"
    );
    report.unwrap();
}

#[test]
fn what_goes_with_a_cancelled_task_is_not_left() {
    let report = leaving(true);
    assert!(report.cancelled() >= 2, "{report}");
    let left = report.left_behind();
    // Before the guard of the child is made, the child is left all the same.
    let others: Vec<_> = left.iter().filter(|it| it.what != "task").collect();
    assert!(others.is_empty(), "{report}");
    report.unwrap();
}

/// Who looks for leaks gets the same count, and his verdict.
#[test]
fn what_is_left_is_counted_where_leaks_are_judged() {
    let work = |_| async {
        let (send, recv) = mpsc::channel(4);
        let sending = spawn_local(async move {
            let _ = send.send(1).await;
            yield_now().await;
            recv
        });
        if let Ok(mut recv) = sending.await {
            recv.recv().await.unwrap();
        }
    };
    let report = cancel::every_await(config(), work);
    let left = report.left_behind();
    assert_eq!(left.len(), 1, "{report}");
    assert_eq!(left[0].what, "message in a channel that was dropped");
    report.unwrap();
    let report = cancel::every_await(config().leaks(Leaks::none()), work);
    let found = report.failure().expect("the message is lost");
    assert!(matches!(found.cause(), Failure::Leaked { .. }), "{found}");
}

/// A register in two places, of which `is_careful` changes both at once.
async fn write_both(cells: Rc<Mutex<(u32, u32)>>, is_careful: bool) {
    let mut cells = cells.lock().await;
    if is_careful {
        yield_now().await;
        cells.0 = 1;
    } else {
        cells.0 = 1;
        yield_now().await;
    }
    cells.1 = 1;
}

/// What clients see is judged as in any other run; what was cancelled stays open.
fn registering(is_careful: bool) -> CancelReport {
    cancel::every_await(config(), move |sim: Sim| async move {
        let history: History<RegisterOp<u32>, RegisterRet<u32>> = sim.history("register");
        let cells = Rc::new(Mutex::new((0, 0)));
        let writes = {
            let (cells, history) = (cells.clone(), history.clone());
            async move {
                let call = history.invoke("writer", RegisterOp::Write(1));
                write_both(cells, is_careful).await;
                call.returns(RegisterRet::Written);
            }
        };
        drop(spawn_local(writes).await);
        for is_first in [true, false] {
            let call = history.invoke("reader", RegisterOp::Read);
            let cells = cells.lock().await;
            call.returns(RegisterRet::Value(if is_first { cells.0 } else { cells.1 }));
        }
        history.assert_linearizable(&Register::new(0));
    })
}

#[test]
fn a_history_is_judged_with_what_was_cancelled_left_open() {
    let report = registering(false);
    let found = report.failure().expect("it is seen and then gone");
    assert_eq!(found.deviations(), 1, "{found}");
    assert!(found.story()[0].contains("task.cancelled"), "{found}");
    assert!(
        found.cause().to_string().contains("linearizable"),
        "{found}"
    );
}

#[test]
fn a_history_of_what_happens_at_once_is_fine() {
    let report = registering(true);
    assert!(report.cancelled() >= 1, "{report}");
    report.unwrap();
}
