//! The target `filters`.
#![no_main]

simoom_fuzz::target!("filters");
