//! The target `faults`.
#![no_main]

simoom_fuzz::target!("faults");
