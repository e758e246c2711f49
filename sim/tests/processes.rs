//! Child processes as the simulator alone has them: registered functions on the node of their parent.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::process::Command;
use simoom::signal::unix::{SignalKind, signal};
use simoom::time::{sleep, timeout};
use simoom_sim::cancel::Cancels;
use simoom_sim::{Config, Process, Sim, check};

fn config() -> Config {
    Config::default().seeds(20).persist(false)
}

async fn for_ever() {
    std::future::pending().await
}

#[test]
fn who_starts_what_is_not_registered_is_told_to_register_it() {
    check(config().seeds(1), |sim| async move {
        sim.program("cat", |_| async {});
        let error = Command::new("/bin/dog").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "no program \"/bin/dog\" is registered: a simulation starts no real processes, so give \
             it one with `Sim::program` (registered: cat)"
        );
    })
    .unwrap();
}

async fn broken(mut process: Process) {
    process.stdout.write_all(b"before").await.unwrap();
    sleep(Duration::from_millis(1)).await;
    panic!("out of cheese");
}

#[test]
fn a_panic_in_a_main_is_the_code_101_and_no_failure_of_the_run() {
    check(config(), |sim| async move {
        sim.program("broken", broken);
        let output = Command::new("broken").output().await.unwrap();
        assert_eq!(output.status.code(), Some(101));
        assert_eq!(output.stdout, b"before");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains("out of cheese"), "{complaint}");
    })
    .unwrap();
}

#[test]
fn another_program_of_the_same_name_takes_its_place() {
    check(config().seeds(1), |sim| async move {
        for code in [1, 2] {
            sim.program("version", move |_| async move { code });
            let status = Command::new("version").status().await.unwrap();
            assert_eq!(status.code(), Some(code));
        }
    })
    .unwrap();
}

/// Counts its drop, and what it can still do then.
struct Last(Rc<Cell<u32>>);

impl Drop for Last {
    fn drop(&mut self) {
        let done = self.0.clone();
        done.set(done.get() + 1);
        // Has no effect if its process was killed.
        drop(simoom::task::spawn_local(async move { done.set(100) }));
        let _ = Command::new("idle").spawn();
    }
}

