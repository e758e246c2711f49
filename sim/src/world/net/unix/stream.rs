//! Streams: two ends, each with what it received and has not read.
//!
//! Owns how bytes move. A stream has no phases: it is open until an end is closed, and what an end
//! received stays readable.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;

use simoom::backend::{Direction, Resource, Signs};

use super::charge::{self, PART_MAX, SEND_MAX};
use super::names::{os, unnamed};
use super::{Binding, SocketId, Waiting};
use crate::choice::{Operation, PathId, ResourceName, hash_bytes};
use crate::record::EventKind;
use crate::world::World;
use crate::world::net::buffers::{fill, room_of};
use crate::world::node::NodeId;
use crate::world::resources::Origin;

/// A stream.
#[derive(Debug)]
pub(crate) struct Connection {
    /// The task that opened it, and which of its connections this is.
    pub(crate) opener: PathId,
    pub(crate) number: u32,
    pub(crate) name: ResourceName,
    /// The opener's end and the other one.
    pub(crate) ends: [End; 2],
}

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(super) binding: Option<Binding>,
    /// A task holds this end, or it waits to be accepted.
    pub(super) open: bool,
    pub(super) received: VecDeque<Part>,
    /// What this end has sent and the other has not read.
    pub(super) charged: usize,
    pub(super) read_shut: bool,
    pub(super) write_shut: bool,
    /// What the next read returns when it finds no bytes.
    pub(super) error: Option<i32>,
    pub(super) reads: u32,
    pub(super) writes: u32,
    pub(crate) reading: Waiting,
    pub(crate) writing: Waiting,
    /// The event in which the other end was closed.
    ended: u64,
}

/// Bytes that were sent together.
#[derive(Debug)]
pub(super) struct Part {
    bytes: Vec<u8>,
    /// How many of them were read.
    offset: usize,
    charge: usize,
    /// The event in which they were sent.
    sent: u64,
}

impl End {
    pub(super) fn new(node: NodeId, local: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            node,
            local,
            peer,
            binding: None,
            open: true,
            received: VecDeque::new(),
            charged: 0,
            read_shut: false,
            write_shut: false,
            error: None,
            reads: 0,
            writes: 0,
            reading: Waiting::default(),
            writing: Waiting::default(),
            ended: 0,
        }
    }

    fn unread(&self) -> usize {
        let parts = self.received.iter();
        parts.map(|part| part.bytes.len() - part.offset).sum()
    }

    pub(crate) fn waiting(&mut self, direction: Direction) -> &mut Waiting {
        match direction {
            Direction::Write => &mut self.writing,
            Direction::Read | Direction::Error | Direction::Priority => &mut self.reading,
        }
    }

    /// What is known of it. Linux tells of the end of writing when reading has ended too.
    pub(crate) fn signs(&self) -> Signs {
        Signs {
            read_closed: self.read_shut,
            write_closed: self.read_shut && self.write_shut,
            error: self.error.is_some(),
            priority: false,
        }
    }

    /// Whether there is something to read, be it an error or the end.
    pub(crate) fn is_readable(&self) -> bool {
        !self.received.is_empty() || self.error.is_some() || self.read_shut
    }

    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take().map(os)
    }

    /// Moves received bytes to `target`; returns the charge of the parts that were read whole. Adds
    /// to `seen` in which events they were sent.
    fn take(&mut self, target: &mut [u8], seen: &mut Vec<u64>) -> usize {
        let (mut taken, mut freed) = (0, 0);
        while taken < target.len() {
            let Some(part) = self.received.front_mut() else {
                break;
            };
            let rest = &part.bytes[part.offset..];
            let count = rest.len().min(target.len() - taken);
            target[taken..taken + count].copy_from_slice(&rest[..count]);
            taken += count;
            part.offset += count;
            if seen.last() != Some(&part.sent) {
                seen.push(part.sent);
            }
            if part.offset == part.bytes.len() {
                freed += part.charge;
                self.received.pop_front();
            }
        }
        freed
    }
}

impl World {
    /// A connection that the running task opens, between two ends.
    pub(super) fn unix_connection(&mut self, ends: [End; 2]) -> SocketId {
        let (opener, number) = self.next_connection();
        let name = ResourceName::connection(self.paths.hash(opener), number);
        let serial = self.net.next_serial();
        let connection = Connection {
            opener,
            number,
            name,
            ends,
        };
        self.note(EventKind::UnixConnected, name.0, serial);
        self.net.unix.streams.insert(serial, connection)
    }

    /// Two ends that know each other, for the running task.
    pub(crate) fn unix_stream_pair(&mut self) -> SocketId {
        let node = self.current_node();
        let end = || End::new(node, unnamed(), unnamed());
        self.unix_connection([end(), end()])
    }

    /// One end of a stream, unless it was closed.
    pub(crate) fn unix_end(&mut self, id: SocketId, end: usize) -> io::Result<&mut End> {
        let connection = self.net.unix.streams.get_mut(id)?;
        let end = &mut connection.ends[end];
        if end.open {
            Ok(end)
        } else {
            Err(os(libc::EBADF))
        }
    }

