//! What a test does to messages under way: lists them, holds them, drops them.
//!
//! Owns the rules of what is held. Knows nothing of how messages travel.

use std::net::SocketAddr;

use super::{ConnectionId, Segment};
use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;

/// Which messages a rule holds; what is not given, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) from: Option<NodeId>,
    pub(crate) to: Option<NodeId>,
    pub(crate) port: Option<u16>,
    pub(crate) protocol: Option<Protocol>,
}

/// How a message is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// A segment of a connection.
    Tcp,
    /// A datagram.
    Udp,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MessageKind {
    /// Asks to open a connection.
    Syn,
    /// Agrees to open it.
    SynAck,
    /// Completes the opening.
    Ack,
    /// Bytes of a connection.
    Data,
    /// The end of one direction.
    Fin,
    /// The end of the connection, or its refusal.
    Reset,
    /// There is room for bytes again.
    Window,
    /// A datagram.
    Datagram,
}

/// What is known of a message under way.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay {
    pub(crate) event: u64,
    pub(crate) near: NodeId,
    pub(crate) far: NodeId,
    pub(crate) source: SocketAddr,
    pub(crate) target: SocketAddr,
    pub(crate) kind: MessageKind,
    pub(crate) bytes: Vec<u8>,
    pub(crate) held: bool,
}

impl Filter {
    fn covers(&self, near: NodeId, far: NodeId, ports: [u16; 2], protocol: Protocol) -> bool {
        self.from.is_none_or(|from| from == near)
            && self.to.is_none_or(|to| to == far)
            && self.port.is_none_or(|port| ports.contains(&port))
            && self.protocol.is_none_or(|it| it == protocol)
    }

    /// What it covers, for people.
    pub(crate) fn words(&self, world: &World) -> String {
        let name = |node: NodeId| &*world.nodes[node.0 as usize].name;
        let mut words = match self.protocol {
            None => "messages".to_owned(),
            Some(Protocol::Tcp) => "segments".to_owned(),
            Some(Protocol::Udp) => "datagrams".to_owned(),
        };
        let from = self.from.map(|from| format!(" from {}", name(from)));
        let to = self.to.map(|to| format!(" to {}", name(to)));
        let port = self.port.map(|port| format!(" of port {port}"));
        words.extend([from, to, port].into_iter().flatten());
        words
    }
}

impl World {
    /// Whether a rule holds what an end of a connection sends.
    pub(super) fn test_holds(&self, id: ConnectionId, from: usize) -> bool {
        if self.net.rules.is_empty() {
            return false;
        }
        let mut rules = self.net.rules.values();
        rules.any(|filter| self.covers_end(filter, id, from))
    }

    /// Whether `filter` covers what an end of a connection sends.
    fn covers_end(&self, filter: &Filter, id: ConnectionId, from: usize) -> bool {
        self.net.connection(id).is_some_and(|connection| {
            let (this, other) = (&connection.ends[from], &connection.ends[1 - from]);
            let ports = [this.local.port(), this.peer.port()];
            filter.covers(this.node, other.node, ports, Protocol::Tcp)
        })
    }

    /// Whether a rule holds a datagram.
    pub(super) fn is_datagram_held(
        &self,
        near: NodeId,
        far: NodeId,
        source: SocketAddr,
        target: SocketAddr,
    ) -> bool {
        let ports = [source.port(), target.port()];
        let mut rules = self.net.rules.values();
        rules.any(|filter| filter.covers(near, far, ports, Protocol::Udp))
    }

    /// Holds what `filter` covers from now on, and what is on its way already.
    pub(crate) fn hold_messages(&mut self, filter: Filter) -> u64 {
        let rule = self.net.next_serial();
        for (id, end) in self.net.ends() {
            if self.covers_end(&filter, id, 1 - end) {
                self.hear_small(id, end);
            }
        }
        self.net.rules.insert(rule, filter);
        self.note(EventKind::HoldBegan, rule, 0);
        for (id, end) in self.net.ends() {
            if self.test_holds(id, end)
                && let Some(connection) = self.net.connection(id)
            {
                let (near, far) = (connection.ends[end].node, connection.ends[1 - end].node);
                self.hold_travelling(id, end, near, far);
            }
        }
        self.hold_flights();
        rule
    }

    /// Takes a rule back: what no other rule holds travels on.
    pub(crate) fn release_messages(&mut self, rule: u64) {
        if self.net.rules.remove(&rule).is_none() {
            return;
        }
        self.note(EventKind::HoldEnded, rule, 0);
        for (id, end) in self.net.ends() {
            if let Some(connection) = self.net.connection(id) {
                let (near, far) = (connection.ends[end].node, connection.ends[1 - end].node);
                self.release_held(id, end, near, far);
            }
        }
        self.release_flights();
    }

    pub(crate) fn release_all_messages(&mut self) {
        let rules: Vec<_> = self.net.rules.keys().copied().collect();
        for rule in rules {
            self.release_messages(rule);
        }
    }

