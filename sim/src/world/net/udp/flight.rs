//! How datagrams travel: each on its own, for a time of its own.
//!
//! Owns what is on its way, and the names of flows: the sending socket, the node and port it sends
//! to. The n-th datagram of a flow is what choices are anchored at.

use std::net::SocketAddr;
use std::panic::Location;

use simoom::backend::TimerKey;
use simoom::time::Instant;
use simoom_faults::Kind;

use super::socket::UdpId;
use crate::choice::{Operation, ResourceName, hash_bytes};
use crate::record::EventKind;
use crate::world::faults::FaultPoint;
use crate::world::node::NodeId;
use crate::world::resources::Origin;
use crate::world::{Due, World};

/// What one socket sends to one port of one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(super) name: ResourceName,
    /// How many datagrams were sent.
    pub(super) sent: u32,
    /// When the last one arrives, where order is kept.
    pub(super) last_arrival_ns: i64,
}

/// A datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// The socket that sent it, which is told if nobody is bound at its target.
    pub(crate) sender: UdpId,
    pub(crate) near: NodeId,
    pub(crate) far: NodeId,
    pub(crate) source: SocketAddr,
    pub(crate) target: SocketAddr,
    pub(crate) flow: ResourceName,
    pub(crate) number: u32,
    /// How often a copy of it was on its way before.
    pub(crate) travels: u32,
    /// By how much a fault makes it late.
    pub(crate) late_ns: u64,
    /// The fault that its receiver will see.
    pub(crate) fault: Option<Kind>,
    pub(crate) bytes: Vec<u8>,
    /// The event of its sending.
    pub(crate) cause: u64,
    /// Where the program sent it.
    pub(crate) site: Option<&'static Location<'static>>,
}

/// A datagram that was sent and has neither arrived nor been lost.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) datagram: Datagram,
    /// Its arrival, unless a test holds it.
    pub(crate) arrival: Option<TimerKey>,
}

impl World {
    /// Sends a datagram to one node.
    pub(super) fn launch(
        &mut self,
        id: UdpId,
        far: NodeId,
        source: SocketAddr,
        target: SocketAddr,
        bytes: Vec<u8>,
    ) {
        let Some((near, flow, number)) = self.next_of_flow(id, far, target.port()) else {
            return;
        };
        self.place(near);
        let cause = self.note(EventKind::DatagramSent, flow.0, hash_bytes(&bytes));
        let datagram = Datagram {
            sender: id,
            near,
            far,
            source,
            target,
            flow,
            number,
            travels: 0,
            late_ns: 0,
            fault: None,
            bytes,
            cause,
            site: self.running_site(),
        };
        self.fly(datagram);
    }

    /// The sending node, the flow, and the number of the next datagram in it.
    fn next_of_flow(
        &mut self,
        id: UdpId,
        far: NodeId,
        port: u16,
    ) -> Option<(NodeId, ResourceName, u32)> {
        let socket = self.net.udp(id).ok()?;
        let (near, opener, number) = (socket.node, socket.opener, socket.number);
        if !socket.flows.contains_key(&(far, port)) {
            let root = self.nodes[far.0 as usize].name.clone();
            let name = ResourceName::flow(self.paths.hash(opener), number, &root, port);
            let origin = Origin::Flow {
                opener,
                number,
                far: root,
                port,
            };
            self.resources.name_unheld(name, origin);
            let flow = Flow {
                name,
                sent: 0,
                last_arrival_ns: 0,
            };
            self.net.udp_mut(id).ok()?.flows.insert((far, port), flow);
        }
        let flow = self.net.udp_mut(id).ok()?.flows.get_mut(&(far, port))?;
        flow.sent += 1;
        Some((near, flow.name, flow.sent - 1))
    }

