//! Faults that begin and end on their own, next to what a test does itself.

use std::time::Duration;

use simoom::net::{TcpListener, TcpStream};
use simoom::time::{sleep, timeout};
use simoom_sim::faults::{Target, When};
use simoom_sim::{Config, Fault, Kind, Node, Plan, Sim, Strategy, check};

/// One run in which the faults of its plan happen; the calm one has none.
fn config() -> Config {
    Config::default()
        .seed(7)
        .strategy(Strategy::Random)
        .persist(false)
}

/// A fault that hits `node` once, early and for long.
fn once(kind: Kind, node: &str) -> Fault {
    let long = Duration::from_secs(1_000);
    Fault::new(kind)
        .target(Target::node(node))
        .every(Duration::from_millis(10))
        .when(When::Nth(0))
        .lasting(long..=long)
        .may_be_inert()
}

/// Runs a node that accepts connections.
fn listening(sim: &Sim, name: &str) -> Node {
    sim.node(name).run(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        loop {
            drop(listener.accept().await?);
        }
        #[expect(unreachable_code, reason = "it names the type of the error")]
        std::io::Result::Ok(())
    })
}

async fn reaches(from: &Node, to: &str) -> bool {
    let connected = from.spawn(TcpStream::connect(format!("{to}:80")));
    matches!(
        timeout(Duration::from_secs(5), connected).await,
        Ok(Ok(Ok(_)))
    )
}

#[test]
fn healing_ends_what_freezing_has_kept() {
    check(config(), |sim| async move {
        let [a, b, c] = ["a", "b", "c"].map(|name| listening(&sim, name));
        sim.faults(once(Kind::NetLinkCut, "a"));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(sim.fault_counts(Kind::NetLinkCut).fired, 1);
        assert!(!reaches(&a, "b").await && !reaches(&a, "c").await);
        sim.freeze(&["a", "b"]);
        assert!(reaches(&a, "b").await, "the core is whole");
        assert!(!reaches(&a, "c").await && !reaches(&c, "a").await);
        sleep(Duration::from_secs(2_000)).await;
        assert!(!reaches(&a, "c").await, "it lasts for good");
        sim.heal();
        assert!(reaches(&a, "c").await && reaches(&c, "a").await);
        assert!(reaches(&b, "c").await);
    })
    .unwrap();
}

#[test]
fn a_group_counts_a_node_once_however_often_it_is_hit() {
    check(config(), |sim| async move {
        let names = ["a", "b", "c"];
        for name in names {
            listening(&sim, name);
        }
        let plan = Plan::from(once(Kind::NetLinkCut, "a"))
            .fault(once(Kind::NetLinkClogged, "a"))
            .fault(once(Kind::NodeKilled, "b").when(When::Nth(10)))
            .fault(once(Kind::NodePaused, "c").when(When::Nth(20)));
        sim.faults(plan.at_most(2, names));
        sleep(Duration::from_secs(1)).await;
        let fired = |kind| sim.fault_counts(kind).fired;
        assert_eq!(fired(Kind::NetLinkCut) + fired(Kind::NetLinkClogged), 2);
        assert!(!sim.node("b").is_alive(), "one other was hit, twice");
        assert!(!sim.node("c").is_paused(), "two others were hit");
        assert_eq!(sim.fault_counts(Kind::NodePaused).blocked, 1);
    })
    .unwrap();
}

#[test]
fn the_end_of_a_fault_leaves_a_pause_of_the_test_alone() {
    for is_healed in [false, true] {
        check(config(), move |sim| async move {
            let node = listening(&sim, "a");
            let second = Duration::from_secs(1);
            sim.faults(once(Kind::NodePaused, "a").lasting(second..=second));
            sleep(second / 2).await;
            assert!(node.is_paused(), "by the fault");
            node.pause();
            if is_healed {
                sim.heal();
            }
            sleep(second * 10).await;
            assert!(node.is_paused(), "by the test");
            node.resume();
            assert!(!node.is_paused());
        })
        .unwrap();
    }
}

#[test]
fn a_fault_ends_its_own_pause() {
    check(config(), |sim| async move {
        let node = listening(&sim, "a");
        let second = Duration::from_secs(1);
        sim.faults(once(Kind::NodePaused, "a").lasting(second..=second));
        sleep(second / 2).await;
        assert!(node.is_paused());
        sleep(second).await;
        assert!(!node.is_paused());
    })
    .unwrap();
}
