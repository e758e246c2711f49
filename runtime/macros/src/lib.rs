//! The attribute and function-like macros of simoom.
//!
//! Owns the translation of tokens and nothing else: what the expansions do is written in `simoom`
//! and `simoom-sim`, which re-export everything here. Depends on neither.

#![forbid(unsafe_code)]

mod arguments;
mod entry;
#[cfg(test)]
mod errors;
mod function;
mod join;
mod root;
mod select;
mod sim;

use proc_macro::TokenStream;

/// Runs an `async fn` to its end on a runtime of its own.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, arguments.into(), item.into()).into()
}

/// Makes a test of an `async fn`, on a runtime of its own.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, arguments.into(), item.into()).into()
}

// Documented where `simoom-sim` re-exports it.
#[expect(missing_docs, reason = "the re-export has the documentation")]
#[proc_macro_attribute]
pub fn sim_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    sim::expand(arguments.into(), item.into()).into()
}

/// What `simoom::select!` expands to. Its first token names the crate.
#[doc(hidden)]
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input.into()).into()
}

/// What `simoom::join!` expands to. Its first token names the crate.
#[doc(hidden)]
#[proc_macro]
pub fn join(input: TokenStream) -> TokenStream {
    join::expand(join::Kind::All, input.into()).into()
}

/// What `simoom::try_join!` expands to. Its first token names the crate.
#[doc(hidden)]
#[proc_macro]
pub fn try_join(input: TokenStream) -> TokenStream {
    join::expand(join::Kind::UntilError, input.into()).into()
}
