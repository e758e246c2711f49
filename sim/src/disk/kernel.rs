//! The calls of the system that concern files.
//!
//! Owns what each does and what it fails with, as Linux has it. Nobody is refused for want of
//! permission: processes run as root.

use std::ffi::OsString;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};

use simoom::backend::{OpenHow, Stat, file_type};

use super::bytes::PAGE;
use super::content::Content;
use super::errno::os;
use super::inode::{Dir, Ino, Inode, Node};
use super::lookup::{AtEnd, Last, Spot};
use super::tree::Disk;

/// An open file, which several handles may share.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) ino: Ino,
    pub(crate) cursor: u64,
    pub(crate) access: Access,
}

/// What a file was opened for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    /// Each write is synced (`O_SYNC`, `O_DSYNC`).
    pub(crate) sync: bool,
}

/// What a process takes from the permission bits of what it makes, as most shells set it.
const UMASK: u32 = 0o022;

/// The most bytes a file may have, as on ext4 with pages of 4 KiB.
const LEN_MAX: u64 = (1 << 44) - PAGE;

/// The most bytes one call moves, as on Linux.
const CALL_MAX: usize = 0x7fff_f000;

impl Disk {
    /// Opens a file, which is held from then on.
    pub(crate) fn open(
        &mut self,
        path: &Path,
        how: &OpenHow,
        now_ns: i64,
    ) -> io::Result<Description> {
        let (access, truncate, create, exclusive) = check(how)?;
        let has = |flag| how.custom_flags & flag != 0;
        if create && has(libc::O_DIRECTORY) {
            // Since Linux 6.4.
            return Err(os(libc::EINVAL));
        }
        let stays = exclusive || has(libc::O_NOFOLLOW);
        let at_end = match (create, stays) {
            (true, true) => AtEnd::MakeHere,
            (true, false) => AtEnd::Make,
            (false, true) => AtEnd::Stay,
            (false, false) => AtEnd::Follow,
        };
        let mut spot = self.walk(path, at_end)?;
        let ino = match spot.ino {
            Some(_) if exclusive => return Err(os(libc::EEXIST)),
            Some(ino) => {
                self.check_open(ino, access, create, has)?;
                if truncate {
                    self.cut(ino, 0, now_ns);
                }
                ino
            }
            None if !create => return Err(os(libc::ENOENT)),
            None => {
                let node = Node::File(Content::default());
                self.make(&mut spot, node, how.mode & !UMASK & 0o7777, now_ns)?
            }
        };
        self.hold(ino);
        Ok(Description {
            ino,
            cursor: 0,
            access,
        })
    }

    fn check_open(
        &self,
        ino: Ino,
        access: Access,
        create: bool,
        has: impl Fn(i32) -> bool,
    ) -> io::Result<()> {
        match self.inode(ino).node {
            Node::Symlink(_) => Err(os(libc::ELOOP)),
            Node::Socket => Err(os(libc::ENXIO)),
            Node::Dir(_) if access.write || create => Err(os(libc::EISDIR)),
            Node::File(_) if has(libc::O_DIRECTORY) => Err(os(libc::ENOTDIR)),
            _ => Ok(()),
        }
    }

    /// Makes something at a free spot.
    fn make(&mut self, spot: &mut Spot, node: Node, mode: u32, now_ns: i64) -> io::Result<Ino> {
        let Last::Name(name) = spot.last.clone() else {
            return Err(os(libc::EEXIST));
        };
        if self.pages_left() == 0 {
            return Err(os(libc::ENOSPC));
        }
        let path = self.text(spot);
        let ino = self.add(Inode::new(node, mode, path.clone(), now_ns));
        self.link(spot.dir, name, ino, format!("{path} made"));
        self.touch(spot.dir, now_ns);
        spot.ino = Some(ino);
        Ok(ino)
    }

    fn touch(&mut self, ino: Ino, now_ns: i64) {
        let inode = self.inode_mut(ino);
        inode.modified_ns = now_ns;
        inode.changed_ns = now_ns;
    }