    /// Puts a datagram on its way. A cut link loses it, a test may hold it.
    pub(in crate::world::net) fn fly(&mut self, mut datagram: Datagram) {
        let (near, far) = (datagram.near, datagram.far);
        if self.is_cut(near, far) {
            self.note(EventKind::DatagramLost, datagram.flow.0, 0);
            self.held_up(near, far);
            return;
        }
        if self.is_held(near, far)
            || self.is_datagram_held(near, far, datagram.source, datagram.target)
        {
            self.held_up(near, far);
            let arrival = None;
            let id = self.net.next_flight();
            self.net.flights.insert(id, Flight { datagram, arrival });
            return;
        }
        // Nothing happens to what a node sends to itself.
        if near != far {
            let at = FaultPoint::link(near, far);
            let at = at.named(datagram.flow, datagram.number, datagram.travels);
            let at = at.done_at(datagram.site);
            if self.choose_fault(Kind::NetDatagramLost, at, 1) > 0 {
                self.place(near);
                self.note(EventKind::DatagramLost, datagram.flow.0, 0);
                self.note_missed(&datagram);
                return;
            }
            let late_ns = self.choose_fault(Kind::NetDatagramReordered, at, 50_000_000);
            if late_ns > 0 {
                datagram.late_ns = late_ns;
                datagram.fault = Some(Kind::NetDatagramReordered);
            }
            let is_copy = datagram.fault == Some(Kind::NetDatagramDuplicated);
            if !is_copy && self.choose_fault(Kind::NetDatagramDuplicated, at, 1) > 0 {
                let mut copy = datagram.clone();
                copy.travels += 1;
                copy.fault = Some(Kind::NetDatagramDuplicated);
                self.board(copy);
            }
        }
        self.board(datagram);
    }

    /// Counts a lost datagram as seen if somebody would have received it.
    fn note_missed(&mut self, datagram: &Datagram) {
        let (node, source, target) = (datagram.far, datagram.source, datagram.target);
        if self.addressee(node, source, target).is_some() {
            self.fault_observed(Kind::NetDatagramLost);
        }
    }

    /// Gives a datagram its time of arrival.
    fn board(&mut self, datagram: Datagram) {
        let (near, far) = (datagram.near, datagram.far);
        let link = self.link(near, far);
        let extra = self.choose_delay(
            Operation::DATAGRAM,
            datagram.flow,
            datagram.number,
            datagram.travels,
            link.most_ns.saturating_sub(link.least_ns),
        );
        let mut arrival = self.now_ns + (link.least_ns + extra + datagram.late_ns) as i64;
        if near == far {
            // Linux keeps the order on the loopback interface.
            arrival = self.in_order(&datagram, arrival);
        }
        let id = self.net.next_flight();
        let key = self
            .timers
            .insert(Instant::from_nanos(arrival), Due::Datagram { id });
        let arrival = Some(key);
        self.net.flights.insert(id, Flight { datagram, arrival });
    }

    fn in_order(&mut self, datagram: &Datagram, arrival: i64) -> i64 {
        let port = datagram.target.port();
        let Ok(socket) = self.net.udp_mut(datagram.sender) else {
            return arrival;
        };
        let Some(flow) = socket.flows.get_mut(&(datagram.far, port)) else {
            return arrival;
        };
        flow.last_arrival_ns = arrival.max(flow.last_arrival_ns);
        flow.last_arrival_ns
    }

    /// Loses what is on its way on a link that is cut.
    pub(in crate::world::net) fn lose_flights(&mut self, near: NodeId, far: NodeId) {
        let on_link = |flight: &Flight| flight.datagram.near == near && flight.datagram.far == far;
        let flights = self.net.flights.iter();
        let lost: Vec<_> = flights
            .filter(|(_, flight)| on_link(flight))
            .map(|(&id, _)| id)
            .collect();
        for id in lost {
            if let Some(datagram) = self.take_flight(id) {
                self.note(EventKind::DatagramLost, datagram.flow.0, 0);
                self.held_up(near, far);
            }
        }
    }

    /// Holds what a rule covers of what is on its way.
    pub(in crate::world::net) fn hold_flights(&mut self) {
        let flights: Vec<_> = self.net.flights.keys().copied().collect();
        for id in flights {
            let Some(flight) = self.net.flights.get(&id) else {
                continue;
            };
            let it = &flight.datagram;
            if !self.is_datagram_held(it.near, it.far, it.source, it.target) {
                continue;
            }
            if let Some(flight) = self.net.flights.get_mut(&id) {
                flight.datagram.travels += 1;
                let arrival = flight.arrival.take();
                self.forget_due(arrival);
            }
        }
    }

    /// Lets travel on what is held and no rule covers.
    pub(in crate::world::net) fn release_flights(&mut self) {
        let flights = self.net.flights.iter();
        let held: Vec<_> = flights
            .filter(|(_, flight)| flight.arrival.is_none())
            .map(|(&id, _)| id)
            .collect();
        for id in held {
            if let Some(datagram) = self.take_flight(id) {
                self.fly(datagram);
            }
        }
    }

    /// Takes a datagram off its way.
    pub(in crate::world::net) fn take_flight(&mut self, id: u64) -> Option<Datagram> {
        let flight = self.net.flights.remove(&id)?;
        if let Some(key) = flight.arrival {
            self.timers.remove(key);
        }
        Some(flight.datagram)
    }
}
