//! Who runs the world: one thread at a time.
//!
//! Owns the place where the core waits for a thread, and the end of the world. Knows nothing of
//! what the core does.
//!
//! # Invariants
//! 1. The core is in the slot or with the one thread that took it out.
//! 2. A core that owns tasks which are not `Send` is only ever used by the thread `home`.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use std::time::Duration;

use super::driver::Driver;
use super::dump_on::DumpOn;
use super::local::Local;
use super::pool::PoolSettings;
use super::root::Root;
use super::shared::Shared;
use crate::backend::{BUDGET, Engine, Remote, Watch};
use crate::context;
use crate::shim::{Mutex, lock};
use crate::task::Hook;

/// The real world.
pub(crate) struct Real {
    shared: Arc<Shared>,
    slot: Mutex<Slot>,
    dump_on: Option<Arc<DumpOn>>,
}

struct Slot {
    core: Option<Box<Local>>,
    /// The thread that used the core last.
    home: Option<ThreadId>,
    /// The roots of threads that wait for the core.
    waiting: Vec<Arc<Root>>,
    /// The world has ended, or is about to.
    ended: bool,
}

impl Real {
    /// A world without tasks, which polls for events after every `event_interval` polls at least.
    pub(crate) fn new(
        event_interval: u32,
        pool: PoolSettings,
        unobserved: Option<Hook>,
        watch: Option<Arc<Watch>>,
    ) -> io::Result<Self> {
        let (driver, reactor, alarm) = Driver::new()?;
        let (shared, claim) = Shared::new(reactor, alarm, pool);
        claim.tell_unobserved(unobserved);
        let core = Box::new(Local::new(
            shared.clone(),
            claim,
            driver,
            event_interval,
            watch,
        ));
        Ok(Self {
            shared,
            slot: Mutex::new(Slot {
                core: Some(core),
                home: None,
                waiting: Vec::new(),
                ended: false,
            }),
            dump_on: None,
        })
    }

    /// Stops the clock before anybody has looked at it.
    pub(crate) fn pause(&self) {
        self.shared.clock().stop();
    }

    /// Prints a dump whenever `signal` comes.
    pub(crate) fn dump_on(&mut self, signal: i32) -> io::Result<()> {
        self.dump_on = Some(DumpOn::start(&self.shared, signal)?);
        Ok(())
    }

    /// Takes the core, or has `root` nudged when it is free.
    fn take(&self, root: &Arc<Root>) -> Option<Borrowed<'_>> {
        let mut slot = lock(&self.slot);
        let Some(core) = slot.core.take() else {
            slot.waiting.retain(|other| !Arc::ptr_eq(other, root));
            slot.waiting.push(root.clone());
            return None;
        };
        let this = std::thread::current().id();
        let home = slot.home.unwrap_or(this);
        if core.is_bound() && home != this {
            slot.core = Some(core);
            drop(slot);
            panic!(
                "`block_on` was called on {this:?}, but the runtime holds tasks that were spawned \
                 by `spawn_local` on {home:?}: call it there, or wait for those tasks first"
            );
        }
        slot.home = Some(this);
        Some(Borrowed {
            real: self,
            core: Some(core),
        })
    }
}

impl Engine for Real {
    fn remote(&self) -> Arc<dyn Remote> {
        self.shared.clone()
    }

    fn block_on(&self, poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>) {
        let root = Root::new(self.shared.owner().id, self.shared.alarm().clone());
        let waker = Waker::from(root.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Some(core) = self.take(&root) {
                root.drive();
                let core = core.core();
                context::enter(core, Some(core.claim()), || core.run(&root, &mut cx, poll));
                return;
            }
            // Another thread runs the world. The future is polled here all the same: what it
            // waits for may be done by any thread.
            let done = root.take_wake()
                && context::enter(&*self.shared, None, || {
                    context::set_budget(BUDGET);
                    poll(&mut cx).is_ready()
                });
            if done {
                lock(&self.slot)
                    .waiting
                    .retain(|other| !Arc::ptr_eq(other, &root));
                return;
            }
            root.park();
        }
    }

    fn may_run_here(&self) -> bool {
        if context::is_inside() || context::is_guest() {
            return false;
        }
        let slot = lock(&self.slot);
        let is_away = slot
            .home
            .is_some_and(|it| it != std::thread::current().id());
        let core = slot.core.as_ref().filter(|_| !slot.ended);
        core.is_some_and(|core| !(is_away && core.is_bound()))
    }

    fn shut_down(&self, timeout: Option<Duration>) {
        let mut slot = lock(&self.slot);
        if std::mem::replace(&mut slot.ended, true) {
            return;
        }
        let (core, home) = (slot.core.take(), slot.home);
        drop(slot);
        // Without a core, a thread leaked it by leaving `block_on` without unwinding.
        if let Some(core) = core {
            let away = home.is_some_and(|home| home != std::thread::current().id());
            context::enter(&*core, Some(core.claim()), || core.close(away));
        }
        if context::is_inside() && timeout != Some(Duration::ZERO) {
            let is_busy = self.shared.pool().is_busy();
            self.shared.pool().close(Some(Duration::ZERO));
            assert!(
                !is_busy || std::thread::panicking(),
                "a runtime with blocking work under way was dropped inside a runtime, where \
                 waiting for that work is not possible: use `shutdown_background`, or drop it outside"
            );
            return;
        }
        self.shared.pool().close(timeout);
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        if let Some(dump_on) = &self.dump_on {
            dump_on.stop();
        }
        self.shut_down(None);
    }
}

impl std::fmt::Debug for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Real").finish_non_exhaustive()
    }
}

/// The core while a thread runs it.
struct Borrowed<'a> {
    real: &'a Real,
    core: Option<Box<Local>>,
}

impl Borrowed<'_> {
    fn core(&self) -> &Local {
        self.core.as_ref().expect("the core is given back once")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut slot = lock(&self.real.slot);
        slot.core = self.core.take();
        let waiting = std::mem::take(&mut slot.waiting);
        drop(slot);
        for root in waiting {
            root.nudge();
        }
    }
}
