//! How nodes stand still, stop in good order, and lose their power.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::signal::unix::{SignalKind, signal};
use simoom::task::{spawn_local, yield_now};
use simoom::time::{Instant, sleep, timeout};
use simoom_sim::{Config, Ended, Failure, OnFailure, check};

fn config() -> Config {
    Config::default().persist(false).seeds(30)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

async fn echo() -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:80").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        spawn_local(async move {
            let mut byte = [0];
            while stream.read(&mut byte).await? > 0 {
                stream.write_all(&byte).await?;
            }
            io::Result::Ok(())
        });
    }
}

async fn knock(stream: &mut TcpStream) -> io::Result<u8> {
    stream.write_all(b"x").await?;
    stream.read_u8().await
}

// Pause.

#[test]
fn a_paused_node_runs_nothing_and_goes_on_where_it_was() {
    check(config(), |sim| async move {
        let log = Rc::new(RefCell::new(Vec::new()));
        let noted = log.clone();
        let node = sim.node("victim");
        node.spawn(async move {
            let start = Instant::now();
            loop {
                sleep(ms(10)).await;
                noted.borrow_mut().push(start.elapsed());
            }
        });
        sleep(ms(25)).await;
        node.pause();
        assert!(node.is_paused() && node.is_alive());
        sleep(secs(10)).await;
        assert_eq!(log.borrow().len(), 2);
        let late = node.spawn(async { Instant::now() });
        yield_now().await;
        sleep(ms(5)).await;
        assert!(
            !late.is_finished(),
            "a new task runs no more than an old one"
        );
        node.resume();
        let woken = late.await.unwrap();
        yield_now().await;
        sleep(ms(1)).await;
        // The clock went on, and the timer that fell due fired once.
        assert_eq!(log.borrow()[2..], [ms(10_030)]);
        assert!(Instant::now() - woken <= ms(1));
        sleep(ms(10)).await;
        assert_eq!(log.borrow().len(), 4);
    })
    .unwrap();
}

#[test]
fn the_kernel_of_a_paused_node_goes_on() {
    check(config(), |sim| async move {
        let server = sim.node("server").run(echo);
        let mut old = TcpStream::connect("server:80").await.unwrap();
        knock(&mut old).await.unwrap();
        server.pause();
        // The backlog takes a connection, and the window takes bytes.
        let mut new = TcpStream::connect("server:80").await.unwrap();
        old.write_all(&[b'o'; 1000]).await.unwrap();
        new.write_all(b"n").await.unwrap();
        let answer = timeout(secs(100), new.read_u8()).await;
        assert!(answer.is_err(), "nobody is there to answer");
        server.resume();
        let mut back = [0; 1000];
        old.read_exact(&mut back).await.unwrap();
        assert_eq!(new.read_u8().await.unwrap(), b'n');
    })
    .unwrap();
}

#[test]
fn a_pause_of_known_length_ends_by_itself_and_may_be_changed() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let woken = |node: &simoom_sim::Node| node.spawn(async { Instant::now() });
        let start = Instant::now();
        let task = woken(&node);
        node.pause_for(secs(3));
        assert_eq!(task.await.unwrap() - start, secs(3));

        let start = Instant::now();
        let task = woken(&node);
        node.pause_for(secs(3));
        node.pause_for(secs(7));
        assert_eq!(task.await.unwrap() - start, secs(7));

        let start = Instant::now();
        let task = woken(&node);
        node.pause_for(secs(3));
        node.pause();
        sleep(secs(5)).await;
        assert!(!task.is_finished(), "it has no end any more");
        node.resume();
        assert_eq!(task.await.unwrap() - start, secs(5));

        let task = woken(&node);
        node.pause_for(secs(3));
        node.resume();
        node.pause();
        sleep(secs(5)).await;
        assert!(!task.is_finished(), "the end of an earlier pause ends it");
        node.resume();
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_task_that_pauses_its_own_node_stops_at_its_next_operation() {
    check(config(), |sim| async move {
        let node = sim.node("victim");
        let own = node.clone();
        let reached = Rc::new(Cell::new(0));
        let noted = reached.clone();
        let task = node.spawn(async move {
            own.pause();
            noted.set(1);
            sleep(Duration::ZERO).await;
            noted.set(2);
        });
        sleep(secs(1)).await;
        assert_eq!(reached.get(), 1);
        node.resume();
        task.await.unwrap();
        assert_eq!(reached.get(), 2);
    })
    .unwrap();
}

