//! How nodes die and come back.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc, oneshot};
use simoom::task::{spawn_local, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, Ended, Failure, OnFailure, Sim, Strategy, check};

fn config() -> Config {
    Config::default().persist(false).seeds(30)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Does everything a dead process must not be able to do, when dropped.
struct Meddling {
    stream: Option<TcpStream>,
    sender: mpsc::UnboundedSender<u32>,
    dropped: Rc<Cell<u32>>,
    panics: bool,
}

impl Drop for Meddling {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        let ran = self.dropped.clone();
        let task = spawn_local(async move { ran.set(ran.get() + 1_000) });
        assert!(
            task.is_finished(),
            "a task of a dead node is dropped at once"
        );
        let mut bytes = [7; 8];
        simoom::rand::fill(&mut bytes);
        assert_eq!(bytes, [0; 8], "no draw");
        let mut timer = Box::pin(sleep(ms(1)));
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        assert!(
            timer.as_mut().poll(&mut cx).is_pending(),
            "an operation never returns"
        );
        timer.as_mut().reset(simoom::time::Instant::now() + ms(1));
        if let Some(stream) = &self.stream {
            stream.try_write(b"from beyond").unwrap_err();
        }
        // Shared memory is the test's own: nothing of the node's world.
        let _ = self.sender.send(1);
        if self.panics {
            panic!("in a destructor");
        }
    }
}

/// The operation that a task of the killed node stands in.
async fn stand_in(kind: usize, sim: Sim) {
    let forever = || std::future::pending::<()>();
    match kind {
        0 => sleep(Duration::from_secs(100)).await,
        1 => {
            let lock = Rc::new(Mutex::new(()));
            let held = lock.clone();
            let held = held.lock().await;
            let waiting = spawn_local(async move { drop(lock.lock().await) });
            forever().await;
            drop((held, waiting));
        }
        2 => Notify::new().notified().await,
        3 => {
            let (sender, _receiver) = mpsc::channel(1);
            sender.send(1).await.unwrap();
            sender.send(2).await.unwrap();
        }
        4 => drop(mpsc::channel::<u32>(1).1.recv().await),
        5 => drop(spawn_local(forever()).await),
        6 => drop(
            TcpListener::bind("0.0.0.0:81")
                .await
                .unwrap()
                .accept()
                .await,
        ),
        7 => {
            sim.net().partition(&sim.node("victim"), &sim.node("other"));
            drop(TcpStream::connect("other:1").await);
        }
        8 => drop(
            TcpStream::connect("peer:80")
                .await
                .unwrap()
                .read(&mut [0; 1])
                .await,
        ),
        9 => {
            let mut stream = TcpStream::connect("peer:80").await.unwrap();
            stream.write_all(&vec![0; 1 << 20]).await.unwrap();
        }
        10 => simoom::signal::ctrl_c().await.unwrap(),
        11 => simoom::select! {
            () = sleep(Duration::from_secs(100)) => {}
            () = forever() => {}
        },
        12 => loop {
            yield_now().await;
            sleep(ms(1)).await;
        },
        13 => {
            let (_sender, receiver) = oneshot::channel::<u32>();
            receiver.await.unwrap();
        }
        _ => {
            simoom::join!(sleep(Duration::from_secs(9)), yield_now(), forever());
        }
    }
}

#[test]
fn a_node_can_be_killed_in_every_operation() {
    for kind in 0..15 {
        check(config().seeds(8), move |sim| async move {
            let peer = sim.node("peer");
            let ended = Rc::new(RefCell::new(Vec::new()));
            let noted = ended.clone();
            peer.run(move || {
                let noted = noted.clone();
                async move {
                    let listener = TcpListener::bind("0.0.0.0:80").await?;
                    loop {
                        let (mut stream, _) = listener.accept().await?;
                        let noted = noted.clone();
                        spawn_local(async move {
                            let mut count = 0;
                            if kind == 8 {
                                count = stream.read(&mut [0; 1]).await.unwrap_or(99);
                            } else {
                                sleep(ms(500)).await;
                                while let Ok(some @ 1..) = stream.read(&mut [0; 65_536]).await {
                                    count += some;
                                }
                            }
                            noted.borrow_mut().push(count);
                        });
                    }
                    #[expect(unreachable_code, reason = "gives the block its type")]
                    Ok::<(), std::io::Error>(())
                }
            });
            sleep(ms(100)).await;
            let boots = Rc::new(Cell::new(0));
            let after = Rc::new(Cell::new(false));
            let (booted, passed, inner) = (boots.clone(), after.clone(), sim.clone());
            let victim = sim.node("victim").run(move || {
                booted.set(booted.get() + 1);
                let (passed, sim) = (passed.clone(), inner.clone());
                async move {
                    // The port is free again after a restart.
                    let _listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
                    stand_in(kind, sim).await;
                    passed.set(true);
                }
            });
            sleep(ms(200)).await;
            victim.kill();
            assert!(!victim.is_alive());
            victim.kill();
            sleep(ms(2_000)).await;
            assert!(!after.get(), "operation {kind} of a killed node returned");
            let ended = ended.take();
            match kind {
                8 => assert_eq!(ended, [0], "the peer sees the end"),
                9 => assert!(ended[0] >= 64 * 1024, "what was sent arrives: {ended:?}"),
                _ => assert_eq!(ended, [0_usize; 0]),
            }
            victim.restart();
            assert!(victim.is_alive());
            sleep(ms(100)).await;
            assert_eq!(boots.get(), 2, "operation {kind}");
        })
        .unwrap();
    }
}

