//! The target `tcp`.
#![no_main]

simoom_fuzz::target!("tcp", schedule);