#[test]
fn a_paused_node_can_be_killed_and_is_not_paused_after_that() {
    check(config(), |sim| async move {
        let server = sim.node("server").run(echo);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        server.pause_for(secs(5));
        server.kill();
        assert!(!server.is_paused());
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
        server.pause();
        assert!(!server.is_paused(), "a dead process does not stand still");
        server.restart();
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        assert_eq!(knock(&mut stream).await.unwrap(), b'x');
    })
    .unwrap();
}

#[test]
fn a_run_in_which_all_that_could_go_on_is_paused_says_so() {
    let report = check(config().seeds(1), |sim| async move {
        let task = sim.node("forgotten").spawn(sleep(secs(1)));
        sim.node("idle").spawn(std::future::pending::<()>());
        sleep(ms(1)).await;
        sim.node("idle").pause();
        let node = sim.node("forgotten");
        node.pause();
        task.await.unwrap();
    });
    let found = report.failure().unwrap();
    match found.cause() {
        Failure::Paused { nodes } => assert_eq!(nodes, &["forgotten"]),
        other => panic!("{other}"),
    }
    let text = found.to_string();
    assert!(
        text.contains("all that could run is on paused nodes: forgotten"),
        "{text}"
    );
    let report = check(config().seeds(1), |sim| async move {
        let node = sim.node("idle");
        let task = node.spawn(std::future::pending::<()>());
        yield_now().await;
        sleep(ms(1)).await;
        node.pause();
        task.await.unwrap();
    });
    assert_eq!(report.failure().unwrap().cause(), &Failure::Deadlock);
}

// The end of a process.

