//! What of a few operations on files a loss of power leaves.
//!
//! Owns the operations, and what they leave in either world: on a file system whose image is
//! copied while it is mounted, and on the disk of a node.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use simoom::fs::{self, OpenOptions};
use simoom::io::AsyncWriteExt;
use simoom::runtime::Runtime;
use simoom::time::sleep;
use simoom_sim::{Config, Disk, Fault, Kind as FaultKind, Ratio, check};

use super::volume::{Kind, Volume};

/// One operation. Names are letters below one directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write(char, u64, usize),
    Append(char, usize),
    Cut(char, u64),
    Remove(char),
    Rename(char, char),
    MakeDir(char),
    RemoveDir(char),
    SyncAll(char),
    SyncData(char),
    SyncDir,
    Replace(char, usize),
    /// Time passes, in which the system may write what it wants.
    Wait,
}

/// What is below the directory, a line for each name.
pub(super) type Survivor = BTreeSet<String>;

/// What is there before the first operation, and synced.
const BEFORE: [(char, usize); 2] = [('a', 5_000), ('b', 100)];

impl Step {
    async fn carry_out(self, root: &Path, number: usize) -> io::Result<()> {
        let path = |name: char| root.join(name.to_string());
        let byte = b'0' + (number % 10) as u8;
        match self {
            Self::Write(name, offset, size) => {
                let mut options = OpenOptions::new();
                let file = options.write(true).create(true).open(path(name)).await?;
                file.write_all_at(&vec![byte; size], offset).await
            }
            Self::Append(name, size) => {
                let mut options = OpenOptions::new();
                let mut file = options.append(true).create(true).open(path(name)).await?;
                file.write_all(&vec![byte; size]).await?;
                file.flush().await
            }
            Self::Cut(name, size) => {
                let file = OpenOptions::new().write(true).open(path(name)).await?;
                file.set_len(size).await
            }
            Self::Remove(name) => fs::remove_file(path(name)).await,
            Self::Rename(from, to) => fs::rename(path(from), path(to)).await,
            Self::MakeDir(name) => fs::create_dir(path(name)).await,
            Self::RemoveDir(name) => fs::remove_dir(path(name)).await,
            Self::SyncAll(name) => fs::File::open(path(name)).await?.sync_all().await,
            Self::SyncData(name) => fs::File::open(path(name)).await?.sync_data().await,
            Self::SyncDir => fs::sync_dir(root).await,
            Self::Replace(name, size) => fs::write_atomic(path(name), vec![byte; size]).await,
            Self::Wait => {
                sleep(Duration::from_millis(1_300)).await;
                Ok(())
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(name, offset, size) => write!(f, "write {size} to {name} at {offset}"),
            Self::Append(name, size) => write!(f, "append {size} to {name}"),
            Self::Cut(name, size) => write!(f, "cut {name} to {size}"),
            Self::Remove(name) => write!(f, "remove {name}"),
            Self::Rename(from, to) => write!(f, "rename {from} to {to}"),
            Self::MakeDir(name) => write!(f, "make directory {name}"),
            Self::RemoveDir(name) => write!(f, "remove directory {name}"),
            Self::SyncAll(name) => write!(f, "sync {name}"),
            Self::SyncData(name) => write!(f, "sync data of {name}"),
            Self::SyncDir => write!(f, "sync directory"),
            Self::Replace(name, size) => write!(f, "replace {name} by {size}"),
            Self::Wait => write!(f, "wait"),
        }
    }
}

/// The steps of a script that is numbered: the same for ever.
pub(super) fn numbered(number: u64) -> Vec<Step> {
    let mut draws = 0;
    let mut below = |limit: u64| {
        draws += 1;
        simoom_sim::value(number, 0x6469_736b, draws) % limit
    };
    let mut steps = Vec::new();
    for _ in 0..2 + below(5) {
        let name = char::from(b'a' + below(4) as u8);
        let size = [1, 100, 512, 4_096, 5_000, 20_000][below(6) as usize];
        steps.push(match below(20) {
            0..=3 => Step::Write(name, [0, 100, 4_096][below(3) as usize], size),
            4..=6 => Step::Append(name, size),
            7 => Step::Cut(name, size as u64),
            8..=9 => Step::Remove(name),
            10..=12 => Step::Rename(name, char::from(b'a' + below(4) as u8)),
            13 => Step::MakeDir(name),
            14 => Step::RemoveDir(name),
            15 => Step::SyncAll(name),
            16 => Step::SyncData(name),
            17 => Step::SyncDir,
            18 => Step::Replace(name, size),
            _ => Step::Wait,
        });
    }
    steps
}

/// What was left in the real world, and between which steps the power was lost.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub(super) survivor: Survivor,
    /// So many steps were done for certain, and at most one more than the second were begun.
    pub(super) done: (usize, usize),
    /// What the steps answered.
    pub(super) answers: Vec<String>,
}