    /// The bytes that reading `most` of them at `offset` gives.
    pub(crate) fn read(&self, file: &Description, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        if !file.access.read {
            return Err(os(libc::EBADF));
        }
        match &self.inode(file.ino).node {
            Node::File(content) => Ok(content.bytes().read(offset, most.min(CALL_MAX))),
            Node::Dir(_) => Err(os(libc::EISDIR)),
            Node::Symlink(_) | Node::Socket => Err(os(libc::EINVAL)),
        }
    }

    /// Writes as many of `bytes` at `offset` as there is room for; how many.
    pub(crate) fn write(
        &mut self,
        file: &Description,
        offset: u64,
        bytes: &[u8],
        now_ns: i64,
    ) -> io::Result<usize> {
        if !file.access.write {
            return Err(os(libc::EBADF));
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let left = self.pages_left();
        let content = self
            .inode(file.ino)
            .content()
            .ok_or_else(|| os(libc::EINVAL))?;
        let offset = if file.access.append {
            content.len()
        } else {
            offset
        };
        if offset >= LEN_MAX {
            return Err(os(libc::EFBIG));
        }
        let mut count = (bytes.len().min(CALL_MAX) as u64).min(LEN_MAX - offset);
        let pages = content.bytes();
        if pages.pages_missing(offset, count) > left {
            // Whole pages from the front, as many as fit.
            let mut end = offset / PAGE * PAGE + PAGE;
            while end - offset < count && pages.pages_missing(offset, end - offset) <= left {
                end += PAGE;
            }
            let fits = if pages.pages_missing(offset, end - offset) > left {
                (end - PAGE).saturating_sub(offset)
            } else {
                end - offset
            };
            count = count.min(fits);
            if count == 0 {
                return Err(os(libc::ENOSPC));
            }
        }
        let before = pages.pages();
        let inode = self.inode_mut(file.ino);
        let content = inode.content_mut().expect("a file");
        content.write(offset, &bytes[..count as usize]);
        let added = content.bytes().pages() - before;
        if file.access.sync {
            content.sync();
        }
        self.pages += added;
        self.touch(file.ino, now_ns);
        Ok(count as usize)
    }

    /// Moves the cursor, and says where it is then.
    pub(crate) fn seek(&self, file: &mut Description, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(place) => {
                let place = i64::try_from(place).map_err(|_| os(libc::EINVAL))?;
                (0, place)
            }
            SeekFrom::Current(offset) => (file.cursor as i64, offset),
            SeekFrom::End(offset) => (self.len(file.ino) as i64, offset),
        };
        let place = base
            .checked_add(offset)
            .ok_or_else(|| os(libc::EOVERFLOW))?;
        file.cursor = u64::try_from(place).map_err(|_| os(libc::EINVAL))?;
        if file.cursor > LEN_MAX {
            file.cursor = base as u64;
            return Err(os(libc::EINVAL));
        }
        Ok(file.cursor)
    }

    fn len(&self, ino: Ino) -> u64 {
        match &self.inode(ino).node {
            Node::File(content) => content.len(),
            Node::Dir(_) => PAGE,
            Node::Symlink(target) => target.len() as u64,
            Node::Socket => 0,
        }
    }

    /// Cuts an open file off, or fills it up.
    pub(crate) fn set_len(&mut self, file: &Description, len: u64, now_ns: i64) -> io::Result<()> {
        if i64::try_from(len).is_err() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        if !file.access.write || self.inode(file.ino).content().is_none() {
            return Err(os(libc::EINVAL));
        }
        if len > LEN_MAX {
            return Err(os(libc::EFBIG));
        }
        self.cut(file.ino, len, now_ns);
        Ok(())
    }

    fn cut(&mut self, ino: Ino, len: u64, now_ns: i64) {
        let inode = self.inode_mut(ino);
        let Some(content) = inode.content_mut() else {
            return;
        };
        let before = content.bytes().pages();
        content.resize(len);
        let after = content.bytes().pages();
        self.pages = self.pages + after - before;
        self.touch(ino, now_ns);
    }

