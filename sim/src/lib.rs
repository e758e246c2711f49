//! The seeded simulator of simoom: nodes, a network and virtual time for ordinary tests.

mod backend;
mod check;
mod choice;
mod door;
mod kill;
mod logs;
mod native;
mod panics;
mod record;
mod remote;
mod run;
mod sim;
mod strategy;
mod stuck;
mod watchdog;
mod world;

pub use self::check::{Config, Found, Report, RunSummary, check};
pub use self::choice::value;
pub use self::sim::{Exit, Net, Node, Sim};
pub use self::strategy::{Strategy, UnknownStrategy};
pub use self::world::failure::Failure;
pub use self::world::node::OnFailure;

pub use simoom_macros::sim_test as test;

/// What the macros of this crate expand to.
#[doc(hidden)]
pub mod __private {
    use std::future::Future;
    use std::panic::Location;

    use crate::Config;
    use crate::check::{Identity, check_as};
    use crate::sim::{Exit, Sim};

    /// Runs a test made by the attribute.
    #[track_caller]
    pub fn run_test<F, M>(
        config: Config,
        module: &str,
        name: &str,
        file: &str,
        manifest_dir: &str,
        package: &str,
        test: M,
    ) where
        M: Fn(Sim) -> F + Send + Sync + 'static,
        F: Future + 'static,
        F::Output: Exit,
    {
        let identity = Identity::of_attribute(
            module,
            name,
            file,
            manifest_dir,
            package,
            Location::caller(),
        );
        check_as(identity, config, test).unwrap();
    }
}
