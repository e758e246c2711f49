//! How nodes live and die.
//!
//! Owns the order in which a process ends: its tasks leave the world, its sockets are closed or
//! vanish, then what is left of the tasks is dropped.

use std::future::poll_fn;
use std::panic::Location;
use std::task::{Context, Poll};

use simoom::backend::{Task, end_all_at, spawn_local_in};

use crate::backend::{SimBackend, SpawnFor};
use crate::baton::{self, Worker};
use crate::record::EventKind;
use crate::world::failure::Failure;
use crate::world::faults::Act;
use crate::world::node::{Ended, Left, NodeId, OnFailure, SIGKILL};
use crate::world::processes::ProcessId;
use crate::world::tasks::TaskEntry;
use crate::world::{World, each};

/// Starts a node's main, in a new incarnation if it ran before.
pub(crate) fn boot(backend: &SimBackend, node: NodeId) {
    if baton::is_guest() {
        return baton::ask(move |backend| boot(backend, node));
    }
    let boot = backend.with(|world| {
        let name = world.nodes[node.0 as usize].name.clone();
        let again = world.nodes[node.0 as usize].incarnation > 0;
        let root = if again {
            Some(world.paths.child(None, name.into()))
        } else {
            None
        };
        let this = &mut world.nodes[node.0 as usize];
        if let Some(root) = root {
            this.root = root;
        }
        this.incarnation += 1;
        this.alive = true;
        let was_off = !std::mem::replace(&mut this.powered, true);
        let (incarnation, boot) = (
            this.incarnation,
            this.boot.clone().map(|boot| (boot, this.booted_at)),
        );
        world.note(
            EventKind::NodeBooted,
            u64::from(node.0),
            u64::from(incarnation),
        );
        if was_off {
            world.reach_again(node);
        }
        boot
    });
    let Some((boot, location)) = boot else { return };
    let main = async move {
        let result = boot().await;
        wind_down(node, location, result.is_err()).await;
        let mut is_first = true;
        poll_fn(|cx| {
            SimBackend::current(|backend| match backend {
                Some(backend) if !backend.is_dead() => {
                    let is_first = std::mem::take(&mut is_first);
                    leave(backend, cx, node, is_first, &result)
                }
                _ => Poll::Ready(()),
            })
        })
        .await;
        SimBackend::current(|backend| {
            if let Some(backend) = backend {
                main_ended(backend, node, result);
            }
        });
    };
    let target = SpawnFor {
        node,
        name: Some("main"),
    };
    backend.spawning_for(target, || {
        drop(spawn_local_in(backend, main, location.into()))
    });
}

/// Lets the tasks of a main that has returned end by themselves, if its node gives them time.
async fn wind_down(node: NodeId, location: &'static Location<'static>, is_error: bool) {
    let bound = SimBackend::current(|backend| {
        backend?.with(|world| {
            let this = &world.nodes[node.0 as usize];
            this.shutdown.filter(|_| leaves(this.on_failure, is_error))
        })
    });
    let Some(bound) = bound else { return };
    let shutdown = end_all_at(bound, location).await;
    SimBackend::current(|backend| {
        let Some(backend) = backend else { return };
        for task in shutdown.dropped() {
            let text = task.to_string();
            backend.with(|world| world.tell("node.task.dropped", &text));
        }
    });
}

fn main_ended(backend: &SimBackend, node: NodeId, result: Result<(), String>) {
    if backend.is_dead() {
        // It killed its own node on the way: nobody is left to return anything.
        return;
    }
    let message = match result {
        Ok(()) => return end(backend, node, Ended::Returned),
        Err(message) => message,
    };
    let (policy, name) = backend.with(|world| {
        let this = &world.nodes[node.0 as usize];
        let (policy, name) = (this.on_failure, this.name.clone());
        if !leaves(policy, true) {
            world.note_exit(node, Left::WithError(&message));
        }
        (policy, name)
    });
    let how = Ended::Failed {
        message: message.clone(),
    };
    match policy {
        OnFailure::FailRun => {
            backend.with(|world| {
                world.fail(Failure::Error {
                    node: name,
                    message,
                })
            });
        }
        OnFailure::KillNode => end(backend, node, how),
        OnFailure::MayExit => end(backend, node, how),
        OnFailure::Contain => backend.with(|world| world.note_end(node, how)),
        OnFailure::Restart { after, at_most } => {
            end(backend, node, how);
            backend.with(|world| world.restart_later(node, after, at_most));
        }
    }
}

