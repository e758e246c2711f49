//! What a test does again and again, in pieces that a failure may turn out not to need.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::simulation::{Sim, with};
use crate::world::Work;

impl Sim {
    /// The operations `0..count` of what the test does, one after the other, called `name`.
    ///
    /// A seed does all of them. When its failure is [shrunk](crate::Config::shrink), those that it
    /// does not need are left out, and the report says which are left: `3 of 100 operations of
    /// client are left: #7, #41, #42`. What an operation does may depend on its
    /// [number](Operation::number) and on [`simoom::rand`]; drawn inside of it, a value is drawn
    /// only if it is done.
    ///
    /// Judge by what was done, not by what all of it would come to: a run that does less is to pass
    /// where the program is right.
    ///
    /// Several workloads may have one name; they are told apart by their order.
    ///
    /// # Panics
    /// If `name` is empty or has a `/` in it.
    ///
    /// # Under simulation
    /// Each operation is decided on when its turn comes.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// let report = check(Config::default().seeds(1).persist(false), |sim| async move {
    ///     let mut sum = 0;
    ///     for operation in sim.workload("adding", 100) {
    ///         sum += operation.number();
    ///         assert!(sum < 120, "too much");
    ///     }
    /// });
    /// let text = report.failure().unwrap().to_string();
    /// assert!(text.contains(" operations of adding are left: #"), "{text}");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn workload(&self, name: &str, count: u32) -> Workload {
        Workload::begin(self, name.to_owned(), name, count, Location::caller())
    }
}

/// The operations of a workload that are done. See [`Sim::workload`].
pub struct Workload {
    sim: Sim,
    name: Arc<str>,
    work: Work,
    next: u32,
    count: u32,
    site: &'static Location<'static>,
}

impl Workload {
    #[track_caller]
    fn begin(
        sim: &Sim,
        path: String,
        name: &str,
        count: u32,
        site: &'static Location<'static>,
    ) -> Self {
        assert!(!name.is_empty(), "a workload needs a name");
        assert!(
            !name.contains('/'),
            "the name of a workload has no `/`: {name}"
        );
        let work = with(sim.world, |backend| {
            backend.with(|world| world.begin_work(&path))
        });
        Self {
            sim: sim.clone(),
            name: path.into(),
            work,
            next: 0,
            count,
            site,
        }
    }
}

#[cfg(feature = "proptest")]
impl Workload {
    /// A workload of which not every number has an operation: those are [asked for](Self::only).
    #[track_caller]
    pub(crate) fn scattered(sim: &Sim, name: &str) -> Self {
        Self::begin(sim, name.to_owned(), name, 0, Location::caller())
    }

    /// The operation of this number, unless it is left out.
    pub(crate) fn only(&mut self, number: u32) -> Option<Operation> {
        (self.next, self.count) = (number, number.saturating_add(1));
        self.next()
    }
}

impl Iterator for Workload {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        while self.next < self.count {
            let number = self.next;
            self.next += 1;
            let (work, site) = (self.work, self.site);
            let leaves_out = with(self.sim.world, |backend| {
                backend.with(|world| world.leaves_out(work, number, site))
            });
            if !leaves_out {
                return Some(Operation {
                    sim: self.sim.clone(),
                    name: self.name.clone(),
                    number,
                });
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some((self.count - self.next) as usize))
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("name", &self.name)
            .field("left", &(self.count - self.next))
            .finish_non_exhaustive()
    }
}

/// One operation of a [workload](Sim::workload), or one who does some of his own.
#[derive(Clone)]
pub struct Operation {
    sim: Sim,
    name: Arc<str>,
    number: u32,
}

impl Operation {
    /// Its number within the workload, from 0, whatever is left out before it.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// A workload within this operation: what one of several clients does, say.
    ///
    /// A client that is left out does nothing; of one that is left, single operations may be left
    /// out.
    ///
    /// # Panics
    /// If `name` is empty or has a `/` in it.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, check};
    ///
    /// check(Config::default().seeds(3), |sim| async move {
    ///     let mut clients = Vec::new();
    ///     for client in sim.workload("client", 3) {
    ///         let node = sim.node(&format!("client-{}", client.number()));
    ///         clients.push(node.spawn(async move {
    ///             let requests = client.workload("request", 20);
    ///             requests.map(|request| request.number()).sum::<u32>()
    ///         }));
    ///     }
    ///     for client in clients {
    ///         assert_eq!(client.await.unwrap(), 190);
    ///     }
    /// })
    /// .unwrap();
    /// ```
    #[track_caller]
    #[must_use]
    pub fn workload(&self, name: &str, count: u32) -> Workload {
        let path = format!("{}/{}/{name}", self.name, self.number);
        Workload::begin(&self.sim, path, name, count, Location::caller())
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({} #{})", self.name, self.number)
    }
}
