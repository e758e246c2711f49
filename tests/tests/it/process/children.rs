//! How children are started and end.

use std::io::ErrorKind;
use std::process::Stdio;
use std::rc::Rc;

use futures::future::join_all;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::process::Command;
use simoom::sync::Mutex;
use simoom::task::spawn_local;
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

use super::{shell, start};

both! {
    async fn sub_1_the_code_is_the_childs() {
        for code in [0, 7, 255] {
            let status = shell(&format!("exit {code}")).status().await.unwrap();
            assert_eq!(status.code(), Some(code));
            assert_eq!(status.success(), code == 0);
        }
    }

    async fn a_child_has_a_number_until_its_end_was_seen() {
        let (mut one, mut two) = (start("exec cat"), start("exec cat"));
        assert!(one.id().is_some());
        assert_ne!(one.id(), two.id());
        one.wait().await.unwrap();
        assert_eq!(one.id(), None);
        two.wait().await.unwrap();
    }

    async fn try_wait_says_nothing_before_the_end() {
        let mut child = start("exec cat");
        assert_eq!(child.try_wait().unwrap(), None);
        drop(child.stdin.take());
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => sleep(Duration::from_millis(1)).await,
            }
        };
        assert!(status.success());
        assert_eq!(child.id(), None);
    }

    async fn sub_5_all_who_wait_get_the_status() {
        let child = Rc::new(Mutex::new(start("sleep 0.02; exit 0")));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let child = child.clone();
                spawn_local(async move { child.lock().await.wait().await.unwrap() })
            })
            .collect();
        for status in join_all(tasks).await {
            assert!(status.unwrap().success());
        }
    }

    async fn sub_5_after_a_cancelled_wait_it_can_be_killed() {
        let mut child = start("exec sleep 600");
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(2), child.wait()).await.is_err());
        }
        assert!(child.id().is_some());
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().code(), None);
    }

    async fn sub_6_a_grandchild_that_holds_the_pipe_does_not_hold_up_the_wait() {
        let mut child = start("sleep 1 & echo started; exit 5");
        let status = child.wait().await.unwrap();
        assert_eq!(status.code(), Some(5));
        let mut stdout = child.stdout.take().unwrap();
        let mut line = [0; 8];
        stdout.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"started\n");
        let mut rest = Vec::new();
        let end = timeout(Duration::from_millis(50), stdout.read_to_end(&mut rest)).await;
        assert!(end.is_err(), "the grandchild has the other end");
        stdout.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }

    async fn sub_7_a_dropped_wait_for_output_kills_if_asked_to() {
        // It reads nothing: only its end closes the pipe.
        let mut child = start("exec sleep 600");
        let mut stdin = child.stdin.take().unwrap();
        let waited = timeout(Duration::from_millis(5), child.wait_with_output()).await;
        assert!(waited.is_err());
        // Until nobody reads any more.
        let error = loop {
            match stdin.write_all(&[0; 100]).await {
                Ok(()) => settle().await,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    async fn sub_8_a_program_that_is_not_there_is_not_found() {
        let mut command = Command::new("there-is-no-such-program");
        let error = command.stdin(Stdio::piped()).spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(command.status().await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(command.output().await.unwrap_err().kind(), ErrorKind::NotFound);
    }

    async fn sub_8_the_environment_is_what_was_set() {
        let mut command = shell("echo $SIMOOM_WORD");
        command.env("SIMOOM_WORD", "hello");
        assert_eq!(command.output().await.unwrap().stdout, b"hello\n");
        command.env_remove("SIMOOM_WORD");
        assert_eq!(command.output().await.unwrap().stdout, b"\n");
        command.envs([("SIMOOM_WORD", "again"), ("SIMOOM_OTHER", "x")]);
        assert_eq!(command.output().await.unwrap().stdout, b"again\n");
    }

    async fn sub_8_the_folder_is_what_was_set() {
        let mut command = shell("pwd");
        assert_eq!(command.current_dir("/").output().await.unwrap().stdout, b"/\n");
    }

    async fn a_program_is_found_by_its_path() {
        assert!(Command::new("/bin/true").status().await.unwrap().success());
        let std = std::process::Command::new("true");
        assert!(Command::from(std).status().await.unwrap().success());
    }

    async fn sub_9_a_dropped_child_is_killed_if_asked_to() {
        let mut child = start("exec cat");
        let (mut stdout, _stdin) = (child.stdout.take().unwrap(), child.stdin.take());
        drop(child);
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }

    async fn sub_9_a_dropped_child_runs_on_if_not() {
        let mut command = shell("exec cat");
        let mut child = command.kill_on_drop(false).spawn().unwrap();
        assert!(!command.get_kill_on_drop());
        let (mut stdout, mut stdin) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        drop(child);
        settle().await;
        stdin.write_all(b"hello").await.unwrap();
        drop(stdin);
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
    }

    async fn sub_9_a_dropped_status_leaves_the_child_running() {
        let mut command = Command::new("sh");
        let waited = command.args(["-c", "exec sleep 0.01"]).status();
        assert!(timeout(Duration::from_millis(1), waited).await.is_err());
    }

    async fn many_children_end_in_any_order() {
        let children = (0..20).map(|number| {
            let pause = format!("exec sleep 0.0{}", number % 3);
            async move { start(&pause).wait().await.unwrap() }
        });
        for status in join_all(children).await {
            assert!(status.success());
        }
    }
}
