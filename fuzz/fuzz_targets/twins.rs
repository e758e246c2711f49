//! The target `twins`.
#![no_main]

simoom_fuzz::target!("twins", schedule);
