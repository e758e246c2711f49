//! What a script says.

use std::fmt;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that connected.
    Opener,
    /// The one that was accepted.
    Taker,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The listener's side takes the connection out of its queue.
    Accept,
    /// The listener is closed, with whatever is in its queue.
    CloseListener,
    /// An end hands over so many bytes.
    Write(End, usize),
    /// An end reads at most so many bytes, or notices that none come.
    Read(End, usize),
    /// An end looks at what it would read.
    Peek(End),
    /// An end says that it will write no more.
    Shutdown(End),
    /// An end asks for a reset when it is closed.
    LingerZero(End),
    /// An end asks for an ordinary close again.
    LingerOff(End),
    /// An end sends each write at once from now on (`TCP_NODELAY`).
    SendAtOnce(End),
    /// An end may hold small writes back again.
    HoldBack(End),
    /// An end is closed.
    Close(End),
    /// An end asks for its pending error.
    TakeError(End),
    /// An end asks who is at the other end.
    PeerAddr(End),
    /// Everything that is on its way arrives.
    Settle,
}

/// What two ends do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub Vec<Step>);

impl Script {
    /// The script of this number: the same for ever.
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        let mut draw = Draw(number);
        let mut steps = Vec::new();
        let accepts_first = draw.below(8) > 0;
        if accepts_first {
            steps.push(Step::Accept);
        }
        for end in [End::Opener, End::Taker] {
            if draw.below(2) == 0 {
                steps.push(Step::SendAtOnce(end));
            }
        }
        for _ in 0..3 + draw.below(12) {
            steps.push(draw.step());
        }
        Self(steps)
    }
}

/// Numbers from a seed: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn end(&mut self) -> End {
        if self.below(2) == 0 {
            End::Opener
        } else {
            End::Taker
        }
    }

    fn step(&mut self) -> Step {
        let end = self.end();
        match self.below(34) {
            0..=7 => Step::Write(end, 1 + self.below(100) as usize),
            8..=14 => Step::Read(end, 1 + self.below(120) as usize),
            15 => Step::Peek(end),
            16..=18 => Step::Shutdown(end),
            19..=20 => Step::LingerZero(end),
            21 => Step::LingerOff(end),
            22..=24 => Step::Close(end),
            25 => Step::TakeError(end),
            26 => Step::PeerAddr(end),
            27 => Step::CloseListener,
            28 => Step::Accept,
            29 => Step::SendAtOnce(end),
            30 => Step::HoldBack(end),
            _ => Step::Settle,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opener => "opener",
            Self::Taker => "taker",
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => write!(f, "accept"),
            Self::CloseListener => write!(f, "close listener"),
            Self::Write(end, bytes) => write!(f, "{end} writes {bytes}"),
            Self::Read(end, bytes) => write!(f, "{end} reads {bytes}"),
            Self::Peek(end) => write!(f, "{end} peeks"),
            Self::Shutdown(end) => write!(f, "{end} shuts down"),
            Self::LingerZero(end) => write!(f, "{end} will reset"),
            Self::LingerOff(end) => write!(f, "{end} will not reset"),
            Self::SendAtOnce(end) => write!(f, "{end} sends at once"),
            Self::HoldBack(end) => write!(f, "{end} holds back"),
            Self::Close(end) => write!(f, "{end} closes"),
            Self::TakeError(end) => write!(f, "{end} takes its error"),
            Self::PeerAddr(end) => write!(f, "{end} asks for its peer"),
            Self::Settle => write!(f, "all arrives"),
        }
    }
}