#[test]
fn destructors_of_a_killed_node_have_no_effect() {
    for panics in [false, true] {
        check(config(), move |sim| async move {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let dropped = Rc::new(Cell::new(0));
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let counted = dropped.clone();
            let node = sim.node("victim");
            for _ in 0..2 {
                let (sender, dropped) = (sender.clone(), counted.clone());
                node.spawn(async move {
                    let stream = Some(TcpStream::connect("test:80").await.unwrap());
                    let _meddling = Meddling {
                        stream,
                        sender,
                        dropped,
                        panics,
                    };
                    std::future::pending::<()>().await;
                });
            }
            drop(sender);
            let (mut one, _) = listener.accept().await.unwrap();
            let (mut two, _) = listener.accept().await.unwrap();
            sleep(ms(100)).await;
            node.kill();
            let mut bytes = Vec::new();
            one.read_to_end(&mut bytes).await.unwrap();
            two.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(bytes, b"", "nothing is sent from beyond");
            assert_eq!(
                dropped.get(),
                2,
                "destructors ran, and nothing they spawned"
            );
            assert_eq!(receiver.recv().await, Some(1));
            assert_eq!(receiver.recv().await, Some(1));
            assert_eq!(receiver.recv().await, None);
            sleep(ms(100)).await;
            assert_eq!(dropped.get(), 2);
        })
        .unwrap();
    }
}

#[test]
fn a_task_that_kills_its_own_node_goes_no_further_than_its_next_operation() {
    check(config(), |sim| async move {
        let reached = Rc::new(Cell::new(0));
        let (noted, node) = (reached.clone(), sim.node("victim"));
        let own = node.clone();
        let task = node.spawn(async move {
            own.kill();
            noted.set(1);
            let error = TcpListener::bind("0.0.0.0:80").await.map(drop).unwrap_err();
            assert!(error.to_string().contains("killed"), "{error}");
            noted.set(2);
            yield_now().await;
            noted.set(3);
        });
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(reached.get() < 3, "it went on after its death");
        assert!(reached.get() > 0, "what comes before an operation is done");
    })
    .unwrap();
}

#[test]
fn a_task_that_restarts_its_own_node_does_not_live_on_in_it() {
    check(config(), |sim| async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (noted, inner) = (log.clone(), sim.clone());
        sim.node("victim").run(move || {
            let (log, sim) = (noted.clone(), inner.clone());
            async move {
                let _listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                let boot = log.borrow().len();
                log.borrow_mut().push("booted");
                sleep(ms(10)).await;
                if boot == 0 {
                    sim.node("victim").restart();
                    log.borrow_mut().push("restarted");
                    yield_now().await;
                    log.borrow_mut().push("lived on");
                }
                sleep(ms(10)).await;
                log.borrow_mut().push("done");
            }
        });
        sleep(ms(500)).await;
        assert_eq!(*log.borrow(), ["booted", "restarted", "booted", "done"]);
        assert_eq!(sim.node("victim").exited(), Some(Ended::Returned));
        assert_eq!(sim.node("victim").incarnation(), 2);
    })
    .unwrap();
}

#[test]
fn tasks_from_before_a_kill_never_run_again() {
    check(config().strategy(Strategy::Random), |sim| async move {
        let node = sim.node("victim").run(std::future::pending::<()>);
        let polls = Rc::new(Cell::new(0));
        let counted = polls.clone();
        let notify = Rc::new(Notify::new());
        let waiting = notify.clone();
        let task = node.spawn(async move {
            loop {
                counted.set(counted.get() + 1);
                waiting.notified().await;
            }
        });
        sleep(ms(1)).await;
        notify.notify_one();
        node.kill();
        node.restart();
        notify.notify_one();
        sleep(ms(1)).await;
        assert_eq!(polls.get(), 1);
        assert!(task.await.unwrap_err().is_cancelled());
    })
    .unwrap();
}

#[test]
fn unread_bytes_of_a_killed_node_reset_its_peer() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        node.spawn(async {
            let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
            let _stream = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
        });
        sleep(ms(1)).await;
        let mut stream = TcpStream::connect("victim:80").await.unwrap();
        stream.write_all(b"unread").await.unwrap();
        sleep(ms(100)).await;
        node.kill();
        let error = stream.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    })
    .unwrap();
}

