//! What a test holds: the simulation, its nodes and its network.
//!
//! Owns the words in which a test steers. Knows nothing of how the world carries them out.

mod addresses;
mod clock;
mod disk;
mod ending;
mod exit;
mod faults;
mod leaks;
mod messages;
mod net;
mod node;
mod process;
mod program;
mod sheets;
mod simulation;
mod spawn;
mod workload;

pub use self::clock::Clock;
pub use self::disk::Disk;
pub use self::ending::Wait;
pub use self::exit::Exit;
pub use self::faults::Converged;
pub use self::messages::{Hold, Matching, Message, MessageId};
pub use self::net::Net;
pub use self::node::Node;
pub use self::process::{Process, ProcessInput, ProcessOutput};
pub use self::program::ProgramExit;
pub(crate) use self::program::child_main;
pub use self::simulation::Sim;
pub use self::spawn::NodeIsDown;
pub use self::workload::{Operation, Workload};
