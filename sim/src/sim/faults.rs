//! What a test says about faults.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use simoom_faults::{Kind, Plan};

use super::Sim;
use super::simulation::{tell, with};
use crate::choice::{hash_text, value};
use crate::kill;
use crate::world::World;
use crate::world::failure::Failure;
use crate::world::faults::FaultCounts;

impl Sim {
    /// Lets faults happen from now on, as `plan` or a profile says; in place of an earlier plan, of
    /// which only what is under way goes on.
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
        with_world(self, |world| world.follow_faults(plan));
    }

    /// Says that the set-up is over: faults of a plan that waits for it
    /// ([`Plan::after_setup`]) begin now.
    #[track_caller]
    pub fn setup_complete(&self) {
        self.tell("faults.began", Location::caller(), String::new());
        with_world(self, World::begin_faults);
    }

    /// Ends every fault: nothing that the plan says happens any more, links that faults or the
    /// test cut heal, what was clogged arrives, paused nodes go on, and nodes that faults took
    /// down are booted.
    ///
    /// What the test itself did to nodes stays, and so does what clocks show. [`faults`](Self::faults) may begin anew.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, Profile, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let server = sim.node("server").run(|| async {
    ///         std::future::pending::<()>().await;
    ///     });
    ///     sim.faults(Profile::hostile());
    ///     simoom::time::sleep(Duration::from_secs(20)).await;
    ///     sim.heal();
    ///     sim.converge(Duration::from_secs(1), || server.is_alive()).await;
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn heal(&self) {
        self.tell("faults.ended", Location::caller(), String::new());
        with(self.world, |backend| {
            backend.with(|world| {
                world.end_faults();
                world.heal_all();
            });
            kill::carry_out(backend);
        });
    }

    /// Makes what faults are doing to all but the nodes called as in `core` last for good, and ends
    /// it for the core: those nodes are up, go on, and reach each other, and nothing hits them any
    /// more.
    ///
    /// Nothing happens on its own any more, operations of the other nodes still fail as planned.
    /// Faults that heal hide that a program waits for them to: whoever is enough to make progress
    /// has to make it now. See [`converge`](Self::converge).
    ///
    /// # Panics
    /// If there is no node of such a name.
    #[track_caller]
    pub fn freeze<N: AsRef<str>>(&self, core: &[N]) {
        let core: Vec<String> = core.iter().map(|name| name.as_ref().to_owned()).collect();
        for name in &core {
            let known = with_world(self, |world| world.nodes.iter().any(|it| it.name == *name));
            assert!(known, "no node is called {name:?}");
        }
        let about = format!("but for {}", core.join(", "));
        self.tell("faults.frozen", Location::caller(), about);
        with(self.world, |backend| {
            backend.with(|world| world.freeze_faults(core));
            kill::carry_out(backend);
        });
    }

    /// Draws `count` of the nodes called `names`, by the seed alone: a core for
    /// [`freeze`](Self::freeze). They come in the order of `names`.
    ///
    /// # Panics
    /// If there are not so many names.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let core = sim.draw_core(2, &["a", "b", "c"]);
    ///     assert_eq!(core.len(), 2);
    ///     assert_eq!(core, sim.draw_core(2, &["a", "b", "c"]), "the seed says it");
    /// })
    /// .unwrap();
    /// ```
    #[must_use]
    #[track_caller]
    pub fn draw_core<N: AsRef<str>>(&self, count: usize, names: &[N]) -> Vec<String> {
        assert!(
            count <= names.len(),
            "{count} nodes cannot be drawn from {}",
            names.len()
        );
        let seed = self.seed();
        let mut ranked: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        ranked.sort_by_key(|name| value(seed, CORE, hash_text(name)));
        let drawn = &ranked[..count];
        let names = names.iter().map(AsRef::as_ref);
        names
            .filter(|name| drawn.contains(name))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until `condition` holds, looking every millisecond of virtual time, and fails the run
    /// if it does not within `within`: a failure of liveness.
    ///
    /// `condition` returns whether it holds, or `Err` with what is missing, which the failure
    /// names. Call it after [`heal`](Self::heal) or [`freeze`](Self::freeze).
    ///
    /// # Cancel safety
    /// Safe.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use simoom_sim::{Config, Failure, check};
    ///
    /// let report = check(Config::default().seeds(1).persist(false), |sim| async move {
    ///     let replicas = [1, 1, 2];
    ///     sim.converge(Duration::from_secs(5), || match replicas.iter().find(|it| **it != 2) {
    ///         None => Ok(()),
    ///         Some(behind) => Err(format!("a replica is at {behind}")),
    ///     })
    ///     .await;
    /// });
    /// let failure = report.failure().unwrap();
    /// assert!(matches!(failure.cause(), Failure::NotConverged { .. }));
    /// assert!(failure.to_string().contains("a replica is at 1"));
    /// ```
    #[track_caller]
    pub fn converge<C: Converged>(
        &self,
        within: Duration,
        mut condition: impl FnMut() -> C,
    ) -> impl Future<Output = ()> {
        let (sim, place) = (self.clone(), Location::caller());
        async move {
            let end = sim.elapsed() + within;
            while let Some(what) = condition().missing() {
                if sim.elapsed() >= end {
                    let what = if what.is_empty() {
                        format!("the condition at {}:{}", place.file(), place.line())
                    } else {
                        what
                    };
                    let within_ns = i64::try_from(within.as_nanos()).unwrap_or(i64::MAX);
                    let failure = Failure::NotConverged { what, within_ns };
                    with_world(&sim, |world| world.fail(failure));
                    // The run ends after this poll.
                    return std::future::pending().await;
                }
                simoom::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Tells what the test does to faults.
    fn tell(&self, name: &str, place: &Location<'_>, about: String) {
        tell(self.world, name, place, |_| about);
    }

    /// How often faults of `kind` came into question in this run so far, fired, and were seen.
    #[must_use]
    pub fn fault_counts(&self, kind: Kind) -> FaultCounts {
        with_world(self, |world| world.faults.tally.of(kind))
    }
}

/// What a condition of [`Sim::converge`] may return: whether it holds, or a result whose error says
/// what is missing.
pub trait Converged {
    /// What is missing; empty if it has no words for it, nothing if the condition holds.
    fn missing(self) -> Option<String>;
}

impl Converged for bool {
    fn missing(self) -> Option<String> {
        (!self).then(String::new)
    }
}

impl<E: fmt::Display> Converged for Result<(), E> {
    fn missing(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

const CORE: u64 = 0x0000_636f_7265;

fn with_world<R>(sim: &Sim, change: impl FnOnce(&mut World) -> R) -> R {
    with(sim.world, |backend| backend.with(change))
}