    /// Makes what was written to an open file or directory durable.
    pub(crate) fn sync(&mut self, ino: Ino) {
        if self.inode(ino).is_dir() {
            self.sync_dir(ino);
        }
        let inode = self.inode_mut(ino);
        inode.durable_mode = inode.mode;
        if let Some(content) = inode.content_mut() {
            content.sync();
        }
    }

    /// A sync of an open file or directory fails: what it was to keep counts as kept, and is not
    /// on the disk.
    pub(crate) fn lose_sync(&mut self, ino: Ino) {
        if self.inode(ino).is_dir() {
            self.lose_sync_dir(ino);
        } else if let Some(content) = self.inode_mut(ino).content_mut() {
            content.lose_sync();
        }
    }

    /// The same for the directory of this path, if there is one.
    pub(crate) fn lose_sync_at(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.find(path, true)?;
        if !self.inode(ino).is_dir() {
            return Err(os(libc::ENOTDIR));
        }
        self.lose_sync_dir(ino);
        Ok(())
    }

    pub(crate) fn set_mode(&mut self, ino: Ino, mode: u32, now_ns: i64) {
        let inode = self.inode_mut(ino);
        inode.mode = mode & 0o7777;
        inode.changed_ns = now_ns;
    }

    pub(crate) fn set_mode_at(&mut self, path: &Path, mode: u32, now_ns: i64) -> io::Result<()> {
        let ino = self.find(path, true)?;
        self.set_mode(ino, mode, now_ns);
        Ok(())
    }

    /// Makes one directory.
    pub(crate) fn create_dir(&mut self, path: &Path, mode: u32, now_ns: i64) -> io::Result<()> {
        let mut spot = self.walk(path, AtEnd::Name)?;
        if spot.ino.is_some() {
            return Err(os(libc::EEXIST));
        }
        let node = Node::Dir(Dir::new(spot.dir));
        self.make(&mut spot, node, mode & !UMASK & 0o7777, now_ns)?;
        Ok(())
    }

    /// Removes an empty directory.
    pub(crate) fn remove_dir(&mut self, path: &Path, now_ns: i64) -> io::Result<()> {
        let spot = self.walk(path, AtEnd::Name)?;
        let name = match &spot.last {
            Last::Name(name) => name.clone(),
            Last::Root => return Err(os(libc::EBUSY)),
            Last::Dot => return Err(os(libc::EINVAL)),
            Last::DotDot => return Err(os(libc::ENOTEMPTY)),
        };
        let ino = spot.ino.ok_or_else(|| os(libc::ENOENT))?;
        let dir = self.inode(ino).dir().ok_or_else(|| os(libc::ENOTDIR))?;
        if !dir.entries.is_empty() {
            return Err(os(libc::ENOTEMPTY));
        }
        let what = format!("{} removed", self.text(&spot));
        self.unlink(spot.dir, name, what);
        self.touch(spot.dir, now_ns);
        Ok(())
    }

    /// Removes the name of a file.
    pub(crate) fn remove_file(&mut self, path: &Path, now_ns: i64) -> io::Result<()> {
        let spot = self.walk(path, AtEnd::Name)?;
        let Last::Name(name) = spot.last.clone() else {
            return Err(os(libc::EISDIR));
        };
        let ino = spot.ino.ok_or_else(|| os(libc::ENOENT))?;
        if self.inode(ino).is_dir() {
            return Err(os(libc::EISDIR));
        }
        if spot.slash {
            return Err(os(libc::ENOTDIR));
        }
        let what = format!("{} removed", self.text(&spot));
        self.inode_mut(ino).changed_ns = now_ns;
        self.unlink(spot.dir, name, what);
        self.touch(spot.dir, now_ns);
        Ok(())
    }

