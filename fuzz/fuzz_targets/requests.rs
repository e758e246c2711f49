//! The target `requests`.
#![no_main]

simoom_fuzz::target!("requests");
