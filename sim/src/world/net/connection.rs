//! One TCP connection: two ends, each with what it received and what it has yet to send.
//!
//! Owns the state. How it moves is in `tcp.rs`.
//!
//! ```text
//!   opener                     listener's side
//!   [syn] -- Syn ------------> (no end yet)
//!     |  <- SynAck -- accept --'
//!   [open] -- Ack -----------> [open]          in the accept queue from here on
//!     |  <-> Data, Fin, Window <->  |
//!   [dead] <------ Reset -----> [dead]         also by a time-out or when both closed
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;

use simoom::backend::{Direction, Signs, SocketOption, TimerKey};

use super::{ListenerId, Options, Waiting, of_kind, shown};
use crate::choice::{PathId, ResourceName};
use crate::world::node::NodeId;

/// Bytes that a receiver takes before its sender must wait.
pub(crate) const RECEIVE_MAX: usize = 64 * 1024;
/// Bytes that a sender keeps beyond what its receiver takes.
pub(crate) const SEND_MAX: usize = 64 * 1024;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) serial: u64,
    /// The task that opened it, and which of its connections this is.
    pub(crate) opener: PathId,
    pub(crate) number: u32,
    pub(crate) name: ResourceName,
    pub(crate) target: SocketAddr,
    pub(crate) listener: Option<ListenerId>,
    /// A fault refused it, whatever listens.
    pub(crate) refused_by_fault: bool,
    /// The opener's end and the listener's.
    pub(crate) ends: [End; 2],
    /// Ends the attempt to open it, until that has succeeded or failed.
    pub(crate) attempt: Option<TimerKey>,
    /// How often a listener had no room for it.
    pub(crate) knocks: u32,
    /// How often there was none when the handshake was done.
    pub(crate) answers: u32,
    /// How often its opener has sent bytes again meanwhile.
    pub(crate) repeats: u32,
    /// When it does so next, while it does.
    pub(crate) repeat: Option<TimerKey>,
    /// The listener keeps no account of the handshake.
    pub(crate) is_cookie: bool,
    /// When the listener answered its SYN.
    pub(crate) answered_ns: i64,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// Its socket is one of IPv6, which shows addresses of IPv4 as `::ffff:10.0.0.1`.
    pub(crate) is_v6: bool,
    pub(crate) phase: Phase,
    /// A task holds this end, or it waits in an accept queue.
    pub(crate) held_open: bool,
    /// Its machine lost its power, and knows nothing of it.
    pub(crate) vanished: bool,
    /// The error the next operation returns.
    pub(crate) error: Option<io::ErrorKind>,
    pub(crate) received: VecDeque<Vec<u8>>,
    /// Bytes of the first received part that were read already.
    pub(crate) read_offset: usize,
    pub(crate) received_bytes: usize,
    pub(crate) fin_received: bool,
    pub(crate) read_shut: bool,
    pub(crate) unsent: VecDeque<u8>,
    /// Bytes sent by this end that have not arrived.
    pub(crate) in_flight: usize,
    pub(crate) fin_wanted: bool,
    pub(crate) fin_sent: bool,
    /// It sent its FIN before it got the other's.
    pub(crate) closed_first: bool,
    /// Ends the connection when probes go unanswered.
    pub(crate) probing: Option<TimerKey>,
    /// Segments sent by this end that are on their way, by number.
    pub(crate) travelling: BTreeMap<u32, Travelling>,
    /// Segments sent by this end that wait for the link to heal, by number.
    pub(crate) held: BTreeMap<u32, Held>,
    /// Since when the other end got segments whose acknowledgement does not come back.
    pub(crate) unacknowledged_ns: Option<i64>,
    /// Since when bytes wait for a window of which nothing is heard.
    pub(crate) stalled_ns: Option<i64>,
    /// When the other end was last known to be there.
    pub(crate) last_heard_ns: i64,
    /// Ends the connection if it waits too long.
    pub(crate) patience: Option<TimerKey>,
    /// When the last segment sent by this end arrives: nothing overtakes it.
    pub(crate) last_arrival_ns: i64,
    pub(crate) sent: u32,
    pub(crate) reads: u32,
    pub(crate) writes: u32,
    pub(crate) window_told: bool,
    /// The last segment sent by this end that was not full, until it is acknowledged.
    pub(crate) small: Option<Small>,
    /// Bytes wait for the acknowledgement of that segment.
    pub(crate) is_nagling: bool,
    pub(crate) readers: Waiting,
    pub(crate) writers: Waiting,
    pub(crate) options: Options,
    pub(crate) linger_s: Option<u64>,
}

/// A segment that was not full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    pub(crate) number: u32,
    pub(crate) sent_ns: i64,
    /// How many bytes of it and of what was sent after it have arrived.
    pub(crate) arrived_bytes: usize,
    pub(crate) arrived_ns: Option<i64>,
    /// When so much had arrived that its acknowledgement is not put off any longer.
    pub(crate) prompt_ns: Option<i64>,
    /// Its acknowledgement reaches the sender then; not known before somebody asks.
    pub(crate) acknowledged_ns: Option<i64>,
    pub(crate) due: Option<TimerKey>,
}

/// A segment under way.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) segment: Segment,
    /// How often it was on its way before.
    pub(crate) travels: u32,
    /// How often it was lost.
    pub(crate) losses: u32,
    /// When it was sent first.
    pub(crate) since_ns: i64,
    /// The event of its sending.
    pub(crate) event: u64,
}

/// A segment that will arrive.
#[derive(Debug)]
pub(crate) struct Travelling {
    pub(crate) held: Held,
    pub(crate) key: TimerKey,
    pub(crate) arrival_ns: i64,
}

