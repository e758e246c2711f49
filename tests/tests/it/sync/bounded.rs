//! Permits that never become more.

use std::sync::Arc;

use simoom::asyncio::BoundedSemaphore;
use simoom::time::{Duration, timeout};
use simoom_tests::{both, settle};

const MS: Duration = Duration::from_millis(1);

both! {
    async fn sem_1_no_more_are_given_back_than_were_taken() {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        let error = semaphore.release().unwrap_err();
        assert!(error.to_string().contains("more than was taken"));
        let permit = semaphore.acquire().await;
        assert!(semaphore.release().is_err(), "the permit comes back by itself");
        drop(permit);
        assert_eq!((semaphore.available_permits(), semaphore.bound()), (1, 1));
        semaphore.acquire().await.forget();
        assert!(semaphore.is_locked());
        assert!(semaphore.try_acquire().is_err());
        let waiting = simoom::spawn({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire().await.forget() }
        });
        settle().await;
        assert!(!waiting.is_finished());
        semaphore.release().unwrap();
        waiting.await.unwrap();
        semaphore.release().unwrap();
        assert!(semaphore.release().is_err());
        assert!(semaphore.try_acquire().is_ok());
    }

    async fn sem_4_one_that_goes_away_takes_nothing_with_it() {
        let semaphore = BoundedSemaphore::new(1);
        let permit = semaphore.acquire().await;
        assert!(timeout(MS, semaphore.acquire()).await.is_err());
        drop(permit);
        assert!(timeout(100 * MS, semaphore.acquire()).await.is_ok());
        assert!(semaphore.release().is_err());
    }
    async fn an_owned_permit_goes_to_another_task() {
        let semaphore = Arc::new(BoundedSemaphore::new(1));
        let permit = semaphore.clone().acquire_owned().await;
        assert!(semaphore.clone().try_acquire_owned().is_err());
        assert!(semaphore.release().is_err(), "the permit comes back by itself");
        let holder = simoom::spawn(async move {
            settle().await;
            drop(permit);
        });
        assert!(timeout(1000 * MS, semaphore.acquire()).await.is_ok());
        holder.await.unwrap();
        semaphore.clone().try_acquire_owned().unwrap().forget();
        assert!(semaphore.is_locked());
        assert!(timeout(MS, semaphore.clone().acquire_owned()).await.is_err());
        semaphore.release().unwrap();
        assert!(semaphore.release().is_err());
        assert_eq!(semaphore.available_permits(), 1);
    }
}
