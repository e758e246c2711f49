//! Bytes: what is sent as there is room for it, and what is read.

use std::io::{self, IoSliceMut};

use simoom_faults::Kind;

use crate::choice::Operation;
use crate::world::World;
use crate::world::faults::FaultPoint;
use crate::world::net::buffers::{fill, room_of};
use crate::world::net::waiting::change_one;
use crate::world::net::{ConnectionId, Phase, Segment, gone, of_kind};

/// The most bytes one segment carries: what segmentation offload hands over at once.
const SEGMENT_MAX: usize = 64 * 1024;

impl World {
    pub(super) fn data_arrived(&mut self, id: ConnectionId, to: usize, bytes: Vec<u8>) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let [one, two] = &mut connection.ends;
        let (receiver, sender) = if to == 0 { (one, two) } else { (two, one) };
        sender.in_flight -= bytes.len();
        if receiver.phase == Phase::Dead || !receiver.held_open {
            self.send(id, to, Segment::Reset);
            return;
        }
        if receiver.read_shut {
            return;
        }
        receiver.received_bytes += bytes.len();
        receiver.received.push_back(bytes);
        let completes = receiver.phase == Phase::Opening;
        change_one(
            &mut receiver.readers,
            &mut receiver.writers,
            &mut self.effects,
        );
        if completes {
            self.said_early(id);
        }
    }

    pub(super) fn fin_arrived(&mut self, id: ConnectionId, to: usize) {
        let Some(connection) = self.net.connection_mut(id) else {
            return;
        };
        let end = &mut connection.ends[to];
        end.fin_received = true;
        if end.phase == Phase::Opening {
            self.said_early(id);
            return;
        }
        change_one(&mut end.readers, &mut end.writers, &mut self.effects);
    }

    /// Sends what the peer has room for, then the FIN if one is wanted.
    pub(super) fn pump(&mut self, id: ConnectionId, from: usize) {
        loop {
            let Some(connection) = self.net.connection_mut(id) else {
                return;
            };
            let [one, two] = &mut connection.ends;
            let (sender, receiver) = if from == 0 { (one, two) } else { (two, one) };
            receiver.window_told = false;
            sender.is_nagling = false;
            if sender.phase != Phase::Open {
                return;
            }
            // A probe of a window that is full finds out that nobody is there.
            let unread = match receiver.phase {
                Phase::Dead => 0,
                _ => receiver.received_bytes,
            };
            let taken = unread + sender.in_flight;
            let count = receiver
                .receive_max()
                .saturating_sub(taken)
                .min(sender.unsent.len())
                .min(SEGMENT_MAX);
            if count == 0 {
                if sender.unsent.is_empty() && sender.fin_wanted && !sender.fin_sent {
                    sender.fin_sent = true;
                    sender.closed_first = !sender.fin_received;
                    self.send(id, from, Segment::Fin);
                }
                return;
            }
            let is_all = count == sender.unsent.len();
            let count = if is_all {
                self.leaves_now(id, from, count)
            } else {
                count
            };
            if count == 0 {
                return;
            }
            // What the window or the most that a segment carries has cut off is in full segments.
            if is_all {
                self.note_small(id, from, count);
            }
            let Some(connection) = self.net.connection_mut(id) else {
                return;
            };
            let sender = &mut connection.ends[from];
            // Whole slices: taking bytes one by one was a twelfth of a request's cost.
            let (front, back) = sender.unsent.as_slices();
            let split = count.min(front.len());
            let bytes = [&front[..split], &back[..count - split]].concat();
            sender.unsent.drain(..count);
            sender.in_flight += count;
            change_one(&mut sender.writers, &mut sender.readers, &mut self.effects);
            self.send(id, from, Segment::Data(bytes));
        }
    }

    /// The peer is gone and the sender does not hear of it: if it waits for a window, it probes.
    pub(in crate::world::net) fn probe_window(&mut self, id: ConnectionId, from: usize) {
        let waits = self.net.connection(id).is_some_and(|connection| {
            let (sender, peer) = (&connection.ends[from], &connection.ends[1 - from]);
            sender.node != peer.node && peer.phase == Phase::Dead && !sender.unsent.is_empty()
        });
        if waits {
            self.pump(id, from);
        }
    }

    pub(crate) fn read(
        &mut self,
        id: ConnectionId,
        end: usize,
        targets: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection(id) else {
            return Err(gone());
        };
        let this = &connection.ends[end];
        if !this.held_open {
            return Err(gone());
        }
        let direction = connection.name.direction(end == 1);
        let number = this.reads;
        let room = room_of(targets);
        let available = this.received_bytes.min(room);
        if available == 0 {
            return self.read_nothing(id, end, room == 0);
        }
        let short =
            self.choose_short(Operation::READ, direction, number, available as u64 - 1) as usize;
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        this.reads += 1;
        let count = available - short;
        fill(targets, count, |target| this.take(target));
        let peer = &connection.ends[1 - end];
        // The sender learns of the room after a trip, and only if it waits for it.
        let waits = !peer.unsent.is_empty() && !peer.is_nagling;
        if waits && !connection.ends[end].window_told {
            connection.ends[end].window_told = true;
            self.send(id, end, Segment::Window);
        }
        Ok(count)
    }

    /// What a read returns when no bytes wait.
    pub(super) fn read_nothing(
        &mut self,
        id: ConnectionId,
        end: usize,
        empty: bool,
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        if empty && this.received_bytes > 0 {
            return Ok(0);
        }
        if this.fin_received || this.read_shut {
            // Linux reports an error after the end of the stream to writers alone (SOCK_DONE).
            return Ok(0);
        }
        if let Some(error) = this.error.take() {
            return Err(of_kind(error));
        }
        if this.phase == Phase::Dead {
            return Ok(0);
        }
        if this.phase == Phase::Opening {
            return Err(of_kind(io::ErrorKind::NotConnected));
        }
        Err(of_kind(io::ErrorKind::WouldBlock))
    }

    pub(crate) fn peek(
        &mut self,
        id: ConnectionId,
        end: usize,
        target: &mut [u8],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection(id) else {
            return Err(gone());
        };
        if !connection.ends[end].held_open {
            return Err(gone());
        }
        match connection.ends[end].peek(target) {
            0 => self.read_nothing(id, end, target.is_empty()),
            count => Ok(count),
        }
    }

    /// Takes over some of the bytes of `parts`.
    pub(crate) fn write(
        &mut self,
        id: ConnectionId,
        end: usize,
        parts: &[io::IoSlice<'_>],
    ) -> io::Result<usize> {
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        if !this.held_open {
            return Err(gone());
        }
        if let Some(error) = this.error.take() {
            return Err(of_kind(error));
        }
        match this.phase {
            Phase::Opening => return Err(of_kind(io::ErrorKind::WouldBlock)),
            Phase::Dead => return Err(of_kind(io::ErrorKind::BrokenPipe)),
            Phase::Open if this.fin_wanted => return Err(of_kind(io::ErrorKind::BrokenPipe)),
            Phase::Open => {}
        }
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        let most = this.room().min(wanted);
        if most == 0 {
            return Err(of_kind(io::ErrorKind::WouldBlock));
        }
        let number = this.writes;
        this.writes += 1;
        let (near, far) = (this.node, connection.ends[1 - end].node);
        let direction = connection.name.direction(end == 0);
        let at = FaultPoint::link(near, far).named(direction, number, 0);
        let at = at.done_at(self.running_site());
        if self.choose_fault(Kind::NetConnectionReset, at, 1) > 0 {
            self.reset_by_fault(id, end);
            return Err(io::Error::from_raw_os_error(libc::ECONNRESET));
        }
        let short =
            self.choose_short(Operation::WRITE, direction, number, most as u64 - 1) as usize;
        let count = most - short;
        let Some(connection) = self.net.connection_mut(id) else {
            return Err(gone());
        };
        let this = &mut connection.ends[end];
        let mut left = count;
        for part in parts {
            let some = part.len().min(left);
            this.unsent.extend(&part[..some]);
            left -= some;
        }
        let first = this.sent;
        self.pump(id, end);
        if count < wanted {
            self.count_as_full(id, end, first);
        }
        Ok(count)
    }
}
