//! The macros of the crate's root.
//!
//! Owns their documentation and what their expansions call. The translation itself is in
//! `simoom-macros`.

mod assertions;
mod buggify;
mod entry;
mod join;
mod pin;
mod select;
pub mod support;
mod task_local;

pub use self::entry::{main, test};
