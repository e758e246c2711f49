//! Operations on their way.

use std::io;
use std::task::{Poll, Waker};

use simoom::backend::{FileOp, OpKind, PathOp};
use simoom::time::Instant;
use simoom_faults::Kind;

use super::carry::Step;
use super::order;
use super::state::{Ended, Found, HandleId, Job, JobId, Phase, Work};
use crate::choice::{Operation, ResourceName, hash_text, mix};
use crate::disk::Ino;
use crate::record::{By, EventKind};
use crate::world::faults::FaultPoint;
use crate::world::node::NodeId;
use crate::world::{Due, World};

impl World {
    /// Starts an operation of the running task's node.
    pub(crate) fn submit_on_path(&mut self, op: PathOp) -> JobId {
        let node = self.current_node();
        let job = self.add_job(node, None, op.kind().0, Work::OnPath(op));
        self.start(job);
        job
    }

    /// Starts an operation on an open file when those before it are over.
    pub(crate) fn submit_on_file(&mut self, id: HandleId, op: FileOp) -> io::Result<JobId> {
        let handle = self.files.handle_mut(id).ok_or_else(closed)?;
        debug_assert!(!handle.dropped, "a dropped handle takes no operations");
        let job = self.add_job(id.node, Some(id), op.kind().0, Work::OnFile(op));
        if let Some(handle) = self.files.handle_mut(id) {
            handle.waiting.push_back(job);
        }
        self.start_next(id);
        Ok(job)
    }

    fn add_job(
        &mut self,
        node: NodeId,
        handle: Option<HandleId>,
        kind: OpKind,
        work: Work,
    ) -> JobId {
        let wall_ns = self.wall_of(node);
        self.files.machine(node, wall_ns);
        let serial = self.files.next_serial();
        let site = self.running_site();
        let verb = order::verb(&work);
        let task = self.tasks.current().map_or(0, |entry| entry.hash.0);
        let begun = self.record.count();
        let slot = self.files.jobs.insert(Job {
            serial,
            node,
            handle,
            kind,
            work,
            phase: Phase::Waiting,
            waker: None,
            abandoned: false,
            faults: Vec::new(),
            told: String::new(),
            site,
            task,
            verb,
            begun,
            after: Vec::new(),
        });
        JobId {
            slot: slot as u32,
            serial,
        }
    }

    /// Starts the operations on a handle whose turn has come.
    fn start_next(&mut self, id: HandleId) {
        loop {
            let files = &mut self.files;
            let Some(handle) = files.handle_mut(id) else {
                return;
            };
            let Some(&job) = handle.waiting.front() else {
                return;
            };
            let (running, overlapping) = (handle.running, handle.overlapping);
            let may_overlap = files.job_mut(job).is_some_and(|job| match &job.work {
                Work::OnFile(op) => op.may_overlap(),
                _ => false,
            });
            if running > 0 && !(overlapping && may_overlap) {
                return;
            }
            if let Some(handle) = files.handle_mut(id) {
                handle.waiting.pop_front();
                handle.running += 1;
                handle.overlapping = may_overlap;
            }
            self.start(job);
        }
    }

    /// Lets the time begin that an operation, or the next part of it, takes.
    fn start(&mut self, id: JobId) {
        let Some(job) = self.files.job_mut(id) else {
            return;
        };
        let (node, kind, site) = (job.node, job.kind, job.site);
        let what = self.thing_of(id);
        let latency = self.files.machines[&node].latency;
        let (least, most) = latency.of(kind);
        let at = FaultPoint::file(node, &what).done_at(site);
        let extra = self.choose_access(id, &what, most.saturating_sub(least));
        let slow = self.choose_fault(Kind::DiskAccessSlowed, at, u64::MAX / 4);
        if slow > 0 {
            self.blame(id, Kind::DiskAccessSlowed);
        }
        let total = least + extra + slow;
        // An operation without extra happens when it ends. Otherwise there is a time in which it
        // has happened and nobody knows.
        let rest_ns = (extra + slow) / 2;
        let timer = self.file_due(id, total - rest_ns);
        let tells = self.tells_everything();
        if let Some(job) = self.files.job_mut(id) {
            if tells {
                job.told = what;
            }
            job.phase = Phase::UnderWay { timer, rest_ns };
        }
    }

    /// How many nanoseconds above the least an operation takes that is about `what`.
    fn choose_access(&mut self, id: JobId, what: &str, most: u64) -> u64 {
        let Some(job) = self.files.job_mut(id).filter(|_| most > 0) else {
            return 0;
        };
        let (node, kind, site) = (job.node, job.kind, job.site);
        let text = format!("{}:{what}", self.nodes[node.0 as usize].name);
        let name = ResourceName::thing(&text);
        let number = self.files.number(kind, name);
        let value = self.choose_time(Operation::of(kind), name, number, most, site);
        self.keep_name(name, value, text);
        value
    }

