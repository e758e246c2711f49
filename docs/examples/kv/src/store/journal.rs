//! What changed, as bytes that can be done again.
//!
//! Owns the form of a change. A change says what came of a command, not what was asked: doing it
//! again needs neither a clock nor a condition. Knows nothing of files.
//!
//! # Invariants
//! 1. Doing the changes of a store again, in order, on an empty store gives the same store.

use std::time::Duration;

use simoom::time::Instant;

use super::value::End;

/// One change of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// The key holds this string, until this moment or for ever.
    Set {
        key: &'a [u8],
        value: &'a [u8],
        until: Option<WallTime>,
    },
    /// There is no such key any more.
    Remove { key: &'a [u8] },
    /// The key lives until this moment.
    Expire { key: &'a [u8], until: WallTime },
    /// The key lives for ever.
    Persist { key: &'a [u8] },
    /// The list has one element more.
    Push {
        key: &'a [u8],
        end: End,
        value: &'a [u8],
    },
    /// The list has one element less.
    Pop { key: &'a [u8], end: End },
    /// There are no keys any more.
    Clear,
    /// From here on another server decides, under this name. The data is as it was.
    Fork { id: &'a [u8] },
    /// What is here is that of so many commits, which have this past. The data is as it was.
    Past { offset: u64, history: &'a [u8] },
}

/// A moment that outlives the process, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallTime(pub(crate) u64);

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Both {
    pub(crate) now: Instant,
    pub(crate) wall: WallTime,
}

/// A moment at which the wall clock shows so many milliseconds since 1970.
#[cfg(feature = "fuzzing")]
pub(crate) fn clock_at(now: Instant, wall_ms: u64) -> Both {
    let wall = WallTime(wall_ms);
    Both { now, wall }
}

impl Both {
    /// This moment.
    pub(crate) fn now() -> Self {
        let since_1970 = simoom::time::system_time()
            .duration_since(simoom::time::SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            now: Instant::now(),
            wall: WallTime(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)),
        }
    }

    fn wall_at(&self, moment: Instant) -> WallTime {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let ahead = moment.checked_duration_since(self.now);
        WallTime(match ahead {
            Some(ahead) => self.wall.0.saturating_add(ms(ahead)),
            None => self.wall.0.saturating_sub(ms(self.now - moment)),
        })
    }

    /// The moment at which the wall clock shows `wall`, if it is ahead; else this one.
    pub(crate) fn moment_at(&self, wall: WallTime) -> Instant {
        self.now + Duration::from_millis(wall.0.saturating_sub(self.wall.0))
    }
}

/// The changes that nobody has taken yet; none if nobody asked for any.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// When the changes are made; none while changes are not kept.
    clock: Option<Both>,
    bytes: Vec<u8>,
    /// Whether they are more than deaths of age.
    is_decision: bool,
}

impl Journal {
    /// Keeps changes from now on, which are made at the moment `clock`.
    pub(crate) fn keep(&mut self, clock: Both) {
        self.clock = Some(clock);
    }

    /// The changes since this was last asked.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.is_decision = false;
        std::mem::take(&mut self.bytes)
    }

    /// Whether there are changes beside deaths of age.
    pub(super) fn is_decision(&self) -> bool {
        self.is_decision
    }

    pub(super) fn is_kept(&self) -> bool {
        self.clock.is_some()
    }

    pub(super) fn note(&mut self, change: Change<'_>) {
        if self.is_kept() {
            self.is_decision = true;
            encode(&mut self.bytes, change);
        }
    }

    /// Notes that a key has died of age.
    pub(super) fn died(&mut self, key: &[u8]) {
        if self.is_kept() {
            encode(&mut self.bytes, Change::Remove { key });
        }
    }

    pub(super) fn set(&mut self, key: &[u8], value: &[u8], until: Option<Instant>) {
        if let Some(clock) = self.clock {
            let until = until.map(|at| clock.wall_at(at));
            self.is_decision = true;
            encode(&mut self.bytes, Change::Set { key, value, until });
        }
    }

    pub(super) fn expire(&mut self, key: &[u8], at: Instant) {
        if let Some(clock) = self.clock {
            let until = clock.wall_at(at);
            self.is_decision = true;
            encode(&mut self.bytes, Change::Expire { key, until });
        }
    }
}

const SET: u8 = b'S';
const SET_MORTAL: u8 = b'M';
const REMOVE: u8 = b'R';
const EXPIRE: u8 = b'E';
const PERSIST: u8 = b'P';
const PUSH_FRONT: u8 = b'<';
const PUSH_BACK: u8 = b'>';
const POP_FRONT: u8 = b'(';
const POP_BACK: u8 = b')';
const CLEAR: u8 = b'C';
const FORK: u8 = b'F';
const PAST: u8 = b'H';

/// Appends a change to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, change: Change<'_>) {
    match change {
        Change::Set { key, value, until } => {
            out.push(if until.is_some() { SET_MORTAL } else { SET });
            put(out, key);
            put(out, value);
            if let Some(WallTime(ms)) = until {
                out.extend_from_slice(&ms.to_le_bytes());
            }
        }
        Change::Remove { key } => {
            out.push(REMOVE);
            put(out, key);
        }
        Change::Expire {
            key,
            until: WallTime(ms),
        } => {
            out.push(EXPIRE);
            put(out, key);
            out.extend_from_slice(&ms.to_le_bytes());
        }
        Change::Persist { key } => {
            out.push(PERSIST);
            put(out, key);
        }
        Change::Push { key, end, value } => {
            out.push(match end {
                End::Front => PUSH_FRONT,
                End::Back => PUSH_BACK,
            });
            put(out, key);
            put(out, value);
        }
        Change::Pop { key, end } => {
            out.push(match end {
                End::Front => POP_FRONT,
                End::Back => POP_BACK,
            });
            put(out, key);
        }
        Change::Clear => out.push(CLEAR),
        Change::Fork { id } => {
            out.push(FORK);
            put(out, id);
        }
        Change::Past { offset, history } => {
            out.push(PAST);
            put(out, history);
            out.extend_from_slice(&offset.to_le_bytes());
        }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("a request is at most 4 GiB");
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes the first change off `bytes`; `None` if they are none, or broken.
pub(crate) fn decode<'a>(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
    let kind = take(bytes, 1)?[0];
    if kind == CLEAR {
        return Some(Change::Clear);
    }
    let key = get(bytes)?;
    Some(match kind {
        SET => Change::Set {
            key,
            value: get(bytes)?,
            until: None,
        },
        SET_MORTAL => Change::Set {
            key,
            value: get(bytes)?,
            until: Some(get_time(bytes)?),
        },
        REMOVE => Change::Remove { key },
        EXPIRE => Change::Expire {
            key,
            until: get_time(bytes)?,
        },
        PERSIST => Change::Persist { key },
        FORK => Change::Fork { id: key },
        PAST => Change::Past {
            history: key,
            offset: get_time(bytes)?.0,
        },
        PUSH_FRONT | PUSH_BACK => Change::Push {
            key,
            end: if kind == PUSH_FRONT {
                End::Front
            } else {
                End::Back
            },
            value: get(bytes)?,
        },
        POP_FRONT => Change::Pop {
            key,
            end: End::Front,
        },
        POP_BACK => Change::Pop {
            key,
            end: End::Back,
        },
        _ => return None,
    })
}

fn get<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take(bytes, 4)?.try_into().ok().map(u32::from_le_bytes)?;
    take(bytes, len as usize)
}

fn get_time(bytes: &mut &[u8]) -> Option<WallTime> {
    let ms = take(bytes, 8)?.try_into().ok().map(u64::from_le_bytes)?;
    Some(WallTime(ms))
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}
