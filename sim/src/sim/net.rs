//! The network, as a test holds it.

use std::panic::Location;
use std::time::Duration;

use super::node::Node;
use super::simulation::{tell, with};
use crate::world::World;
use crate::world::net::Link;

/// The network of a simulation.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::net::{TcpListener, TcpStream};
/// use simoom_sim::{Config, check};
///
/// check(Config::default().seeds(3), |sim| async move {
///     let server = sim.node("server");
///     sim.net().partition(&server, &sim.node("test"));
///     server.run(|| async {
///         TcpListener::bind("0.0.0.0:80").await?.accept().await?;
///         Ok::<(), std::io::Error>(())
///     });
///     let connecting = TcpStream::connect("server:80");
///     let late = simoom::time::timeout(Duration::from_secs(1), connecting).await;
///     assert!(late.is_err());
///     sim.net().heal_all();
///     TcpStream::connect("server:80").await.unwrap();
/// })
/// .unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Net {
    pub(super) world: u64,
}

impl Net {
    pub(super) fn new(world: u64) -> Self {
        Self { world }
    }

    /// Cuts both directions between two nodes.
    ///
    /// Segments that would cross, those on their way included, wait at their senders and travel
    /// when the link heals. Connecting fails with `TimedOut` after 131 s, a connection with
    /// segments waiting after 924.6 s, as on Linux.
    #[track_caller]
    pub fn partition(&self, one: &Node, two: &Node) {
        self.tell("net.partitioned", Location::caller(), (one, "and", two));
        with(self.world, |backend| {
            backend.with(|world| {
                world.cut(one.id, two.id);
                world.cut(two.id, one.id);
            });
        });
    }

    /// Cuts one direction only.
    #[track_caller]
    pub fn partition_one_way(&self, from: &Node, to: &Node) {
        self.tell("net.partitioned", Location::caller(), (from, "->", to));
        with(self.world, |backend| {
            backend.with(|world| world.cut(from.id, to.id))
        });
    }

    /// Heals both directions between two nodes.
    #[track_caller]
    pub fn heal(&self, one: &Node, two: &Node) {
        self.tell("net.healed", Location::caller(), (one, "and", two));
        with(self.world, |backend| {
            backend.with(|world| {
                world.heal(one.id, two.id);
                world.heal(two.id, one.id);
            });
        });
    }

    /// Heals every link.
    #[track_caller]
    pub fn heal_all(&self) {
        tell(self.world, "net.healed", Location::caller(), |_| {
            "every link".to_owned()
        });
        with(self.world, |backend| backend.with(World::heal_all));
    }

    /// Sets how long a segment travels between two nodes, in both directions.
    ///
    /// Each segment takes `least`, plus what chance adds up to `most`. Segments of one direction
    /// of a connection never overtake each other.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    #[track_caller]
    pub fn latency(&self, one: &Node, two: &Node, least: Duration, most: Duration) {
        let link = link(least, most);
        with(self.world, |backend| {
            backend.with(|world| {
                world.net.links.insert((one.id, two.id), link);
                world.net.links.insert((two.id, one.id), link);
            });
        });
    }

    /// Sets how long a segment travels between nodes that have no latency of their own.
    ///
    /// Default: 500 us to 20 ms. A node's connections to itself take 20 us to 200 us.
    ///
    /// # Panics
    /// If `least` is more than `most`.
    #[track_caller]
    pub fn default_latency(&self, least: Duration, most: Duration) {
        let link = link(least, most);
        with(self.world, |backend| {
            backend.with(|world| world.net.link = link)
        });
    }
}

impl Net {
    /// Tells what the test does to what is between two nodes.
    fn tell(&self, name: &str, place: &Location<'_>, (one, how, two): (&Node, &str, &Node)) {
        tell(self.world, name, place, |world| {
            let name = |node: &Node| &*world.nodes[node.id.0 as usize].name;
            format!("{} {how} {}", name(one), name(two))
        });
    }
}

#[track_caller]
fn link(least: Duration, most: Duration) -> Link {
    assert!(
        least <= most,
        "the least latency {least:?} is more than the most, {most:?}"
    );
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4);
    Link {
        least_ns: nanos(least),
        most_ns: nanos(most),
    }
}