    fn file_due(&mut self, job: JobId, after_ns: u64) -> simoom::backend::TimerKey {
        let at = Instant::from_nanos(self.now_ns.saturating_add(after_ns as i64));
        self.timers.insert(at, Due::File { job })
    }

    /// Notes what goes wrong with an operation.
    pub(super) fn blame(&mut self, id: JobId, kind: Kind) {
        if let Some(job) = self.files.job_mut(id) {
            job.faults.push(kind);
        }
    }

    /// What an operation is about, for people and for storing.
    pub(super) fn thing_of(&mut self, id: JobId) -> String {
        let Some(job) = self.files.job_mut(id) else {
            return String::new();
        };
        let (node, handle) = (job.node, job.handle);
        let ino = |world: &Self, ino: Ino| world.files.machines[&node].disk.inode(ino).path.clone();
        match &job.work {
            Work::OnPath(op) => path_of(op).display().to_string(),
            Work::Rest { file, .. } => {
                let of = file.ino;
                ino(self, of)
            }
            _ => {
                let file = handle.and_then(|handle| self.files.file_mut(handle));
                let of = file.map(|(file, _)| file.ino);
                of.map_or_else(String::new, |of| ino(self, of))
            }
        }
    }

    /// The timer of an operation fires.
    pub(crate) fn file_job_due(&mut self, id: JobId) {
        let Some(job) = self.files.job_mut(id) else {
            return;
        };
        match std::mem::replace(&mut job.phase, Phase::Moving) {
            Phase::UnderWay { rest_ns, .. } => match self.carry_out(id) {
                Step::More(kind) => {
                    if let Some(job) = self.files.job_mut(id) {
                        job.kind = kind;
                    }
                    self.start(id);
                }
                Step::Over(ended) if rest_ns == 0 => self.end(id, ended),
                Step::Over(ended) => {
                    let timer = self.file_due(id, rest_ns);
                    if let Some(job) = self.files.job_mut(id) {
                        job.phase = Phase::Ending { timer, ended };
                    }
                }
            },
            Phase::Ending { ended, .. } => self.end(id, ended),
            other => {
                if let Some(job) = self.files.job_mut(id) {
                    job.phase = other;
                }
            }
        }
    }

    /// An operation is over: whoever waits for it hears of it, and the next one's turn comes.
    fn end(&mut self, id: JobId, ended: Ended) {
        let how = match &ended.result {
            Ok(_) => digest(&ended.buf),
            Err(error) => mix(1, error.raw_os_error().unwrap_or(-1) as u64),
        };
        let outcome = match &ended.result {
            Ok(_) => String::new(),
            Err(error) => format!(", {error}"),
        };
        let what = self.thing_of(id);
        let Some(job) = self.files.job_mut(id) else {
            return;
        };
        let (node, kind) = (job.node, job.kind);
        let (handle, abandoned) = (job.handle, job.abandoned);
        let (task, site, verb) = (job.task, job.site, job.verb);
        let after = std::mem::take(&mut job.after);
        job.phase = Phase::Over(ended);
        let (waker, told) = (job.waker.take(), std::mem::take(&mut job.told));
        let about = mix(hash_text(kind.name()), hash_text(&what));
        self.say(|world| {
            let node = &world.nodes[node.0 as usize].name;
            format!("{} {node}:{told}{outcome}", kind.name())
        });
        if self.tells_everything() && task != 0 {
            let node = &self.nodes[node.0 as usize].name;
            let did = format!("{verb} {node}:{told}{outcome}");
            self.record.attribute(By { task, site, did }, after);
        }
        let event = self.note(EventKind::FileOperated, about, how);
        if self.tells_everything() {
            self.ended_in(id.serial, event);
        }
        if let Some(waker) = waker {
            self.effects.wake(waker);
        }
        if abandoned {
            self.forget_job(id);
        }
        if let Some(handle) = handle {
            if let Some(handle) = self.files.handle_mut(handle) {
                handle.running -= 1;
            }
            self.start_next(handle);
            self.close_if_over(handle);
        }
    }

    /// Takes an operation that is over out of the table; what it opened is closed if nobody took it.
    fn forget_job(&mut self, id: JobId) {
        if self.files.job_mut(id).is_none() {
            return;
        }
        let job = self.files.jobs.remove(id.slot as usize);
        self.effects.drop_some(job.waker);
        if let Phase::Over(Ended {
            result: Ok(Found::Opened(handle, _)),
            ..
        }) = job.phase
        {
            self.close_file(handle);
        }
    }