    /// Gives what has one name another.
    pub(crate) fn rename_path(&mut self, from: &Path, to: &Path, now_ns: i64) -> io::Result<()> {
        let from = self.walk(from, AtEnd::Name)?;
        let to = self.walk(to, AtEnd::Name)?;
        let (Last::Name(from_name), Last::Name(to_name)) = (&from.last, &to.last) else {
            return Err(os(libc::EBUSY));
        };
        let ino = from.ino.ok_or_else(|| os(libc::ENOENT))?;
        let is_dir = self.inode(ino).is_dir();
        if (from.slash || to.slash) && !is_dir {
            return Err(os(libc::ENOTDIR));
        }
        if is_dir && self.is_below(to.dir, ino) {
            return Err(os(libc::EINVAL));
        }
        if to.ino.is_some_and(|to| self.is_below(from.dir, to)) {
            return Err(os(libc::ENOTEMPTY));
        }
        if let Some(replaced) = to.ino {
            if replaced == ino {
                return Ok(());
            }
            match self.inode(replaced).dir() {
                None if is_dir => return Err(os(libc::ENOTDIR)),
                Some(dir) if is_dir && !dir.entries.is_empty() => {
                    return Err(os(libc::ENOTEMPTY));
                }
                Some(_) if !is_dir => return Err(os(libc::EISDIR)),
                _ => {}
            }
        }
        let (old, new) = (self.text(&from), self.text(&to));
        self.rename(
            (from.dir, from_name.clone()),
            (to.dir, to_name.clone()),
            ino,
            format!("{old} renamed to {new}"),
        );
        let inode = self.inode_mut(ino);
        inode.path = new;
        inode.changed_ns = now_ns;
        self.touch(from.dir, now_ns);
        self.touch(to.dir, now_ns);
        Ok(())
    }

    /// Whether the directory `dir` is `top` or below it.
    fn is_below(&self, dir: Ino, top: Ino) -> bool {
        let mut at = dir;
        loop {
            if at == top {
                return true;
            }
            match self.inode(at).dir() {
                Some(dir) if dir.parent != at => at = dir.parent,
                _ => return false,
            }
        }
    }

    /// Gives a file a second name.
    pub(crate) fn hard_link(&mut self, from: &Path, to: &Path, now_ns: i64) -> io::Result<()> {
        let ino = self.find(from, false)?;
        let spot = self.walk(to, AtEnd::Name)?;
        if spot.ino.is_some() {
            return Err(os(libc::EEXIST));
        }
        if spot.slash {
            return Err(os(libc::ENOENT));
        }
        let Last::Name(name) = spot.last.clone() else {
            return Err(os(libc::EEXIST));
        };
        if self.inode(ino).is_dir() {
            return Err(os(libc::EPERM));
        }
        let what = format!("{} linked", self.text(&spot));
        self.link(spot.dir, name, ino, what);
        self.inode_mut(ino).changed_ns = now_ns;
        self.touch(spot.dir, now_ns);
        Ok(())
    }

    /// Makes the file of a socket, as `bind` does.
    pub(crate) fn make_socket(&mut self, path: &Path, now_ns: i64) -> io::Result<Ino> {
        let mut spot = self.walk(path, AtEnd::Name)?;
        if spot.ino.is_some() {
            return Err(os(libc::EADDRINUSE));
        }
        if spot.slash {
            return Err(os(libc::ENOENT));
        }
        self.make(&mut spot, Node::Socket, 0o777 & !UMASK, now_ns)
    }

    /// The file of a socket, as `connect` looks for it: nobody is behind any other.
    pub(crate) fn find_socket(&self, path: &Path) -> io::Result<Ino> {
        let ino = self.find(path, true)?;
        match self.inode(ino).node {
            Node::Socket => Ok(ino),
            _ => Err(os(libc::ECONNREFUSED)),
        }
    }

    /// Makes a symbolic link.
    pub(crate) fn symlink(&mut self, target: &Path, path: &Path, now_ns: i64) -> io::Result<()> {
        let target = target.as_os_str().to_owned();
        if target.is_empty() {
            return Err(os(libc::ENOENT));
        }
        let mut spot = self.walk(path, AtEnd::Name)?;
        if spot.ino.is_some() {
            return Err(os(libc::EEXIST));
        }
        if spot.slash {
            return Err(os(libc::ENOENT));
        }
        self.make(&mut spot, Node::Symlink(target), 0o777, now_ns)?;
        Ok(())
    }

