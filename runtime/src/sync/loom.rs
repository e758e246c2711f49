//! Models of this room for loom: every order of a few threads, with their memory orderings.
//!
//! Run them with `RUSTFLAGS="--cfg loom" cargo test -p simoom --lib --release loom_`.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use ::loom::cell::UnsafeCell;
use ::loom::model::Builder;
use ::loom::thread;

use super::{Mutex, Notify, RwLock, Semaphore, mpsc, oneshot};

mod values;

/// Explores every order with at most `preemptions` switches that nothing forced.
fn model(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(body);
}

/// Polls `future` whenever it was woken, until it is ready.
pub(crate) fn block_on<R>(future: impl Future<Output = R>) -> R {
    struct Woken(::loom::sync::Notify);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.notify();
        }
    }
    let woken = Arc::new(Woken(::loom::sync::Notify::new()));
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        woken.0.wait();
    }
}

/// Polls a future once for nobody, and drops it.
fn poll_once<R>(future: impl Future<Output = R>) -> Poll<R> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Something that loom sees two threads touch at once.
struct Touched(UnsafeCell<usize>);

// The whole point is that loom finds out where this is not so.
#[expect(unsafe_code, reason = "loom checks what this promises")]
// SAFETY: the models only touch it where the primitive under test excludes or orders the others.
unsafe impl Sync for Touched {}

impl Touched {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[expect(unsafe_code, reason = "loom checks what this promises")]
    fn touch(&self) -> usize {
        self.0.with_mut(|count| {
            // SAFETY: as above.
            let count = unsafe { &mut *count };
            *count += 1;
            *count
        })
    }
}

#[test]
fn loom_a_mutex_excludes_and_orders() {
    model(4, || {
        let mutex = Arc::new(Mutex::new(Touched::new()));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let mutex = mutex.clone();
                thread::spawn(move || {
                    block_on(mutex.lock()).touch();
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(mutex.try_lock().unwrap().touch(), 3);
    });
}

#[test]
fn loom_a_dropped_waiter_passes_the_lock_on() {
    model(4, || {
        let mutex = Arc::new(Mutex::new(Touched::new()));
        let held = mutex.clone().try_lock_owned().unwrap();
        let dropped = thread::spawn({
            let mutex = mutex.clone();
            move || {
                if let Poll::Ready(guard) = poll_once(mutex.lock()) {
                    guard.touch();
                }
            }
        });
        let waits = thread::spawn({
            let mutex = mutex.clone();
            move || {
                block_on(mutex.lock()).touch();
            }
        });
        held.touch();
        drop(held);
        dropped.join().unwrap();
        waits.join().unwrap();
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn loom_a_semaphore_of_one_excludes_and_orders() {
    model(4, || {
        let shared = Arc::new((Semaphore::new(1), Touched::new()));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let permit = block_on(shared.0.acquire()).unwrap();
                    shared.1.touch();
                    drop(permit);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let _permit = shared.0.try_acquire().unwrap();
        assert_eq!(shared.1.touch(), 3);
    });
}

#[test]
fn loom_a_dropped_waiter_passes_its_permits_on() {
    model(3, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.try_acquire().unwrap();
        let dropped = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(poll_once(semaphore.acquire_many(2)))
        });
        let waits = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(block_on(semaphore.acquire()).unwrap())
        });
        drop(held);
        dropped.join().unwrap();
        waits.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_two_halves_make_one_whole() {
    model(3, || {
        let semaphore = Arc::new(Semaphore::new(0));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.add_permits(1))
            })
            .collect();
        drop(block_on(semaphore.acquire_many(2)).unwrap());
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn loom_closing_a_semaphore_reaches_whoever_waits() {
    model(4, || {
        let semaphore = Arc::new(Semaphore::new(1));
        let waits = thread::spawn({
            let semaphore = semaphore.clone();
            move || block_on(semaphore.acquire_many(2)).is_err()
        });
        semaphore.close();
        assert!(waits.join().unwrap());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_a_writer_excludes_and_is_ordered_with_readers() {
    model(3, || {
        let lock = Arc::new(RwLock::new(0));
        let touched = Arc::new(Touched::new());
        let writes = thread::spawn({
            let (lock, touched) = (lock.clone(), touched.clone());
            move || {
                let mut guard = block_on(lock.write());
                touched.touch();
                *guard += 1;
            }
        });
        let reads = thread::spawn({
            let lock = lock.clone();
            move || *block_on(lock.read()) < 2
        });
        {
            let mut guard = block_on(lock.write());
            touched.touch();
            *guard += 1;
        }
        writes.join().unwrap();
        reads.join().unwrap();
        assert_eq!(*block_on(lock.read()), 2);
    });
}

#[test]
fn loom_a_notification_is_never_lost() {
    model(4, || {
        let notify = Arc::new(Notify::new());
        let dropped = thread::spawn({
            let notify = notify.clone();
            move || poll_once(notify.notified()).is_ready()
        });
        notify.notify_one();
        if !dropped.join().unwrap() {
            block_on(notify.notified());
        }
    });
}

#[test]
fn loom_one_of_two_waiters_passes_the_notification_on() {
    model(4, || {
        let notify = Arc::new(Notify::new());
        let dropped = thread::spawn({
            let notify = notify.clone();
            move || {
                if poll_once(notify.notified()).is_ready() {
                    notify.notify_one();
                }
            }
        });
        let waits = thread::spawn({
            let notify = notify.clone();
            move || block_on(notify.notified())
        });
        notify.notify_one();
        dropped.join().unwrap();
        waits.join().unwrap();
    });
}

#[test]
fn loom_a_notification_orders_what_came_before_it() {
    model(4, || {
        let shared = Arc::new((Notify::new(), Touched::new()));
        let thread = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.touch();
                shared.0.notify_one();
            }
        });
        block_on(shared.0.notified());
        shared.1.touch();
        thread.join().unwrap();
    });
}

#[test]
fn loom_notify_waiters_reaches_what_existed() {
    model(4, || {
        let shared = Arc::new((Notify::new(), Touched::new()));
        let before = pin!(shared.0.notified());
        let thread = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.touch();
                shared.0.notify_waiters();
            }
        });
        block_on(before);
        shared.1.touch();
        thread.join().unwrap();
    });
}

