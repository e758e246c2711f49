//! The target `sync`.
#![no_main]

simoom_fuzz::target!("sync");
