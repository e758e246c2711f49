//! The target `disk`.
#![no_main]

simoom_fuzz::target!("disk", schedule);
