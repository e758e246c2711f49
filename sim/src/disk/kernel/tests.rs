//! Calls that concern files, and their errors.

use std::path::Path;

use crate::disk::Disk;

#[track_caller]
fn fails<T>(result: std::io::Result<T>, number: i32) {
    assert_eq!(
        result.err().and_then(|error| error.raw_os_error()),
        Some(number)
    );
}

#[test]
fn a_socket_has_a_file_that_is_found_as_one() {
    let mut disk = Disk::new(0);
    let socket = disk.make_socket(Path::new("/tmp/socket"), 0).unwrap();
    disk.put(Path::new("/tmp/file"), b"x", 0).unwrap();
    let paths = disk.paths();
    assert!(paths.contains(&"/tmp/socket".to_owned()), "{paths:?}");
    assert_eq!(
        disk.find_socket(Path::new("/tmp/../tmp/socket")).unwrap(),
        socket
    );
    fails(disk.find_socket(Path::new("/tmp/file")), libc::ECONNREFUSED);
    fails(disk.find_socket(Path::new("/tmp/none")), libc::ENOENT);
    fails(
        disk.make_socket(Path::new("/tmp/file"), 0),
        libc::EADDRINUSE,
    );
    fails(disk.make_socket(Path::new("/tmp/new/"), 0), libc::ENOENT);
    fails(disk.make_socket(Path::new("/none/socket"), 0), libc::ENOENT);
    fails(
        disk.make_socket(Path::new("/tmp/socket/x"), 0),
        libc::ENOTDIR,
    );
}

/// The number of a file that is gone is never given again: an old socket gets no new name.
#[test]
fn a_new_file_has_a_new_number() {
    let mut disk = Disk::new(0);
    let first = disk.make_socket(Path::new("/tmp/socket"), 0).unwrap();
    disk.remove_file(Path::new("/tmp/socket"), 0).unwrap();
    let second = disk.make_socket(Path::new("/tmp/socket"), 0).unwrap();
    assert_ne!(first, second);
}
