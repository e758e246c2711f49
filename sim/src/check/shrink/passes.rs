//! The order of the passes.

use super::search::{Budget, Search, Shrunk};
use super::verdict::{Judge, Verdict};
use super::{bulk, delta, entropy, magnitudes, orders, strikes, work};

/// Shrinks what was `found`, which fails by `signature`.
pub(crate) fn shrink(judge: &dyn Judge, signature: &str, found: Verdict, budget: Budget) -> Shrunk {
    let raw = found.deviations.clone();
    let mut search = Search::new(judge, signature, found, budget);
    search.pass("in bulk", bulk::kinds);
    search.pass("by time", bulk::times);
    search.pass("runs", delta::runs);
    while search.pass("singles", delta::singles) && search.pass("pairs", delta::pairs) {}
    search.pass("struck elsewhere", strikes::elsewhere);
    search.pass("put together", magnitudes::put_together);
    search.pass("one alone", |search| orders::one_alone(search, &raw));
    search.pass("hand-offs", orders::contract);
    search.pass("elsewhere", orders::elsewhere);
    search.pass("singles", delta::singles);
    search.pass("operations", work::leave_out);
    search.pass("entropy", entropy::simplify);
    search.pass("sizes", magnitudes::lower);
    search.pass("singles", delta::singles);
    search.finish()
}