#[test]
fn a_main_that_returns_ends_its_process() {
    struct Leaves(Rc<RefCell<Vec<&'static str>>>, &'static str);
    impl Drop for Leaves {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    check(config(), |sim| async move {
        let left = Rc::new(RefCell::new(Vec::new()));
        let leaving = left.clone();
        let node = sim.node("server").run(move || {
            let left = leaving.clone();
            async move {
                for name in ["older", "newer"] {
                    let leaves = Leaves(left.clone(), name);
                    spawn_local(async move {
                        let _leaves = leaves;
                        std::future::pending::<()>().await;
                    });
                }
                spawn_local(echo());
                sleep(ms(100)).await;
            }
        });
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        assert_eq!(node.wait().await, Ended::Returned);
        assert!(!node.is_alive());
        assert_eq!(*left.borrow(), ["newer", "older"]);
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
        let refused = TcpStream::connect("server:80").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(sim.net().clone().default_latency(ms(1), ms(1)), ());
        node.restart();
        assert_eq!((node.incarnation(), node.exited()), (2, None));
        TcpStream::connect("server:80").await.unwrap();
    })
    .unwrap();
}

#[test]
fn how_a_process_ended_is_told_to_all_who_wait() {
    check(config(), |sim| async move {
        let fails = |policy| {
            let node = sim.node(&format!("{policy:?}")).on_failure(policy);
            node.run(|| async {
                sleep(ms(5)).await;
                Err::<(), _>("no luck")
            })
        };
        let failed = Ended::Failed {
            message: "\"no luck\"".to_owned(),
        };
        for (policy, lives) in [
            (OnFailure::MayExit, false),
            (OnFailure::KillNode, false),
            (OnFailure::Contain, true),
        ] {
            let node = fails(policy);
            let (one, two) = simoom::join!(node.wait(), node.wait());
            assert_eq!((&one, &two), (&failed, &failed));
            assert_eq!(
                (node.exited(), node.is_alive()),
                (Some(failed.clone()), lives)
            );
        }

        let panics = sim.node("panics").on_failure(OnFailure::KillNode);
        panics.run(|| async { panic!("by mistake") as () });
        let message = "by mistake".to_owned();
        assert_eq!(panics.wait().await, Ended::Failed { message });

        let killed = sim.node("killed").run(std::future::pending::<()>);
        let waiting = spawn_local(killed.wait());
        yield_now().await;
        killed.restart();
        assert_eq!(waiting.await.unwrap(), Ended::Killed { signal: 9 });
        assert_eq!(killed.exited(), None, "that was the one before");
        killed.power_loss();
        assert_eq!(killed.wait().await, Ended::PowerLost);
    })
    .unwrap();
}

#[test]
fn a_process_that_may_exit_may_not_panic() {
    let report = check(config().seeds(1), |sim| async move {
        let node = sim.node("victim").on_failure(OnFailure::MayExit);
        node.run(|| async { panic!("not that way") as () });
        node.wait().await;
    });
    let cause = report.failure().unwrap().cause().to_string();
    assert!(cause.contains("not that way"), "{cause}");
}

#[test]
fn a_node_gets_another_program() {
    check(config(), |sim| async move {
        let version = Rc::new(Cell::new(0));
        let program = |number: u32| {
            let version = version.clone();
            move || {
                version.set(number);
                std::future::pending::<()>()
            }
        };
        let node = sim.node("server").run(program(1));
        assert_eq!(node.incarnation(), 1);
        sleep(ms(1)).await;
        assert_eq!(version.get(), 1);
        node.restart_with(program(2));
        sleep(ms(1)).await;
        assert_eq!((version.get(), node.incarnation()), (2, 2));
        version.set(0);
        node.restart();
        sleep(ms(1)).await;
        assert_eq!((version.get(), node.incarnation()), (2, 3));
        let fresh = sim.node("fresh");
        assert_eq!(fresh.incarnation(), 0);
        fresh.restart_with(program(7));
        sleep(ms(1)).await;
        assert_eq!((version.get(), fresh.incarnation()), (7, 1));
    })
    .unwrap();
}

// Signals.

#[test]
fn a_signal_that_nobody_listens_for_does_what_linux_says() {
    check(config(), |sim| async move {
        let ends = [1, 2, 3, 10, 12, 13, 14, 15, 29, 40];
        for number in 1..=40 {
            let node = sim.node(&format!("node {number}"));
            node.spawn(std::future::pending::<()>());
            if [8, 11, 4, 6, 7].contains(&number) {
                continue;
            }
            node.signal(SignalKind::from_raw(number));
            let ended = node.exited() == Some(Ended::Killed { signal: number });
            let stopped = node.is_paused();
            match number {
                17 | 18 | 23 | 28 => assert!(!ended && !stopped, "{number} is ignored"),
                // Programs in Rust ignore SIGPIPE.
                13 => assert!(!ended && !stopped),
                19..=22 => assert!(!ended && stopped, "{number} stops"),
                _ => assert!(ended, "{number} ends, as {ends:?} do"),
            }
        }
    })
    .unwrap();
}

#[test]
fn a_stopped_process_learns_of_signals_when_it_goes_on() {
    check(config(), |sim| async move {
        let heard = Rc::new(Cell::new(0));
        let counted = heard.clone();
        let node = sim.node("victim");
        node.spawn(async move {
            let mut usr1 = signal(SignalKind::user_defined1()).unwrap();
            while usr1.recv().await.is_some() {
                counted.set(counted.get() + 1);
            }
        });
        sleep(ms(1)).await;
        node.signal(SignalKind::from_raw(19));
        for _ in 0..3 {
            node.signal(SignalKind::user_defined1());
        }
        sleep(ms(1)).await;
        assert_eq!(heard.get(), 0);
        node.signal(SignalKind::from_raw(18));
        sleep(ms(1)).await;
        assert_eq!(heard.get(), 1, "pending signals are one");

        node.pause();
        node.terminate();
        sleep(ms(1)).await;
        assert!(node.is_alive());
        node.resume();
        assert_eq!(node.exited(), Some(Ended::Killed { signal: 15 }));

        let node = sim.node("other");
        node.spawn(std::future::pending::<()>());
        node.pause();
        node.signal(SignalKind::from_raw(9));
        assert_eq!(node.exited(), Some(Ended::Killed { signal: 9 }));
    })
    .unwrap();
}

#[test]
fn signals_that_nobody_has_received_yet_are_one() {
    check(config(), |sim| async move {
        let test = sim.node("test");
        let mut usr1 = signal(SignalKind::user_defined1()).unwrap();
        for _ in 0..3 {
            test.signal(SignalKind::user_defined1());
        }
        usr1.recv().await;
        assert!(timeout(secs(1), usr1.recv()).await.is_err());
        test.signal(SignalKind::user_defined1());
        usr1.recv().await;
    })
    .unwrap();
}

#[test]
fn a_new_process_listens_for_nothing() {
    check(config(), |sim| async move {
        let node = sim.node("server").run(|| async {
            signal(SignalKind::hangup()).unwrap().recv().await;
        });
        sleep(ms(1)).await;
        node.signal(SignalKind::hangup());
        assert_eq!(node.wait().await, Ended::Returned);
        node.restart();
        node.signal(SignalKind::hangup());
        assert_eq!(
            node.wait().await,
            Ended::Killed { signal: 1 },
            "it came before the program listened"
        );
    })
    .unwrap();
}

#[test]
fn shutting_down_waits_for_the_program_and_not_for_ever() {
    check(config(), |sim| async move {
        let program = |cleanup: Duration, error: bool| {
            move || async move {
                signal(SignalKind::terminate()).unwrap().recv().await;
                sleep(cleanup).await;
                if error { Err("half done") } else { Ok(()) }
            }
        };
        let clean = sim.node("clean").run(program(secs(3), false));
        let failing = sim.node("failing").on_failure(OnFailure::MayExit);
        failing.run(program(secs(3), true));
        let slow = sim.node("slow").run(program(secs(60), false));
        let deaf = sim.node("deaf").run(std::future::pending::<()>);
        let paused = sim.node("paused").run(program(secs(0), false));
        sleep(ms(1)).await;
        paused.pause();
        let start = sim.elapsed();
        assert!(clean.shutdown(secs(10)).await);
        assert_eq!(sim.elapsed() - start, secs(3));
        assert!(clean.shutdown(secs(10)).await, "it has stopped already");
        assert!(!failing.shutdown(secs(10)).await);
        let start = sim.elapsed();
        assert!(!slow.shutdown(secs(10)).await);
        assert_eq!(sim.elapsed() - start, secs(10));
        assert_eq!(slow.exited(), Some(Ended::Killed { signal: 9 }));
        let start = sim.elapsed();
        assert!(!deaf.shutdown(secs(10)).await);
        assert_eq!(sim.elapsed(), start, "the signal ended it");
        assert!(!paused.shutdown(secs(10)).await);
        assert!(!paused.is_alive());
    })
    .unwrap();
}

#[test]
fn the_test_itself_can_listen_but_not_be_ended_or_stopped() {
    check(config(), |sim| async move {
        let test = sim.node("test");
        test.signal(SignalKind::child());
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        test.terminate();
        terminate.recv().await;
    })
    .unwrap();
    let steps: [fn(&simoom_sim::Node); 5] = [
        |test| test.interrupt(),
        |test| test.signal(SignalKind::from_raw(9)),
        |test| test.pause(),
        |test| test.power_loss(),
        |test| test.restart_with(|| async {}),
    ];
    for step in steps {
        let report = check(config().seeds(1).shrink(false), move |sim| async move {
            step(&sim.node("test"));
        });
        let cause = report.failure().unwrap().cause().to_string();
        assert!(cause.contains("the node of the test itself"), "{cause}");
    }
}

// Power.

#[test]
fn a_peer_of_a_machine_without_power_learns_nothing_until_its_own_limit() {
    check(config().seeds(10), |sim| async move {
        let server = sim.node("server").run(echo);
        let mut silent = TcpStream::connect("server:80").await.unwrap();
        let mut talking = TcpStream::connect("server:80").await.unwrap();
        knock(&mut talking).await.unwrap();
        server.power_loss();
        assert_eq!(server.exited(), Some(Ended::PowerLost));
        let start = Instant::now();
        talking.write_all(b"x").await.unwrap();
        let lost = talking.read_u8().await.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), ms(924_600));
        let start = Instant::now();
        let absent = TcpStream::connect("server:80").await.unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), secs(131));
        // Who sends nothing learns nothing.
        let waited = timeout(secs(600), silent.read(&mut [0])).await;
        assert!(waited.is_err());
        server.restart();
        let waited = timeout(secs(600), silent.read(&mut [0])).await;
        assert!(waited.is_err());
        let reset = knock(&mut silent).await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        knock(&mut stream).await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_machine_that_is_back_resets_what_it_does_not_know() {
    check(config(), |sim| async move {
        let server = sim.node("server").run(echo);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        knock(&mut stream).await.unwrap();
        server.power_loss();
        stream.write_all(b"into the void").await.unwrap();
        let connecting = spawn_local(TcpStream::connect("server:80"));
        sleep(secs(1)).await;
        server.restart();
        let reset = stream.read_u8().await.unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        // An attempt goes on, and finds the new process.
        let mut stream = connecting.await.unwrap().unwrap();
        assert_eq!(knock(&mut stream).await.unwrap(), b'x');
    })
    .unwrap();
}

