//! Closures that block their thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::runtime::Handle;
use simoom::sync::{Mutex, Notify, Semaphore, mpsc, oneshot};
use simoom::task::{block_in_place, spawn_blocking, spawn_local, yield_now};
use simoom::time::{Duration, Instant, sleep, timeout};
use simoom_tests::{DropFlag, both, panic_text};

/// What `f` panics with.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => panic_text(&*payload),
    }
}

both! {
    async fn thr_1_a_closure_returns_its_value() {
        let text = String::from("captured");
        assert_eq!(spawn_blocking(move || text.len()).await.unwrap(), 8);
    }

    async fn thr_1_a_panic_in_a_closure_is_a_join_error() {
        let error = spawn_blocking(|| -> u8 { panic!("closure {}", 7) }).await.unwrap_err();
        assert!(error.is_panic());
        assert!(error.to_string().contains("closure 7"), "{error}");
        assert_eq!(panic_text(&*error.into_panic()), "closure 7");
    }

    async fn thr_2_a_closure_runs_on_another_thread_while_tasks_go_on() {
        let home = std::thread::current().id();
        let (sender, receiver) = oneshot::channel();
        let (went_on, goes_on) = oneshot::channel();
        let closure = spawn_blocking(move || {
            // Its thread waits for what a task does meanwhile.
            receiver.blocking_recv().unwrap();
            went_on.send(()).unwrap();
            std::thread::current().id()
        });
        let task = spawn_local(async move {
            sleep(Duration::from_millis(1)).await;
            sender.send(()).unwrap();
            goes_on.await.unwrap();
            std::thread::current().id()
        });
        assert_eq!(task.await.unwrap(), home);
        assert_ne!(closure.await.unwrap(), home);
    }

    async fn thr_8_a_semaphore_limits_how_many_closures_run() {
        let slots = Arc::new(Semaphore::new(2));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (slots, running, most) = (slots.clone(), running.clone(), most.clone());
                spawn_local(async move {
                    let slot = slots.acquire_owned().await.unwrap();
                    let closure = move || {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        Handle::current().block_on(sleep(Duration::from_millis(1)));
                        running.fetch_sub(1, Ordering::SeqCst);
                        // Given back when the closure ends, whoever waits for it.
                        drop(slot);
                    };
                    spawn_blocking(closure).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!(slots.available_permits(), 2);
    }

    async fn a_closure_runs_on_without_its_handle() {
        let (sender, receiver) = oneshot::channel();
        drop(spawn_blocking(move || sender.send(3).unwrap()));
        assert_eq!(receiver.await, Ok(3));
    }

    async fn what_a_closure_holds_is_dropped_before_it_is_joined() {
        let dropped = DropFlag::default();
        let guard = dropped.guard();
        spawn_blocking(move || drop(guard)).await.unwrap();
        assert!(dropped.is_set());
    }

    async fn thr_1_many_closures_all_end() {
        let sum = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..40)
            .map(|number| {
                let sum = sum.clone();
                spawn_blocking(move || {
                    sum.fetch_add(number, Ordering::SeqCst);
                    number
                })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), number);
        }
        assert_eq!(sum.load(Ordering::SeqCst), 780);
    }

    async fn the_runtime_of_a_closure_is_the_current_one() {
        let handle = Handle::current();
        let inside = spawn_blocking(|| format!("{:?}", Handle::current())).await.unwrap();
        assert_eq!(inside, format!("{handle:?}"));
        let value = spawn_blocking(move || handle.block_on(async { 5 })).await.unwrap();
        assert_eq!(value, 5);
    }

    async fn a_closure_spawns_tasks_and_waits_for_them() {
        let sum = spawn_blocking(|| {
            let direct = simoom::spawn(async { 1 });
            let by_handle = Handle::current().spawn(async {
                yield_now().await;
                2
            });
            Handle::current().block_on(async move {
                let inside = simoom::spawn(async { 3 });
                direct.await.unwrap() + by_handle.await.unwrap() + inside.await.unwrap()
            })
        });
        assert_eq!(sum.await.unwrap(), 6);
    }

    async fn a_closure_waits_for_another() {
        let value = spawn_blocking(|| {
            let inner = spawn_blocking(|| 20);
            let other = Handle::current().spawn_blocking(|| 1);
            Handle::current().block_on(async move { inner.await.unwrap() + other.await.unwrap() })
        });
        assert_eq!(value.await.unwrap(), 21);
    }

    async fn time_passes_for_a_closure_that_sleeps_in_block_on() {
        let before = Instant::now();
        let inside = spawn_blocking(|| {
            let before = Instant::now();
            Handle::current().block_on(sleep(Duration::from_millis(20)));
            before.elapsed()
        });
        let slept = inside.await.unwrap();
        assert!(slept >= Duration::from_millis(20), "{slept:?}");
        assert!(before.elapsed() >= slept);
    }

    async fn a_timeout_applies_inside_block_on() {
        let late = spawn_blocking(|| {
            Handle::current().block_on(timeout(
                Duration::from_millis(5),
                std::future::pending::<()>(),
            ))
        });
        assert!(late.await.unwrap().is_err());
    }

    async fn thr_3_a_timeout_on_the_handle_leaves_the_closure_running() {
        let (sender, receiver) = oneshot::channel::<u8>();
        let (done, ended) = oneshot::channel();
        let mut task = spawn_blocking(move || {
            done.send(receiver.blocking_recv()).unwrap();
        });
        assert!(timeout(Duration::from_millis(5), &mut task).await.is_err());
        sender.send(9).unwrap();
        assert_eq!(ended.await.unwrap(), Ok(9));
        task.await.unwrap();
    }

    async fn a_closure_talks_over_a_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = spawn_blocking(move || {
            let handle = Handle::current();
            let mut stream = handle.block_on(TcpStream::connect(address)).unwrap();
            handle.block_on(stream.write_all(b"ping")).unwrap();
            let mut answer = [0; 4];
            handle.block_on(stream.read_exact(&mut answer)).unwrap();
            answer
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut question = [0; 4];
        stream.read_exact(&mut question).await.unwrap();
        assert_eq!(&question, b"ping");
        stream.write_all(b"pong").await.unwrap();
        assert_eq!(&client.await.unwrap(), b"pong");
    }

    async fn a_closure_serves_and_a_task_connects() {
        let (port, ready) = oneshot::channel();
        let server = spawn_blocking(move || {
            Handle::current().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                port.send(listener.local_addr().unwrap()).unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"from a closure").await.unwrap();
            });
        });
        let mut stream = TcpStream::connect(ready.await.unwrap()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "from a closure");
        server.await.unwrap();
    }

    async fn values_go_from_a_closure_to_a_task() {
        let (sender, mut receiver) = mpsc::channel(2);
        let sending = spawn_blocking(move || {
            for number in 0..20 {
                sender.blocking_send(number).unwrap();
            }
        });
        let mut seen = Vec::new();
        while let Some(number) = receiver.recv().await {
            seen.push(number);
        }
        assert_eq!(seen, Vec::from_iter(0..20));
        sending.await.unwrap();
    }

    async fn values_go_from_a_task_to_a_closure() {
        let (sender, mut receiver) = mpsc::channel(1);
        let receiving = spawn_blocking(move || {
            let mut seen = Vec::new();
            while let Some(number) = receiver.blocking_recv() {
                seen.push(number);
            }
            seen
        });
        for number in 0..20 {
            sender.send(number).await.unwrap();
        }
        drop(sender);
        assert_eq!(receiving.await.unwrap(), Vec::from_iter(0..20));
    }

    async fn values_go_between_closures() {
        let (sender, mut receiver) = mpsc::channel(1);
        let (echo, mut echoed) = mpsc::unbounded_channel();
        let middle = spawn_blocking(move || {
            while let Some(number) = receiver.blocking_recv() {
                echo.send(number).unwrap();
            }
        });
        let first = spawn_blocking(move || {
            for number in 0..10 {
                sender.blocking_send(number).unwrap();
            }
        });
        let last = spawn_blocking(move || {
            let mut sum = 0;
            while let Some(number) = echoed.blocking_recv() {
                sum += number;
            }
            sum
        });
        assert_eq!(last.await.unwrap(), 45);
        first.await.unwrap();
        middle.await.unwrap();
    }

    async fn a_blocking_send_fails_when_the_receiver_is_dropped() {
        let (sender, receiver) = mpsc::channel(1);
        sender.send(1).await.unwrap();
        let sending = spawn_blocking(move || sender.blocking_send(2));
        yield_now().await;
        drop(receiver);
        assert_eq!(sending.await.unwrap().unwrap_err().0, 2);
    }

    async fn a_blocking_recv_ends_when_the_sender_is_dropped() {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        let receiving = spawn_blocking(move || receiver.blocking_recv());
        let (one, other) = oneshot::channel::<u8>();
        let waiting = spawn_blocking(move || other.blocking_recv());
        yield_now().await;
        drop(sender);
        drop(one);
        assert_eq!(receiving.await.unwrap(), None);
        assert!(waiting.await.unwrap().is_err());
    }

    async fn several_values_are_received_at_once() {
        let (sender, mut receiver) = mpsc::channel(8);
        let (unbounded, mut endless) = mpsc::unbounded_channel();
        for number in 0..5 {
            sender.send(number).await.unwrap();
            unbounded.send(number).unwrap();
        }
        spawn_blocking(move || {
            let mut seen = Vec::new();
            assert_eq!(receiver.blocking_recv_many(&mut seen, 3), 3);
            assert_eq!(seen, [0, 1, 2]);
            assert_eq!(endless.blocking_recv_many(&mut seen, 100), 5);
            assert_eq!(seen, [0, 1, 2, 0, 1, 2, 3, 4]);
            drop(unbounded);
            assert_eq!(endless.blocking_recv_many(&mut seen, 100), 0);
        })
        .await
        .unwrap();
    }

    async fn a_lock_excludes_closures_and_tasks_alike() {
        let lock = Arc::new(Mutex::new(0_u32));
        let inside = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for number in 0..6 {
            let (lock, inside) = (lock.clone(), inside.clone());
            if number % 2 == 0 {
                tasks.push(spawn_blocking(move || {
                    for _ in 0..5 {
                        let mut guard = lock.blocking_lock();
                        assert!(!inside.swap(true, Ordering::SeqCst));
                        Handle::current().block_on(yield_now());
                        *guard += 1;
                        inside.store(false, Ordering::SeqCst);
                    }
                }));
            } else {
                tasks.push(simoom::spawn(async move {
                    for _ in 0..5 {
                        let mut guard = lock.clone().lock_owned().await;
                        assert!(!inside.swap(true, Ordering::SeqCst));
                        yield_now().await;
                        *guard += 1;
                        inside.store(false, Ordering::SeqCst);
                    }
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        let count = spawn_blocking(move || *lock.blocking_lock_owned()).await.unwrap();
        assert_eq!(count, 30);
    }

    async fn a_notification_reaches_a_closure() {
        let notify = Arc::new(Notify::new());
        let shared = notify.clone();
        let waiting = spawn_blocking(move || Handle::current().block_on(shared.notified()));
        notify.notify_one();
        waiting.await.unwrap();
    }

    async fn thr_3_an_abort_does_not_stop_a_closure_that_has_started() {
        let (started, start) = oneshot::channel();
        let (sender, receiver) = oneshot::channel();
        let task = spawn_blocking(move || {
            started.send(()).unwrap();
            receiver.blocking_recv().unwrap()
        });
        start.await.unwrap();
        task.abort();
        assert!(!task.is_finished());
        sender.send(4).unwrap();
        assert_eq!(task.await.unwrap(), 4);
    }

    async fn a_task_must_not_block_its_thread() {
        let (_sender, mut receiver) = mpsc::channel::<u8>(1);
        let text = panic_of(|| receiver.blocking_recv());
        assert!(text.contains("`blocking_recv` was called on a thread that already runs"), "{text}");
        // Tests that were written for tokio expect these words.
        assert!(text.starts_with("Cannot block the current thread from within a runtime"), "{text}");
        let text = panic_of(|| Mutex::new(1).blocking_lock().to_string());
        assert!(text.contains("`blocking_lock` was called"), "{text}");
        let text = panic_of(|| Handle::current().block_on(async {}));
        assert!(text.contains("`block_on` was called"), "{text}");
        let text = panic_of(|| block_in_place(|| ()));
        assert!(text.contains("spawn_blocking"), "{text}");
    }

    async fn a_closure_inside_block_on_must_not_block_again() {
        spawn_blocking(|| {
            let handle = Handle::current();
            handle.block_on(async {
                let text = panic_of(|| Handle::current().block_on(async {}));
                assert!(text.contains("`block_on` was called"), "{text}");
                let (_sender, receiver) = oneshot::channel::<u8>();
                let text = panic_of(|| receiver.blocking_recv());
                assert!(text.contains("`blocking_recv` was called"), "{text}");
            });
            // Afterwards it may again.
            assert_eq!(handle.block_on(async { 1 }), 1);
            assert_eq!(block_in_place(|| 2), 2);
        })
        .await
        .unwrap();
    }

    async fn a_closure_may_block_again_after_a_future_that_panicked() {
        spawn_blocking(|| {
            let handle = Handle::current();
            let text = panic_of(|| handle.block_on(async { panic!("inside") }));
            assert_eq!(text, "inside");
            assert_eq!(handle.block_on(async { 1 }), 1);
        })
        .await
        .unwrap();
    }

    async fn a_closure_starts_nothing_that_is_not_send() {
        let text = spawn_blocking(|| panic_of(|| spawn_local(async {}))).await.unwrap();
        assert!(text.contains("`spawn_local` was called on a thread that does not run"), "{text}");
        let text = spawn_blocking(|| {
            Handle::current().block_on(async { panic_of(|| spawn_local(async {})) })
        })
        .await
        .unwrap();
        assert!(text.contains("`spawn_local` was called on a thread that does not run"), "{text}");
    }

    async fn a_handle_from_outside_waits_in_a_closure() {
        let (sender, receiver) = oneshot::channel();
        let handle = Handle::current();
        let waiting = handle.clone().spawn_blocking(move || handle.block_on(receiver));
        sleep(Duration::from_millis(2)).await;
        sender.send("sent").unwrap();
        assert_eq!(waiting.await.unwrap(), Ok("sent"));
    }

    async fn a_select_in_a_closure_takes_what_is_ready() {
        let value = spawn_blocking(|| {
            Handle::current().block_on(async {
                simoom::select! {
                    () = sleep(Duration::from_secs(20)) => 1,
                    value = async { 2 } => value,
                }
            })
        });
        assert_eq!(value.await.unwrap(), 2);
    }
}