    /// The end of an operation, once; else keeps `waker`.
    ///
    /// `Err` gives the waker back that is not needed.
    pub(crate) fn poll_job(&mut self, id: JobId, waker: Waker) -> Poll<Option<Ended>> {
        let Some(job) = self.files.job_mut(id) else {
            self.effects.drop(waker);
            return Poll::Ready(None);
        };
        if !matches!(job.phase, Phase::Over(_)) {
            let before = job.waker.replace(waker);
            self.effects.drop_some(before);
            return Poll::Pending;
        }
        let job = self.files.jobs.remove(id.slot as usize);
        self.effects.drop(waker);
        for kind in job.faults {
            self.fault_observed(kind);
        }
        match job.phase {
            Phase::Over(ended) => Poll::Ready(Some(ended)),
            _ => Poll::Ready(None),
        }
    }

    /// Nobody waits for the end of an operation any more; it goes on all the same.
    pub(crate) fn abandon_job(&mut self, id: JobId) {
        let Some(job) = self.files.job_mut(id) else {
            return;
        };
        job.abandoned = true;
        let is_over = matches!(job.phase, Phase::Over(_));
        let waker = job.waker.take();
        self.effects.drop_some(waker);
        if is_over {
            self.forget_job(id);
        }
    }

    /// A handle was dropped: it is closed when its last operation is over.
    pub(crate) fn close_file(&mut self, id: HandleId) {
        if let Some(handle) = self.files.handle_mut(id) {
            handle.dropped = true;
            self.close_if_over(id);
        }
    }

    fn close_if_over(&mut self, id: HandleId) {
        let over = self
            .files
            .handle_mut(id)
            .is_some_and(|it| it.dropped && it.running == 0 && it.waiting.is_empty());
        if over && let Some(machine) = self.files.machines.get_mut(&id.node) {
            machine.close(id.slot as usize);
        }
    }

    /// Closes every file of a node and forgets its operations, as its operating system does for a
    /// dead process. What has happened has happened, what has not will not.
    pub(crate) fn close_files_of(&mut self, node: NodeId) {
        let Some(machine) = self.files.machines.get_mut(&node) else {
            return;
        };
        let doomed: Vec<_> = (self.files.jobs.iter())
            .filter(|(_, job)| job.node == node)
            .map(|(slot, _)| slot)
            .collect();
        for slot in doomed {
            let job = self.files.jobs.remove(slot);
            // A task of another node may wait for it.
            if let Some(waker) = job.waker {
                self.effects.wake(waker);
            }
            if let Phase::UnderWay { timer, .. } | Phase::Ending { timer, .. } = job.phase {
                self.timers.remove(timer);
            }
            if let Work::Rest { file, .. } = job.work {
                machine.disk.release(file.ino);
            }
        }
        let open: Vec<_> = machine.handles.iter().map(|(slot, _)| slot).collect();
        for slot in open {
            machine.close(slot);
        }
    }

    /// The wall clock of a node, in nanoseconds since 1970.
    pub(crate) fn wall_of(&self, node: NodeId) -> i64 {
        let shown = self.nodes[node.0 as usize].clock.wall_ns(self.now_ns);
        i64::try_from(shown).unwrap_or(i64::MAX)
    }
}

/// The error of operations on a file that was closed behind its holder's back.
fn closed() -> io::Error {
    io::Error::other("the file's node was killed")
}

/// The path that an operation is about.
fn path_of(op: &PathOp) -> &std::path::Path {
    match op {
        PathOp::Open(path, _)
        | PathOp::Read(path)
        | PathOp::Write(path, _)
        | PathOp::Copy(_, path)
        | PathOp::CreateDir { path, .. }
        | PathOp::RemoveDir(path)
        | PathOp::RemoveDirAll(path)
        | PathOp::RemoveFile(path)
        | PathOp::Rename(_, path)
        | PathOp::Stat { path, .. }
        | PathOp::Exists(path)
        | PathOp::ReadDir(path)
        | PathOp::Canonicalize(path)
        | PathOp::HardLink(_, path)
        | PathOp::Symlink(_, path)
        | PathOp::ReadLink(path)
        | PathOp::SetMode(path, _)
        | PathOp::SyncDir(path) => path,
    }
}

/// A hash of bytes.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let fold = |state, word: &[u8; 8]| mix(state, u64::from_le_bytes(*word));
    let state = words.iter().fold(bytes.len() as u64 + 7, fold);
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(state, u64::from_le_bytes(last))
}