#[test]
fn what_was_on_the_wire_when_the_power_went_still_arrives() {
    check(config(), |sim| async move {
        sim.net().default_latency(ms(10), ms(10));
        let sender = sim.node("sender");
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        sender.spawn(async {
            let mut stream = TcpStream::connect("test:80").await.unwrap();
            stream.write_all(b"a").await.unwrap();
            std::future::pending::<()>().await;
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        // The byte left with the last segment of the handshake, or right behind it.
        sleep(ms(1)).await;
        sender.power_loss();
        assert_eq!(stream.read_u8().await.unwrap(), b'a');
        assert!(timeout(secs(1), stream.read_u8()).await.is_err());
    })
    .unwrap();
}

#[test]
fn a_killed_process_says_goodbye_unless_the_power_goes_too() {
    check(config(), |sim| async move {
        let node = sim.node("server").run(echo);
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        knock(&mut stream).await.unwrap();
        sim.net().partition(&node, &sim.node("test"));
        node.kill();
        sim.net().heal_all();
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));

        node.restart();
        let mut stream = TcpStream::connect("server:80").await.unwrap();
        knock(&mut stream).await.unwrap();
        sim.net().partition(&node, &sim.node("test"));
        node.kill();
        node.power_loss();
        sim.net().heal_all();
        let waited = timeout(secs(600), stream.read(&mut [0])).await;
        assert!(waited.is_err(), "its kernel had no time to send anything");
        let refused = timeout(secs(1), TcpStream::connect("server:80")).await;
        assert!(refused.is_err(), "a machine that is off refuses nothing");
        assert_eq!(node.exited(), Some(Ended::Killed { signal: 9 }));
    })
    .unwrap();
}

