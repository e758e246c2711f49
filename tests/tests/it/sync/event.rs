//! Flags that tasks wait for.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use simoom::asyncio::Event;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn evt_1_setting_wakes_everybody_who_waits() {
        let event = Arc::new(Event::new());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 1..=20 {
            let (event, order) = (event.clone(), order.clone());
            tasks.push(simoom::spawn(async move {
                event.wait().await;
                order.lock().unwrap().push(number);
            }));
            settle().await;
        }
        assert!(order.lock().unwrap().is_empty());
        event.set();
        // Who comes now does not wait.
        event.wait().await;
        join_all(tasks).await;
        let mut order = order.lock().unwrap().clone();
        order.sort_unstable();
        assert!((1..=20).eq(order));
        assert!(event.is_set());
    }

    async fn evt_2_who_waited_goes_on_although_it_is_cleared() {
        let event = Arc::new(Event::new());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let event = event.clone();
                simoom::spawn(async move { event.wait().await })
            })
            .collect();
        settle().await;
        event.set();
        event.clear();
        join_all(waiting).await.into_iter().for_each(|task| task.unwrap());
        assert!(!event.is_set());
        assert!(timeout(MS, event.wait()).await.is_err());
    }

    async fn evt_3_one_that_goes_away_does_not_concern_the_others() {
        let event = Arc::new(Event::default());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let event = event.clone();
                simoom::spawn(async move { event.wait().await })
            })
            .collect();
        settle().await;
        event.set();
        event.set();
        waiting[0].abort();
        event.clear();
        for task in waiting.into_iter().skip(1) {
            task.await.unwrap();
        }
        event.clear();
        assert!(timeout(MS, event.wait()).await.is_err());
    }
}
