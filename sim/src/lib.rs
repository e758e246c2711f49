//! The seeded simulator of simoom: nodes, a network and virtual time for ordinary tests.

mod backend;
mod choice;
mod door;
mod kill;
mod panics;
mod record;
mod remote;
mod run;
mod sim;
mod strategy;
mod stuck;
mod world;

pub use self::choice::value;
pub use self::sim::{Exit, Net, Node, Sim};
pub use self::strategy::{Strategy, UnknownStrategy};
pub use self::world::failure::Failure;
pub use self::world::node::OnFailure;
