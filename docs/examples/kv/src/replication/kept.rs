//! The role that outlives the process.
//!
//! Owns the file `kv.role`: what this server was last told by `REPLICAOF`. Knows nothing of what
//! follows from it.
//!
//! # Invariants
//! 1. A role is safe before anything is done for it, and so before anybody is told that it is.
//! 2. What `safe` says is what the file holds, whatever becomes of the machine's power.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::role::Primary;
use crate::log::{Folder, Log};

/// The role that a server is told to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// To follow nobody.
    Decide,
    Follow(Primary),
}

/// The file that holds the role.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// None if nothing is kept.
    folder: Option<Arc<Folder>>,
    /// None if there is no file, or nobody knows what it holds.
    safe: Option<Told>,
}

impl Kept {
    /// What this server was told before the process started; `None` if it was told nothing.
    ///
    /// What can be read may be in the system's memory alone, since the process before died before
    /// that was synced, or because it could not be. So it is written anew.
    ///
    /// # Errors
    /// What the system reports; `InvalidData` if there is a file that is no role.
    pub(super) async fn begin(&mut self, folder: Arc<Folder>) -> io::Result<Option<Told>> {
        if let Some(bytes) = folder.read(NAME).await? {
            let told = Told::parse(&bytes).ok_or_else(|| {
                let why = "kv.role is not a role of this version";
                io::Error::new(io::ErrorKind::InvalidData, why)
            })?;
            folder.prepare(NAME, &bytes).await?;
            folder.replace(NAME).await?;
            self.safe = Some(told);
        }
        self.folder = Some(folder);
        Ok(self.safe.clone())
    }

    /// Keeps `told` for the next process.
    ///
    /// # Errors
    /// What the system reports. If it may be kept all the same, that ends the server: nobody may
    /// go on in one role and come back in another.
    ///
    /// # Cancel safety
    /// Dropped, it has kept the role or not.
    pub(super) async fn keep(&mut self, told: &Told, log: &Log) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        if self.safe.as_ref() == Some(told) {
            return Ok(());
        }
        folder.prepare(NAME, told.to_string().as_bytes()).await?;
        self.safe = None;
        if let Err(error) = folder.replace(NAME).await {
            tracing::error!(%error, "replication.role.lost");
            log.fail();
            return Err(error);
        }
        self.safe = Some(told.clone());
        Ok(())
    }
}

impl Told {
    /// The role that was written so; `None` if it is none.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let told = text.strip_prefix(HEAD)?.strip_suffix('\n')?;
        if told == NO_ONE {
            return Some(Self::Decide);
        }
        let (host, port) = told.rsplit_once(' ')?;
        Some(Self::Follow(Primary {
            host: host.into(),
            port: port.parse().ok()?,
        }))
    }
}

/// As the file holds it.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decide => writeln!(f, "{HEAD}{NO_ONE}"),
            Self::Follow(Primary { host, port }) => writeln!(f, "{HEAD}{host} {port}"),
        }
    }
}

const NAME: &str = "kv.role";

/// The request follows as it was made.
const HEAD: &str = "kv role 1\nreplicaof ";

const NO_ONE: &str = "no one";

#[cfg(test)]
mod tests {
    use super::{Primary, Told};

    #[test]
    fn a_role_is_read_as_it_is_written() {
        let follow = |host: &str| {
            Told::Follow(Primary {
                host: host.into(),
                port: 6379,
            })
        };
        for told in [
            Told::Decide,
            follow("10.0.0.1"),
            follow("::1"),
            // Whatever a request may name.
            follow(""),
            follow("no"),
            follow("no one"),
            follow("two\nlines 1"),
        ] {
            assert_eq!(Told::parse(told.to_string().as_bytes()), Some(told));
        }
    }

    #[test]
    fn what_is_no_role_is_told_apart() {
        for text in [
            "",
            "kv role 1\n",
            "kv role 2\nreplicaof no one\n",
            "kv role 1\nreplicaof no one",
            "kv role 1\nreplicaof \n",
            "kv role 1\nreplicaof one\n",
            "kv role 1\nreplicaof one 70000\n",
        ] {
            assert_eq!(Told::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
