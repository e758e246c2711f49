//! The target `frames`.
#![no_main]

simoom_fuzz::target!("frames");
