//! The comparison of disks.
//!
//! Owns the cases: what fails and how, and what a loss of power leaves.

use std::future::Future;
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use simoom::fs::{self, File, OpenOptions};
use simoom::runtime::Runtime;
use simoom_sim::faults::When;
use simoom_sim::{Config, Fault, Kind as FaultKind, Ratio, check};

use super::survivors::{Left, Moment, Step, kinds, numbered, really, simulate};
use super::told::{Missing, Outcome, Request, Summary, Told, quoted};
use super::volume::{Kind, Scratch, Volume, own_mounts, run};

/// Runs every case that `request` asks for, on file systems within files and in the simulator, and
/// prints a JSON line for each.
///
/// # Errors
/// If the machine mounts no such file systems, or does not let this process do it.
pub fn disk(request: &Request) -> Result<Summary, Missing> {
    let missing =
        |error: io::Error| Missing(format!("mounts of its own, which take root: {error}"));
    own_mounts().map_err(missing)?;
    let scratch = Scratch::new().map_err(missing)?;
    let images = kinds(scratch.path());
    if images.is_empty() {
        let text = "file systems within files (loop devices, mkfs.ext4, mkfs.xfs or mkfs.btrfs)";
        return Err(Missing(text.to_owned()));
    }
    for kind in Kind::ALL {
        if !images.iter().any(|(it, _)| *it == kind) {
            eprintln!(
                "linux-conformance: no {} here, which is left out",
                kind.name()
            );
        }
    }
    let mut summary = Summary::default();
    let wanted = |name: &str| name.contains(&request.filter);
    for failing in FAILING {
        if wanted(failing.name) {
            fails(failing, &mut summary);
        }
    }
    let images = if request.is_quick {
        &images[..1]
    } else {
        &images[..]
    };
    for (kind, image) in images {
        for (name, steps) in LOSSES {
            let moments: &[Moment] = if request.is_quick {
                &MOMENTS[..1]
            } else {
                &MOMENTS
            };
            for &moment in moments {
                if wanted(name) {
                    survives(
                        &format!("{name} on {}", kind.name()),
                        *kind,
                        image,
                        steps,
                        moment,
                        request,
                        &mut summary,
                    );
                }
            }
        }
        let scripts = if request.is_quick {
            25
        } else {
            request.scripts
        };
        for number in request.from..request.from + scripts {
            let name = format!("script {number} on {}", kind.name());
            if wanted(&name) {
                let draw = simoom_sim::value(number, 0x6d6f_6d65, 0);
                let moment = match draw % 3 {
                    0 => Moment::After(draw % 20_011),
                    _ => Moment::End,
                };
                survives(
                    &name,
                    *kind,
                    image,
                    &numbered(number),
                    moment,
                    request,
                    &mut summary,
                );
            }
        }
    }
    Ok(summary)
}

/// When the power is lost in a case that is not random.
const MOMENTS: [Moment; 4] = [
    Moment::End,
    Moment::After(500),
    Moment::After(3_000),
    Moment::After(8_000),
];

