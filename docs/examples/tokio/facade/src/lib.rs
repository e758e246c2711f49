//! simoom under the name of tokio, for programs that were written for it.

pub use simoom::*;
