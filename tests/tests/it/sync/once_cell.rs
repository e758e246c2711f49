//! Values that are made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::future::join_all;
use simoom::sync::{OnceCell, SetError};
use simoom::task::yield_now;
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn whoever_comes_first_makes_the_value() {
        let cell = Arc::new(OnceCell::new());
        let made = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5)
            .map(|number| {
                let (cell, made) = (cell.clone(), made.clone());
                simoom::spawn(async move {
                    let make = async || {
                        made.fetch_add(1, SeqCst);
                        yield_now().await;
                        number
                    };
                    *cell.get_or_init(make).await
                })
            })
            .collect();
        let values = join_all(tasks).await;
        let value = cell.get().copied();
        assert!(values.iter().all(|it| it.as_ref().ok() == value.as_ref()));
        assert_eq!(made.load(SeqCst), 1);
    }

    async fn when_making_fails_the_next_tries() {
        let cell = Arc::new(OnceCell::new());
        let other = simoom::spawn({
            let cell = cell.clone();
            async move {
                let fail = async || {
                    sleep(2 * MS).await;
                    Err("failed")
                };
                cell.get_or_try_init(fail).await.copied()
            }
        });
        yield_now().await;
        let value = cell.get_or_try_init(async || Ok::<_, ()>(2)).await;
        assert_eq!(value, Ok(&2));
        // Whichever of them was first.
        assert!([Err("failed"), Ok(2)].contains(&other.await.unwrap()));
    }

    async fn when_one_is_dropped_or_panics_the_next_tries() {
        let cell = Arc::new(OnceCell::new());
        assert!(timeout(MS, cell.get_or_init(std::future::pending)).await.is_err());
        let panics = simoom::spawn({
            let cell = cell.clone();
            async move { *cell.get_or_init(async || panic!("it cannot be made")).await }
        });
        assert!(panics.await.unwrap_err().is_panic());
        assert_eq!(cell.get(), None);
        assert_eq!(cell.get_or_init(async || 1).await, &1);
    }

    async fn nothing_is_set_while_a_value_is_made() {
        let cell = Arc::new(OnceCell::new());
        let making = simoom::spawn({
            let cell = cell.clone();
            async move {
                let make = async || {
                    sleep(5 * MS).await;
                    1
                };
                *cell.get_or_init(make).await
            }
        });
        settle().await;
        assert_eq!(cell.set(2), Err(SetError::InitializingError(2)));
        assert_eq!(making.await.unwrap(), 1);
        let error = cell.set(2).unwrap_err();
        assert!(error.is_already_init_err() && !error.is_initializing_err());
        let mut cell = Arc::into_inner(cell).unwrap();
        assert_eq!(cell.take(), Some(1));
        assert_eq!(cell.set(2), Ok(()));
        assert_eq!(cell.into_inner(), Some(2));
    }
}
