//! Tasks that a test starts on a node.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;

use simoom::backend::spawn_local_in;
use simoom::task::JoinHandle;

use super::node::Node;
use super::simulation::with;
use crate::backend::SpawnFor;
use crate::baton;
use crate::world::node::Ended;

impl Node {
    /// Starts a task on the node, which need not have a main.
    ///
    /// # Panics
    /// If the node's process has ended: it was killed, or its main returned. Where a fault may have
    /// done that, use [`try_spawn`](Self::try_spawn).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        baton::assert_at_home("Node::spawn");
        match self.spawn_at(future, Location::caller()) {
            Ok(handle) => handle,
            Err(down) => panic!("{down} (`try_spawn` gives an error instead of this panic)"),
        }
    }

    /// Starts a task on the node, which need not have a main, if its process lives.
    ///
    /// # Errors
    /// If the node's process has ended: it was killed, or its main returned. The future is dropped.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let client = sim.node("client").run(std::future::pending::<()>);
    ///     assert_eq!(client.try_spawn(async { 5 }).unwrap().await.unwrap(), 5);
    ///     client.kill();
    ///     let down = client.try_spawn(async { 5 }).unwrap_err();
    ///     assert_eq!(
    ///         down.to_string(),
    ///         "the process of node \"client\" has ended (signal 9): `restart` boots it again"
    ///     );
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(&self, future: F) -> Result<JoinHandle<F::Output>, NodeIsDown>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        baton::assert_at_home("Node::try_spawn");
        self.spawn_at(future, Location::caller())
    }

    fn spawn_at<F>(
        &self,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<JoinHandle<F::Output>, NodeIsDown>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        if !self.is_alive() {
            return Err(NodeIsDown {
                node: self.name(),
                ended: self.exited(),
                has_main: self.has_main(),
            });
        }
        Ok(with(self.world, |backend| {
            let target = SpawnFor {
                node: self.id,
                name: None,
            };
            backend.spawning_for(target, || spawn_local_in(backend, future, location.into()))
        }))
    }
}

/// A node takes no task: its process has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeIsDown {
    /// The node's name.
    pub node: String,
    /// How its process ended.
    pub ended: Option<Ended>,
    /// Whether there is something to boot again.
    has_main: bool,
}

impl fmt::Display for NodeIsDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the process of node {:?} has ended", self.node)?;
        match &self.ended {
            Some(Ended::Returned) => f.write_str(" (its main returned)")?,
            Some(Ended::Failed { message }) => write!(f, " ({message})")?,
            Some(Ended::Killed { signal }) => write!(f, " (signal {signal})")?,
            Some(Ended::PowerLost) => f.write_str(" (its machine has no power)")?,
            None => {}
        }
        f.write_str(match self.has_main {
            true => ": `restart` boots it again",
            false => ": it has no main, `run` boots it with one",
        })
    }
}

impl Error for NodeIsDown {}
