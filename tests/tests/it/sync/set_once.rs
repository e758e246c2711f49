//! Values that are set once.

use std::sync::Arc;

use futures::future::join_all;
use simoom::sync::{SetOnce, SetOnceError};
use simoom::task::yield_now;
use simoom::time::{Duration, timeout};
use simoom_tests::both;

both! {
    async fn fut_6_everybody_who_waits_gets_the_value() {
        let cell = Arc::new(SetOnce::new());
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let cell = cell.clone();
                simoom::spawn(async move { *cell.wait().await })
            })
            .collect();
        assert!(timeout(Duration::from_millis(1), cell.wait()).await.is_err());
        assert!(!cell.initialized());
        cell.set(5).unwrap();
        for value in join_all(tasks).await {
            assert_eq!(value.unwrap(), 5);
        }
        assert_eq!(cell.wait().await, &5);
    }

    async fn fut_2_one_of_several_sets_it() {
        let cell = Arc::new(SetOnce::new());
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let cell = cell.clone();
                simoom::spawn(async move {
                    yield_now().await;
                    cell.set(number)
                })
            })
            .collect();
        let value = *cell.wait().await;
        for (number, set) in join_all(tasks).await.into_iter().enumerate() {
            let expected = match number == value {
                true => Ok(()),
                false => Err(SetOnceError(number)),
            };
            assert_eq!(set.unwrap(), expected);
        }
    }
}