/// How far an end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its handshake is under way.
    Opening,
    /// It sends and receives.
    Open,
    /// It was reset, refused or timed out.
    Dead,
}

/// What travels.
#[derive(Debug)]
pub(crate) enum Segment {
    Syn,
    SynAck,
    Ack,
    Data(Vec<u8>),
    Fin,
    Reset,
    /// The receiver has room again.
    Window,
}

impl Segment {
    /// Whether its sender waits for an acknowledgement of it.
    pub(crate) fn is_acknowledged(&self) -> bool {
        matches!(self, Self::SynAck | Self::Data(_) | Self::Fin)
    }

    /// What the record knows of it: the kind, and a hash of the bytes.
    pub(crate) fn digest(&self) -> u64 {
        match self {
            Self::Syn => 1,
            Self::SynAck => 2,
            Self::Ack => 3,
            Self::Fin => 4,
            Self::Reset => 5,
            Self::Window => 6,
            Self::Data(bytes) => {
                let mix = |state, word| crate::choice::mix(state, u64::from_le_bytes(word));
                let (words, rest) = bytes.as_chunks::<8>();
                let state = words.iter().copied().fold(bytes.len() as u64 + 7, mix);
                if rest.is_empty() {
                    return state;
                }
                let mut last = [0; 8];
                last[..rest.len()].copy_from_slice(rest);
                mix(state, last)
            }
        }
    }
}

impl End {
    pub(crate) fn new(node: NodeId, local: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            node,
            local,
            peer,
            is_v6: local.is_ipv6(),
            phase: Phase::Opening,
            held_open: true,
            vanished: false,
            error: None,
            received: VecDeque::new(),
            read_offset: 0,
            received_bytes: 0,
            fin_received: false,
            read_shut: false,
            unsent: VecDeque::new(),
            in_flight: 0,
            fin_wanted: false,
            fin_sent: false,
            closed_first: false,
            probing: None,
            travelling: BTreeMap::new(),
            held: BTreeMap::new(),
            unacknowledged_ns: None,
            stalled_ns: None,
            last_heard_ns: 0,
            patience: None,
            last_arrival_ns: 0,
            sent: 0,
            reads: 0,
            writes: 0,
            window_told: false,
            small: None,
            is_nagling: false,
            readers: Waiting::default(),
            writers: Waiting::default(),
            options: Options::stream(local.is_ipv6()),
            linger_s: None,
        }
    }

    /// Whether both ends have said that they write no more.
    pub(crate) fn is_finished(&self) -> bool {
        self.fin_sent && self.fin_received
    }

    /// An address of the connection, as this end's socket shows it.
    pub(crate) fn shown(&self, address: SocketAddr) -> SocketAddr {
        shown(address, self.is_v6)
    }

    /// The other end's address, unless the connection is over: failed, or finished by both ends.
    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        match self.phase {
            Phase::Open if !self.is_finished() => Ok(self.shown(self.peer)),
            _ => Err(of_kind(io::ErrorKind::NotConnected)),
        }
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.received_bytes > 0
            || self.error.is_some()
            || self.fin_received
            || self.read_shut
            || self.phase == Phase::Dead
    }

    pub(crate) fn is_writable(&self) -> bool {
        match self.phase {
            Phase::Opening => self.error.is_some(),
            Phase::Open => self.room() > 0 || self.fin_wanted || self.error.is_some(),
            Phase::Dead => true,
        }
    }

    pub(crate) fn waiting(&mut self, direction: Direction) -> &mut Waiting {
        match direction {
            Direction::Write => &mut self.writers,
            Direction::Read | Direction::Error | Direction::Priority => &mut self.readers,
        }
    }

    /// How many bytes a write may hand over.
    pub(crate) fn room(&self) -> usize {
        let most = self.buffer(SocketOption::SendBuffer, SEND_MAX);
        most - self.unsent.len().min(most)
    }

    /// How many bytes it takes before its sender must wait.
    pub(crate) fn receive_max(&self) -> usize {
        self.buffer(SocketOption::ReceiveBuffer, RECEIVE_MAX)
    }

    /// The size of a buffer: half of what was set, as Linux keeps the rest for itself.
    fn buffer(&self, option: SocketOption, default: usize) -> usize {
        let given = self.options.given(option);
        given.map_or(default, |size| size as usize / 2)
    }

    /// What is known of it.
    pub(crate) fn signs(&self) -> Signs {
        let is_dead = self.phase == Phase::Dead;
        Signs {
            read_closed: is_dead || self.fin_received || self.read_shut,
            write_closed: is_dead || (self.fin_wanted && self.fin_received),
            error: self.error.is_some(),
            priority: false,
        }
    }

    /// Moves received bytes to `target`, which there are enough of for all of it.
    pub(crate) fn take(&mut self, target: &mut [u8]) {
        let mut taken = 0;
        while taken < target.len() {
            let Some(part) = self.received.front() else {
                break;
            };
            let rest = &part[self.read_offset..];
            let count = rest.len().min(target.len() - taken);
            target[taken..taken + count].copy_from_slice(&rest[..count]);
            taken += count;
            if count == rest.len() {
                self.received.pop_front();
                self.read_offset = 0;
            } else {
                self.read_offset += count;
            }
        }
        self.received_bytes -= taken;
    }

    /// Copies received bytes to `target` without removing them, and returns how many.
    pub(crate) fn peek(&self, target: &mut [u8]) -> usize {
        let mut copied = 0;
        for (index, part) in self.received.iter().enumerate() {
            let rest = if index == 0 {
                &part[self.read_offset..]
            } else {
                &part[..]
            };
            let count = rest.len().min(target.len() - copied);
            target[copied..copied + count].copy_from_slice(&rest[..count]);
            copied += count;
        }
        copied
    }
}