    pub(crate) fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        match &self.inode(self.find(path, false)?).node {
            Node::Symlink(target) => Ok(PathBuf::from(target)),
            _ => Err(os(libc::EINVAL)),
        }
    }

    pub(crate) fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let spot = self.walk(path, AtEnd::Follow)?;
        let ino = spot.ino.ok_or_else(|| os(libc::ENOENT))?;
        let mut found = if self.inode(ino).is_dir() {
            self.path_of_dir(ino)
        } else {
            let mut path = self.path_of_dir(spot.dir);
            if let Last::Name(name) = &spot.last {
                path.push("/");
                path.push(name);
            }
            path
        };
        if found.is_empty() {
            found.push("/");
        }
        Ok(PathBuf::from(found))
    }

    /// What is in a directory: names, types, inodes.
    pub(crate) fn list(&self, path: &Path) -> io::Result<Vec<(OsString, u32, Ino)>> {
        let dir = self.inode(self.find(path, true)?);
        let dir = dir.dir().ok_or_else(|| os(libc::ENOTDIR))?;
        let entry = |(name, &ino): (&OsString, &Ino)| {
            let kind = type_of(&self.inode(ino).node);
            (name.clone(), kind, ino)
        };
        Ok(dir.entries.iter().map(entry).collect())
    }

    pub(crate) fn stat_path(&self, path: &Path, follow: bool, dev: u64) -> io::Result<Stat> {
        Ok(self.stat(self.find(path, follow)?, dev))
    }

    /// What `stat(2)` says.
    pub(crate) fn stat(&self, ino: Ino, dev: u64) -> Stat {
        let inode = self.inode(ino);
        let subdirs = |dir: &Dir| {
            let is_dir = |ino: &&Ino| self.inode(**ino).is_dir();
            dir.entries.values().filter(is_dir).count() as u64
        };
        let (nlink, pages) = match &inode.node {
            Node::Dir(dir) if inode.names > 0 => (2 + subdirs(dir), 1),
            Node::Dir(_) => (0, 1),
            Node::File(content) => (inode.names, content.bytes().pages()),
            Node::Symlink(_) | Node::Socket => (inode.names, 0),
        };
        Stat {
            dev,
            ino: ino.0,
            mode: type_of(&inode.node) | inode.mode,
            nlink,
            uid: 0,
            gid: 0,
            rdev: 0,
            size: self.len(ino),
            blksize: PAGE,
            blocks: pages * (PAGE / 512),
            accessed: split(inode.accessed_ns),
            modified: split(inode.modified_ns),
            changed: split(inode.changed_ns),
            created: Some(split(inode.created_ns)),
        }
    }
}

fn type_of(node: &Node) -> u32 {
    match node {
        Node::File(_) => file_type::FILE,
        Node::Dir(_) => file_type::DIR,
        Node::Symlink(_) => file_type::SYMLINK,
        Node::Socket => file_type::SOCKET,
    }
}

fn split(time_ns: i64) -> (i64, u32) {
    (
        time_ns.div_euclid(1_000_000_000),
        time_ns.rem_euclid(1_000_000_000) as u32,
    )
}

/// What the options ask for: access, whether to cut off, to make, to be the one that makes.
fn check(how: &OpenHow) -> io::Result<(Access, bool, bool, bool)> {
    let invalid = |text: &'static str| io::Error::new(io::ErrorKind::InvalidInput, text);
    if !(how.read || how.write || how.append) {
        return Err(invalid(if how.changes() {
            "creating or truncating a file requires write or append access"
        } else {
            "must specify at least one of read, write, or append access"
        }));
    }
    let is_writing = how.write || how.append;
    if !is_writing && how.changes() || how.append && how.truncate && !how.create_new {
        return Err(invalid(
            "creating or truncating a file requires write or append access",
        ));
    }
    let access = Access {
        read: how.read,
        write: is_writing,
        append: how.append,
        sync: how.custom_flags & (libc::O_SYNC | libc::O_DSYNC) != 0,
    };
    let create = how.create || how.create_new;
    Ok((
        access,
        how.truncate && !how.create_new,
        create,
        how.create_new,
    ))
}

#[cfg(test)]
mod tests;
