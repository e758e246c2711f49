//! Every kind of fault bites: a small program notices it, and nothing where it cannot happen.
//!
//! Simulators of others have held faults that did nothing for years. One table holds a program for
//! each kind; a kind without one fails `every_kind_has_a_canary`.

mod clock;
mod disk;
mod net;
mod node;
mod os;
mod user;

use std::future::Future;
use std::pin::Pin;

use simoom_sim::faults::{Family, Target};
use simoom_sim::{Config, Fault, Kind, Plan, Ratio, Sim, Strategy, check};

/// Whether the program noticed.
type Noticed = Pin<Box<dyn Future<Output = bool>>>;

/// A program that notices a kind of fault.
#[derive(Clone, Copy)]
struct Canary {
    kind: Kind,
    /// What the fault needs besides its probability.
    fault: fn(Fault) -> Fault,
    program: fn(Sim) -> Noticed,
    /// It is in question without a plan, too: what a loss of power takes.
    without_plan: bool,
}

impl Canary {
    const fn new(kind: Kind, program: fn(Sim) -> Noticed) -> Self {
        Self {
            kind,
            fault: |fault| fault,
            program,
            without_plan: false,
        }
    }

    const fn with(self, fault: fn(Fault) -> Fault) -> Self {
        Self { fault, ..self }
    }

    const fn without_a_plan_too(self) -> Self {
        Self {
            without_plan: true,
            ..self
        }
    }
}

/// All of them.
fn canaries() -> Vec<Canary> {
    [
        clock::CANARIES,
        disk::CANARIES,
        net::CANARIES,
        node::CANARIES,
        os::CANARIES,
        user::CANARIES,
    ]
    .into_iter()
    .flatten()
    .copied()
    .collect()
}

/// Runs the program of `canary` under its fault with `probability`.
fn run(canary: &Canary, probability: Ratio, expected: bool) {
    let Canary {
        kind,
        fault,
        program,
        ..
    } = *canary;
    for seed in [1, 2, 3] {
        // One seed, so that the calm run, in which nothing happens, is not judged.
        let config = Config::default()
            .seed(seed)
            .strategy(Strategy::Random)
            .shrink(false)
            .persist(false);
        let report = check(config, move |sim| async move {
            sim.faults(fault(Fault::new(kind).probability(probability)).may_be_inert());
            let noticed = program(sim.clone()).await;
            let counts = sim.fault_counts(kind);
            assert_eq!(noticed, expected, "{kind} at {probability}: {counts:?}");
            assert_eq!(
                counts.fired > 0,
                expected,
                "{kind} at {probability}: {counts:?}"
            );
            assert_eq!(
                counts.observed > 0,
                expected,
                "{kind} at {probability}: {counts:?}"
            );
            assert!(counts.offered > 0, "{kind} never came into question");
        });
        assert!(report.failure().is_none(), "{report}");
        assert_eq!(report.faults().of(kind).fired > 0, expected);
    }
}

#[test]
fn every_kind_is_noticed_where_it_must_happen() {
    for canary in canaries() {
        run(&canary, Ratio::ALWAYS, true);
    }
}

#[test]
fn no_kind_is_noticed_where_it_cannot_happen() {
    for canary in canaries() {
        run(&canary, Ratio::NEVER, false);
    }
}

#[test]
fn no_kind_is_noticed_where_another_node_is_meant() {
    for canary in canaries() {
        let Canary {
            kind,
            fault,
            program,
            ..
        } = canary;
        let config = Config::default().seeds(3).persist(false);
        check(config, move |sim| async move {
            let fault = fault(Fault::new(kind).probability(Ratio::ALWAYS));
            sim.faults(fault.target(Target::node("nobody")).may_be_inert());
            // It may well be hit.
            let _nobody = sim.node("nobody");
            assert!(!program(sim.clone()).await, "{kind} hits another node");
        })
        .unwrap();
    }
}

/// The nodes of the programs but for the test's own, in groups of which no fault may hit any: both
/// ends of a link need not be spared.
fn spared(kind: Kind) -> &'static [&'static [&'static str]] {
    match kind.family() {
        Family::Net => &[&["client"], &["server"]],
        Family::Os => &[&["server"]],
        Family::User => &[&["program"]],
        _ => &[&["worker"]],
    }
}

#[test]
fn no_kind_is_noticed_where_its_node_is_spared() {
    for canary in canaries() {
        let Canary {
            kind,
            fault,
            program,
            ..
        } = canary;
        for &names in spared(kind) {
            let config = Config::default().seeds(3).persist(false);
            check(config, move |sim| async move {
                let fault = fault(Fault::new(kind).probability(Ratio::ALWAYS));
                sim.faults(Plan::from(fault.may_be_inert()).spare(names.to_vec()));
                let noticed = program(sim.clone()).await;
                assert!(!noticed, "{kind} hits {names:?}, which are spared");
                assert_eq!(sim.fault_counts(kind).fired, 0, "{kind} beside {names:?}");
            })
            .unwrap();
        }
    }
}

#[test]
fn no_canary_notices_anything_without_faults() {
    let canaries = canaries().into_iter().filter(|canary| !canary.without_plan);
    for Canary { kind, program, .. } in canaries {
        let config = Config::default().seeds(3).persist(false);
        check(config, move |sim| async move {
            assert!(!program(sim.clone()).await, "{kind}: without a plan");
            assert_eq!(sim.fault_counts(kind), Default::default());
        })
        .unwrap();
    }
}

#[test]
fn every_kind_has_a_canary() {
    let has_one = |kind: &Kind| canaries().iter().any(|canary| canary.kind == *kind);
    let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !has_one(kind)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} have no canary: add a program that notices each to a file beside this one"
    );
}
