//! The attribute and function-like macros of simoom.
