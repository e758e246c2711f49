use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use simoom::backend::UnixKind;

use super::{Binding, Holder, Names, absolute};
use crate::world::node::NodeId;

const NODE: NodeId = NodeId(1);

fn address(path: &str) -> SocketAddr {
    SocketAddr::from_pathname(path).unwrap()
}

fn bind(names: &mut Names, path: &str) -> io::Result<Binding> {
    names.bind(NODE, &address(path), Holder::Stream)
}

#[track_caller]
fn check_form(path: &str, expected: &str) {
    assert_eq!(absolute(Path::new(path)), Path::new(expected));
}

#[test]
fn a_path_has_one_form() {
    check_form("/a/b", "/a/b");
    check_form("a/b", "/a/b");
    check_form("/a/./b/../c", "/a/c");
    check_form("/../a", "/a");
}

#[test]
fn a_file_that_was_removed_can_be_bound_again_while_its_socket_goes_on() {
    let mut names = Names::default();
    let first = bind(&mut names, "/a").unwrap();
    assert!(names.remove_file(NODE, Path::new("./a")));
    assert!(!names.remove_file(NODE, Path::new("/a")));
    let find = |names: &Names| names.find(NODE, &address("/a"), UnixKind::Stream);
    assert_eq!(find(&names).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    let second = bind(&mut names, "/a").unwrap();
    // The first one goes: the file is the second one's.
    names.release(Some(first));
    find(&names).unwrap();
    names.release(Some(second));
    let error = find(&names).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
}

#[test]
fn nodes_have_files_of_their_own() {
    let mut names = Names::default();
    bind(&mut names, "/a").unwrap();
    names
        .bind(NodeId(2), &address("/a"), Holder::Stream)
        .unwrap();
    assert!(!names.remove_file(NodeId(3), Path::new("/a")));
    assert!(names.remove_file(NodeId(2), Path::new("/a")));
    assert!(bind(&mut names, "/a").is_err());
}
