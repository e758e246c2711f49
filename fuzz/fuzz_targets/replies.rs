//! The target `replies`.
#![no_main]

simoom_fuzz::target!("replies");