/// When the power is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// When all steps are done.
    End,
    /// So many microseconds after the first has begun.
    After(u64),
}

/// Carries the steps out on a volume, and says what a loss of power leaves; `None` if the device
/// was busy all the time, so that no copy was whole.
pub(super) fn really(volume: Volume, steps: &[Step], moment: Moment) -> io::Result<Option<Left>> {
    let root = volume.root().join("data");
    std::fs::create_dir(&root)?;
    for (name, size) in BEFORE {
        std::fs::write(root.join(name.to_string()), vec![b'o'; size])?;
    }
    super::volume::run(std::process::Command::new("sync").arg("-f").arg(&root))?;
    let done = Arc::new(AtomicUsize::new(0));
    let acting = {
        let (done, steps, root) = (done.clone(), steps.to_vec(), root);
        std::thread::spawn(move || {
            let runtime = Runtime::new().expect("the system has descriptors left");
            runtime.block_on(act(steps, root, done))
        })
    };
    let (copy, answers, range) = match moment {
        Moment::End => {
            let answers = acting.join().map_err(|_| io::ErrorKind::Other)?;
            (volume.copy()?, answers, (steps.len(), steps.len()))
        }
        Moment::After(micros) => {
            std::thread::sleep(Duration::from_micros(micros));
            let before = done.load(Ordering::SeqCst);
            let copy = volume.copy()?;
            let after = done.load(Ordering::SeqCst);
            let answers = acting.join().map_err(|_| io::ErrorKind::Other)?;
            (copy, answers, (before, after))
        }
    };
    let Some(copy) = copy else {
        return Ok(None);
    };
    let survived = volume.after_power_loss(&copy)?;
    let mut survivor = Survivor::new();
    look(&survived.root().join("data"), "", &mut survivor)?;
    Ok(Some(Left {
        survivor,
        done: range,
        answers,
    }))
}

async fn act(steps: Vec<Step>, root: PathBuf, done: Arc<AtomicUsize>) -> Vec<String> {
    let mut answers = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let answer = step.carry_out(&root, number).await;
        answers.push(match answer {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("{:?} ({:?})", error.kind(), error.raw_os_error()),
        });
        done.fetch_add(1, Ordering::SeqCst);
    }
    answers
}

fn look(dir: &Path, prefix: &str, found: &mut Survivor) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}{}", plain(&entry.file_name().to_string_lossy()));
        if entry.file_type()?.is_dir() {
            found.insert(format!("{name}/"));
            look(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.insert(format!("{name}: {}", short(&std::fs::read(entry.path())?)));
        }
    }
    Ok(())
}

/// The name of a temporary file, without what is random in it.
fn plain(name: &str) -> String {
    match name.split('.').collect::<Vec<_>>()[..] {
        ["", of, _, "tmp"] => format!(".{of}.tmp"),
        _ => name.to_owned(),
    }
}

