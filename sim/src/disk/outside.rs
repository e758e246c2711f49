//! A disk as a test looks at it: whole files, at once.

use std::io;
use std::path::Path;

use simoom::backend::OpenHow;

use super::bytes::Bytes;
use super::content::Content;
use super::errno::os;
use super::tree::Disk;

impl Disk {
    /// The content of a file.
    pub(crate) fn read_whole(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.whole(path, Content::bytes)
    }

    /// The content of a file that is on the disk for certain.
    pub(crate) fn read_durable(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.whole(path, Content::durable)
    }

    fn whole(&self, path: &Path, of: fn(&Content) -> &Bytes) -> io::Result<Vec<u8>> {
        let inode = self.inode(self.find(path, true)?);
        match inode.content() {
            Some(content) => Ok(of(content).read(0, usize::MAX)),
            None if inode.is_dir() => Err(os(libc::EISDIR)),
            None => Err(os(libc::EINVAL)),
        }
    }

    /// Puts a file there, with the directories above it, as if it had always been there.
    pub(crate) fn put(&mut self, path: &Path, bytes: &[u8], now_ns: i64) -> io::Result<()> {
        let mut above: Vec<_> = path.ancestors().skip(1).collect();
        above.reverse();
        for dir in above {
            if !dir.as_os_str().is_empty() && self.find(dir, true).is_err() {
                self.create_dir(dir, 0o777, now_ns)?;
            }
        }
        let mut how = OpenHow::default();
        (how.write, how.create, how.truncate) = (true, true, true);
        let file = self.open(path, &how, now_ns)?;
        let written = self.write(&file, 0, bytes, now_ns);
        self.release(file.ino);
        self.sync_everything();
        match written? {
            count if count == bytes.len() => Ok(()),
            _ => Err(os(libc::ENOSPC)),
        }
    }
}
