//! How a run ends: it is described, then its world is taken down.
//!
//! Owns what is read from a world that has come to its end. Knows nothing of how it got there.

use super::outcome::{KeptRun, Outcome, Parting, ToldRun};
use super::spec::{Choices, Spec, Stop};
use super::story::describe;
use super::turns::Verdict;
use crate::backend::SimBackend;
use crate::baton::Worker;
use crate::kill;
use crate::record::{Level, Names};
use crate::stuck::Standstill;
use crate::world::failure::{Failure, Seconds};
use crate::world::faults::Named;
use crate::world::node::NodeId;
use crate::world::{World, each};

/// Describes how the run ended, then takes the world down.
pub(super) fn finish(backend: &SimBackend, verdict: Verdict, polls: u64, spec: &Spec) -> Outcome {
    let mut failure = backend.with(|world| world.failure.clone());
    if failure.is_none() && spec.stop.is_none() {
        failure = backend.with(World::judge_cancelled);
    }
    let (hash, events, time_ns) =
        backend.with(|world| (world.hash(), world.events(), world.now_ns));
    // One run deviates as often as it likes, and what a seed that passed deviated in is nobody's
    // question: writing it down took most of such a run.
    let is_read =
        failure.is_some() || spec.level == Level::Full || matches!(spec.choices, Choices::Plan(_));
    let (deviations, done, drew, families) = if is_read {
        backend.with(|world| {
            let deviations = describe(world, &world.deviated);
            let seeded = world.entropy.seeded(|path| world.paths.hash(path));
            let (drew, counts): (Vec<_>, Vec<_>) = seeded.into_iter().unzip();
            let drew = describe(world, &drew).into_iter().zip(counts).collect();
            let done = describe(world, &world.works.done);
            (deviations, done, drew, world.paths.families())
        })
    } else {
        Default::default()
    };
    let is_read_in_full = spec.level == Level::Full;
    let (wants_name, wants_stacks) = match failure {
        Some(Failure::Deadlock | Failure::TimeLimit { .. }) => (true, is_read_in_full),
        Some(Failure::Paused { .. } | Failure::StepLimit { .. }) => (false, is_read_in_full),
        _ => (false, false),
    };
    let (wants_name, wants_stacks) = match spec.stop {
        Some(_) => (false, true),
        None => (wants_name, wants_stacks),
    };
    let orders = backend.with(|world| match world.orders.take() {
        Some(orders) => describe(world, &orders),
        None => Vec::new(),
    });
    let spared = backend.with(|world| match world.spared.take() {
        Some(spared) => describe(world, &spared),
        None => Vec::new(),
    });
    let is_deadlock = matches!(failure, Some(Failure::Deadlock));
    let standstill = (wants_name || wants_stacks).then(|| Standstill::of(backend, wants_stacks));
    if let (true, Some(standstill)) = (wants_name, &standstill) {
        failure = failure.map(|failure| standstill.named(failure));
    }
    let stopped = match failure {
        Some(Failure::Deadlock | Failure::Futurelock { .. } | Failure::TimeLimit { .. })
            if wants_stacks =>
        {
            backend.with(|world| world.stopped_traffic())
        }
        _ if spec.stop.is_some() => backend.with(|world| world.stopped_traffic()),
        _ => Vec::new(),
    };
    let nodes = match spec.stop {
        Some(stop) => backend.with(|world| {
            if let (Stop::Time(time_ns), Some(Failure::TimeLimit { .. })) = (stop, &failure) {
                // Nothing more happens until then.
                world.now_ns = world.now_ns.max(time_ns);
            }
            world.node_sights()
        }),
        None => Vec::new(),
    };
    let recorded = backend.with(World::take_record).into_recorded();
    let tells = recorded.kept.is_some() || recorded.parted.is_some();
    let names = if spec.level == Level::Full || tells {
        backend.with(|world| world.names())
    } else {
        Names::default()
    };
    let record = names.lines(&recorded.events);
    let told = (spec.level == Level::Full).then(|| {
        let (events, mut names) = (recorded.events, names.clone());
        backend.with(|world| world.label_tasks(&mut names));
        let logs = Vec::new();
        Box::new(ToldRun {
            events,
            names,
            logs,
        })
    });
    let parted = recorded.parted.as_ref();
    let parting = parted.map(|parted| Parting::of(parted, &names));
    let kept = (recorded.kept).map(|kept| Box::new(KeptRun { kept, names }));
    let (faults, planned) = backend.with(|world| {
        let faults = std::mem::take(&mut world.faults.tally);
        (faults, world.faults.take_entries())
    });
    let named = backend.with(|world| {
        let named = world.faults.take_named();
        let is_asked = !named.is_empty();
        let nodes = world.nodes.iter().filter(|_| is_asked);
        let nodes = nodes.map(|node| node.name.clone()).collect();
        Named { named, nodes }
    });
    let history = backend.with(|world| std::mem::take(&mut world.history));
    let history = history
        .into_iter()
        .map(|(time_ns, who, text)| format!("{:>9}  {who}: {text}", Seconds(time_ns).to_string()))
        .collect();
    let acts = backend.with(|world| std::mem::take(&mut world.acts));
    let (assertions, stack) = backend.with(|world| {
        let assertions = std::mem::take(&mut world.assertions);
        (assertions, world.failure_stack.take())
    });
    let sheets = backend.with(World::take_sheets);
    let learnt = backend.with(World::learnt);
    let awaits = backend.with(World::take_awaits);
    let stuck = match standstill {
        Some(standstill) if wants_stacks => standstill.report(backend, is_deadlock),
        _ => Vec::new(),
    };
    tear_down(backend);
    Outcome {
        failure,
        hash,
        events,
        polls,
        time_ns,
        deviations,
        done,
        drew,
        families,
        orders,
        spared,
        stuck,
        stopped,
        nodes,
        foreign: verdict.foreign,
        record,
        told,
        history,
        acts,
        assertions,
        sheets,
        faults,
        named,
        planned,
        backtrace: verdict.backtrace.or(stack),
        kept,
        parting,
        awaits,
        learnt,
        lost_threads: backend.lost_threads(),
    }
}

/// Drops every task, newest first, in the dead context.
fn tear_down(backend: &SimBackend) {
    loop {
        let doomed = backend.with(|world| {
            let mut doomed = Vec::new();
            for slot in world.tasks.by_birth().into_iter().rev() {
                doomed.extend(world.remove_task(slot));
            }
            doomed
        });
        if doomed.is_empty() {
            break;
        }
        kill::drop_dead(backend, doomed);
    }
    let idle = backend.with(|world| {
        let nodes = (0..world.nodes.len() as u16).map(NodeId);
        nodes
            .flat_map(|node| world.clear_pool(node))
            .collect::<Vec<_>>()
    });
    idle.into_iter().for_each(Worker::end);
    let messages = backend.claim().close();
    let (wakers, boots, (programs, starting)) = backend.with(World::take_leftovers);
    let parts = backend.take_parts();
    backend.while_dead(|| {
        let _ = each(parts.into_wakers(), drop);
        let _ = each(messages, drop);
        let _ = each(wakers, drop);
        let _ = each(boots, drop);
        let _ = each(programs, drop);
        let _ = each(starting, drop);
    });
}
