//! File systems within files: mounted, filled up, copied while they are in use.
//!
//! Owns mounting and unmounting, in a mount namespace that goes away with the process. A copy of
//! the image of a mounted file system is what a loss of power leaves of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ext4,
    Xfs,
    Btrfs,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Ext4, Self::Xfs, Self::Btrfs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// The least that `mkfs` takes, or what is convenient.
    fn size_mib(self) -> u64 {
        match self {
            Self::Ext4 => 16,
            Self::Xfs => 300,
            Self::Btrfs => 115,
        }
    }

    /// What makes one of an image.
    fn make(self) -> &'static [&'static str] {
        match self {
            Self::Ext4 => &[
                "mkfs.ext4",
                "-q",
                "-F",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0",
            ],
            Self::Xfs => &["mkfs.xfs", "-q", "-f"],
            Self::Btrfs => &["mkfs.btrfs", "-q", "-f"],
        }
    }

    fn options(self) -> &'static str {
        match self {
            Self::Ext4 => "loop,commit=1",
            Self::Xfs => "loop,nouuid",
            Self::Btrfs => "loop,commit=1",
        }
    }
}

/// Lets this thread, and those that it starts from now on, mount what nobody else sees; files for a
/// while are in memory from now on, and gone with the process.
pub(super) fn own_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let (nothing, none) = (None::<&str>, MsFlags::empty());
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing)?;
    let tmpfs = Some("tmpfs");
    mount(tmpfs, &std::env::temp_dir(), tmpfs, none, nothing)?;
    Ok(())
}

/// A directory that is removed in the end.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("linux-conformance-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A mounted file system.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) kind: Kind,
    image: PathBuf,
    at: PathBuf,
    mounted: bool,
}

impl Volume {
    /// Makes an image below `dir`; a volume is a copy of it.
    pub(super) fn image(kind: Kind, dir: &Path) -> io::Result<PathBuf> {
        Self::image_of(kind, dir, kind.size_mib(), &[])
    }

    /// Makes an image of this size, with more arguments of `mkfs`.
    pub(super) fn image_of(
        kind: Kind,
        dir: &Path,
        size_mib: u64,
        more: &[&str],
    ) -> io::Result<PathBuf> {
        let image = dir.join(format!("{}.image", kind.name()));
        fs::File::create(&image)?.set_len(size_mib << 20)?;
        let [program, arguments @ ..] = kind.make() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut command = Command::new(program);
        run(command.args(arguments).args(more).arg(&image))?;
        Ok(image)
    }

    /// Mounts an image.
    pub(super) fn mount(kind: Kind, image: &Path) -> io::Result<Self> {
        let at = image.with_extension("mounted");
        fs::create_dir_all(&at)?;
        let mut command = Command::new("mount");
        command.args(["-t", kind.name(), "-o", kind.options()]);
        run(command.arg(image).arg(&at))?;
        Ok(Self {
            kind,
            image: image.to_owned(),
            at,
            mounted: true,
        })
    }

    /// A file system in memory that takes so many megabytes.
    pub(super) fn memory(dir: &Path, size_mib: u64) -> io::Result<Self> {
        let at = dir.join("memory");
        fs::create_dir_all(&at)?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size_mib}m"), "tmpfs"]);
        run(command.arg(&at))?;
        Ok(Self {
            kind: Kind::Ext4,
            image: PathBuf::new(),
            at,
            mounted: true,
        })
    }

    /// Where it is mounted.
    pub(super) fn root(&self) -> &Path {
        &self.at
    }

    /// Lets nothing be written any more.
    pub(super) fn remount_read_only(&self) -> io::Result<()> {
        run(Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.at))
    }

    /// What is on the device now: the image, read until it was the same twice.
    pub(super) fn copy(&self) -> io::Result<Option<Vec<u8>>> {
        let mut before = fs::read(&self.image)?;
        for _ in 0..8 {
            let after = fs::read(&self.image)?;
            if after == before {
                return Ok(Some(after));
            }
            before = after;
        }
        Ok(None)
    }

    /// Unmounts it, and mounts what a loss of power at the time of the copy left.
    pub(super) fn after_power_loss(mut self, copy: &[u8]) -> io::Result<Self> {
        self.unmount()?;
        let image = self.image.with_extension("survivor");
        write_sparse(&image, copy)?;
        Self::mount(self.kind, &image)
    }

    fn unmount(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.mounted) {
            run(Command::new("umount").arg(&self.at))?;
        }
        Ok(())
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

/// Writes what is not zero.
fn write_sparse(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = fs::File::create(path)?;
    file.set_len(bytes.len() as u64)?;
    for (number, page) in bytes.chunks(1 << 16).enumerate() {
        if page.iter().any(|byte| *byte != 0) {
            file.write_all_at(page, (number as u64) << 16)?;
        }
    }
    Ok(())
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output().map_err(|error| {
        let program = command.get_program().to_string_lossy();
        io::Error::new(error.kind(), format!("{program}: {error}"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {}", text.trim())))
}
