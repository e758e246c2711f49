//! What mains return.

use std::any::Any;
use std::error::Error;
use std::{fmt, io};

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
    /// The error, as text: the `Display` of an `io::Error` or a boxed error, the `Debug` of others.
    fn exit(self) -> Result<(), String>;
}

impl Exit for () {
    fn exit(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Debug + 'static> Exit for Result<(), E> {
    fn exit(self) -> Result<(), String> {
        self.map_err(|error| text(&error))
    }
}

/// An error in its own words, where its type is known to have some for people.
fn text<E: fmt::Debug + 'static>(error: &E) -> String {
    let any: &dyn Any = error;
    if let Some(error) = any.downcast_ref::<io::Error>() {
        return error.to_string();
    }
    if let Some(error) = any.downcast_ref::<Box<dyn Error>>() {
        return error.to_string();
    }
    if let Some(error) = any.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return error.to_string();
    }
    format!("{error:?}")
}