#[test]
fn a_socket_whose_node_died_fails_in_other_hands() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let _listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let mut stream = node
            .spawn(TcpStream::connect("test:80"))
            .await
            .unwrap()
            .unwrap();
        let reading = spawn_local(async move { stream.read(&mut [0; 1]).await });
        sleep(ms(100)).await;
        node.kill();
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    })
    .unwrap();
}

#[test]
fn failures_of_a_node_are_what_its_policy_says() {
    let failing = |policy: Option<OnFailure>, error: bool| {
        check(config().seeds(3).shrink(false), move |sim| async move {
            let node = sim.node("victim");
            if let Some(policy) = policy {
                let _ = node.on_failure(policy);
            }
            let beside = node.spawn(std::future::pending::<()>());
            node.run(move || async move {
                assert!(error, "it breaks");
                Err::<(), _>("it ends")
            });
            sleep(ms(1)).await;
            assert_eq!(node.is_alive(), policy != Some(OnFailure::KillNode));
            assert_eq!(beside.is_finished(), policy == Some(OnFailure::KillNode));
        })
    };
    for error in [false, true] {
        failing(Some(OnFailure::Contain), error).unwrap();
        failing(Some(OnFailure::KillNode), error).unwrap();
        for policy in [None, Some(OnFailure::FailRun)] {
            let report = failing(policy, error);
            match report.failure().unwrap().cause() {
                Failure::Panic {
                    message,
                    location,
                    task,
                } if !error => {
                    assert_eq!(message, "it breaks");
                    assert!(location.starts_with("sim/tests/kill.rs:"), "{location}");
                    assert_eq!(task, "victim/main");
                }
                Failure::Error { node, message } if error => {
                    assert_eq!(node, "victim");
                    assert_eq!(message, "\"it ends\"");
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn the_test_itself_always_fails_the_run_and_cannot_be_killed() {
    let report = check(config().seeds(1).shrink(false), |sim| async move {
        let _ = sim.node("test").on_failure(OnFailure::Contain);
        assert!(sim.seed() == 0, "the test is wrong");
    });
    assert!(
        report
            .failure()
            .unwrap()
            .cause()
            .to_string()
            .contains("the test is wrong")
    );
    let report = check(config().seeds(1).shrink(false), |sim| async move {
        sim.node("test").kill();
    });
    let cause = report.failure().unwrap().cause().to_string();
    assert!(
        cause.contains("the node of the test itself cannot be killed"),
        "{cause}"
    );
}

#[test]
fn what_a_killed_task_does_in_its_last_poll_fails_nothing() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let own = node.clone();
        let task = node.spawn(async move {
            own.kill();
            panic!("nobody hears a dead process");
        });
        drop(task.await);
    })
    .unwrap();
}

#[test]
fn an_aborted_task_whose_destructor_panics_fails_the_run() {
    struct Breaks;
    impl Drop for Breaks {
        fn drop(&mut self) {
            panic!("broken on the way out");
        }
    }
    let report = check(config().seeds(1).shrink(false), |_| async move {
        let task = spawn_local(async {
            let _breaks = Breaks;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        task.abort();
        drop(task.await);
    });
    let cause = report.failure().unwrap().cause().to_string();
    assert!(cause.contains("broken on the way out"), "{cause}");
}

#[test]
fn an_interrupted_node_stops_as_it_likes() {
    check(config(), |sim| async move {
        let stops = Rc::new(Cell::new(0));
        let counted = stops.clone();
        let node = sim.node("server").run(move || {
            let counted = counted.clone();
            async move {
                simoom::signal::ctrl_c().await.unwrap();
                sleep(ms(5)).await;
                counted.set(counted.get() + 1);
            }
        });
        let other = sim.node("other").spawn(simoom::signal::ctrl_c());
        sleep(ms(1)).await;
        node.interrupt();
        sleep(ms(100)).await;
        assert_eq!(stops.get(), 1);
        node.restart();
        sleep(ms(100)).await;
        assert_eq!(stops.get(), 1, "an earlier process was asked, not this");
        node.interrupt();
        sleep(ms(100)).await;
        assert_eq!(stops.get(), 2);
        assert!(!other.is_finished(), "another node was not asked");
    })
    .unwrap();
}

#[test]
fn a_destructor_of_a_killed_node_arms_no_timer() {
    struct Rearms(std::pin::Pin<Box<simoom::time::Sleep>>);
    impl Drop for Rearms {
        fn drop(&mut self) {
            let far = simoom::time::Instant::now() + Duration::from_secs(100);
            self.0.as_mut().reset(far);
            // Whoever forgets it leaves it armed.
            let sleep = std::mem::replace(&mut self.0, Box::pin(sleep(ms(0))));
            std::mem::forget(sleep);
        }
    }
    let report = check(config().seeds(1).shrink(false), |sim| async move {
        let node = sim.node("victim");
        node.spawn(async {
            let mut rearms = Rearms(Box::pin(sleep(Duration::from_secs(50))));
            rearms.0.as_mut().await;
        });
        sleep(ms(1)).await;
        node.kill();
        std::future::pending::<()>().await;
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
    assert_eq!(report.runs()[0].time, ms(1), "nothing is due any more");
}
