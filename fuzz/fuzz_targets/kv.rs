//! The target `kv`.
#![no_main]

simoom_fuzz::target!("kv", schedule);
