//! From a path to what it names: path_resolution(7).

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::errno::os;
use super::inode::{Ino, Node};
use super::tree::Disk;

/// Where a path ends.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// The directory that the last name is in.
    pub(super) dir: Ino,
    pub(super) last: Last,
    /// What is there.
    pub(super) ino: Option<Ino>,
    /// The path asks for a directory.
    pub(super) slash: bool,
}

/// What a path ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Name(OsString),
    Dot,
    DotDot,
    Root,
}

/// What happens at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AtEnd {
    /// A symbolic link stands for what it names.
    Follow,
    /// A symbolic link is meant itself, unless a slash follows it.
    Stay,
    /// The last name is meant itself, whatever it stands for: it is made, moved or removed.
    Name,
    /// As `Follow`, to make a file if there is none: no slash may follow.
    Make,
    /// As `Make`, where a symbolic link is meant itself.
    MakeHere,
}

const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4096;
const LINKS_MAX: u32 = 40;

impl Disk {
    /// Walks along `path`.
    pub(super) fn walk(&self, path: &Path, at_end: AtEnd) -> io::Result<Spot> {
        check(path)?;
        let bytes = path.as_os_str().as_bytes();
        let mut slash = bytes.ends_with(b"/");
        let mut names = parts(path.as_os_str());
        let mut dir = Ino::ROOT;
        let mut links = 0;
        let mut spot = Spot {
            dir,
            last: Last::Root,
            ino: Some(dir),
            slash,
        };
        while let Some(name) = names.pop_front() {
            if !self.inode(dir).is_dir() {
                return Err(os(libc::ENOTDIR));
            }
            let is_last = names.is_empty();
            if name == "." || name == ".." {
                let last = if name == "." { Last::Dot } else { Last::DotDot };
                if last == Last::DotDot {
                    dir = self.inode(dir).dir().map_or(dir, |dir| dir.parent);
                }
                spot = Spot {
                    dir,
                    last,
                    ino: Some(dir),
                    slash,
                };
                continue;
            }
            if name.len() > NAME_MAX {
                return Err(os(libc::ENAMETOOLONG));
            }
            let follows = match at_end {
                _ if !is_last => true,
                AtEnd::Make | AtEnd::MakeHere if slash => return Err(os(libc::EISDIR)),
                AtEnd::Follow | AtEnd::Make => true,
                AtEnd::Stay => slash,
                AtEnd::Name | AtEnd::MakeHere => false,
            };
            let child = self.entry(dir, &name);
            if let Some(ino) = child
                && let Node::Symlink(target) = &self.inode(ino).node
                && follows
            {
                links += 1;
                if links > LINKS_MAX {
                    return Err(os(libc::ELOOP));
                }
                let bytes = target.as_bytes();
                if bytes.starts_with(b"/") {
                    dir = Ino::ROOT;
                }
                slash |= is_last && bytes.ends_with(b"/");
                spot = Spot {
                    dir,
                    last: Last::Root,
                    ino: Some(dir),
                    slash,
                };
                for part in parts(target).into_iter().rev() {
                    names.push_front(part);
                }
                continue;
            }
            if !is_last {
                dir = child.ok_or_else(|| os(libc::ENOENT))?;
                continue;
            }
            spot = Spot {
                dir,
                last: Last::Name(name),
                ino: child,
                slash,
            };
        }
        if spot.slash
            && at_end != AtEnd::Name
            && let Some(ino) = spot.ino
            && !self.inode(ino).is_dir()
        {
            return Err(os(libc::ENOTDIR));
        }
        Ok(spot)
    }

    /// What `path` names.
    pub(super) fn find(&self, path: &Path, follow: bool) -> io::Result<Ino> {
        let at_end = if follow { AtEnd::Follow } else { AtEnd::Stay };
        self.walk(path, at_end)?.ino.ok_or_else(|| os(libc::ENOENT))
    }

    /// What people call the name at `spot`.
    pub(super) fn text(&self, spot: &Spot) -> String {
        let dir = &self.inode(spot.dir).path;
        match &spot.last {
            Last::Name(name) if dir == "/" => format!("/{}", name.display()),
            Last::Name(name) => format!("{dir}/{}", name.display()),
            _ => dir.clone(),
        }
    }

    /// The path of a directory or of the only name of a file, from the root on.
    pub(super) fn path_of_dir(&self, ino: Ino) -> OsString {
        let mut names = Vec::new();
        let mut at = ino;
        while at != Ino::ROOT {
            let Some(parent) = self.inode(at).dir().map(|dir| dir.parent) else {
                break;
            };
            let name = self.inode(parent).dir().and_then(|dir| {
                let mut entries = dir.entries.iter();
                entries.find(|&(_, &child)| child == at)
            });
            let Some((name, _)) = name else { break };
            names.push(name.clone());
            at = parent;
        }
        let mut path = OsString::new();
        for name in names.into_iter().rev() {
            path.push("/");
            path.push(name);
        }
        path
    }
}

fn parts(path: &OsStr) -> VecDeque<OsString> {
    path.as_bytes()
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty())
        .map(|part| OsStr::from_bytes(part).to_owned())
        .collect()
}

fn check(path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "file name contained an unexpected NUL byte",
        ));
    }
    if bytes.is_empty() {
        return Err(os(libc::ENOENT));
    }
    if bytes.len() >= PATH_MAX {
        return Err(os(libc::ENAMETOOLONG));
    }
    Ok(())
}
