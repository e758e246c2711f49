//! The classes of waits for outside that are rare, and the words of each that has several.

use std::cell::Cell;
use std::rc::Rc;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::unix::pipe;
use simoom::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use simoom::sync::mpsc;
use simoom::task::spawn_local;
use simoom::time::sleep;
use simoom_sim::{Failure, Report, Sim, check};

use crate::{MS, assert_tells, config, wait_for};

/// The lines of the report about the task whose path ends with `name`.
#[track_caller]
fn told_of(report: &Report, name: &str) -> String {
    let text = report.to_string();
    let mut tasks = text.split("\n  task ");
    let is_it = |task: &&str| {
        let head = task.lines().next().unwrap_or_default();
        head.contains(&format!("::{name})"))
    };
    tasks.find(is_it).expect(&text).to_owned()
}

async fn sleeps(flag: Rc<Cell<bool>>) {
    wait_for(flag).await;
    sleep(MS).await;
}

async fn looks_up(flag: Rc<Cell<bool>>) {
    wait_for(flag).await;
    drop(simoom::net::lookup_host("test:80").await);
}

async fn opens_a_file(flag: Rc<Cell<bool>>) {
    wait_for(flag).await;
    drop(simoom::fs::File::open("/state").await);
}

async fn reads_a_file(flag: Rc<Cell<bool>>) {
    wait_for(flag).await;
    drop(simoom::fs::read("/state").await);
}

async fn reads_on(flag: Rc<Cell<bool>>) {
    let mut file = simoom::fs::File::open("/state").await.unwrap();
    drop(file.read(&mut [0]).await);
    wait_for(flag).await;
    drop(file.read(&mut [0]).await);
}

async fn connects(flag: Rc<Cell<bool>>) {
    wait_for(flag).await;
    drop(TcpStream::connect("127.0.0.1:80").await);
}

async fn sends(flag: Rc<Cell<bool>>) {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    wait_for(flag).await;
    drop(socket.send_to(b"x", "127.0.0.1:80").await);
}

/// Of several that nobody has woken, the first is told as that, and the others by what they come to.
#[test]
fn what_others_come_to_that_were_not_woken_is_told() {
    let report = check(config(), |_| async {
        let flag = Rc::new(Cell::new(false));
        let first = spawn_local(wait_for(flag.clone()));
        spawn_local(sleeps(flag.clone()));
        spawn_local(looks_up(flag.clone()));
        simoom::fs::write("/state", "ab").await.unwrap();
        spawn_local(opens_a_file(flag.clone()));
        spawn_local(reads_a_file(flag.clone()));
        spawn_local(reads_on(flag.clone()));
        spawn_local(connects(flag.clone()));
        spawn_local(sends(flag.clone()));
        sleep(100 * MS).await;
        flag.set(true);
        drop(first.await);
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    for (name, told) in [
        ("wait_for", "lost wake-up: polled once more, it goes on"),
        ("sleeps", "timer: its moment does not come"),
        ("looks_up", "lookup: the name is not found out"),
        ("opens_a_file", "disk: the disk does not answer"),
        ("reads_a_file", "disk: the disk does not answer"),
        ("reads_on", "disk: the disk does not answer"),
        ("connects", "no answer: nobody answers"),
        (
            "sends",
            "full peer: its socket is full, and nothing leaves it",
        ),
    ] {
        let text = told_of(&report, name);
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
}

#[test]
fn of_several_listeners_none_is_named() {
    let report = check(config(), |_| async {
        let one = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let other = TcpListener::bind("0.0.0.0:81").await.unwrap();
        simoom::select! {
            _ = one.accept() => {}
            _ = other.accept() => {}
        }
    });
    assert_tells(&report, &["no caller: nobody connects\n"]);
}

#[test]
fn a_socket_for_datagrams_that_is_full_is_told() {
    let report = check(config(), |_| async {
        let (one, _other) = UnixDatagram::pair().unwrap();
        while one.send(b"more").await.is_ok() {}
    });
    assert_tells(
        &report,
        &["full peer: it is full, and nobody reads at its other end"],
    );
}

#[test]
fn a_stream_within_a_machine_that_is_full_is_told() {
    for is_pipe in [true, false] {
        let report = check(config(), move |_| async move {
            let bytes = vec![0; 1 << 20];
            if is_pipe {
                let (mut sender, _receiver) = pipe::pipe().unwrap();
                let _ = sender.write_all(&bytes).await;
            } else {
                let (mut one, _other) = UnixStream::pair().unwrap();
                let _ = one.write_all(&bytes).await;
            }
        });
        assert_tells(
            &report,
            &["full peer: it is full, and nobody reads at its other end"],
        );
    }
}

#[test]
fn a_datagram_that_never_comes_is_told() {
    let report = check(config(), |_| async {
        let socket = UdpSocket::bind("0.0.0.0:80").await.unwrap();
        drop(socket.recv_from(&mut [0]).await);
    });
    assert_tells(&report, &["no datagram: nobody sends to its socket"]);
}

#[test]
fn a_permit_that_outlives_its_task_is_told() {
    let report = check(config(), |_| async {
        let (send, mut recv) = mpsc::channel(1);
        let _receiving = spawn_local(async move { while recv.recv().await.is_some() {} });
        let taken = spawn_local(send.clone().reserve_owned());
        let _permit = taken.await.unwrap();
        let _ = send.send(1).await;
    });
    assert_tells(
        &report,
        &["kept guard: slots are in a permit that outlives its task, taken at"],
    );
}

/// A task that waits for another has the class of what that one waits for.
#[test]
fn a_class_is_passed_on_to_those_who_wait() {
    async fn accepts() {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        drop(listener.accept().await);
    }
    let report = check(config(), |_: Sim| async {
        drop(spawn_local(accepts()).await);
    });
    assert_tells(&report, &["no caller: for the end of task 2 (test/"]);
}