    pub(crate) fn unix_read(
        &mut self,
        id: SocketId,
        end: usize,
        targets: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let this = self.unix_end(id, end)?;
        let room = room_of(targets);
        let available = this.unread().min(room);
        if available == 0 {
            let ended = this.ended;
            let result = read_nothing(this, room == 0);
            if ended != 0 && room > 0 {
                self.sees(ended);
            }
            return result;
        }
        let number = this.reads;
        this.reads += 1;
        let direction = self.unix_direction(id, end == 1)?;
        let most = available as u64 - 1;
        let short = self.choose_short(Operation::READ, direction, number, most) as usize;
        let connection = self.net.unix.streams.get_mut(id)?;
        let (mut freed, mut seen) = (0, Vec::new());
        fill(targets, available - short, |target| {
            freed += connection.ends[end].take(target, &mut seen);
        });
        let writer = &mut connection.ends[1 - end];
        writer.charged -= freed;
        if freed > 0 && charge::has_room(writer.charged) {
            writer.writing.change(&mut self.effects);
        }
        for event in seen {
            self.sees(event);
        }
        Ok(available - short)
    }

    /// Takes over some of the bytes of `parts`.
    pub(crate) fn unix_write(
        &mut self,
        id: SocketId,
        end: usize,
        parts: &[IoSlice<'_>],
    ) -> io::Result<usize> {
        let this = self.unix_end(id, end)?;
        if this.write_shut {
            return Err(os(libc::EPIPE));
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        let most = room(this.charged, wanted);
        if most == 0 {
            this.writing.blocked = true;
            return Err(os(libc::EAGAIN));
        }
        let number = this.writes;
        this.writes += 1;
        let direction = self.unix_direction(id, end == 0)?;
        let short = self.choose_short(Operation::WRITE, direction, number, most as u64 - 1);
        let count = most - short as usize;
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|part| part.iter().copied())
            .take(count)
            .collect();
        let sent = self.note(EventKind::UnixSent, direction.0, hash_bytes(&bytes));
        let connection = self.net.unix.streams.get_mut(id)?;
        for bytes in bytes.chunks(PART_MAX) {
            let charge = charge::of_part(bytes.len());
            connection.ends[end].charged += charge;
            connection.ends[1 - end].received.push_back(Part {
                bytes: bytes.to_vec(),
                offset: 0,
                charge,
                sent,
            });
        }
        connection.ends[1 - end].reading.change(&mut self.effects);
        Ok(count)
    }

    pub(crate) fn unix_shut(&mut self, id: SocketId, end: usize, how: Shutdown) -> io::Result<()> {
        self.unix_end(id, end)?;
        let connection = self.net.unix.streams.get_mut(id)?;
        let (reading, writing) = directions(how);
        let this = &mut connection.ends[end];
        this.read_shut |= reading;
        this.write_shut |= writing;
        let other = &mut connection.ends[1 - end];
        other.read_shut |= writing;
        other.write_shut |= reading;
        for end in &mut connection.ends {
            end.reading.change(&mut self.effects);
            end.writing.change(&mut self.effects);
        }
        Ok(())
    }

    /// Closes one end. An end that was never accepted is closed as if it had left bytes unread.
    pub(super) fn close_unix_end(&mut self, id: SocketId, end: usize, accepted: bool) {
        let Ok(connection) = self.net.unix.streams.get_mut(id) else {
            return;
        };
        let name = connection.name;
        let this = &mut connection.ends[end];
        if !std::mem::replace(&mut this.open, false) {
            return;
        }
        this.reading.forget(&mut self.effects);
        this.writing.forget(&mut self.effects);
        let (binding, unread) = (this.binding.take(), this.unread());
        this.received.clear();
        let other = &mut connection.ends[1 - end];
        let over = !other.open;
        other.read_shut = true;
        other.write_shut = true;
        if unread > 0 || !accepted {
            other.error = Some(libc::ECONNRESET);
        }
        other.reading.change(&mut self.effects);
        other.writing.change(&mut self.effects);
        if over {
            // Both ends were found open or closed above: nobody can name it any more.
            let _ = self.net.unix.streams.remove(id);
        }
        let event = self.note(EventKind::UnixClosed, name.0, unread as u64);
        if let Ok(connection) = self.net.unix.streams.get_mut(id) {
            connection.ends[1 - end].ended = event;
        }
        self.net.unix.names.release(binding);
    }

    /// Names the resource of one direction of a stream.
    pub(crate) fn name_unix_direction(&mut self, id: SocketId, away: bool, resource: &Resource) {
        let Ok(connection) = self.net.unix.streams.get(id) else {
            return;
        };
        let origin = Origin::Direction {
            opener: connection.opener,
            number: connection.number,
            away,
        };
        let name = connection.name.direction(away);
        self.resources.name(self.id, resource, name, origin);
    }

    /// The name of one direction of a stream: away from its opener or towards it.
    fn unix_direction(&self, id: SocketId, away: bool) -> io::Result<ResourceName> {
        let connection = self.net.unix.streams.get(id)?;
        Ok(connection.name.direction(away))
    }
}

/// What a read returns when no bytes wait.
fn read_nothing(this: &mut End, empty: bool) -> io::Result<usize> {
    if empty && !this.received.is_empty() {
        return Ok(0);
    }
    if let Some(error) = this.error.take() {
        return Err(os(error));
    }
    if this.read_shut {
        return Ok(0);
    }
    this.reading.blocked = true;
    Err(os(libc::EAGAIN))
}

/// How many of the `wanted` bytes a sender with so much on its way may send.
fn room(charged: usize, wanted: usize) -> usize {
    let (mut charged, mut sent) = (charged, 0);
    while sent < wanted && charged < SEND_MAX {
        let part = (wanted - sent).min(PART_MAX);
        charged += charge::of_part(part);
        sent += part;
    }
    sent
}

/// Whether reading and writing end.
pub(super) fn directions(how: Shutdown) -> (bool, bool) {
    match how {
        Shutdown::Read => (true, false),
        Shutdown::Write => (false, true),
        Shutdown::Both => (true, true),
    }
}
