//! What the intercepted functions answer from: cells of the thread.
//!
//! Owns the switch between the simulated and the real world of a thread. Knows nothing of the
//! functions that read it, nor of who fills it.
//!
//! # Invariants
//! 1. Answering the clock or entropy touches cells alone: it allocates nothing, takes no lock and
//!    does not panic, since it happens anywhere, under locks and inside of allocators too.
//! 2. The cells hold nothing that is dropped, so they can be read as long as their thread lives.
//! 3. Outside of [`simulated`], and inside of [`outside`], every answer is the system's.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};

use super::escape::{Escape, Escaped};
use crate::choice::{PathHash, mix, value};

/// What the clocks of simulated code show, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// `CLOCK_MONOTONIC`, which `std::time::Instant` reads.
    pub(crate) monotonic_ns: i64,
    /// `CLOCK_REALTIME`, which `std::time::SystemTime` reads: since 1970.
    pub(crate) wall_ns: i64,
}

impl Clocks {
    /// The monotonic clock at the beginning of a run: far enough from zero that programs can look
    /// back a week.
    const MONOTONIC_NS: i64 = 1_000_000 * 1_000_000_000;
    /// The wall clock at the beginning of a run: 2020-01-01T00:00:00Z.
    pub(crate) const WALL_NS: i64 = 1_577_836_800 * 1_000_000_000;

    /// The clocks of a machine that is neither early nor late, `elapsed_ns` into the run.
    pub(crate) const fn at(elapsed_ns: i64) -> Self {
        Self::showing(elapsed_ns, Self::WALL_NS + elapsed_ns)
    }

    /// Clocks that show so much time since the run began, and so much since 1970.
    pub(crate) const fn showing(elapsed_ns: i64, wall_ns: i64) -> Self {
        Self {
            monotonic_ns: Self::MONOTONIC_NS.saturating_add(elapsed_ns),
            wall_ns,
        }
    }
}

/// How often the clock is read in one poll before reading takes time.
const FREE_READS: u32 = 1_000;
/// What each further reading takes: a loop that waits for the clock comes to its end.
const READING_NS: i64 = 1_000;

/// Where entropy comes from: the values of a stream, one after the other.
#[derive(Clone, Copy, Debug)]
struct Entropy {
    seed: u64,
    stream: u64,
    /// How many values were drawn.
    index: u64,
}

/// What a task draws, from either source of its own: this one and `simoom::rand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draws {
    /// After how many draws they are simple.
    pub(crate) after: u64,
    pub(crate) made: u64,
    /// How many of them were the seed's.
    pub(crate) seeded: u64,
}

impl Draws {
    /// None yet, and never simple ones.
    pub(crate) const NONE: Self = Self {
        after: u64::MAX,
        made: 0,
        seeded: 0,
    };
}

/// How many simple words there were in this run, and in this poll.
#[derive(Clone, Copy, Debug)]
struct Simple {
    given: u64,
    in_poll: u32,
}

/// How many draws of one poll are simple. A program that draws until it likes what it gets may like
/// none of them: the seed's come after these.
const SIMPLE_IN_POLL: u32 = 64;

struct Cells {
    /// Whether simulated code is running.
    simulated: Cell<bool>,
    /// Whether it belongs to a killed node: nothing it does has an effect.
    dead: Cell<bool>,
    clocks: Cell<Clocks>,
    /// How far reading the clock, and waiting in real time, has moved it ahead of the world.
    lead_ns: Cell<i64>,
    reads: Cell<u32>,
    entropy: Cell<Entropy>,
    draws: Cell<Draws>,
    simple: Cell<Simple>,
    allowed: Cell<Escape>,
    /// Whether [`ESCAPED`] holds something.
    escaped: Cell<bool>,
}

thread_local! {
    static CELLS: Cells = const {
        Cells {
            simulated: Cell::new(false),
            dead: Cell::new(false),
            clocks: Cell::new(Clocks::at(0)),
            lead_ns: Cell::new(0),
            reads: Cell::new(0),
            entropy: Cell::new(Entropy { seed: 0, stream: 0, index: 0 }),
            draws: Cell::new(Draws::NONE),
            simple: Cell::new(Simple { given: 0, in_poll: 0 }),
            allowed: Cell::new(Escape::NONE),
            escaped: Cell::new(false),
        }
    };
    /// The first escape that nobody has asked for yet.
    static ESCAPED: RefCell<Option<Escaped>> = const { RefCell::new(None) };
}

/// Reads or changes the cells; `None` where the thread has none any more.
fn cells<R>(f: impl FnOnce(&Cells) -> R) -> Option<R> {
    CELLS.try_with(f).ok()
}