/// Operations behind which the power is lost.
const LOSSES: &[(&str, &[Step])] = &[
    ("write without sync", &[Step::Write('c', 0, 5_000)]),
    ("write and time", &[Step::Write('c', 0, 5_000), Step::Wait]),
    (
        "write and sync",
        &[Step::Write('a', 100, 600), Step::SyncData('a')],
    ),
    (
        "write over and over",
        &[Step::Write('a', 0, 5_000), Step::Write('a', 0, 5_000)],
    ),
    (
        "make and sync without the directory",
        &[Step::Write('c', 0, 100), Step::SyncAll('c')],
    ),
    (
        "make and sync with the directory",
        &[Step::Write('c', 0, 100), Step::SyncAll('c'), Step::SyncDir],
    ),
    ("rename", &[Step::Rename('a', 'c')]),
    (
        "rename and sync another",
        &[
            Step::Rename('a', 'c'),
            Step::Append('b', 1),
            Step::SyncAll('b'),
        ],
    ),
    (
        "rename with the directory",
        &[Step::Rename('a', 'c'), Step::SyncDir],
    ),
    (
        "replace by hand without a sync",
        &[Step::Write('c', 0, 5_000), Step::Rename('c', 'a')],
    ),
    (
        "replace by hand with a sync",
        &[
            Step::Write('c', 0, 5_000),
            Step::SyncAll('c'),
            Step::Rename('c', 'a'),
        ],
    ),
    ("replace", &[Step::Replace('a', 6_000)]),
    (
        "replace twice",
        &[Step::Replace('a', 6_000), Step::Replace('a', 10)],
    ),
    ("append", &[Step::Append('a', 100_000)]),
    (
        "append much",
        &[Step::Append('a', 2_000_000), Step::Append('a', 1_000_000)],
    ),
    (
        "append and sync another",
        &[
            Step::Append('a', 700),
            Step::Append('b', 1),
            Step::SyncAll('b'),
        ],
    ),
    (
        "append and time",
        &[Step::Append('a', 700), Step::Wait, Step::Append('a', 700)],
    ),
    ("cut", &[Step::Cut('a', 10)]),
    (
        "cut and grow",
        &[
            Step::Cut('a', 10),
            Step::Cut('a', 2_000),
            Step::SyncAll('b'),
        ],
    ),
    (
        "cut and append",
        &[Step::Cut('a', 10), Step::Append('a', 10), Step::SyncDir],
    ),
    ("remove", &[Step::Remove('a')]),
    (
        "remove with the directory",
        &[Step::Remove('a'), Step::SyncDir],
    ),
    (
        "remove and make again",
        &[
            Step::Remove('a'),
            Step::Write('a', 0, 10),
            Step::SyncAll('a'),
        ],
    ),
    (
        "directories",
        &[
            Step::MakeDir('c'),
            Step::MakeDir('d'),
            Step::SyncAll('c'),
            Step::RemoveDir('d'),
        ],
    ),
];

fn survives(
    name: &str,
    kind: Kind,
    image: &Path,
    steps: &[Step],
    moment: Moment,
    request: &Request,
    summary: &mut Summary,
) {
    let left = match leave(kind, image, steps, moment) {
        Ok(Some(left)) => left,
        Ok(None) => {
            eprintln!("linux-conformance: {name}: the device was busy all the time");
            return;
        }
        Err(error) => {
            eprintln!("linux-conformance: {name}: {error}");
            summary.differing += 1;
            return;
        }
    };
    let most = request.seeds * 8;
    let (agrees, runs, nearest) = simulate(steps, &left, most);
    summary.cases += 1;
    summary.differing += u64::from(!agrees);
    let list = |lines: &mut dyn Iterator<Item = String>| {
        let quoted: Vec<_> = lines.map(|it| quoted(&it)).collect();
        format!("[{}]", quoted.join(","))
    };
    let nearest: Vec<_> = nearest
        .into_iter()
        .map(|it| list(&mut it.into_iter()))
        .collect();
    println!(
        "{{\"case\":{},\"verdict\":{},\"steps\":{},\"answers\":{},\"lost_between\":[{},{}],\
         \"real\":{},\"nearest\":[{}],\"runs\":{runs}}}",
        quoted(name),
        quoted(if agrees { "agrees" } else { "differs" }),
        list(&mut steps.iter().map(ToString::to_string)),
        list(&mut left.answers.iter().cloned()),
        left.done.0,
        left.done.1,
        list(&mut left.survivor.iter().cloned()),
        nearest.join(",")
    );
    let _ = io::stdout().flush();
}

fn leave(kind: Kind, image: &Path, steps: &[Step], moment: Moment) -> io::Result<Option<Left>> {
    for _ in 0..3 {
        let scratch = Scratch::new()?;
        let copy = scratch.path().join("image");
        run(Command::new("cp")
            .arg("--sparse=always")
            .arg(image)
            .arg(&copy))?;
        let left = really(Volume::mount(kind, &copy)?, steps, moment)?;
        if left.is_some() {
            return Ok(left);
        }
    }
    Ok(None)
}