/// A content, so that people can read it: runs of the same byte.
fn short(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.chunk_by(|one, two| one == two) {
        let byte = if part[0] == 0 {
            'z'
        } else {
            char::from(part[0])
        };
        let _ = write!(text, "{byte}x{} ", part.len());
    }
    text.trim_end().to_owned()
}

/// Whether the simulator's disk can leave the same, in at most `runs_max` runs; how many it took,
/// and what it left instead.
pub(super) fn simulate(steps: &[Step], left: &Left, runs_max: u64) -> (bool, u64, Vec<Survivor>) {
    let found = Arc::new(Mutex::new(BTreeSet::new()));
    let (mut runs, mut seeds) = (0, 50);
    let (first, last) = left.done;
    while runs < runs_max {
        let config = Config::default().first_seed(runs + 1).seeds(seeds);
        let config = config.jobs(1).processes(0).persist(false);
        let (seen, steps) = (found.clone(), steps.to_vec());
        check(config, move |sim| {
            let (seen, steps) = (seen.clone(), steps.clone());
            async move {
                let server = sim.node("server");
                // File systems lose much at once, or little: not every unit on its own.
                if let Some(odds) =
                    [None, None, Some(1), Some(5), Some(9)][simoom::rand::range(0..5) as usize]
                {
                    let lost = Fault::new(FaultKind::DiskUnsyncedLost).active(Ratio::ALWAYS);
                    sim.faults(lost.probability(Ratio::new(odds, 10)).may_be_inert());
                }
                for (name, size) in BEFORE {
                    let put = server
                        .disk()
                        .write(format!("/data/{name}"), vec![b'o'; size]);
                    put.expect("there is room");
                }
                let sure = first.min(steps.len());
                let most = (last + 1).min(steps.len());
                let count = sure + simoom::rand::range(0..(most - sure) as u64 + 1) as usize;
                let done = Arc::new(AtomicUsize::new(0));
                let these = steps[..count].to_vec();
                let task = server.spawn(act(these, "/data".into(), done.clone()));
                if count == sure {
                    task.await.expect("its node lives");
                } else {
                    let begun = sure + simoom::rand::range(0..(count - sure) as u64) as usize;
                    while done.load(Ordering::SeqCst) < begun {
                        sleep(Duration::from_micros(20)).await;
                    }
                    sleep(Duration::from_micros(simoom::rand::range(0..10_000))).await;
                }
                server.power_loss();
                let mut survivor = Survivor::new();
                look_simulated(&server.disk(), "/data", "", &mut survivor);
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(survivor);
            }
        })
        .unwrap();
        runs += seeds;
        let seen = found.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&left.survivor) {
            return (true, runs, Vec::new());
        }
        seeds *= 2;
    }
    let seen = found.lock().unwrap_or_else(PoisonError::into_inner);
    let mut nearest: Vec<_> = seen.iter().cloned().collect();
    nearest.sort_by_key(|other| left.survivor.symmetric_difference(other).count());
    nearest.truncate(3);
    (false, runs, nearest)
}

fn look_simulated(disk: &Disk, path: &str, prefix: &str, found: &mut Survivor) {
    for name in disk.list(path).unwrap_or_default() {
        let below = format!("{path}/{name}");
        let name = format!("{prefix}{}", plain(&name));
        match disk.read(&below) {
            Ok(bytes) => {
                found.insert(format!("{name}: {}", short(&bytes)));
            }
            Err(_) => {
                found.insert(format!("{name}/"));
                look_simulated(disk, &below, &format!("{name}/"), found);
            }
        }
    }
}

/// The kinds of file system that this machine can make and mount.
pub(super) fn kinds(dir: &Path) -> Vec<(Kind, PathBuf)> {
    let makes = |kind: Kind| {
        let image = Volume::image(kind, dir).ok()?;
        Volume::mount(kind, &image).ok()?;
        Some((kind, image))
    };
    Kind::ALL.into_iter().filter_map(makes).collect()
}
