//! The macros of the crate's root.
