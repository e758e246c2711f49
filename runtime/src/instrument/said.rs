//! How a runtime says what it found out by itself.
//!
//! Owns where that goes. Knows nothing of what it is.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Says `what` to people: by a line on the standard error, or as a warning of `tracing` with the
/// feature of that name.
pub(crate) fn say(what: &dyn Display) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "simoom", "{what}");
    #[cfg(not(feature = "tracing"))]
    {
        use std::io::Write;

        // Who has closed it does not want to know.
        let _ = writeln!(std::io::stderr(), "simoom: {what}");
    }
}

/// Runs foreign code whose panic must stop nobody; true if there was none. A payload whose own
/// destructor may panic again is leaked.
pub(super) fn contain(f: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => true,
        Err(payload) => {
            std::mem::forget(payload);
            false
        }
    }
}
