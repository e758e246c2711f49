//! Windows in which some tasks hardly run.
//!
//! After the chaos mode of rr (O'Callahan, "Introducing rr chaos mode", 2016). Each task and each
//! node is a victim with probability 1/10. Now and then comes a window, of a length of any order of
//! magnitude from 1 to 2 048, in which a victim goes on only where nobody else can; the pauses between
//! them are four times as long, but the first may come at once. In half of the seeds windows are counted in milliseconds of virtual time, in
//! half in choices: some programs take no time. Else the order is a random walk's.

use super::random::Random;
use super::{Order, Scheduling};
use crate::choice::{below, value};

/// Holds some tasks back for a while.
#[derive(Debug)]
pub(crate) struct Starvation {
    seed: u64,
    walk: Random,
    /// Whether windows are counted in time.
    is_timed: bool,
    steps: u64,
    /// The number, begin and end of the window that is on or comes next.
    window: (u64, u64, u64),
}

const STREAM: u64 = 0x0073_7461_7276;
const VICTIM: u64 = 0x7669_6374_696d;
const NANOS_PER_MILLI: u64 = 1_000_000;

impl Starvation {
    pub(crate) fn new(seed: u64) -> Self {
        let is_timed = value(seed, STREAM, 0) & 1 == 0;
        let mut starvation = Self {
            seed,
            walk: Random::new(seed),
            is_timed,
            steps: 0,
            window: (0, 0, 0),
        };
        starvation.window = starvation.following(0, 0);
        starvation
    }

    /// The window of this number, which begins after `end`.
    fn following(&self, number: u64, end: u64) -> (u64, u64, u64) {
        let bits = value(self.seed, STREAM, number + 1);
        let order = below(bits, 12);
        let length = (1 << order) + below(bits.rotate_left(29), 1 << order);
        let length = length.min(2_048);
        let unit = if self.is_timed { NANOS_PER_MILLI } else { 1 };
        // Four times as long without: a window is a fifth of the time at most. The first may come
        // at once, since some runs are short.
        let pause = match number {
            0 => below(value(self.seed, STREAM ^ VICTIM, number), length),
            _ => 4 * length + below(value(self.seed, STREAM ^ VICTIM, number), 4 * length),
        };
        let begin = end + pause * unit;
        (number, begin, begin + length * unit)
    }

    /// Whether a window is on.
    fn is_on(&mut self, now_ns: i64) -> bool {
        let now = if self.is_timed {
            now_ns.unsigned_abs()
        } else {
            self.steps
        };
        while now >= self.window.2 {
            self.window = self.following(self.window.0 + 1, self.window.2);
        }
        now >= self.window.1
    }

    fn is_victim(&self, name: u64) -> bool {
        below(value(self.seed, VICTIM, name), 10) == 0
    }
}

impl Order for Starvation {
    fn next(&mut self, asked: &Scheduling<'_>) -> usize {
        self.steps += 1;
        if !self.is_on(asked.now_ns) {
            return self.walk.next(asked);
        }
        let (mut ranks, mut others) = (Vec::new(), Vec::new());
        for (rank, &task) in asked.runnable.iter().enumerate() {
            if !self.is_victim(task) && !self.is_victim(asked.look.node(rank)) {
                ranks.push(rank);
                others.push(task);
            }
        }
        let position = |rank| ranks.iter().position(|&other| other == rank);
        match &ranks[..] {
            [] => self.walk.next(asked),
            [only] => *only,
            _ => {
                let among = Scheduling {
                    runnable: &others,
                    current: asked.current.and_then(position),
                    calm: position(asked.calm).unwrap_or(0),
                    ..*asked
                };
                ranks[self.walk.next(&among)]
            }
        }
    }
}
