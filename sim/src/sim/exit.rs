//! What mains return.

use std::fmt;

/// What the main of a node, or a test, may return: nothing, or a result whose error fails the run.
///
/// An `async` block that ends in a `loop` or a `panic!` returns `!`, which has no `Exit` yet: write
/// an `async fn` with `()` or `io::Result<()>` as its return type instead.
#[diagnostic::on_unimplemented(
    message = "a node's main and a simulated test return `()` or `Result<(), E>`, not `{Self}`",
    label = "returns `{Self}`",
    note = "if it never returns, write it as an `async fn` whose return type is `()` or `Result<(), E>`"
)]
pub trait Exit {
    /// The error, as text.
    fn exit(self) -> Result<(), String>;
}

impl Exit for () {
    fn exit(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug> Exit for Result<(), E> {
    fn exit(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:?}"))
    }
}
