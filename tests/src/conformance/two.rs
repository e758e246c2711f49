//! Two hosts with a wire between them, in either world.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use simoom::net::{TcpListener, TcpStream};
use simoom::time::sleep;
use simoom_sim::faults::Target;
use simoom_sim::{Fault, Kind, Node, Plan, Ratio, Sim};

use super::namespaces::{Inside, Namespace, ip, sysctl};
use super::wire::{Way, Weather, Wire, device};

/// What a case asks of its two hosts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) weather: Weather,
    /// The ports that the client may connect from.
    pub(super) ports: Option<(u16, u16)>,
    /// How many descriptors a process may have.
    pub(super) descriptors: Option<usize>,
}

/// A client and a server, as a body holds them.
#[derive(Clone, Debug)]
pub(super) struct Two(World);

#[derive(Clone, Debug)]
enum World {
    Real(Arc<Real>),
    Simulated(Sim),
}

#[derive(Debug)]
struct Real {
    client: Arc<Namespace>,
    server: Arc<Namespace>,
    home: Arc<Namespace>,
    wire: Wire,
}

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
/// What is sent there gets lost.
const HOLE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 66);
/// An address of the client's own network that nobody has.
const ABSENT: Ipv4Addr = Ipv4Addr::new(10, 79, 0, 9);

impl Two {
    /// Two namespaces of the calling thread, which is in neither of them when this returns.
    pub(super) fn real(terms: Terms, seed: u64) -> io::Result<Self> {
        let home = Namespace::current()?;
        let made = make(terms, seed, &home);
        home.enter()?;
        let (client, server, wire) = made?;
        wire.control.swallow(HOLE);
        Ok(Self(World::Real(Arc::new(Real {
            client: Arc::new(client),
            server: Arc::new(server),
            home: Arc::new(home),
            wire,
        }))))
    }

    /// Two nodes of a simulation.
    pub(super) fn simulated(sim: Sim, terms: Terms) -> Self {
        let (client, server) = (sim.node("client"), sim.node("server"));
        let (least, most) = terms.weather.delay_us;
        let (least, most) = (Duration::from_micros(least), Duration::from_micros(most));
        sim.net().default_latency(least, most);
        sim.net().partition(&client, &sim.node("hole"));
        if let Some((first, last)) = terms.ports {
            client.ephemeral_ports(first..=last);
        }
        if let Some(limit) = terms.descriptors {
            client.descriptor_limit(limit);
            server.descriptor_limit(limit);
        }
        let mut plan = Plan::new();
        let weather = terms.weather;
        for (kind, of_hundred) in [
            (Kind::NetSegmentLost, weather.lost),
            (Kind::NetDatagramLost, weather.lost),
            (Kind::NetDatagramDuplicated, weather.doubled),
            (Kind::NetDatagramReordered, weather.late),
        ] {
            if of_hundred > 0 {
                let odds = Ratio::new(of_hundred as u32, 100);
                let fault = Fault::new(kind).probability(odds).may_be_inert();
                plan = plan.fault(fault.active(Ratio::ALWAYS));
            }
        }
        if !plan.faults().is_empty() {
            sim.faults(plan);
        }
        Self(World::Simulated(sim))
    }

    /// Runs a future on the client.
    pub(super) async fn on_client<F>(&self, future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match &self.0 {
            World::Real(real) => Inside::new(&real.client, &real.home, future).await,
            World::Simulated(sim) => on(&sim.node("client"), future).await,
        }
    }

    /// Runs a future on the server.
    pub(super) async fn on_server<F>(&self, future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match &self.0 {
            World::Real(real) => Inside::new(&real.server, &real.home, future).await,
            World::Simulated(sim) => on(&sim.node("server"), future).await,
        }
    }

    /// The server's address.
    pub(super) fn server(&self) -> IpAddr {
        match &self.0 {
            World::Real(_) => SERVER.into(),
            World::Simulated(sim) => sim.node("server").ip(),
        }
    }

    /// An address from which nothing comes back.
    pub(super) fn hole(&self) -> IpAddr {
        match &self.0 {
            World::Real(_) => HOLE.into(),
            World::Simulated(sim) => sim.node("hole").ip(),
        }
    }

    /// An address on the client's network that nobody has.
    pub(super) fn absent(&self) -> IpAddr {
        ABSENT.into()
    }

