//! A file on a simulated disk, against what POSIX promises of one.
//!
//! Owns the model: what was synced is there; of what was not, each byte is what one of the writes
//! since left there, or what was there before. Names are no part of it.

use std::collections::BTreeSet;
use std::future::pending;
use std::io;

use simoom::fs::{File, OpenOptions};
use simoom_sim::{Config, Sim};

use super::simulated::{divided, simulated};
use super::{Bytes, Seen};

/// How many bytes say what is done.
pub(super) const OWN: usize = 24;

pub(super) fn disk(bytes: &[u8]) -> Seen {
    let (own, schedule) = divided(bytes, OWN);
    simulated("disk", &Config::default(), &schedule, move |sim| {
        act(sim, own.clone())
    })
}

const PATH: &str = "/data/file";

/// What may be found.
struct Model {
    now: Vec<u8>,
    /// What each byte was since the last sync.
    since: Vec<BTreeSet<u8>>,
    /// How long the file was since then.
    lens: BTreeSet<usize>,
}

impl Model {
    fn of(bytes: Vec<u8>) -> Self {
        Self {
            since: bytes.iter().map(|&byte| BTreeSet::from([byte])).collect(),
            lens: BTreeSet::from([bytes.len()]),
            now: bytes,
        }
    }

    /// The file has another length, and what is new in it is 0.
    fn resize(&mut self, len: usize) {
        self.now.resize(len, 0);
        self.lens.insert(len);
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        if end > self.now.len() {
            self.resize(end);
        }
        self.now[at..end].copy_from_slice(bytes);
        if end > self.since.len() {
            self.since.resize(end, BTreeSet::new());
        }
        for (index, byte) in (at..end).zip(bytes) {
            self.since[index].insert(*byte);
        }
    }

    /// What was found after a loss of power.
    fn lost(&self, found: &[u8]) {
        assert!(
            self.lens.contains(&found.len()),
            "it is {} bytes long",
            found.len()
        );
        let shortest = self.lens.first().copied().unwrap_or_default();
        for (index, byte) in found.iter().enumerate() {
            // What was beyond the end is 0 until it is written.
            let may_be_new = index >= shortest && *byte == 0;
            let was = self.since.get(index).is_some_and(|it| it.contains(byte));
            assert!(may_be_new || was, "byte {index} is {byte}");
        }
    }
}

async fn act(sim: Sim, own: Vec<u8>) {
    let node = sim.node("server");
    node.disk().write(PATH, [9; 700]).unwrap();
    let node = node.run(pending::<()>);
    let mut model = Model::of(vec![9; 700]);
    let mut bytes = Bytes::new(&own);
    while !bytes.is_empty() {
        let what = bytes.byte();
        let (at, size) = (
            usize::from(bytes.byte()) * 5,
            1 + usize::from(what >> 3) * 40,
        );
        match what % 8 {
            0..=3 => {
                let written = vec![what; size];
                model.write(at, &written);
                let write = async move { open().await?.write_all_at(&written, at as u64).await };
                node.spawn(write).await.unwrap().unwrap();
            }
            4 => {
                let sync = async { open().await?.sync_all().await };
                node.spawn(sync).await.unwrap().unwrap();
                model = Model::of(model.now);
            }
            5 => {
                model.resize(at);
                let resize = async move { open().await?.set_len(at as u64).await };
                node.spawn(resize).await.unwrap().unwrap();
            }
            6 => {
                node.power_loss();
                let found = node.disk().read(PATH).unwrap();
                model.lost(&found);
                model = Model::of(found);
                node.restart();
            }
            _ => {
                node.kill();
                node.restart();
            }
        }
        assert!(
            node.disk().read(PATH).unwrap() == model.now,
            "processes see it all"
        );
    }
}

async fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(PATH).await
}