    /// What a test keeps from arriving at the end of a run, for people.
    pub(crate) fn stopped_traffic(&self) -> Vec<String> {
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        let cut = self.net.cut.iter();
        let mut lines: Vec<_> = cut
            .map(|&(from, to)| format!("nothing gets from {} to {}", name(from), name(to)))
            .collect();
        let rules = self.net.rules.values();
        lines.extend(rules.map(|rule| format!("the test holds {}", rule.words(self))));
        lines.extend(self.waiting_for_acknowledgements());
        let held = self.under_way().into_iter().filter(|it| it.held);
        let held = held.filter(|it| !self.is_cut(it.near, it.far));
        lines.extend(held.map(|it| format!("{} is held", self.words_of(&it))));
        lines
    }

    /// What waits for acknowledgements of small segments, for people.
    fn waiting_for_acknowledgements(&self) -> Vec<String> {
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        let line = |(id, end): (ConnectionId, usize)| {
            let this = self.net.connection(id).map(|it| &it.ends[end])?;
            let far = self.net.connection(id)?.ends[1 - end].node;
            this.is_nagling.then(|| {
                format!(
                    "{} bytes from {} to {}:{} wait for the acknowledgement of those before them \
                     (`set_nodelay(true)` sends them at once)",
                    this.unsent.len(),
                    name(this.node),
                    name(far),
                    this.peer.port()
                )
            })
        };
        self.net.ends().into_iter().filter_map(line).collect()
    }

    /// The message whose sending was `event`, for people.
    pub(crate) fn message_words(&self, event: u64) -> Option<String> {
        let mut under_way = self.under_way().into_iter();
        let message = under_way.find(|message| message.event == event)?;
        Some(self.words_of(&message))
    }

    fn words_of(&self, message: &UnderWay) -> String {
        let name = |id: NodeId| self.nodes[id.0 as usize].name.as_str();
        format!(
            "a {} from {} to {}:{}",
            match message.kind {
                MessageKind::Datagram => "datagram",
                _ => "segment",
            },
            name(message.near),
            name(message.far),
            message.target.port()
        )
    }

    /// Everything under way, in the order of its sending.
    pub(crate) fn under_way(&self) -> Vec<UnderWay> {
        let mut all: Vec<_> = self.segments().map(|(_, it)| it).collect();
        for flight in self.net.flights.values() {
            let datagram = &flight.datagram;
            all.push(UnderWay {
                event: datagram.cause,
                near: datagram.near,
                far: datagram.far,
                source: datagram.source,
                target: datagram.target,
                kind: MessageKind::Datagram,
                bytes: datagram.bytes.clone(),
                held: flight.arrival.is_none(),
            });
        }
        all.sort_by_key(|message| message.event);
        all
    }

    /// Every segment under way, and where it is.
    fn segments(&self) -> impl Iterator<Item = ((ConnectionId, usize, u32), UnderWay)> {
        let of_end = |(id, end): (ConnectionId, usize)| {
            let connection = self.net.connection(id)?;
            let (this, other) = (&connection.ends[end], &connection.ends[1 - end]);
            let travelling = this.travelling.iter();
            let travelling = travelling.map(|(&number, it)| (number, &it.held, false));
            let held = this.held.iter().map(|(&number, it)| (number, it, true));
            Some(travelling.chain(held).map(move |(number, it, held)| {
                let message = UnderWay {
                    event: it.event,
                    near: this.node,
                    far: other.node,
                    source: this.local,
                    target: this.peer,
                    kind: it.segment.kind(),
                    bytes: it.segment.bytes().to_vec(),
                    held,
                };
                ((id, end, number), message)
            }))
        };
        self.net.ends().into_iter().filter_map(of_end).flatten()
    }

    /// Loses the message whose sending was `event`; false if it is no longer under way.
    pub(crate) fn drop_message(&mut self, event: u64) -> bool {
        let mut segments = self.segments();
        let found = segments.find(|(_, message)| message.event == event);
        drop(segments);
        if let Some(((id, end, number), _)) = found {
            self.lose_segment(id, end, number);
            return true;
        }
        let flights = self.net.flights.iter();
        let lost: Vec<_> = flights
            .filter(|(_, flight)| flight.datagram.cause == event)
            .map(|(&id, _)| id)
            .collect();
        for &id in &lost {
            if let Some(datagram) = self.take_flight(id) {
                self.note(EventKind::DatagramLost, datagram.flow.0, 0);
            }
        }
        !lost.is_empty()
    }
}

impl Segment {
    fn kind(&self) -> MessageKind {
        match self {
            Self::Syn => MessageKind::Syn,
            Self::SynAck => MessageKind::SynAck,
            Self::Ack => MessageKind::Ack,
            Self::Data(_) => MessageKind::Data,
            Self::Fin => MessageKind::Fin,
            Self::Reset => MessageKind::Reset,
            Self::Window => MessageKind::Window,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Data(bytes) => bytes,
            _ => &[],
        }
    }
}
