//! The target `timers`.
#![no_main]

simoom_fuzz::target!("timers");
