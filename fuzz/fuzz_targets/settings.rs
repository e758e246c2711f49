//! The target `settings`.
#![no_main]

simoom_fuzz::target!("settings");
