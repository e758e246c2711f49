//! The body of a property as a sweep.
//!
//! Owns what is carried from an input that failed to the next one. Knows nothing of what inputs
//! are.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use ::proptest::test_runner::{TestCaseError, TestCaseResult};

use crate::check::{Drawn, Identity, check_as};
use crate::choice::Plan;
use crate::sim::{Exit, Sim};
use crate::{Config, Found};

/// Runs `test` with `input` once for each seed of `config`, as [`check`](crate::check) does, and says
/// what came of it in the words of proptest.
///
/// Meant for the body of a `proptest!`, with a `?` behind it. Each run has a copy of the input. The
/// seeds are the same for every input: let [schedules](super::schedules()) be drawn as well where
/// the input matters less than the order of tasks.
///
/// See the [module](super) for who shrinks what. What is not done here, since proptest goes on with
/// other inputs: nothing is [saved](Config::persist), as proptest keeps failing inputs of its own
/// (in `proptest-regressions`, and tries them first) and the sweep finds the same in them; no fresh
/// process is asked; and no failure is [explained](Config::explain), which would be done for each
/// input that fails. To have all that, write a test with the input that was found.
///
/// # Errors
/// [`Fail`](TestCaseError::Fail) with the story of the first failing seed, its choices shrunk. Once
/// an input has failed, one that fails in another way is a [`Reject`](TestCaseError::Reject).
///
/// # Examples
/// ```
/// use proptest::test_runner::TestCaseError;
/// use simoom_sim::Config;
///
/// let tried = |input| {
///     simoom_sim::proptest::run(Config::default().seeds(3), input, |_sim, input| async move {
///         assert!(input < 10, "too much");
///     })
/// };
/// assert!(tried(9).is_ok());
/// let Err(TestCaseError::Fail(story)) = tried(10) else { panic!("it is too much") };
/// assert!(story.message().contains("too much"), "{story}");
/// assert!(story.message().contains("it fails undisturbed too"), "{story}");
/// ```
#[track_caller]
pub fn run<I, F, M>(config: Config, input: I, test: M) -> TestCaseResult
where
    I: Clone + Send + Sync + 'static,
    M: Fn(Sim, I) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Exit,
{
    let location = Location::caller();
    let property = Property::of::<M>(location);
    let carried = CARRIED.with_borrow(|carried| carried.get(&property).cloned());
    let former = carried.as_ref().and_then(|plan| plan.failure.clone());
    let config = Config {
        drawn: Some(Drawn { carried }),
        replays_saved: false,
        ..config.persist(false).processes(0).explain(false)
    };
    let identity = Identity::of_call(location, TypeId::of::<M>(), &config);
    let report = check_as(identity, config, move |sim| test(sim, input.clone()));
    let Some(found) = report.found else {
        return Ok(());
    };
    let signature = found.failure.signature();
    if former.is_some_and(|former| former != signature) {
        return Err(TestCaseError::reject(format!(
            "it fails in another way: {}",
            found.failure
        )));
    }
    let plan = Plan {
        failure: Some(signature),
        ..found.plan.clone()
    };
    CARRIED.with_borrow_mut(|carried| carried.insert(property, Arc::new(plan)));
    Err(TestCaseError::fail(story(&found)))
}

/// The report, apart from what proptest writes around it.
fn story(found: &Found) -> String {
    format!("\n{found}\n")
}

/// What tells a property from others on this thread.
///
/// proptest ends a property when it has shrunk a failure of it, so what is carried of it serves no
/// later input, unless its body is a function that several properties of one thread call with the
/// same closure. Then the failure of one of them hides another's, for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Property {
    file: &'static str,
    line: u32,
    column: u32,
    body: TypeId,
}

impl Property {
    fn of<M: 'static>(location: &'static Location<'static>) -> Self {
        Self {
            file: location.file(),
            line: location.line(),
            column: location.column(),
            body: TypeId::of::<M>(),
        }
    }
}

thread_local! {
    /// The choices that failed with the last input that did, by property.
    static CARRIED: RefCell<BTreeMap<Property, Arc<Plan>>> = const { RefCell::new(BTreeMap::new()) };
}
