//! What a node has of the network: addresses, ports, descriptors.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::node::Node;
use super::simulation::with;

impl Node {
    /// Gives the node one more address, of IPv4 or IPv6. Its sockets can be bound to it, and its
    /// name stands for all its addresses, in the order in which it got them.
    ///
    /// Connections to others come from its first address of the family, unless their socket is
    /// bound to another one. To reach an address of IPv6, a node needs one itself.
    ///
    /// # Panics
    /// If a node has the address already, or it is not one that a machine can have.
    ///
    /// # Examples
    /// ```
    /// use simoom::net::{TcpListener, TcpStream, lookup_host};
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let server = sim.node("server").add_ip("10.1.0.1".parse().unwrap());
    ///     server.spawn(async {
    ///         TcpListener::bind("10.1.0.1:80").await.unwrap().accept().await.unwrap();
    ///     });
    ///     simoom::time::sleep(std::time::Duration::from_millis(1)).await;
    ///     assert_eq!(lookup_host("server:80").await.unwrap().count(), 2);
    ///     // Nobody listens at the first address, so the second is tried.
    ///     let stream = TcpStream::connect("server:80").await.unwrap();
    ///     assert_eq!(stream.peer_addr().unwrap().to_string(), "10.1.0.1:80");
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn add_ip(&self, ip: IpAddr) -> Self {
        assert!(
            !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast(),
            "{ip} is no address of a machine"
        );
        let is_new = with(self.world, |backend| {
            backend.with(|world| {
                if world.net.addresses.contains_key(&ip) {
                    return false;
                }
                world.net.addresses.insert(ip, self.id);
                let more = world.net.more_addresses.entry(self.id).or_default();
                more.push(ip);
                true
            })
        });
        assert!(is_new, "a node has the address {ip} already");
        self.clone()
    }

    /// All the node's addresses, in the order in which it got them.
    #[must_use]
    pub fn ips(&self) -> Vec<IpAddr> {
        with(self.world, |backend| {
            backend.with(|world| world.addresses_of(self.id).collect())
        })
    }

    /// Sets which ports the node's sockets get that ask for none: by default 32 768 to 60 999, as
    /// on Linux (`net.ipv4.ip_local_port_range`).
    ///
    /// When all are taken, connecting fails with `AddrNotAvailable` and binding with `AddrInUse`.
    /// A connection that was closed from this side keeps its port for 60 s.
    ///
    /// # Panics
    /// If the range is empty or holds port 0.
    #[track_caller]
    pub fn ephemeral_ports(&self, ports: RangeInclusive<u16>) -> Self {
        let (first, last) = ports.into_inner();
        assert!(0 < first && first <= last, "there must be a port");
        with(self.world, |backend| {
            backend.with(|world| {
                world.net.port_ranges.insert(self.id, (first, last));
                world.nodes[self.id.0 as usize].next_port = first;
            });
        });
        self.clone()
    }

    /// Sets how many files and sockets of TCP and UDP the node may have open at once
    /// (`RLIMIT_NOFILE`); not limited by default. Beyond, opening and accepting fail with `EMFILE`.
    ///
    /// Unix sockets are not counted.
    pub fn descriptor_limit(&self, limit: usize) -> Self {
        with(self.world, |backend| {
            backend.with(|world| world.net.descriptor_limits.insert(self.id, limit));
        });
        self.clone()
    }
}