#[test]
fn datagrams_to_a_machine_without_power_are_lost() {
    check(config(), |sim| async move {
        let server = sim.node("server").run(|| async {
            let socket = UdpSocket::bind("0.0.0.0:53").await?;
            let mut bytes = [0; 8];
            loop {
                let (count, from) = socket.recv_from(&mut bytes).await?;
                socket.send_to(&bytes[..count], from).await?;
            }
            #[expect(unreachable_code, reason = "gives the block its type")]
            io::Result::Ok(())
        });
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.connect("server:53").await.unwrap();
        socket.send(b"late").await.unwrap();
        server.power_loss();
        socket.send(b"lost").await.unwrap();
        let mut bytes = [0; 8];
        let answer = timeout(secs(60), socket.recv(&mut bytes)).await;
        assert!(answer.is_err(), "not even that nobody listens is told");
        server.restart();
        sleep(ms(1)).await;
        socket.send(b"here").await.unwrap();
        let count = socket.recv(&mut bytes).await.unwrap();
        assert_eq!(&bytes[..count], b"here");
    })
    .unwrap();
}

#[test]
fn a_rack_loses_its_power_at_one_instant() {
    check(config(), |sim| async move {
        let ends = Rc::new(Cell::new(0));
        let names = ["a", "b", "c"];
        let rack = names.map(|name| sim.node(name).run(echo));
        for (here, there) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let ends = ends.clone();
            sim.node(here).spawn(async move {
                let mut stream = TcpStream::connect((there, 80)).await.unwrap();
                let _ = stream.read_u8().await;
                ends.set(ends.get() + 1);
            });
        }
        sleep(secs(1)).await;
        sim.power_loss(&rack);
        assert!(rack.iter().all(|node| !node.is_alive()));
        for node in &rack {
            node.restart();
        }
        sleep(secs(1)).await;
        assert_eq!(ends.get(), 0, "no node saw another one end");
        sim.power_loss([&rack[0], &rack[2]]);
        assert!(rack[1].is_alive());
    })
    .unwrap();
}

#[test]
fn destructors_after_a_power_loss_have_no_effect() {
    struct SaysGoodbye(TcpStream);
    impl Drop for SaysGoodbye {
        fn drop(&mut self) {
            assert!(self.0.try_write(b"goodbye").is_err());
        }
    }
    check(config(), |sim| async move {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let node = sim.node("client");
        node.spawn(async {
            let _polite = SaysGoodbye(TcpStream::connect("test:80").await.unwrap());
            std::future::pending::<()>().await;
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        node.power_loss();
        assert!(timeout(secs(100), stream.read(&mut [0])).await.is_err());
    })
    .unwrap();
}
