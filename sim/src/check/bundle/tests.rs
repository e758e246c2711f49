//! What is read of git's own files.

use std::fs;
use std::path::PathBuf;

use super::revision;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let name = format!("simoom-bundle-{name}-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    fs::create_dir_all(folder.0.join("crate")).unwrap();
    fs::create_dir_all(folder.0.join(".git/refs/heads")).unwrap();
    folder
}

#[test]
fn the_revision_is_that_of_the_branch_or_of_the_head() {
    let folder = folder("head");
    let git = folder.0.join(".git");
    assert_eq!(revision(&folder.0.join("crate")), None, "no head");
    fs::write(git.join("HEAD"), "0123abcd\n").unwrap();
    assert_eq!(revision(&folder.0.join("crate")).unwrap(), "0123abcd");
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(revision(&folder.0), None, "a branch without a commit");
    fs::write(git.join("packed-refs"), "# pack\n4567 refs/heads/main\n").unwrap();
    assert_eq!(revision(&folder.0).unwrap(), "4567");
    fs::write(git.join("refs/heads/main"), "89ab\n").unwrap();
    assert_eq!(revision(&folder.0).unwrap(), "89ab");
}

#[test]
fn the_revision_of_a_worktree_is_that_of_its_own_branch() {
    let folder = folder("worktree");
    let git = folder.0.join(".git");
    let own = git.join("worktrees/other");
    fs::create_dir_all(&own).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(git.join("refs/heads/main"), "1111\n").unwrap();
    fs::write(git.join("refs/heads/other"), "2222\n").unwrap();
    fs::write(own.join("HEAD"), "ref: refs/heads/other\n").unwrap();
    fs::write(own.join("commondir"), "../..\n").unwrap();
    let there = folder.0.join("crate");
    fs::write(there.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
    assert_eq!(revision(&there).unwrap(), "2222");
}
