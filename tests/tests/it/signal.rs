//! Requests to stop.

use futures::future::join_all;
use simoom::signal::ctrl_c;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

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
