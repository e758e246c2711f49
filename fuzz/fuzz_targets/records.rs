//! The target `records`.
#![no_main]

simoom_fuzz::target!("records");