#[test]
fn loom_notify_one_and_notify_waiters_wake_two_and_leave_at_most_a_permit() {
    model(3, || {
        let notify = Arc::new(Notify::new());
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let waiter = notify.clone().notified_owned();
                thread::spawn(move || block_on(waiter))
            })
            .collect();
        notify.notify_one();
        notify.notify_waiters();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

#[test]
fn loom_a_value_arrives_or_comes_back() {
    model(4, || {
        let (sender, receiver) = oneshot::channel();
        let value = ::loom::sync::Arc::new(());
        let sent = value.clone();
        let thread = thread::spawn(move || sender.send(sent).is_ok());
        let received = poll_once(receiver);
        let accepted = thread.join().unwrap();
        if let Poll::Ready(received) = received {
            assert!(accepted);
            drop(received.unwrap());
        }
        assert_eq!(::loom::sync::Arc::strong_count(&value), 1);
    });
}

#[test]
fn loom_closing_and_sending_agree() {
    model(4, || {
        let (sender, mut receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(5).is_ok());
        receiver.close();
        let received = block_on(receiver).is_ok();
        assert_eq!(thread.join().unwrap(), received);
    });
}

#[test]
fn loom_the_end_of_a_sender_reaches_the_receiver_and_of_the_receiver_the_sender() {
    model(4, || {
        let (mut sender, receiver) = oneshot::channel::<u8>();
        let thread = thread::spawn(move || block_on(sender.closed()));
        drop(receiver);
        thread.join().unwrap();
    });
    model(4, || {
        let (sender, receiver) = oneshot::channel::<u8>();
        let thread = thread::spawn(move || block_on(receiver).is_err());
        drop(sender);
        assert!(thread.join().unwrap());
    });
}

#[test]
fn loom_two_senders_fill_one_slot_in_turn() {
    model(3, || {
        let (sender, mut receiver) = mpsc::channel(1);
        let threads: Vec<_> = (0..2)
            .map(|number| {
                let sender = sender.clone();
                thread::spawn(move || block_on(sender.send(number)).unwrap())
            })
            .collect();
        drop(sender);
        let mut sum = 0;
        while let Some(number) = block_on(receiver.recv()) {
            sum += number + 1;
        }
        assert_eq!(sum, 3);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn loom_a_dropped_sender_passes_its_slot_on() {
    model(3, || {
        let (sender, mut receiver) = mpsc::channel(1);
        sender.try_send(0).unwrap();
        let dropped = thread::spawn({
            let sender = sender.clone();
            move || poll_once(sender.reserve()).map(drop).is_ready()
        });
        let sends = thread::spawn(move || block_on(sender.send(1)).unwrap());
        assert_eq!(block_on(receiver.recv()), Some(0));
        assert_eq!(block_on(receiver.recv()), Some(1));
        dropped.join().unwrap();
        sends.join().unwrap();
        assert_eq!(block_on(receiver.recv()), None);
    });
}

#[test]
fn loom_the_end_of_the_receiver_reaches_a_waiting_sender() {
    model(4, || {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(::loom::sync::Arc::new(())).unwrap();
        let thread = thread::spawn(move || {
            let _ = block_on(sender.send(::loom::sync::Arc::new(())));
        });
        drop(receiver);
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_closed_channel_ends_after_its_last_permit() {
    model(4, || {
        let (sender, mut receiver) = mpsc::channel(1);
        let thread = thread::spawn(move || {
            if let Ok(permit) = block_on(sender.reserve()) {
                permit.send(1);
                true
            } else {
                false
            }
        });
        receiver.close();
        let received = block_on(receiver.recv());
        assert_eq!(thread.join().unwrap(), received.is_some());
    });
}

#[test]
fn loom_the_last_of_two_senders_ends_the_channel() {
    model(4, || {
        let (sender, mut receiver) = mpsc::unbounded_channel::<u8>();
        let weak = sender.downgrade();
        let other = sender.clone();
        let thread = thread::spawn(move || drop(other));
        let upgrades = thread::spawn(move || drop(weak.upgrade()));
        drop(sender);
        assert_eq!(block_on(receiver.recv()), None);
        thread.join().unwrap();
        upgrades.join().unwrap();
    });
}
