//! Assertions of programs that are judged over many runs, and the catalogue of all of them.
//!
//! Owns what an assertion is and who is told of it. Knows nothing of who counts.
//!
//! Every use of an `assert_…!` macro of this crate puts one [`Assertion`] into the catalogue when the
//! program is linked, so that those are known too that no run ever comes to.

use std::fmt;
use std::time::Duration;

use crate::context;

/// One use of an assertion macro.
#[derive(Debug)]
pub struct Assertion {
    /// What it asks.
    pub rule: Rule,
    /// Which of the two numbers it wants to be the greater, if it compares any.
    pub wants: Option<Side>,
    /// What it says.
    pub message: &'static str,
    /// The module it stands in, its crate first.
    pub module: &'static str,
    /// The file it stands in.
    pub file: &'static str,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// One of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    Left,
    /// The second.
    Right,
}

/// What an assertion asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// It holds whenever it is come to, and some run comes to it.
    Always,
    /// It holds whenever it is come to.
    AlwaysOrUnreachable,
    /// It holds at least once in all runs.
    Sometimes,
    /// Some run comes to it.
    Reachable,
    /// No run comes to it.
    Unreachable,
}

impl Rule {
    /// Whether not to hold once breaks it.
    #[must_use]
    pub const fn is_always(self) -> bool {
        matches!(
            self,
            Self::Always | Self::AlwaysOrUnreachable | Self::Unreachable
        )
    }
}

/// The rule's name, as its macro has it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Always => "always",
            Self::AlwaysOrUnreachable => "always_or_unreachable",
            Self::Sometimes => "sometimes",
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
        })
    }
}

/// What a run saw when it came to an assertion.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Which.
    pub assertion: &'static Assertion,
    /// Whether it held.
    pub holds: bool,
    /// The two numbers that it compared, if it did.
    pub numbers: Option<(i128, i128)>,
    /// What else the program says of this moment, if anything.
    pub detail: Option<fmt::Arguments<'a>>,
}

/// Every assertion that is linked into this program.
#[linkme::distributed_slice]
pub static ASSERTIONS: [Assertion];

/// The place of `assertion` among [`ASSERTIONS`].
#[must_use]
pub fn place(assertion: &'static Assertion) -> usize {
    let offset = std::ptr::from_ref(assertion).addr() - ASSERTIONS.as_ptr().addr();
    offset / size_of::<Assertion>()
}

/// Whether somebody counts: the code runs in a simulation.
#[inline]
#[must_use]
pub fn is_counted() -> bool {
    context::is_told_of_changes()
}

/// Tells whoever counts, and, where nobody does, the log of what is broken.
#[cold]
pub fn tell(seen: &Seen<'_>) {
    if is_counted() {
        context::with_current(|backend| {
            if let Some(backend) = backend {
                backend.asserted(seen);
            }
        });
        return;
    }
    if seen.holds || !seen.assertion.rule.is_always() {
        return;
    }
    let Assertion {
        rule,
        message,
        module,
        file,
        line,
        ..
    } = seen.assertion;
    tracing::error!(
        target: "simoom::assertion",
        rule = %rule,
        module,
        file,
        line,
        numbers = seen.numbers.map(tracing::field::debug),
        detail = seen.detail.map(tracing::field::display),
        "assertion does not hold: {message}"
    );
}

/// Tells whoever counts that `assertion` held.
#[cold]
pub fn held(assertion: &'static Assertion, numbers: Option<(i128, i128)>) {
    tell(&Seen {
        assertion,
        holds: true,
        numbers,
        detail: None,
    });
}

/// How many of `conditions` hold.
#[inline]
#[must_use]
pub fn held_of(conditions: &[bool]) -> usize {
    conditions.iter().filter(|holds| **holds).count()
}

/// What numeric assertions compare: whole numbers and lengths of time.
#[diagnostic::on_unimplemented(
    message = "a numeric assertion compares whole numbers or lengths of time, not `{Self}`",
    label = "neither a whole number nor a `Duration`",
    note = "take a whole number of some unit, such as `(ratio * 1e6) as i64`, or compare by \
            `assert_always!(left < right, ..)`"
)]
pub trait Number: Copy + PartialOrd {
    /// The number, or the nearest that fits; of a length of time, its nanoseconds.
    fn number(self) -> i128;
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {
            #[inline]
            fn number(self) -> i128 {
                self as i128
            }
        }
    )*};
}

numbers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, usize);

impl Number for u128 {
    #[inline]
    fn number(self) -> i128 {
        i128::try_from(self).unwrap_or(i128::MAX)
    }
}

impl Number for Duration {
    #[inline]
    fn number(self) -> i128 {
        self.as_nanos().number()
    }
}
