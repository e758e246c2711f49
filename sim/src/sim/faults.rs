//! What a test says about faults.

use simoom_faults::{Kind, Plan};

use super::Sim;
use super::simulation::with;
use crate::world::World;
use crate::world::faults::FaultCounts;

impl Sim {
    /// Lets faults happen from now on, as `plan` or a profile says; in place of an earlier plan.
    ///
    /// The node of the test itself, its links included, is hit only by faults whose target names
    /// a node. Without a call there are no faults, and none happen under
    /// [`Strategy::Calm`](crate::Strategy::Calm).
    ///
    /// # Panics
    /// If the plan cannot be carried out, with all its [problems](Plan::check).
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, Profile, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     sim.faults(Profile::hostile());
    ///     simoom::time::sleep(std::time::Duration::from_secs(1)).await;
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn faults(&self, plan: impl Into<Plan>) {
        let plan = plan.into();
        if let Err(error) = plan.check() {
            panic!("{error}");
        }
        with_world(self, |world| {
            world.faults.follow(plan, world.seed, world.now_ns)
        });
    }

    /// Says that the set-up is over: faults of a plan that waits for it
    /// ([`Plan::after_setup`]) begin now.
    pub fn setup_complete(&self) {
        with_world(self, |world| world.faults.begin(world.now_ns));
    }

    /// How often faults of `kind` came into question in this run so far, fired, and were seen.
    #[must_use]
    pub fn fault_counts(&self, kind: Kind) -> FaultCounts {
        with_world(self, |world| world.faults.tally.of(kind))
    }
}

fn with_world<R>(sim: &Sim, change: impl FnOnce(&mut World) -> R) -> R {
    with(sim.world, |backend| backend.with(change))
}
