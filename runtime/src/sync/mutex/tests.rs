use std::pin::pin;
use std::task::Poll;

use futures::poll;

use crate::sync::Mutex;

#[test]
fn waiters_get_the_lock_in_the_order_in_which_they_came() {
    futures::executor::block_on(async {
        let mutex = Mutex::new(0);
        let held = mutex.lock().await;
        let mut first = pin!(mutex.lock());
        let mut second = pin!(mutex.lock());
        assert!(poll!(&mut first).is_pending());
        assert!(poll!(&mut second).is_pending());
        drop(held);
        assert!(poll!(&mut second).is_pending());
        assert!(mutex.try_lock().is_err());
        let Poll::Ready(guard) = poll!(&mut first) else {
            panic!("the first waiter has the lock")
        };
        drop(guard);
        assert!(poll!(&mut second).is_ready());
        assert!(mutex.try_lock().is_ok());
    });
}
