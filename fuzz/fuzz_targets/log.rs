//! The target `log`.
#![no_main]

simoom_fuzz::target!("log");