#[test]
fn a_killed_child_does_nothing_more_but_what_it_had_open_is_closed() {
    check(config(), |sim| async move {
        let dropped = Rc::new(Cell::new(0));
        let kept = dropped.clone();
        sim.program("idle", |_| for_ever());
        sim.program("client", move |mut process| {
            let kept = kept.clone();
            async move {
                let _last = Last(kept.clone());
                let other = TcpStream::connect("test:80").await.unwrap();
                simoom::task::spawn_local(async move {
                    let _last = Last(kept);
                    let _stream = other;
                    for_ever().await;
                });
                let _stream = TcpStream::connect("test:80").await.unwrap();
                process.stdout.write_all(b"!").await.unwrap();
                for_ever().await;
            }
        });
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let mut child = Command::new("client")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut streams = [
            listener.accept().await.unwrap().0,
            listener.accept().await.unwrap().0,
        ];
        let mut stdout = child.stdout.take().unwrap();
        assert_eq!(stdout.read_u8().await.unwrap(), b'!');
        child.start_kill().unwrap();
        // At once: before the parent has waited for anything.
        assert_eq!(dropped.get(), 2);
        for stream in &mut streams {
            assert_eq!(
                stream.read(&mut [0]).await.unwrap(),
                0,
                "the system closes it"
            );
        }
        assert_eq!(stdout.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(dropped.get(), 2);
        // The number says that the destructors have started no child.
        assert_eq!(Command::new("idle").spawn().unwrap().id(), Some(1002));
    })
    .unwrap();
}

#[test]
fn a_main_that_returns_takes_its_other_tasks_with_it() {
    check(config(), |sim| async move {
        let dropped = Rc::new(Cell::new(0));
        let kept = dropped.clone();
        sim.program("idle", |_| for_ever());
        sim.program("short", move |_| {
            let kept = kept.clone();
            async move {
                simoom::task::spawn_local(async move {
                    let _last = Last(kept);
                    for_ever().await;
                });
                sleep(Duration::from_millis(1)).await;
                4
            }
        });
        let status = Command::new("short").status().await.unwrap();
        assert_eq!(status.code(), Some(4));
        assert_eq!(dropped.get(), 1);
        // Its destructors ran while it lived.
        assert_eq!(Command::new("idle").spawn().unwrap().id(), Some(1003));
    })
    .unwrap();
}

async fn listen(mut process: Process, told: Rc<RefCell<Vec<u32>>>) {
    let mut signal = signal(SignalKind::hangup()).unwrap();
    process.stdout.write_all(b"!").await.unwrap();
    loop {
        signal.recv().await;
        told.borrow_mut().push(process.id());
    }
}

#[test]
fn a_signal_reaches_one_process_alone() {
    check(config(), |sim| async move {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let told = heard.clone();
        sim.program("listener", move |process| listen(process, told.clone()));
        let mut own = signal(SignalKind::hangup()).unwrap();
        let mut children = Vec::new();
        for _ in 0..2 {
            let mut command = Command::new("listener");
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            assert_eq!(
                child.stdout.as_mut().unwrap().read_u8().await.unwrap(),
                b'!'
            );
            children.push(child);
        }
        children[1].signal(SignalKind::hangup()).unwrap();
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*heard.borrow(), [1002]);
        assert!(timeout(Duration::from_millis(1), own.recv()).await.is_err());
        sim.node("test").signal(SignalKind::hangup());
        own.recv().await;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(*heard.borrow(), [1002]);
        // Of those that it does not listen for, each is ended by its own.
        children[0].signal(SignalKind::terminate()).unwrap();
        assert_eq!(children[0].wait().await.unwrap().signal(), Some(15));
        assert_eq!(children[1].try_wait().unwrap(), None);
    })
    .unwrap();
}

#[test]
fn a_parent_that_listens_is_told_of_a_childs_end() {
    check(config(), |sim| async move {
        sim.program("short", |_| sleep(Duration::from_millis(3)));
        let mut ends = signal(SignalKind::child()).unwrap();
        let mut child = Command::new("short").spawn().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        ends.recv().await;
        assert!(child.try_wait().unwrap().unwrap().success());
    })
    .unwrap();
}

