//! Pipes: pages of bytes that were written and not read.
//!
//! Owns how bytes move. Follows Linux (`fs/pipe.c`) where a program can tell: a pipe has 16 pages,
//! a write fills the last of them first if what is left over from whole pages fits, and up to a
//! page is written all or not at all.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::task::Waker;

use simoom::backend::{Direction, Resource, Signs};

use super::buffers::{fill, room_of};
use super::os;
use super::unix::{SocketId, Table};
use super::waiting::Waiting;
use crate::choice::{Operation, PathId, ResourceName, hash_bytes};
use crate::record::EventKind;
use crate::world::World;
use crate::world::node::NodeId;
use crate::world::resources::Origin;

/// How many bytes a page has: so many are written all or not at all.
const PAGE: usize = 4096;

/// How many pages a pipe has.
const PAGES_MAX: usize = 16;

/// One end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Sender,
    Receiver,
}

/// A pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    node: NodeId,
    /// The task that made it, and which of its connections this is.
    maker: PathId,
    number: u32,
    name: ResourceName,
    pages: VecDeque<Page>,
    has_sender: bool,
    has_receiver: bool,
    reads: u32,
    writes: u32,
    reading: Waiting,
    writing: Waiting,
    /// The event in which its sending end was closed.
    ended: u64,
}

/// Bytes in a place of their own.
#[derive(Debug, Default)]
struct Page {
    bytes: Vec<u8>,
    /// How many of them were read.
    offset: usize,
    /// The events in which they were written, each with the end of its bytes.
    sent: VecDeque<(usize, u64)>,
}

/// All pipes of a world.
#[derive(Debug, Default)]
pub(crate) struct Pipes(Table<Pipe>);

impl Pipes {
    /// The pipe, as long as this side of it is open.
    pub(crate) fn get_mut(&mut self, id: SocketId, side: Side) -> io::Result<&mut Pipe> {
        let pipe = self.0.get_mut(id)?;
        if pipe.has(side) {
            Ok(pipe)
        } else {
            Err(os(libc::EBADF))
        }
    }

    /// Moves everyone who waits to `wakers`, at the end of a world.
    pub(crate) fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        for pipe in self.0.all_mut() {
            pipe.reading.take_wakers(wakers);
            pipe.writing.take_wakers(wakers);
        }
    }
}

impl Pipe {
    fn has(&self, side: Side) -> bool {
        match side {
            Side::Sender => self.has_sender,
            Side::Receiver => self.has_receiver,
        }
    }

    pub(crate) fn waiting(&mut self, side: Side) -> &mut Waiting {
        match side {
            Side::Sender => &mut self.writing,
            Side::Receiver => &mut self.reading,
        }
    }

    /// What one side knows of the other.
    pub(crate) fn signs(&self, side: Side) -> Signs {
        match side {
            Side::Sender => Signs {
                write_closed: !self.has_receiver,
                error: !self.has_receiver,
                ..Signs::default()
            },
            Side::Receiver => Signs {
                read_closed: !self.has_sender,
                ..Signs::default()
            },
        }
    }

    /// Whether an attempt in `direction` would not block.
    pub(crate) fn may_try(&self, side: Side, direction: Direction) -> bool {
        match (side, direction) {
            (Side::Sender, Direction::Write) => self.pages.len() < PAGES_MAX || !self.has_receiver,
            (Side::Receiver, Direction::Read) => !self.pages.is_empty() || !self.has_sender,
            _ => false,
        }
    }

    fn unread(&self) -> usize {
        let pages = self.pages.iter();
        pages.map(|page| page.bytes.len() - page.offset).sum()
    }

    /// How many of `wanted` bytes fit.
    fn room(&self, wanted: usize) -> usize {
        let free = (PAGES_MAX - self.pages.len()) * PAGE;
        match self.merged(wanted) {
            0 => wanted.min(free),
            merged => merged + (wanted - merged).min(free),
        }
    }

    /// How many of `wanted` bytes go into the last page.
    fn merged(&self, wanted: usize) -> usize {
        let over = wanted % PAGE;
        match self.pages.back() {
            Some(last) if last.bytes.len() + over <= PAGE => over,
            _ => 0,
        }
    }

    /// Takes over `bytes`, which fit, of `wanted` ones and were written in `event`.
    fn put(&mut self, bytes: &[u8], wanted: usize, event: u64) {
        let (merged, rest) = bytes.split_at(self.merged(wanted).min(bytes.len()));
        if let Some(last) = self.pages.back_mut() {
            last.bytes.extend_from_slice(merged);
            if !merged.is_empty() {
                last.sent.push_back((last.bytes.len(), event));
            }
        }
        self.pages.extend(rest.chunks(PAGE).map(|page| Page {
            bytes: page.to_vec(),
            offset: 0,
            sent: VecDeque::from([(page.len(), event)]),
        }));
    }

    /// Moves bytes to `target`, which there are enough of for all of it. Adds to `seen` in which
    /// events they were written.
    fn take(&mut self, mut target: &mut [u8], seen: &mut Vec<u64>) {
        while !target.is_empty() {
            let Some(page) = self.pages.front_mut() else {
                return;
            };
            let rest = &page.bytes[page.offset..];
            let count = rest.len().min(target.len());
            let (head, tail) = target.split_at_mut(count);
            head.copy_from_slice(&rest[..count]);
            target = tail;
            page.offset += count;
            while let Some(&(end, event)) = page.sent.front() {
                if seen.last() != Some(&event) {
                    seen.push(event);
                }
                if end > page.offset {
                    break;
                }
                page.sent.pop_front();
            }
            if page.offset == page.bytes.len() {
                self.pages.pop_front();
            }
        }
    }
}

