//! What the standard library says of a file, as numbers.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::backend::Stat;

pub(super) fn stat(found: &fs::Metadata) -> Stat {
    Stat {
        dev: found.dev(),
        ino: found.ino(),
        mode: found.mode(),
        nlink: found.nlink(),
        uid: found.uid(),
        gid: found.gid(),
        rdev: found.rdev(),
        size: found.size(),
        blksize: found.blksize(),
        blocks: found.blocks(),
        accessed: (found.atime(), found.atime_nsec() as u32),
        modified: (found.mtime(), found.mtime_nsec() as u32),
        changed: (found.ctime(), found.ctime_nsec() as u32),
        created: found.created().ok().map(since_1970),
    }
}

fn since_1970(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            match before.subsec_nanos() {
                0 => (-(before.as_secs() as i64), 0),
                nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
            }
        }
    }
}
