//! The target `times`.
#![no_main]

simoom_fuzz::target!("times");