/// A body that meets errors, and the file system that makes it meet them.
struct Failing {
    name: &'static str,
    listed: Option<&'static str>,
    volume: fn(&Path) -> io::Result<Mounted>,
    /// How many bytes the simulated disk takes.
    capacity: Option<u64>,
    fault: Option<FaultKind>,
    /// What is to happen to the volume before the body.
    before: fn(&Volume) -> io::Result<()>,
    body: fn(PathBuf, Told) -> Body,
}

/// A file system, and the one that its image is in.
type Mounted = (Volume, Option<Volume>);

type Body = Pin<Box<dyn Future<Output = ()>>>;

const FAILING: &[Failing] = &[
    Failing {
        name: "no space for a write",
        listed: None,
        volume: small,
        capacity: Some(1 << 20),
        fault: None,
        before: |_| Ok(()),
        body: |root, told| Box::pin(no_space(root, told)),
    },
    Failing {
        name: "no space for a name",
        listed: None,
        volume: few_inodes,
        capacity: Some(0),
        fault: None,
        before: use_up_inodes,
        body: |root, told| Box::pin(no_name(root, told)),
    },
    Failing {
        name: "a file system that may not be written",
        listed: Some("the simulator's file systems are always mounted for writing"),
        volume: small,
        capacity: None,
        fault: None,
        before: |volume| volume.remount_read_only(),
        body: |root, told| Box::pin(read_only(root, told)),
    },
    Failing {
        name: "a device that fails to write",
        listed: None,
        volume: over_full,
        capacity: None,
        fault: Some(FaultKind::DiskSyncFailed),
        before: |_| Ok(()),
        body: |root, told| Box::pin(failing_sync(root, told)),
    },
];

fn small(dir: &Path) -> io::Result<Mounted> {
    let image = Volume::image_of(Kind::Ext4, dir, 8, &[])?;
    Ok((Volume::mount(Kind::Ext4, &image)?, None))
}

fn few_inodes(dir: &Path) -> io::Result<Mounted> {
    let image = Volume::image_of(Kind::Ext4, dir, 8, &["-N", "16"])?;
    Ok((Volume::mount(Kind::Ext4, &image)?, None))
}

fn use_up_inodes(volume: &Volume) -> io::Result<()> {
    for number in 0.. {
        let made = std::fs::File::create(volume.root().join(format!("other{number}")));
        if let Err(error) = made {
            return match error.kind() {
                io::ErrorKind::StorageFull => Ok(()),
                _ => Err(error),
            };
        }
    }
    Ok(())
}

/// A file system whose device takes less than it promises: what it cannot keep is found out when
/// it is written back.
fn over_full(dir: &Path) -> io::Result<Mounted> {
    let below = Volume::memory(dir, 12)?;
    let image = Volume::image_of(Kind::Ext4, below.root(), 48, &["-J", "size=4"])?;
    let above = Volume::mount(Kind::Ext4, &image)?;
    Ok((above, Some(below)))
}

async fn no_space(root: PathBuf, told: Told) {
    fs::write(root.join("a"), b"hello")
        .await
        .expect("there is room");
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true);
    let file = options.open(root.join("b")).await.expect("there is room");
    let bytes = vec![7; 300_000];
    let (mut offset, mut is_short) = (0, false);
    let error = loop {
        match file.write_at(&bytes, offset).await {
            Ok(count) => {
                is_short |= count < bytes.len();
                offset += count as u64;
            }
            Err(error) => break error,
        }
    };
    told.say("last write is short", is_short.to_string());
    told.say("then", error);
    told.say("again", file.write_at(&bytes, offset).await);
    told.say(
        "length",
        (file.metadata().await.expect("it is open").len() == offset).to_string(),
    );
    told.say("over", file.write_at(&bytes[..100], 0).await);
    told.say("sync", file.sync_all().await);
    told.say("cut", file.set_len(100).await);
    told.say("write", file.write_at(&bytes[..4_096], 0).await);
    told.say("sync", file.sync_all().await);
}

async fn no_name(root: PathBuf, told: Told) {
    told.say("create", File::create(root.join("c")).await.map(drop));
    told.say("mkdir", fs::create_dir(root.join("d")).await);
    told.say("symlink", fs::symlink("c", root.join("e")).await);
    told.say("open", File::open(root.join("c")).await.map(drop));
}