/// Sets the switch while it lives.
struct Switch(bool);

impl Switch {
    fn to(simulated: bool) -> Self {
        Self(cells(|cells| cells.simulated.replace(simulated)).unwrap_or(false))
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        cells(|cells| cells.simulated.set(self.0));
    }
}

/// Runs `f`, which is simulated code: a poll, a waker, a destructor.
pub(crate) fn simulated<R>(f: impl FnOnce() -> R) -> R {
    let _switch = Switch::to(true);
    f()
}

/// Runs `f`, which is the simulator's own, called from simulated code: to it everything is real.
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    let _switch = Switch::to(false);
    f()
}

/// Runs `f`, which is a whole run under `seed`: nothing of an earlier run is left to it, and
/// nothing of it to what comes after.
pub(crate) fn during<R>(seed: u64, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Carried>);
    impl Drop for Restore {
        fn drop(&mut self) {
            if let Some(before) = self.0.take() {
                drop(carry());
                before.resume();
            }
        }
    }
    let _restore = Restore(Some(carry()));
    Carried::first(seed).resume();
    simulated(|| super::support::seed_thread(seed));
    f()
}

/// Sets what the clocks show.
pub(crate) fn publish(clocks: Clocks) {
    cells(|cells| cells.clocks.set(clocks));
}

/// Says that a task is polled, which has drawn so many values of its stream before, and what it drew
/// of either.
pub(crate) fn begin_poll(task: PathHash, drawn: u64, draws: Draws) {
    cells(|cells| {
        cells.reads.set(0);
        cells.draws.set(draws);
        cells.simple.set(Simple {
            in_poll: 0,
            ..cells.simple.get()
        });
        let entropy = cells.entropy.get();
        cells.entropy.set(Entropy {
            stream: stream_of(task),
            index: drawn,
            ..entropy
        });
    });
}

/// How many values of its stream the task that was polled last has drawn.
pub(crate) fn drawn() -> u64 {
    cells(|cells| cells.entropy.get().index).unwrap_or(0)
}

/// What the task that was polled last has drawn, from either source.
pub(crate) fn draws() -> Draws {
    cells(|cells| cells.draws.get()).unwrap_or(Draws::NONE)
}

/// Counts a draw of the running task, and says what it gets if that is to be simple: 1, 2, 3 and so
/// on through the run. They differ, as those of the seed do, so that names and numbers that a
/// program makes of them still tell things apart; and none of them is 0, of which generators and
/// fair ranges make nothing.
pub(crate) fn draw_simple() -> Option<u64> {
    cells(|cells| {
        let (mut draws, mut simple) = (cells.draws.get(), cells.simple.get());
        draws.made += 1;
        let is_simple = draws.made > draws.after && simple.in_poll < SIMPLE_IN_POLL;
        if is_simple {
            simple.given += 1;
            simple.in_poll += 1;
            cells.simple.set(simple);
        } else {
            draws.seeded += 1;
        }
        cells.draws.set(draws);
        is_simple.then_some(simple.given)
    })
    .flatten()
}

/// The system's entropy as a task sees it: not the stream of `simoom::rand`.
fn stream_of(task: PathHash) -> u64 {
    mix(0x0067_6574_7261_6e64, task.0)
}

/// How far reading the clock, and waiting in real time, has moved it ahead of the world.
pub(crate) fn lead() -> i64 {
    cells(|cells| cells.lead_ns.get()).unwrap_or(0)
}

/// The same, once: the world catches up.
pub(crate) fn absorb_lead() -> i64 {
    cells(|cells| cells.lead_ns.take()).unwrap_or(0)
}

/// Says whether what runs now belongs to a killed node.
pub(crate) fn set_dead(dead: bool) {
    cells(|cells| cells.dead.set(dead));
}

/// Allows `escape` until the end of the run.
pub(crate) fn allow(escape: Escape) {
    cells(|cells| cells.allowed.set(cells.allowed.get() | escape));
}

/// Whether there is an escape that nobody has asked for yet.
pub(crate) fn has_escaped() -> bool {
    cells(|cells| cells.escaped.get()).unwrap_or(false)
}

/// The first escape since this was last asked.
pub(crate) fn take_escaped() -> Option<Escaped> {
    if !cells(|cells| cells.escaped.take())? {
        return None;
    }
    ESCAPED.try_with(RefCell::take).ok().flatten()
}

/// The state of a thread, on its way to another that goes on with the same run.
#[derive(Debug)]
pub(crate) struct Carried {
    simulated: bool,
    dead: bool,
    clocks: Clocks,
    lead_ns: i64,
    reads: u32,
    entropy: Entropy,
    draws: Draws,
    simple: Simple,
    allowed: Escape,
    escaped: Option<Escaped>,
}

