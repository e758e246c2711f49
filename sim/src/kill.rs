//! How nodes live and die.

use simoom::backend::spawn_local_in;

use crate::backend::{SimBackend, SpawnFor};
use crate::record::EventKind;
use crate::world::each;
use crate::world::failure::Failure;
use crate::world::faults::Act;
use crate::world::node::{NodeId, OnFailure};
use crate::world::tasks::TaskEntry;

/// Starts a node's main, in a new incarnation if it ran before.
pub(crate) fn boot(backend: &SimBackend, node: NodeId) {
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
        this.is_running = this.boot.is_some();
        this.interrupts = 0;
        let (incarnation, boot) = (
            this.incarnation,
            this.boot.clone().map(|boot| (boot, this.booted_at)),
        );
        world.note(
            EventKind::NodeBooted,
            u64::from(node.0),
            u64::from(incarnation),
        );
        boot
    });
    let Some((boot, location)) = boot else { return };
    let main = async move {
        let result = boot().await;
        SimBackend::current(|backend| {
            // A main that killed its own node on the way has nobody left to return to.
            let Some(backend) = backend.filter(|backend| !backend.is_dead()) else {
                return;
            };
            backend.with(|world| world.nodes[node.0 as usize].is_running = false);
            if let Err(message) = result {
                main_failed(backend, node, message);
            }
        });
    };
    let target = SpawnFor {
        node,
        name: Some("main"),
    };
    backend.spawning_for(target, || drop(spawn_local_in(backend, main, location)));
}

fn main_failed(backend: &SimBackend, node: NodeId, message: String) {
    let (policy, name) = backend.with(|world| {
        let this = &world.nodes[node.0 as usize];
        (this.on_failure, this.name.clone())
    });
    match policy {
        OnFailure::FailRun => {
            backend.with(|world| {
                world.fail(Failure::Error {
                    node: name,
                    message,
                })
            });
        }
        OnFailure::KillNode => kill(backend, node),
        OnFailure::Contain => {}
    }
}

/// Kills a node's process. The task that is running, if it is the node's, is dropped by the run
/// when its poll returns.
pub(crate) fn kill(backend: &SimBackend, node: NodeId) {
    let doomed = backend.with(|world| {
        let this = &mut world.nodes[node.0 as usize];
        if !std::mem::replace(&mut this.alive, false) {
            return Vec::new();
        }
        this.deaths += 1;
        let running = world.tasks.running;
        let slots = world.tasks.by_birth();
        let mut doomed = Vec::new();
        for slot in slots.into_iter().rev() {
            let of_node = world
                .tasks
                .get(slot)
                .is_some_and(|entry| entry.node == node);
            if of_node && Some(slot) != running {
                doomed.extend(world.remove_task(slot));
            }
        }
        world.note(
            EventKind::NodeKilled,
            u64::from(node.0),
            doomed.len() as u64,
        );
        world.close_sockets_of(node);
        let wakers = &mut world.nodes[node.0 as usize].interrupt_wakers;
        world.effects.drop_all(wakers);
        doomed
    });
    backend.set_running_dead(backend.with(|world| world.is_running_dead()));
    drop_dead(backend, doomed);
}

/// Does what faults ask for.
pub(crate) fn carry_out(backend: &SimBackend) {
    for act in backend.with(|world| world.faults.under_way.take_acts()) {
        match act {
            Act::Kill(node) => kill(backend, node),
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