#[test]
fn what_would_stop_a_child_is_unsupported() {
    check(config().seeds(1), |sim| async move {
        sim.program("idle", |_| for_ever());
        let child = Command::new("idle").spawn().unwrap();
        let error = child.signal(SignalKind::from_raw(19)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    })
    .unwrap();
}

async fn count_up(process: Process, count: Rc<Cell<u32>>) {
    assert_eq!(process.id(), 1001);
    loop {
        sleep(Duration::from_secs(1)).await;
        count.set(count.get() + 1);
    }
}

/// Starts a child on the node `name` that counts for as long as it runs.
fn count_on(sim: &Sim, name: &str) -> Rc<Cell<u32>> {
    let count = Rc::new(Cell::new(0));
    let counted = count.clone();
    sim.program("count", move |process| count_up(process, counted.clone()));
    sim.node(name).run(|| async {
        let child = Command::new("count").spawn()?;
        assert_eq!(child.id(), Some(1001));
        sleep(Duration::from_secs(10)).await;
        Ok::<(), std::io::Error>(())
    });
    count
}

#[test]
fn a_child_dies_with_its_node() {
    check(config(), |sim| async move {
        let killed = count_on(&sim, "one");
        sleep(Duration::from_millis(3500)).await;
        sim.node("one").kill();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(killed.get(), 3);
        // The second node counts its children from the start, too.
        let returned = count_on(&sim, "two");
        sleep(Duration::from_secs(60)).await;
        assert!((9..=10).contains(&returned.get()), "its main has returned");
    })
    .unwrap();
}

#[test]
fn a_child_of_a_node_whose_main_returns_is_killed() {
    check(config(), |sim| async move {
        let dropped = Rc::new(Cell::new(0));
        let kept = dropped.clone();
        sim.program("holds", move |_| {
            let last = Last(kept.clone());
            async move {
                let _last = last;
                for_ever().await;
            }
        });
        sim.program("idle", |_| for_ever());
        let node = sim.node("parent").run(|| async {
            let _child = Command::new("holds").spawn()?;
            sleep(Duration::from_millis(1)).await;
            Ok::<(), std::io::Error>(())
        });
        node.wait().await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(dropped.get(), 1, "its destructor has no effect");
        node.restart_with(|| async {
            assert_eq!(Command::new("idle").spawn()?.id(), Some(1002));
            Ok::<(), std::io::Error>(())
        });
        node.wait().await;
    })
    .unwrap();
}

#[test]
fn a_grandchild_has_what_its_parent_had_and_outlives_it() {
    check(config(), |sim| async move {
        sim.program("inner", |mut process| async move {
            sleep(Duration::from_millis(5)).await;
            let word = process.env("WORD").unwrap().to_owned();
            let folder = process.current_dir().unwrap().display().to_string();
            assert_eq!(process.env("OTHER"), None);
            let text = format!("{} {folder}", word.to_string_lossy());
            process.stdout.write_all(text.as_bytes()).await
        });
        sim.program("outer", |_| async {
            let mut command = Command::new("inner");
            command.env_remove("OTHER").spawn().unwrap();
        });
        let mut command = Command::new("outer");
        command.envs([("WORD", "hi"), ("OTHER", "x")]);
        command.current_dir("/srv").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        assert!(child.wait().await.unwrap().success());
        let mut text = String::new();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hi /srv");
    })
    .unwrap();
}

#[test]
fn a_blocking_closure_starts_children_and_is_ended_with_its_own_process() {
    check(config(), |sim| async move {
        sim.program("short", |_| async { 3 });
        sim.program("blocks", |mut process| async move {
            let inner = simoom::task::spawn_blocking(|| {
                let handle = simoom::runtime::Handle::current();
                handle.block_on(Command::new("short").status())
            });
            assert_eq!(inner.await.unwrap().unwrap().code(), Some(3));
            for _ in 0..3 {
                simoom::task::spawn_blocking(|| {
                    simoom::runtime::Handle::current().block_on(std::future::pending::<()>());
                });
            }
            sleep(Duration::from_millis(1)).await;
            process.stdout.write_all(b"!").await.unwrap();
            for_ever().await;
        });
        let node = sim.node("worker").max_blocking_threads(1);
        let freed = node.spawn(async {
            let mut child = Command::new("blocks")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            assert_eq!(
                child.stdout.as_mut().unwrap().read_u8().await.unwrap(),
                b'!'
            );
            child.kill().await.unwrap();
            simoom::task::spawn_blocking(|| 5).await.unwrap()
        });
        assert_eq!(freed.await.unwrap(), 5);
    })
    .unwrap();
}

#[test]
fn a_run_in_which_a_child_never_ends_says_so() {
    let report = check(config().seeds(1), |sim| async move {
        sim.program("idle", |_| for_ever());
        let mut child = Command::new("idle").spawn().unwrap();
        let _ = child.wait().await;
    });
    let story = report.failure().unwrap().to_string();
    assert!(
        story.contains("for the end of the child process idle (1001)"),
        "{story}"
    );
}

#[test]
fn the_main_of_a_child_is_never_cancelled() {
    let config = config().seeds(3).cancels(Cancels::Every);
    check(config, |sim| async move {
        sim.program("short", |_| sleep(Duration::from_millis(3)));
        assert!(Command::new("short").status().await.unwrap().success());
    })
    .unwrap();
}
