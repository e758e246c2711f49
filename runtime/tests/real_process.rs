//! Child processes as the real world alone has them: descriptors, zombies, and two ways to hear of an
//! end.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use simoom::backend::without_pidfd;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::process::{ChildStdin, ChildStdout, Command};
use simoom::runtime::Runtime;
use simoom::signal::unix::SignalKind;
use simoom::time::timeout;

fn run<F: Future>(body: F) -> F::Output {
    Runtime::new().unwrap().block_on(body)
}

/// Waits until `condition` holds; fails after half a minute.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether there is a process of this number, be it a zombie.
fn is_there(id: u32) -> bool {
    fs::exists(format!("/proc/{id}")).unwrap()
}

fn pidfds() -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().contains("pidfd"))
        .count()
}

/// What a child must do, however its end is heard of.
async fn lives_and_dies() {
    let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(7));
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let id = child.id().unwrap();
    assert!(
        timeout(Duration::from_millis(5), child.wait())
            .await
            .is_err()
    );
    // Not a hang-up, which is ignored below `nohup`.
    child.signal(SignalKind::terminate()).unwrap();
    assert_eq!(child.wait().await.unwrap().signal(), Some(15));
    until("no zombie", || !is_there(id));
    let children: Vec<_> = (0..10)
        .map(|number| {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("sleep 0.0{number}; exit {number}")]);
            command.spawn().unwrap()
        })
        .collect();
    for (number, mut child) in children.into_iter().enumerate() {
        assert_eq!(child.wait().await.unwrap().code(), Some(number as i32));
    }
}

#[test]
fn sub_11_ends_are_heard_of_by_descriptors() {
    run(lives_and_dies());
}

#[test]
fn sub_11_ends_are_heard_of_by_signals() {
    without_pidfd(|| run(lives_and_dies()));
}

#[test]
fn sub_11_a_descriptor_is_used_where_there_is_one() {
    run(async {
        let before = pidfds();
        let mut fallback = without_pidfd(|| Command::new("sleep").arg("600").spawn().unwrap());
        let mut children: Vec<_> = (0..50)
            .map(|_| Command::new("sleep").arg("600").spawn().unwrap())
            .collect();
        // Other tests have a few of their own.
        assert!(pidfds() >= before.saturating_sub(20) + 50);
        for child in &mut children {
            child.kill().await.unwrap();
        }
        fallback.kill().await.unwrap();
    });
}

#[test]
fn a_waiter_on_another_thread_than_the_loop_is_woken() {
    for fallback in [false, true] {
        let runtime = Runtime::new().unwrap();
        let start = || runtime.block_on(async { Command::new("sleep").arg("0.02").spawn() });
        let mut child = if fallback {
            without_pidfd(start)
        } else {
            start()
        }
        .unwrap();
        thread::scope(|scope| {
            let waited = scope.spawn(|| runtime.block_on(child.wait()));
            assert!(waited.join().unwrap().unwrap().success());
        });
    }
}

#[test]
fn sub_9_a_child_that_nobody_waits_for_leaves_no_zombie() {
    for fallback in [false, true] {
        let start = || {
            run(async {
                let mut command = Command::new("sleep");
                // Its runtime is gone when it ends.
                command.arg("0.05").spawn().unwrap().id().unwrap()
            })
        };
        let id = if fallback {
            without_pidfd(start)
        } else {
            start()
        };
        until("reaped", || !is_there(id));
    }
}

#[test]
fn sub_7_a_child_that_is_killed_on_drop_leaves_no_zombie() {
    let id = run(async {
        let mut command = Command::new("sleep");
        let child = command.arg("600").kill_on_drop(true).spawn().unwrap();
        child.id().unwrap()
    });
    until("killed and reaped", || !is_there(id));
}

#[test]
fn ends_can_be_given_to_another_child() {
    run(async {
        let mut echo = Command::new("echo");
        let mut one = echo.arg("hello").stdout(Stdio::piped()).spawn().unwrap();
        let stdout: Stdio = one.stdout.take().unwrap().try_into().unwrap();
        let output = Command::new("cat").stdin(stdout).output().await.unwrap();
        assert_eq!(output.stdout, b"hello\n");
        assert!(one.wait().await.unwrap().success());
    });
}

#[test]
fn ends_of_the_standard_library_are_taken_over() {
    run(async {
        let mut command = std::process::Command::new("cat");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = ChildStdin::from_std(child.stdin.take().unwrap()).unwrap();
        let mut stdout = ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
        stdin.write_all(b"hello").await.unwrap();
        let mut bytes = [0; 5];
        stdout.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hello");
        // Whoever gets it will expect that it blocks.
        let end = stdin.into_owned_fd().unwrap();
        drop(end);
        assert_eq!(stdout.read(&mut bytes).await.unwrap(), 0);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn an_end_that_is_given_away_blocks() {
    run(async {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 0.05; echo late"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let end = child.stdout.take().unwrap().into_owned_fd().unwrap();
        let text = std::io::read_to_string(fs::File::from(end)).unwrap();
        assert_eq!(text, "late\n");
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn a_group_of_its_own_can_be_set() {
    run(async {
        let mut command = Command::new("sh");
        let own = "read -r _ _ _ _ group _ < /proc/self/stat; echo $group; exec sleep 600";
        let mut child = command
            .args(["-c", own])
            .process_group(0)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = child.stdout.take().unwrap();
        while !line.ends_with('\n') {
            line.push(char::from(stdout.read_u8().await.unwrap()));
        }
        assert_eq!(line.trim().parse::<u32>().ok(), child.id());
        child.kill().await.unwrap();
    });
}

#[test]
fn the_name_that_a_program_is_called_by_can_be_set() {
    run(async {
        let mut command = Command::new("sh");
        command.arg0("other").args(["-c", "echo $0"]);
        assert_eq!(command.output().await.unwrap().stdout, b"other\n");
    });
}

#[test]
fn outside_a_runtime_nothing_is_started() {
    let error = Command::new("true").spawn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.to_string().contains("no simoom runtime"), "{error}");
}
