//! The target `plans`.
#![no_main]

simoom_fuzz::target!("plans");