impl World {
    /// A pipe of the running task's node, both of whose ends are open.
    pub(crate) fn pipe(&mut self) -> SocketId {
        let (maker, number) = self.next_connection();
        let name = ResourceName::connection(self.paths.hash(maker), number);
        let serial = self.net.next_serial();
        let pipe = Pipe {
            node: self.current_node(),
            maker,
            number,
            name,
            pages: VecDeque::new(),
            has_sender: true,
            has_receiver: true,
            reads: 0,
            writes: 0,
            reading: Waiting::default(),
            writing: Waiting::default(),
            ended: 0,
        };
        self.note(EventKind::PipeOpened, name.0, serial);
        self.net.pipes.0.insert(serial, pipe)
    }

    /// Names the resource of the one direction of a pipe.
    pub(crate) fn name_pipe(&mut self, id: SocketId, resource: &Resource) {
        let Ok(pipe) = self.net.pipes.0.get(id) else {
            return;
        };
        let origin = Origin::Direction {
            opener: pipe.maker,
            number: pipe.number,
            away: true,
        };
        let name = pipe.name.direction(true);
        self.resources.name(self.id, resource, name, origin);
    }

    pub(crate) fn pipe_read(
        &mut self,
        id: SocketId,
        targets: &mut [IoSliceMut<'_>],
    ) -> io::Result<usize> {
        let pipe = self.net.pipes.get_mut(id, Side::Receiver)?;
        let room = room_of(targets);
        let available = pipe.unread().min(room);
        if available == 0 {
            if room == 0 {
                return Ok(0);
            }
            if !pipe.has_sender {
                let ended = pipe.ended;
                self.sees(ended);
                return Ok(0);
            }
            pipe.reading.blocked = true;
            return Err(os(libc::EAGAIN));
        }
        let (number, direction) = (pipe.reads, pipe.name.direction(true));
        pipe.reads += 1;
        let most = available as u64 - 1;
        let short = self.choose_short(Operation::READ, direction, number, most) as usize;
        let pipe = self.net.pipes.get_mut(id, Side::Receiver)?;
        let was_full = pipe.pages.len() == PAGES_MAX;
        let mut seen = Vec::new();
        fill(targets, available - short, |target| {
            pipe.take(target, &mut seen);
        });
        if was_full && pipe.pages.len() < PAGES_MAX {
            pipe.writing.change(&mut self.effects);
        }
        for event in seen {
            self.sees(event);
        }
        Ok(available - short)
    }

    pub(crate) fn pipe_write(&mut self, id: SocketId, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let pipe = self.net.pipes.get_mut(id, Side::Sender)?;
        let wanted: usize = parts.iter().map(|part| part.len()).sum();
        if wanted == 0 {
            return Ok(0);
        }
        if !pipe.has_receiver {
            return Err(os(libc::EPIPE));
        }
        let most = pipe.room(wanted);
        if most == 0 {
            pipe.writing.blocked = true;
            return Err(os(libc::EAGAIN));
        }
        let (number, direction) = (pipe.writes, pipe.name.direction(true));
        pipe.writes += 1;
        let short = match wanted {
            0..=PAGE => 0,
            _ => self.choose_short(Operation::WRITE, direction, number, most as u64 - 1),
        };
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|part| part.iter().copied())
            .take(most - short as usize)
            .collect();
        let event = self.note(EventKind::PipeSent, direction.0, hash_bytes(&bytes));
        let pipe = self.net.pipes.get_mut(id, Side::Sender)?;
        pipe.put(&bytes, wanted, event);
        pipe.reading.change(&mut self.effects);
        Ok(bytes.len())
    }

    /// Closes one end, as dropping its handle does.
    pub(crate) fn close_pipe(&mut self, id: SocketId, side: Side) {
        let Ok(pipe) = self.net.pipes.get_mut(id, side) else {
            return;
        };
        let (name, unread) = (pipe.name, pipe.unread());
        match side {
            Side::Sender => {
                pipe.has_sender = false;
                pipe.writing.forget(&mut self.effects);
                pipe.reading.change(&mut self.effects);
            }
            Side::Receiver => {
                pipe.has_receiver = false;
                pipe.pages.clear();
                pipe.reading.forget(&mut self.effects);
                pipe.writing.change(&mut self.effects);
            }
        }
        if !pipe.has_sender && !pipe.has_receiver {
            // Both ends were found open or closed above: nobody can name it any more.
            let _ = self.net.pipes.0.remove(id);
        }
        let event = self.note(EventKind::PipeClosed, name.0, unread as u64);
        if let Ok(pipe) = self.net.pipes.get_mut(id, Side::Receiver) {
            pipe.ended = event;
        }
    }

    /// Closes every pipe of a node, as its operating system does for a dead process.
    pub(crate) fn close_pipes_of(&mut self, node: NodeId) {
        for id in self.net.pipes.0.ids(|it| it.node == node) {
            for side in [Side::Sender, Side::Receiver] {
                if let Ok(pipe) = self.net.pipes.get_mut(id, side) {
                    // A task of another node may hold the end and wait.
                    pipe.waiting(side).change(&mut self.effects);
                }
                self.close_pipe(id, side);
            }
        }
    }
}
