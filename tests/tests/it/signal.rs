//! Requests to stop.

use std::io::ErrorKind;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::join_all;
use simoom::signal::ctrl_c;
use simoom::signal::unix::{Signal, SignalKind, signal};
use simoom::time::{Duration, timeout};
use simoom_tests::{both, raise, settle};

both! {
    async fn nobody_asks_to_stop() {
        assert!(timeout(Duration::from_millis(2), ctrl_c()).await.is_err());
    }

    async fn a_cancelled_wait_is_forgotten() {
        for _ in 0..3 {
            drop(ctrl_c());
            assert!(timeout(Duration::from_millis(1), ctrl_c()).await.is_err());
        }
    }

    async fn dropped_waits_leave_nothing() {
        let mut listening = signal(SignalKind::interrupt()).unwrap();
        for _ in 0..1000 {
            // A waker of its own for each, as a task for each connection has.
            let task = Arc::new(Idle);
            let waker = Waker::from(task.clone());
            let mut cx = Context::from_waker(&waker);
            let mut kept = Box::pin(ctrl_c());
            let mut asked = Box::pin(ctrl_c());
            assert!(kept.as_mut().poll(&mut cx).is_pending());
            assert!(asked.as_mut().poll(&mut cx).is_pending());
            drop(asked);
            assert_eq!(Arc::strong_count(&task), 3, "the other one waits");
            drop(kept);
            let mut came = Box::pin(listening.recv());
            assert!(came.as_mut().poll(&mut cx).is_pending());
            drop(came);
            drop(waker);
            assert_eq!(Arc::strong_count(&task), 1);
        }
    }

    async fn several_tasks_wait_at_once() {
        let tasks: Vec<_> = (0..3).map(|_| simoom::spawn(ctrl_c())).collect();
        settle().await;
        for task in &tasks {
            assert!(!task.is_finished());
            task.abort();
        }
        for joined in join_all(tasks).await {
            assert!(joined.unwrap_err().is_cancelled());
        }
    }

    async fn the_wait_loses_a_select_to_what_is_ready() {
        let ready = simoom::select! {
            asked = ctrl_c() => panic!("nobody asked: {asked:?}"),
            value = async { 5 } => value,
        };
        assert_eq!(ready, 5);
    }
}

/// A task that is never run.
struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

fn poll_once(listening: &mut Signal) -> Poll<Option<()>> {
    listening.poll_recv(&mut Context::from_waker(Waker::noop()))
}

// The real world has one process for all bodies: each takes a signal of its own.
both! {
    async fn loop_9_a_signal_reaches_all_who_listen() {
        let kind = SignalKind::user_defined1();
        let (mut one, mut two) = (signal(kind).unwrap(), signal(kind).unwrap());
        let waiting = simoom::spawn(async move { two.recv().await });
        settle().await;
        assert!(!waiting.is_finished());
        assert_eq!(poll_once(&mut one), Poll::Pending);
        raise(kind);
        assert_eq!(waiting.await.unwrap(), Some(()));
        assert_eq!(one.recv().await, Some(()));
        assert_eq!(poll_once(&mut one), Poll::Pending);
    }

    async fn loop_9_signals_that_came_before_the_wait_are_one() {
        let kind = SignalKind::user_defined2();
        let mut listening = signal(kind).unwrap();
        raise(kind);
        raise(kind);
        assert_eq!(listening.recv().await, Some(()));
        // The second may have been on its way in a process of its own.
        while timeout(Duration::from_millis(20), listening.recv()).await.is_ok() {}
        let mut later = signal(kind).unwrap();
        assert_eq!(poll_once(&mut later), Poll::Pending, "it listens from now on");
        raise(kind);
        assert_eq!(later.recv().await, Some(()));
        assert_eq!(listening.recv().await, Some(()));
    }

    async fn a_dropped_wait_takes_no_signal_with_it() {
        let kind = SignalKind::hangup();
        let mut listening = signal(kind).unwrap();
        assert!(timeout(Duration::from_millis(1), listening.recv()).await.is_err());
        raise(kind);
        drop(listening.recv());
        settle().await;
        drop(listening.recv());
        assert_eq!(listening.recv().await, Some(()));
    }

    async fn one_signal_is_not_another() {
        let mut alarm = signal(SignalKind::alarm()).unwrap();
        let mut quit = signal(SignalKind::quit()).unwrap();
        raise(SignalKind::alarm());
        assert_eq!(alarm.recv().await, Some(()));
        assert!(timeout(Duration::from_millis(5), quit.recv()).await.is_err());
    }

    async fn run_11_who_listened_once_is_not_ended_by_the_signal() {
        let kind = SignalKind::terminate();
        drop(signal(kind).unwrap());
        raise(kind);
        settle().await;
    }

    async fn loop_9_signals_that_end_or_stop_in_any_case_are_refused() {
        for number in [9, 19, 4, 8, 11, 0, -1] {
            let error = signal(SignalKind::from_raw(number)).unwrap_err();
            assert_eq!(error.to_string(), format!("refusing to listen for signal {number}"));
        }
        let error = signal(SignalKind::from_raw(65)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(22));
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
