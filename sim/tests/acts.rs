//! What a test does itself, in the story of a failure.

use std::time::Duration;

use simoom::net::UdpSocket;
use simoom::signal::unix::{SignalKind, signal};
use simoom::time::sleep;
use simoom_sim::{Config, Fault, Kind, Matching, Report, Sim, Strategy, check};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

async fn idle() {
    std::future::pending::<()>().await;
}

/// What the test did, in the story of the failure in `report`, without the places in this file.
fn told(report: &Report) -> Vec<String> {
    let found = report.failure().expect("the test fails");
    let strip = |line: &String| {
        let (what, place) = line.split_once("by the test at ").expect(line);
        let number = place.rsplit_once(':').expect(line).1;
        assert!(place.contains("acts.rs:"), "{line}");
        assert!(number.parse::<u32>().unwrap() > 20, "{line}");
        what.trim().trim_end_matches(',').to_owned()
    };
    let story = found.story();
    for line in &story {
        assert!(found.to_string().contains(line), "{found}");
    }
    // How mains ended is told too, by nobody.
    let acts = story.iter().filter(|line| line.contains("by the test"));
    acts.map(strip).collect()
}

fn calm() -> Config {
    Config::default()
        .persist(false)
        .seeds(1)
        .strategy(Strategy::Calm)
}

#[test]
fn what_is_done_to_nodes_is_told_at_its_time() {
    let report = check(calm(), |sim| async move {
        let server = sim.node("server").run(|| async {
            let mut asked = signal(SignalKind::terminate()).unwrap();
            asked.recv().await;
        });
        let other = sim.node("other").run(idle);
        sleep(ms(1)).await;
        server.pause();
        sleep(ms(1)).await;
        server.resume();
        server.resume();
        sleep(ms(1)).await;
        server.restart();
        sleep(ms(1)).await;
        server.pause_for(ms(1));
        sleep(ms(2)).await;
        assert!(server.shutdown(ms(100)).await);
        server.kill();
        other.restart_with(idle);
        sleep(ms(10)).await;
        other.terminate();
        other.restart();
        other.kill();
        other.restart();
        sim.power_loss([&other, &server]);
        assert_eq!(sim.seed(), 0, "told");
    });
    let expected = [
        "0.001 s  node.paused        server",
        "0.002 s  node.resumed       server",
        "0.003 s  node.restarted     server",
        "0.004 s  node.paused        server, for 0.001 s",
        "0.006 s  signal.sent        server, signal 15",
        "0.006 s  node.restarted     other with another main",
        "0.016 s  signal.sent        other, signal 15",
        "0.016 s  node.restarted     other",
        "0.016 s  node.killed        other",
        "0.016 s  node.restarted     other",
        "0.016 s  node.power_lost    other, server",
    ];
    assert_eq!(told(&report), expected);
}

#[test]
fn a_node_that_does_not_stop_in_time_is_told_to_be_killed() {
    let report = check(calm(), |sim| async move {
        let deaf = sim.node("deaf").run(|| async {
            let _kept = signal(SignalKind::terminate()).unwrap();
            idle().await;
        });
        sleep(ms(1)).await;
        deaf.shutdown(ms(4)).await;
        deaf.restart();
        deaf.power_loss();
        deaf.disk().wipe();
        assert_eq!(sim.seed(), 0, "told");
    });
    let expected = [
        "0.001 s  signal.sent        deaf, signal 15",
        "0.005 s  node.killed        deaf, its time to stop is over",
        "0.005 s  node.restarted     deaf",
        "0.005 s  node.power_lost    deaf",
        "0.005 s  disk.wiped         deaf",
    ];
    assert_eq!(told(&report), expected);
}

#[test]
fn what_is_done_to_the_network_clocks_and_faults_is_told() {
    let report = check(calm(), |sim| async move {
        let (one, two) = (sim.node("one"), sim.node("two"));
        let net = sim.net();
        net.partition(&one, &two);
        net.partition_one_way(&two, &one);
        net.heal(&one, &two);
        net.heal_all();
        let held = net.hold(Matching::all().from(&one).port(80));
        held.release();
        net.hold(Matching::all());
        let target = (two.ip(), 9);
        let sent = one.spawn(async move {
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            socket.send_to(b"hello", target).await.unwrap();
        });
        sent.await.unwrap();
        assert!(net.drop_message(net.in_flight()[0].id));
        net.release_all();
        one.clock().drift(40);
        one.clock().step_forward(ms(2500));
        one.clock().step_back(ms(1));
        one.clock().synchronise();
        sim.setup_complete();
        sim.freeze(&["one"]);
        sim.heal();
        assert_eq!(sim.seed(), 0, "told");
    });
    let expected = [
        "net.partitioned    one and two",
        "net.partitioned    two -> one",
        "net.healed         one and two",
        "net.healed         every link",
        "net.hold.began     messages from one of port 80",
        "net.hold.ended",
        "net.hold.began     messages",
        "net.message.dropped  a datagram from one to two:9",
        "net.hold.ended     all that is held",
        "clock.drifted      one, 40 ppm",
        "clock.stepped      one, forward by 2.500 s",
        "clock.stepped      one, back by 0.001 s",
        "clock.synchronised  one",
        "faults.began",
        "faults.frozen      but for one",
        "faults.ended",
    ];
    let told = told(&report);
    let told: Vec<_> = told.iter().map(|it| &it["0.000 s  ".len()..]).collect();
    assert_eq!(told, expected);
}

/// The failure needs both, so shrinking leaves the fault.
#[test]
fn acts_and_faults_stand_in_the_order_of_time() {
    let report = check(Config::default().persist(false), |sim| async move {
        let node = sim.node("node").run(idle);
        let other = sim.node("other");
        sim.net().partition(&node, &other);
        sim.faults(Fault::new(Kind::NodeKilled).every(ms(10)).times(1));
        sleep(ms(15)).await;
        sim.net().heal(&node, &other);
        sleep(ms(1)).await;
        assert!(node.is_alive(), "it was killed");
    });
    let found = report.failure().unwrap();
    assert_eq!(found.deviations(), 1, "{found}");
    let story = found.story();
    for (line, part) in story.iter().zip([
        "net.partitioned    node and other, by the test",
        "node.killed        node",
        "net.healed         node and other, by the test",
    ]) {
        assert!(line.contains(part), "{part:?} is not in {line:?}");
    }
    assert_eq!(story.len(), 3, "{found}");
    assert!(!story[1].contains("by the test"), "{found}");
}

#[test]
fn of_many_acts_the_report_shows_the_last() {
    async fn busy(sim: Sim) {
        let node = sim.node("node").run(idle);
        for _ in 0..25 {
            sleep(ms(1)).await;
            node.restart();
        }
        panic!("enough");
    }
    let report = check(calm(), busy);
    let found = report.failure().unwrap();
    assert_eq!(found.story().len(), 25, "{found}");
    let text = found.to_string();
    assert!(text.contains("… 5 earlier lines, and:"), "{text}");
    assert!(!text.contains("0.005 s  node.restarted"), "{text}");
    assert!(text.contains("0.006 s  node.restarted"), "{text}");
    assert!(text.contains("0.025 s  node.restarted"), "{text}");
}

#[test]
fn a_run_without_acts_tells_none() {
    let report = check(calm(), |sim| async move {
        sim.node("node").run(idle);
        assert_eq!(sim.seed(), 0, "nothing was done");
    });
    assert!(report.failure().unwrap().story().is_empty());
}
