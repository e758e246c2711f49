//! How a test asks that nothing is left behind.

use super::simulation::{Sim, with};
use crate::checkers::leaks::Leaks;

impl Sim {
    /// Fails the run if, once the test has returned, something is there that is not there now and
    /// that `allowed` does not allow.
    ///
    /// What is there now is not judged: call this when the servers of a test are up, and what they
    /// hold from then on has to be given back, although they still run. At the start of a test it
    /// asks for everything. Nodes that are booted later, again or for the first time, are not judged
    /// by what their processes hold; neither is what a process has left that has ended, since its
    /// kernel takes it back.
    ///
    /// Judged are tasks, blocking closures, sockets, files, timers, locks, messages in channels and
    /// what lies in `/tmp`; see [`Leak`](crate::Leak). Each is named with the task and the line that
    /// made it; `after` a line, if that one was waited for last and what was made was not waited for. Before that, the run goes on for the time that
    /// [`Leaks::settle`](crate::Leaks::settle) says, so that what is under way can end.
    ///
    /// # Examples
    /// ```
    /// use simoom_sim::{Config, Leaks, check};
    ///
    /// let config = Config::default().seeds(3).persist(false);
    /// let report = check(config, |sim| async move {
    ///     sim.leaks(Leaks::none());
    ///     let (sender, mut receiver) = simoom::sync::mpsc::channel::<u32>(1);
    ///     simoom::spawn(async move { while receiver.recv().await.is_some() {} });
    ///     // A sender that is kept for ever keeps the task for ever.
    ///     std::mem::forget(sender);
    /// });
    /// let cause = report.failure().unwrap().cause().to_string();
    /// assert!(cause.contains("waits in recv"), "{cause}");
    /// ```
    pub fn leaks(&self, allowed: Leaks) {
        with(self.world, |backend| {
            backend.with(|world| world.look_for_leaks(allowed));
        });
    }
}
