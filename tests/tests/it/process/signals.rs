//! Signals to children.

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;

use simoom::io::AsyncReadExt;
use simoom::process::Child;
use simoom::signal::unix::SignalKind;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

use super::start;

/// Waits until a child has said that it is ready.
async fn is_ready(child: &mut Child) {
    let mut line = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut line)
        .await
        .unwrap();
    assert_eq!(&line, b"ready\n");
}

async fn rest_of(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .await
        .unwrap();
    text
}

both! {
    async fn sub_1_a_signal_is_no_code() {
        for (kind, number) in [
            (SignalKind::terminate(), 15),
            // Not a hang-up, which is ignored below `nohup`.
            (SignalKind::user_defined1(), 10),
            (SignalKind::from_raw(9), 9),
        ] {
            let mut child = start("echo ready; exec sleep 600");
            is_ready(&mut child).await;
            child.signal(kind).unwrap();
            let status = child.wait().await.unwrap();
            assert_eq!(status.signal(), Some(number));
            assert_eq!(status.code(), None);
        }
    }

    async fn sub_2_killing_a_child_ends_it() {
        let mut child = start("exec sleep 600");
        child.start_kill().unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        let mut child = start("exec sleep 600");
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
    }

    async fn sub_2_no_signal_is_sent_once_the_end_was_seen() {
        let mut child = start("exit 7");
        child.wait().await.unwrap();
        let error = child.signal(SignalKind::terminate()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        // As tokio has it.
        child.start_kill().unwrap();
        child.kill().await.unwrap();
        let status = child.terminate(Duration::from_secs(1)).await.unwrap();
        assert_eq!(status.code(), Some(7));
    }

    async fn sub_2_a_child_whose_end_nobody_has_seen_takes_signals() {
        let mut child = start("exit 7");
        let mut rest = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut rest).await.unwrap();
        settle().await;
        child.signal(SignalKind::terminate()).unwrap();
        child.start_kill().unwrap();
        let status = child.wait().await.unwrap();
        assert!(status.code() == Some(7) || status.signal().is_some());
    }

    async fn a_signal_without_a_name_is_refused() {
        let mut child = start("exec cat");
        for number in [0, -1, 65] {
            let error = child.signal(SignalKind::from_raw(number)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(22));
        }
        child.kill().await.unwrap();
    }

    async fn a_child_that_listens_decides_itself() {
        let script = "trap 'echo bye; exit 3' TERM; echo ready; while true; do sleep 0.01; done";
        let mut child = start(script);
        is_ready(&mut child).await;
        child.signal(SignalKind::terminate()).unwrap();
        assert_eq!(rest_of(&mut child).await, "bye\n");
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
    }

    async fn what_is_ignored_by_default_changes_nothing() {
        let mut child = start("echo ready; exec cat");
        is_ready(&mut child).await;
        child.signal(SignalKind::child()).unwrap();
        child.signal(SignalKind::window_change()).unwrap();
        settle().await;
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(child.wait().await.unwrap().success());
    }

    async fn sub_12_who_stops_in_time_is_not_killed() {
        let script = "trap 'echo bye; exit 3' TERM; echo ready; while true; do sleep 0.01; done";
        let mut child = start(script);
        is_ready(&mut child).await;
        let status = child.terminate(Duration::from_secs(20)).await.unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(rest_of(&mut child).await, "bye\n");
    }

    async fn sub_12_who_does_not_stop_is_killed_and_its_output_kept() {
        let mut child = start("trap '' TERM; echo ready; echo more; exec sleep 600");
        is_ready(&mut child).await;
        assert!(timeout(Duration::from_millis(20), child.wait()).await.is_err());
        let status = child.terminate(Duration::from_millis(50)).await.unwrap();
        assert_eq!(status.signal(), Some(9));
        assert_eq!(rest_of(&mut child).await, "more\n");
    }

    async fn sub_12_a_grace_of_zero_kills() {
        let mut child = start("trap '' TERM; echo ready; exec sleep 600");
        is_ready(&mut child).await;
        let status = child.terminate(Duration::ZERO).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    async fn sub_12_a_cancelled_termination_can_be_repeated() {
        let mut child = start("trap '' TERM; echo ready; exec sleep 600");
        is_ready(&mut child).await;
        let ended = timeout(Duration::from_millis(5), child.terminate(Duration::from_secs(600)));
        assert!(ended.await.is_err());
        let status = child.terminate(Duration::from_millis(5)).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    }
}