/// Whether the runtime of a main that has returned is shut down as by its drop.
fn leaves(policy: OnFailure, is_error: bool) -> bool {
    !is_error || matches!(policy, OnFailure::MayExit | OnFailure::Restart { .. })
}

/// Shuts the runtime of a main down that has returned, as its drop does: what its other tasks hold
/// is dropped while the process still lives, then blocking closures that run are waited for.
///
/// Ready at once if the process does not end with its main.
fn leave(
    backend: &SimBackend,
    cx: &mut Context<'_>,
    node: NodeId,
    is_first: bool,
    result: &Result<(), String>,
) -> Poll<()> {
    let policy = backend.with(|world| world.nodes[node.0 as usize].on_failure);
    if !leaves(policy, result.is_err()) {
        return Poll::Ready(());
    }
    if is_first {
        for child in backend.with(|world| world.children_of(node)) {
            end_child(backend, child, SIGKILL);
        }
        let leaving = backend.with(|world| {
            world.note_exit(
                node,
                match result {
                    Ok(()) => Left::Fine,
                    Err(message) => Left::WithError(message),
                },
            );
            take_tasks(world, node, |entry| !entry.on_thread)
        });
        // A runtime that shuts down has nobody to tell what destructors throw, either.
        let _ = each(leaving, drop);
    }
    let waker = cx.waker().clone();
    if backend.with(|world| world.is_pool_quiet(node, waker)) {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

/// Kills a node's process, as SIGKILL does.
pub(crate) fn kill(backend: &SimBackend, node: NodeId) {
    end(backend, node, Ended::Killed { signal: SIGKILL });
}

/// Ends a node's process from without. The task that is running, if it is the node's, is dropped by
/// the run when its poll returns.
pub(crate) fn end(backend: &SimBackend, node: NodeId, how: Ended) {
    if baton::is_guest() {
        return baton::ask(move |backend| end(backend, node, how));
    }
    let doomed = backend.with(|world| {
        let doomed = end_process(world, node, how);
        world.close_sockets_of(node);
        doomed
    });
    bury(backend, doomed);
}

/// Takes the power from machines, all at one instant.
pub(crate) fn power_loss(backend: &SimBackend, nodes: &[NodeId]) {
    if baton::is_guest() {
        let nodes = nodes.to_vec();
        return baton::ask(move |backend| power_loss(backend, &nodes));
    }
    let doomed = backend.with(|world| {
        let mut doomed = Doomed::default();
        for &node in nodes {
            if !std::mem::replace(&mut world.nodes[node.0 as usize].powered, false) {
                continue;
            }
            world.note(EventKind::NodePowerLost, u64::from(node.0), 0);
            let Doomed { tasks, idle } = end_process(world, node, Ended::PowerLost);
            doomed.tasks.extend(tasks);
            doomed.idle.extend(idle);
            world.vanish_sockets_of(node);
            world.tell_unsynced(node);
            world.disk_power_loss(node);
        }
        doomed
    });
    bury(backend, doomed);
}

/// What is left of a process.
#[derive(Default)]
struct Doomed {
    tasks: Vec<TaskEntry>,
    /// Threads for blocking work that have none.
    idle: Vec<Worker>,
}

/// Takes a process out of the world, but for its sockets.
fn end_process(world: &mut World, node: NodeId, how: Ended) -> Doomed {
    if !std::mem::replace(&mut world.nodes[node.0 as usize].alive, false) {
        return Doomed::default();
    }
    if how != Ended::Returned {
        world.tell_syncs_cut_off(node);
    }
    let this = &mut world.nodes[node.0 as usize];
    this.deaths += 1;
    let mut signals = std::mem::take(&mut this.signals);
    let tasks = tasks_of(world, node);
    world.note(EventKind::NodeKilled, u64::from(node.0), tasks.len() as u64);
    world.end_pause(node);
    world.note_end(node, how);
    world.effects.drop_all(signals.take_wakers());
    world.end_children_of(node);
    // Nothing of them leaves the machine: a loss of power ends them as a kill does.
    world.close_unix_sockets_of(node);
    world.close_pipes_of(node);
    world.close_files_of(node);
    let idle = world.clear_pool(node);
    Doomed { tasks, idle }
}

/// Takes the tasks of a node out of the world, newest first; the running one stays.
fn tasks_of(world: &mut World, node: NodeId) -> Vec<TaskEntry> {
    take_tasks(world, node, |_| true)
}

fn take_tasks(
    world: &mut World,
    node: NodeId,
    is_wanted: impl Fn(&TaskEntry) -> bool,
) -> Vec<TaskEntry> {
    let running = world.tasks.running;
    let mut tasks = Vec::new();
    for slot in world.tasks.by_birth().into_iter().rev() {
        let of_node = world
            .tasks
            .get(slot)
            .is_some_and(|entry| entry.node == node && is_wanted(entry));
        if of_node && Some(slot) != running {
            tasks.extend(world.remove_task(slot));
        }
    }
    tasks
}

fn bury(backend: &SimBackend, doomed: Doomed) {
    backend.set_running_dead(backend.with(|world| world.is_running_dead()));
    drop_dead(backend, doomed.tasks);
    doomed.idle.into_iter().for_each(Worker::end);
}

/// Ends a child process, with this status as wait(2) tells it. The task that is running, if it is the
/// child's, is dropped by the run when its poll returns.
pub(crate) fn end_child(backend: &SimBackend, child: ProcessId, status: i32) {
    if baton::is_guest() {
        return baton::ask(move |backend| end_child(backend, child, status));
    }
    let ended = backend.with(|world| {
        let streams = world.end_child(child, status)?;
        let is_its = |entry: &TaskEntry| entry.process == Some(child);
        let home = world.processes.node_of(child)?;
        Some((streams, take_tasks(world, home, is_its)))
    });
    let Some((streams, tasks)) = ended else {
        return;
    };
    backend.set_running_dead(backend.with(|world| world.is_running_dead()));
    backend.while_closing(|| {
        drop(streams);
        // What destructors of a killed process throw is nobody's business.
        let _ = each(tasks, drop);
    });
    backend.with(|world| world.child_ended(child));
}

/// Shuts the runtime of a child's main down that has returned, as its drop does: what its other tasks
/// hold is dropped while the process still lives.
pub(crate) fn leave_child(backend: &SimBackend, child: ProcessId) {
    let tasks = backend.with(|world| {
        let is_its = |entry: &TaskEntry| entry.process == Some(child) && !entry.on_thread;
        let home = world.processes.node_of(child);
        home.map(|home| take_tasks(world, home, is_its))
    });
    let _ = each(tasks.into_iter().flatten(), drop);
}

/// Drops the running task, whose process was killed under it or which is not to go on.
pub(crate) fn drop_running(backend: &SimBackend, entry: &TaskEntry, task: Task) {
    let lives = backend.with(|world| world.is_incarnation_of(entry));
    if entry.process.is_some() && lives {
        backend.while_closing(|| drop(task));
    } else {
        backend.while_dead(|| drop(task));
    }
}

/// Does what faults ask for.
pub(crate) fn carry_out(backend: &SimBackend) {
    for act in backend.with(|world| world.faults.under_way.take_acts()) {
        match act {
            Act::Kill(node) => kill(backend, node),
            Act::PowerLoss(node) => power_loss(backend, &[node]),
            Act::Boot(node) => {
                let is_down = backend.with(|world| !world.nodes[node.0 as usize].alive);
                if is_down {
                    boot(backend, node);
                }
            }
        }
    }
}

/// Drops tasks in the dead context, in the order given.
pub(crate) fn drop_dead(backend: &SimBackend, tasks: Vec<TaskEntry>) {
    backend.while_dead(|| {
        // What destructors of a killed process throw is nobody's business.
        let _ = each(tasks, drop);
    });
}
