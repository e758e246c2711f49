//! The target `flags`.
#![no_main]

simoom_fuzz::target!("flags");