async fn read_only(root: PathBuf, told: Told) {
    told.say("create", File::create(root.join("c")).await.map(drop));
    told.say("mkdir", fs::create_dir(root.join("d")).await);
    told.say("sync", fs::sync_dir(&root).await);
    told.say("read", fs::read_dir(&root).await.map(drop));
}

async fn failing_sync(root: PathBuf, told: Told) {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true);
    let file = options.open(root.join("b")).await.expect("there is room");
    let bytes = vec![7; 1 << 20];
    for number in 0..20 {
        let written = file.write_all_at(&bytes, number << 20).await;
        if let Err(error) = written {
            told.say("write", error);
        }
    }
    let first = file.sync_all().await;
    told.say("first sync fails", first.is_err().to_string());
    // What is written back in several parts fails in each; then there is nothing left to fail.
    let mut later = file.sync_all().await;
    for _ in 0..50 {
        if later.is_err() {
            later = file.sync_all().await;
        }
    }
    told.say("a later sync", later);
    let mut four = [0; 4];
    let read = file.read_exact_at(&mut four, 19 << 20).await;
    told.say("read", read.map(drop));
    told.say("bytes", format!("{four:?}"));
}

fn fails(case: &'static Failing, summary: &mut Summary) {
    let real = match met(case) {
        Ok(real) => real,
        Err(error) => {
            eprintln!("linux-conformance: {}: {error}", case.name);
            summary.differing += 1;
            return;
        }
    };
    let simulated = met_in_simulation(case);
    let agrees = simulated.iter().any(|it| real.is_like(it));
    let verdict = match (agrees, case.listed) {
        (true, None) => "agrees",
        (false, Some(_)) => "listed",
        (false, None) => "differs",
        (true, Some(_)) => "is listed and agrees",
    };
    summary.cases += 1;
    summary.listed += u64::from(verdict == "listed");
    summary.differing += u64::from(verdict == "differs" || verdict == "is listed and agrees");
    let shown: Vec<_> = simulated.iter().take(3).map(Outcome::json).collect();
    println!(
        "{{\"case\":{},\"verdict\":{},\"real\":{},\"simulated\":[{}],\"why\":{}}}",
        quoted(case.name),
        quoted(verdict),
        real.json(),
        shown.join(","),
        quoted(case.listed.unwrap_or_default())
    );
}

fn met(case: &'static Failing) -> io::Result<Outcome> {
    let scratch = Scratch::new()?;
    let (volume, _below) = (case.volume)(scratch.path())?;
    let root = volume.root().to_owned();
    (case.before)(&volume)?;
    let acting = std::thread::spawn(move || {
        let runtime = Runtime::new().expect("the system has descriptors left");
        let told = Told::default();
        runtime.block_on((case.body)(root, told.clone()));
        told.outcome()
    });
    let outcome = acting.join();
    drop(volume);
    outcome.map_err(|_| io::Error::other("it panicked"))
}

fn met_in_simulation(case: &'static Failing) -> Vec<Outcome> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let tales = found.clone();
    let config = Config::default().seeds(20).jobs(1).persist(false);
    check(config, move |sim| {
        let tales = tales.clone();
        async move {
            let server = sim.node("server");
            server
                .disk()
                .write("/data/keep", b"")
                .expect("there is room");
            if let Some(capacity) = case.capacity {
                server.disk().capacity(capacity);
            }
            if let Some(kind) = case.fault {
                let fault = Fault::new(kind).probability(Ratio::ALWAYS);
                sim.faults(fault.when(When::Nth(0)).may_be_inert());
            }
            let told = Told::default();
            let acting = server.spawn((case.body)("/data".into(), told.clone()));
            acting.await.expect("its node lives");
            let mut tales = tales.lock().unwrap_or_else(PoisonError::into_inner);
            if !tales.contains(&told.outcome()) {
                tales.push(told.outcome());
            }
        }
    })
    .unwrap();
    let tales = found.lock().unwrap_or_else(PoisonError::into_inner);
    tales.clone()
}
