//! A server that keeps its data, under a storm of faults: shared by the test and the example `storm`.
//!
//! Owns what the clients do, what they were told, and what must hold of it. Knows nothing of sweeps.

mod clients;
mod jobs;
mod ledger;
mod lives;
mod pair;
mod requests;
pub(crate) mod run;
mod weak;
