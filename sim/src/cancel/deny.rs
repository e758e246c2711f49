//! What cancellations may not do.
//!
//! Owns what is denied, and the words for what was done all the same. Knows nothing of runs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::checkers::leaks::Leak;
use crate::world::World;
use crate::world::cancels::AwaitPlace;
use crate::world::failure::Failure;
use crate::world::framing::Torn;
use crate::world::remains::{Remains, Remnant};

/// What cancellations may not do, for [`Config::cancel_deny`](crate::Config::cancel_deny): a run in
/// which one does fails, is shrunk and told as any other that fails.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use simoom::time::sleep;
/// use simoom_sim::cancel::{self, Deny};
/// use simoom_sim::{Config, Leak};
///
/// let deny = Deny::none().left_behind([Leak::Task, Leak::Socket, Leak::File]).torn_frames();
/// let report = cancel::every_await(Config::default().persist(false).cancel_deny(deny), |_sim| async {
///     let parent = simoom::spawn(async {
///         let child = simoom::spawn(std::future::pending::<()>());
///         sleep(Duration::from_millis(1)).await;
///         child.abort();
///     });
///     drop(parent.await);
/// });
/// let found = report.failure().unwrap().to_string();
/// assert!(found.contains("what was cancelled did not end well"), "{found}");
/// assert!(found.contains("left behind: task, of "), "{found}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Deny {
    kinds: BTreeSet<Leak>,
    torn: bool,
    settle: Duration,
}

/// What is denied in a run, and what there is at the end of the undisturbed one.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    pub(crate) deny: Deny,
    pub(crate) undisturbed: Arc<Remains>,
}

impl Deny {
    /// Nothing is denied.
    pub fn none() -> Self {
        Self {
            kinds: BTreeSet::new(),
            torn: false,
            settle: Duration::from_secs(10),
        }
    }

    /// Everything is: whatever is [left behind](Self::left_behind), and
    /// [torn frames](Self::torn_frames).
    pub fn all() -> Self {
        let all = [
            Leak::Task,
            Leak::Blocking,
            Leak::Socket,
            Leak::File,
            Leak::Timer,
            Leak::Lock,
            Leak::Messages,
        ];
        Self::none().left_behind(all).torn_frames()
    }

    /// Nothing of these kinds may be left that the undisturbed run does not leave, or less of it, told
    /// apart by the line at which it was made: what
    /// [`CancelReport::left_behind`](super::CancelReport::left_behind) lists. Slots of channels and
    /// places in queues go with [`Leak::Lock`].
    ///
    /// For [`every_await`](super::every_await) and [`pairs`](super::pairs), and sweeps that do as
    /// they: where things are cancelled by chance there is no run to compare with. Files below
    /// `/tmp` are not counted.
    pub fn left_behind(mut self, kinds: impl IntoIterator<Item = Leak>) -> Self {
        self.kinds.extend(kinds);
        self
    }

    /// No write that was cut off may be followed by something else: what
    /// [`CancelReport::torn_frames`](super::CancelReport::torn_frames) lists.
    pub fn torn_frames(mut self) -> Self {
        self.torn = true;
        self
    }

    /// How much virtual time what is under way has to end by itself once the test has returned
    /// (default 10 s), if anything is denied to be left: the run goes on for as long, or until
    /// nothing is due any more.
    pub fn settle(mut self, time: Duration) -> Self {
        self.settle = time;
        self
    }

    /// The same, but for what is left.
    pub(crate) fn without_left_behind(mut self) -> Self {
        self.kinds.clear();
        self
    }

    /// Whether a run is to be compared with the undisturbed one.
    pub(crate) fn compares(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// How long a run goes on for what it leaves.
    pub(crate) fn settles(&self) -> Option<Duration> {
        self.compares().then_some(self.settle)
    }
}

impl Denied {
    /// What is wrong with a run that was first cancelled at `place`.
    fn judge(&self, remains: &Remains, torn: &[Torn], place: AwaitPlace) -> Option<Failure> {
        let remains = remains.iter().filter(|(what, count)| {
            let is_denied = self.deny.kinds.contains(&what.leak);
            is_denied && self.undisturbed.get(what) < Some(count)
        });
        let mut wrongs: Vec<_> = remains.map(|(what, _)| left(what, &place)).collect();
        if self.deny.torn {
            wrongs.extend(torn.iter().map(tear));
        }
        (!wrongs.is_empty()).then_some(Failure::AfterCancel { wrongs })
    }
}

impl World {
    /// What is wrong with a run that passed, if something was cancelled in it.
    pub(crate) fn judge_cancelled(&mut self) -> Option<Failure> {
        let (denied, place) = self.cancels.denied()?;
        let remains = self.take_remains();
        let failure = denied.judge(&remains, self.framing.torn(), place);
        self.keep_remains(remains);
        failure
    }
}

fn left(what: &Remnant, cancelled: &AwaitPlace) -> String {
    let site = cancelled.site;
    let by = format!("cancelled at {}:{}", site.file(), site.line());
    format!("left behind: {}, {by}", what.told())
}

/// A torn frame, in words.
pub(crate) fn tear(torn: &Torn) -> String {
    let (begun, cancelled, next) = (torn.begun, torn.cancelled.site, torn.next);
    format!(
        "torn frame: begun at {}:{}, cancelled at {}:{}, and something else written at {}:{}",
        begun.file(),
        begun.line(),
        cancelled.file(),
        cancelled.line(),
        next.file(),
        next.line()
    )
}
