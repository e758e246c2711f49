//! What children read and write.

use std::io::ErrorKind;
use std::process::Stdio;

use simoom::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use simoom::process::Command;
use simoom::time::{Duration, timeout};
use simoom_tests::both;

use super::{shell, start};

/// More than a pipe holds.
const MUCH: usize = 1_000_000;

both! {
    async fn sub_1_what_is_written_comes_back() {
        for data in [&b""[..], b"hello"] {
            let mut child = start("exec cat");
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(data).await.unwrap();
            drop(stdin);
            let output = child.wait_with_output().await.unwrap();
            assert!(output.status.success());
            assert_eq!(output.stdout, data);
            assert_eq!(output.stderr, b"");
        }
    }

    async fn sub_1_an_input_that_nobody_took_is_ended_by_the_wait() {
        let mut child = start("exec cat");
        assert!(child.wait().await.unwrap().success());
        assert!(child.stdin.is_none());
    }

    async fn sub_1_nothing_is_read_from_no_input() {
        let mut child = Command::new("cat");
        let output = child.stdin(Stdio::null()).output().await.unwrap();
        assert_eq!(output.stdout, b"");
    }

    async fn both_outputs_are_told_apart() {
        let output = shell("echo one; echo two >&2; exit 3").output().await.unwrap();
        assert_eq!(output.stdout, b"one\n");
        assert_eq!(output.stderr, b"two\n");
        assert_eq!(output.status.code(), Some(3));
    }

    async fn output_is_piped_whatever_was_set() {
        let mut command = Command::new("echo");
        command.arg("hi").stdout(Stdio::null());
        assert_eq!(command.output().await.unwrap().stdout, b"hi\n");
    }

    async fn what_goes_nowhere_is_written_all_the_same() {
        let mut command = Command::new("echo");
        let mut child = command.arg("hi").stdout(Stdio::null()).spawn().unwrap();
        assert!(child.stdout.is_none());
        assert!(child.wait().await.unwrap().success());
    }

    async fn sub_3_writing_is_a_broken_pipe_when_the_child_reads_no_more() {
        let mut child = start("exec 0<&-; echo closed; exec sleep 600");
        let mut line = [0; 7];
        child.stdout.as_mut().unwrap().read_exact(&mut line).await.unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        let error = stdin.write_all(b"hello").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(error.raw_os_error(), Some(32));
        child.kill().await.unwrap();
    }

    async fn sub_4_much_is_read_beside_the_wait() {
        let mut command = Command::new("head");
        let output = command.args(["-c", "1000000", "/dev/zero"]).output().await.unwrap();
        assert_eq!(output.stdout.len(), MUCH);
        assert!(output.status.success());
    }

    async fn sub_4_much_goes_in_and_out_at_once() {
        let mut child = start("exec cat");
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let writing = async move { stdin.write_all(&vec![7; MUCH]).await };
        let mut bytes = Vec::new();
        simoom::try_join!(writing, stdout.read_to_end(&mut bytes)).unwrap();
        assert_eq!(bytes.len(), MUCH);
        assert!(child.wait().await.unwrap().success());
    }

    async fn sub_4_who_is_not_read_waits() {
        let mut command = Command::new("head");
        command.args(["-c", "1000000", "/dev/zero"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let waited = timeout(Duration::from_millis(50), child.wait()).await;
        assert!(waited.is_err(), "the pipe holds 64 KiB");
        let mut bytes = Vec::new();
        child.stdout.as_mut().unwrap().read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes.len(), MUCH);
        assert!(child.wait().await.unwrap().success());
    }

    async fn sub_8_a_childs_input_is_not_inherited_by_the_next() {
        let mut one = start("exec cat");
        let mut two = start("exec cat");
        // The other one has no copy of this end.
        drop(one.stdin.take());
        let mut rest = Vec::new();
        one.stdout.as_mut().unwrap().read_to_end(&mut rest).await.unwrap();
        assert!(two.try_wait().unwrap().is_none());
        assert!(one.wait().await.unwrap().success());
        two.kill().await.unwrap();
    }

    async fn sub_10_first_all_data_then_the_end() {
        let mut child = start("echo one; echo two; echo three");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for expected in ["one", "two", "three"] {
            assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(expected));
        }
        assert_eq!(lines.next_line().await.unwrap(), None);
        assert_eq!(lines.next_line().await.unwrap(), None);
        let status = child.wait().await.unwrap();
        assert_eq!(child.wait().await.unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
    }

    async fn what_a_child_wrote_can_be_read_after_its_end() {
        let mut child = start("echo one; echo two >&2");
        assert!(child.wait().await.unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
        child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
        assert_eq!((&*out, &*err), ("one\n", "two\n"));
    }
}