/// Takes this thread's state; everything is real to it then.
pub(crate) fn carry() -> Carried {
    let escaped = take_escaped();
    CELLS.with(|cells| Carried {
        simulated: cells.simulated.take(),
        dead: cells.dead.take(),
        clocks: cells.clocks.get(),
        lead_ns: cells.lead_ns.take(),
        reads: cells.reads.take(),
        entropy: cells.entropy.get(),
        draws: cells.draws.get(),
        simple: cells.simple.get(),
        allowed: cells.allowed.take(),
        escaped,
    })
}

impl Carried {
    /// The state at the beginning of a run.
    fn first(seed: u64) -> Self {
        Self {
            simulated: false,
            dead: false,
            clocks: Clocks::at(0),
            lead_ns: 0,
            reads: 0,
            entropy: Entropy {
                seed,
                stream: stream_of(PathHash(0)),
                index: 0,
            },
            draws: Draws::NONE,
            simple: Simple {
                given: 0,
                in_poll: 0,
            },
            allowed: Escape::NONE,
            escaped: None,
        }
    }

    /// Makes it the state of this thread.
    pub(crate) fn resume(self) {
        CELLS.with(|cells| {
            cells.simulated.set(self.simulated);
            cells.dead.set(self.dead);
            cells.clocks.set(self.clocks);
            cells.lead_ns.set(self.lead_ns);
            cells.reads.set(self.reads);
            cells.entropy.set(self.entropy);
            cells.draws.set(self.draws);
            cells.simple.set(self.simple);
            cells.allowed.set(self.allowed);
        });
        CELLS.with(|cells| cells.escaped.set(self.escaped.is_some()));
        ESCAPED.set(self.escaped);
    }
}

/// Whether simulated code is running.
pub(super) fn is_simulated() -> bool {
    cells(|cells| cells.simulated.get()).unwrap_or(false)
}

/// What the clocks show to simulated code; `None` outside of it.
pub(super) fn read_clocks() -> Option<Clocks> {
    cells(|cells| {
        if !cells.simulated.get() {
            return None;
        }
        let reads = cells.reads.get();
        if reads < FREE_READS {
            cells.reads.set(reads + 1);
        } else {
            cells
                .lead_ns
                .set(cells.lead_ns.get().saturating_add(READING_NS));
        }
        let (clocks, lead_ns) = (cells.clocks.get(), cells.lead_ns.get());
        Some(Clocks {
            monotonic_ns: clocks.monotonic_ns.saturating_add(lead_ns),
            wall_ns: clocks.wall_ns.saturating_add(lead_ns),
        })
    })
    .flatten()
}

/// Lets `ns` pass on the clock of simulated code, which has waited for them.
pub(super) fn pass(ns: i64) {
    cells(|cells| {
        if cells.simulated.get() {
            cells
                .lead_ns
                .set(cells.lead_ns.get().saturating_add(ns.max(0)));
        }
    });
}

/// The next eight bytes of the running task's entropy.
pub(super) fn draw() -> u64 {
    if let Some(simple) = draw_simple() {
        return simple;
    }
    cells(|cells| {
        let entropy = cells.entropy.get();
        cells.entropy.set(Entropy {
            index: entropy.index.wrapping_add(1),
            ..entropy
        });
        value(entropy.seed, entropy.stream, entropy.index)
    })
    .unwrap_or(0)
}

/// Whether `call`, which is an `escape`, is refused: simulated code makes it, and nobody allowed
/// it. The first such call is kept with its stack, for the run to fail with.
///
/// What a killed node does is refused without a word, as everything it does is.
pub(super) fn refuses(
    escape: Escape,
    call: &'static str,
    argument: impl FnOnce() -> Option<String>,
) -> bool {
    let state = cells(|cells| {
        let refused = cells.simulated.get() && !cells.allowed.get().contains(escape);
        (refused, cells.dead.get())
    });
    let Some((true, dead)) = state else {
        return false;
    };
    if !dead {
        outside(|| note(escape, call, argument));
    }
    true
}

/// Keeps the first escape. Unlike the clock and entropy, what leads here is an ordinary call.
#[cold]
fn note(escape: Escape, call: &'static str, argument: impl FnOnce() -> Option<String>) {
    let _ = ESCAPED.try_with(|escaped| {
        if let Ok(mut escaped) = escaped.try_borrow_mut()
            && escaped.is_none()
        {
            *escaped = Some(Escaped {
                escape,
                call,
                argument: argument(),
                stack: Backtrace::force_capture(),
            });
            cells(|cells| cells.escaped.set(true));
        }
    });
}
