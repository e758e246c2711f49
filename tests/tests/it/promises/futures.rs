//! Values that come later.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use simoom::asyncio::gather;
use simoom::runtime::{Builder, Runtime};
use simoom::sync::{SetOnce, oneshot};
use simoom::task::yield_now;
use simoom_tests::{both, settle};

both! {
    async fn fut_4_nobody_runs_in_the_midst_of_the_call_that_sets_a_value() {
        let cell = Arc::new(SetOnce::new());
        let seen = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let (cell, seen) = (cell.clone(), seen.clone());
            simoom::spawn(async move {
                let value = *cell.wait().await;
                seen.lock().unwrap().push((number, value));
            });
        }
        settle().await;
        cell.set(5).unwrap();
        assert!(seen.lock().unwrap().is_empty());
        settle().await;
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [(0, 5), (1, 5), (2, 5)], "each once");
        // Who comes afterwards has it.
        assert_eq!(*cell.wait().await, 5);
    }
}

/// In the real world alone: the simulator may make whoever waits look twice.
#[test]
fn fut_4_those_who_wait_are_woken_once_in_their_order() {
    struct Notes(usize, Arc<Mutex<Vec<usize>>>);
    impl Wake for Notes {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    simoom_tests::real(|| async {
        let cell = SetOnce::new();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let wakers = [0, 1, 2].map(|number| Waker::from(Arc::new(Notes(number, woken.clone()))));
        let (mut one, mut two, mut three) =
            (pin!(cell.wait()), pin!(cell.wait()), pin!(cell.wait()));
        for (waiting, waker) in [&mut one, &mut two, &mut three].into_iter().zip(&wakers) {
            let polled = waiting.as_mut().poll(&mut Context::from_waker(waker));
            assert!(polled.is_pending());
        }
        cell.set(5).unwrap();
        assert_eq!(*woken.lock().unwrap(), [0, 1, 2]);
        assert_eq!(*three.await, 5);
        assert_eq!(*woken.lock().unwrap(), [0, 1, 2]);
    });
}

/// In the real world alone: a panic fails a simulated run.
#[test]
fn fut_8_values_are_dropped_in_silence_and_panics_are_told() {
    let told = Arc::new(Mutex::new(0));
    let count = told.clone();
    let runtime = Builder::new_current_thread()
        .on_unobserved_failure(move |_| *count.lock().unwrap() += 1)
        .build()
        .unwrap();
    runtime.block_on(async {
        // Never sent, never looked at, and an error that is a value as any other.
        drop(oneshot::channel::<u32>());
        let (send, receive) = oneshot::channel();
        send.send(Err::<(), _>("nobody looks")).unwrap();
        drop(receive);
        drop(simoom::spawn(async { Err::<(), _>("nobody looks") }));
        settle().await;
        assert_eq!(*told.lock().unwrap(), 0);
        drop(simoom::spawn(async { panic!("nobody looks") }));
        settle().await;
        assert_eq!(*told.lock().unwrap(), 1);
    });
}

/// Runs something on a runtime of another thread until it is told to stop.
fn elsewhere<T: Send + 'static>(start: impl FnOnce() -> T + Send + 'static) -> (T, impl FnOnce()) {
    let (give, given) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        Runtime::new().unwrap().block_on(async move {
            give.send(start()).unwrap();
            stopped.await.unwrap();
        });
    });
    let end = move || {
        stop.send(()).unwrap();
        thread.join().unwrap();
    };
    (given.recv().unwrap(), end)
}

/// In the real world alone, as are the next two: a simulation is the only one on its thread.
#[test]
fn fut_9_a_value_comes_from_another_runtime() {
    let (receive, end) = elsewhere(|| {
        let (send, receive) = oneshot::channel();
        simoom::spawn(async move {
            yield_now().await;
            send.send(5).unwrap();
        });
        receive
    });
    assert_eq!(Runtime::new().unwrap().block_on(receive), Ok(5));
    end();
}

#[test]
fn run_12_a_task_of_another_runtime_is_waited_for() {
    let (task, end) = elsewhere(|| {
        simoom::spawn(async {
            settle().await;
            5
        })
    });
    assert_eq!(Runtime::new().unwrap().block_on(task).unwrap(), 5);
    end();
}

#[test]
fn gat_10_tasks_of_another_runtime_are_gathered() {
    let (tasks, end) = elsewhere(|| [1, 2].map(|number| simoom::spawn(async move { Ok(number) })));
    let gathered = Runtime::new().unwrap().block_on(async {
        let [one, two] = tasks;
        let wait = async |task: simoom::task::JoinHandle<Result<u32, ()>>| task.await.unwrap();
        gather([wait(one), wait(two)]).await.unwrap()
    });
    assert_eq!(gathered, [1, 2]);
    end();
}