    /// A connection, its listener's port being `port`.
    pub(super) async fn pair(&self, port: u16) -> io::Result<(TcpStream, TcpStream, TcpListener)> {
        let listener = self.listen(port).await?;
        let client = self.connect(port).await?;
        let (server, _) = listener.accept().await?;
        Ok((client, server, listener))
    }

    /// A listener of the server.
    pub(super) async fn listen(&self, port: u16) -> io::Result<TcpListener> {
        self.on_server(TcpListener::bind(SocketAddr::from(([0; 4], port))))
            .await
    }

    /// A connection of the client.
    pub(super) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let target = SocketAddr::new(self.server(), port);
        self.on_client(TcpStream::connect(target)).await
    }

    /// Lets nothing through any more.
    pub(super) fn cut(&self) {
        self.cut_one_way(Way::There);
        self.cut_one_way(Way::Back);
    }

    /// Lets nothing through in one direction.
    pub(super) fn cut_one_way(&self, way: Way) {
        match &self.0 {
            World::Real(real) => real.wire.control.cut(way, true),
            World::Simulated(sim) => {
                let (from, to) = ends(sim, way);
                sim.net().partition_one_way(&from, &to);
            }
        }
    }

    /// Lets everything through again.
    pub(super) fn heal(&self) {
        match &self.0 {
            World::Real(real) => {
                real.wire.control.cut(Way::There, false);
                real.wire.control.cut(Way::Back, false);
            }
            World::Simulated(sim) => {
                let (client, server) = ends(sim, Way::There);
                sim.net().heal(&client, &server);
            }
        }
    }

    /// Loses the next packets in one direction.
    pub(super) fn lose_next(&self, way: Way, packets: u32) {
        match &self.0 {
            World::Real(real) => real.wire.control.lose_next(way, packets),
            World::Simulated(sim) => {
                let (from, to) = ends(sim, way);
                let target = Target::link(&from.name(), &to.name());
                let fault = Fault::new(Kind::NetSegmentLost).target(target);
                let fault = fault.probability(Ratio::ALWAYS).active(Ratio::ALWAYS);
                sim.faults(fault.times(u64::from(packets)).may_be_inert());
            }
        }
    }

    /// The server loses its power, with this socket, and is on again at once.
    pub(super) async fn reboot_server(&self, socket: TcpStream) {
        match &self.0 {
            World::Real(_) => {
                let _ = socket.set_zero_linger();
                self.cut();
                drop(socket);
                sleep(Duration::from_millis(20)).await;
                self.heal();
            }
            World::Simulated(sim) => {
                let server = sim.node("server");
                server.power_loss();
                drop(socket);
                sleep(Duration::from_millis(20)).await;
                server.restart_with(std::future::pending::<()>);
            }
        }
    }
}

async fn on<F>(node: &Node, future: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    node.spawn(future).await.expect("its node lives")
}

fn ends(sim: &Sim, way: Way) -> (Node, Node) {
    let (client, server) = (sim.node("client"), sim.node("server"));
    match way {
        Way::There => (client, server),
        Way::Back => (server, client),
    }
}

fn make(terms: Terms, seed: u64, home: &Namespace) -> io::Result<(Namespace, Namespace, Wire)> {
    let client = Namespace::make()?;
    let near = device("wire")?;
    ip("link set lo up")?;
    ip("link set wire up")?;
    ip(&format!("address add {CLIENT}/24 dev wire"))?;
    ip("link add near type veth peer name far")?;
    ip("link set near up")?;
    ip("link set far up")?;
    ip("address add 10.79.0.1/24 dev near")?;
    // Packets to an address that no host takes are sent all the same.
    ip("route add unreachable 10.78.1.0/24")?;
    ip("route add prohibit 10.78.2.0/24")?;
    ip("route add blackhole 10.78.3.0/24")?;
    ip(&format!("route add 10.80.0.0/16 via {SERVER}"))?;
    if let Some((first, last)) = terms.ports {
        sysctl("net/ipv4/ip_local_port_range", &format!("{first} {last}"))?;
    }
    home.enter()?;
    let server = Namespace::make()?;
    let far = device("wire")?;
    ip("link set lo up")?;
    ip("link set wire up")?;
    ip(&format!("address add {SERVER}/24 dev wire"))?;
    sysctl("net/ipv4/ip_forward", "1")?;
    ip("route add unreachable 10.80.1.0/24")?;
    ip("route add prohibit 10.80.2.0/24")?;
    Ok((
        client,
        server,
        Wire::between(near, far, terms.weather, seed),
    ))
}
