//! Paths as text, and how siblings are counted.

use super::{Paths, escape, frame_name, parse_path, short_type_name, unescape};

const HOSTILE: [&str; 22] = [
    "kv::serve::{{closure}}",
    "<core::pin::Pin<&mut kv::Server<A, B>> as Future>::{{closure}}#1",
    "Map<Once<u8>, {closure@src/lib.rs:1:2}>",
    "a b",
    "a/b",
    "a#1",
    "#",
    "%",
    "%25",
    "%u41;",
    "!0",
    "~0>",
    "<",
    "-",
    "=",
    " = ",
    " # ",
    "",
    "line\nbreak\r\t\0\u{85}",
    "\u{a0}\u{2003}\u{3000}",
    "ünï©ødé ☂ 日本",
    "u;",
];

#[test]
fn hostile_names_survive_their_escape() {
    for name in HOSTILE {
        let mut text = String::new();
        escape(name, &mut text);
        assert_eq!(unescape(&text).as_deref(), Some(name), "{text:?}");
        assert!(!text.is_empty(), "{name:?} leaves no empty word");
        assert!(!text.contains(char::is_whitespace), "{text:?} is one word");
        assert!(
            !text.contains(['/', '#', '!', '~', '>', '<']),
            "{text:?} has no marks"
        );
    }
}

#[test]
fn hostile_paths_are_read_back_with_their_hash() {
    let mut paths = Paths::default();
    let mut all = Vec::new();
    for node in HOSTILE {
        let node = paths.child(None, node.into());
        all.push(node);
        for name in HOSTILE {
            // Equal siblings are told apart by their count.
            for _ in 0..3 {
                let task = paths.child(Some(node), name.into());
                all.push(task);
                all.push(paths.child(Some(task), name.into()));
            }
        }
    }
    let mut seen = std::collections::BTreeMap::new();
    for path in all {
        let text = paths.text(path);
        assert_eq!(parse_path(&text), Some(paths.hash(path)), "{text:?}");
        let other = seen.insert(paths.hash(path), text.clone());
        assert_eq!(other, None, "{text:?} has a hash of its own");
    }
}

#[test]
fn siblings_are_counted_from_the_second_on() {
    let mut paths = Paths::default();
    let node = paths.child(None, "kv".into());
    let names = [(); 3].map(|()| paths.child(Some(node), "run".into()));
    assert_eq!(
        names.map(|path| paths.text(path)),
        ["kv/run", "kv/run#1", "kv/run#2"]
    );
    assert!(
        paths.order(names[0]) < paths.order(names[1]),
        "siblings sort by their count"
    );
    assert!(
        paths.order(names[1]) < paths.order(names[2]),
        "siblings sort by their count"
    );
}

#[test]
fn an_unrelated_sibling_moves_neither_hash_nor_order() {
    let mut one = Paths::default();
    let node = one.child(None, "kv".into());
    let before = one.child(Some(node), "run".into());
    let mut two = Paths::default();
    two.child(None, "other".into());
    let node = two.child(None, "kv".into());
    two.child(Some(node), "new".into());
    let after = two.child(Some(node), "run".into());
    assert_eq!(one.hash(before), two.hash(after));
    assert_eq!(one.order(before), two.order(after));
}

#[test]
fn malformed_paths_are_refused() {
    for text in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "a#",
        "a#x",
        "a#-1",
        "a#4294967296",
        "%",
        "%4",
        "%zz",
        "%u41",
        "%ud800;",
        "%u110000;",
        "#1",
    ] {
        assert_eq!(parse_path(text), None, "{text:?}");
    }
}

#[test]
fn short_names_leave_out_closures_and_type_arguments() {
    let check = |name, expected| assert_eq!(short_type_name(name), expected);
    check("kv::serve::{{closure}}", "kv::serve");
    check("kv::serve::{{closure}}::{{closure}}", "kv::serve");
    check("kv::serve<A, B>::{{closure}}", "kv::serve");
    check("<A as B>::c", "<A as B>::c");
    check("main", "main");
}

#[test]
fn frames_without_a_name_are_called_what_they_are() {
    let check = |name, expected| assert_eq!(frame_name(name), expected);
    check("kv::serve::{{closure}}::{{synthetic}}", "kv::serve");
    check("{synthetic#0}", "an async closure");
    check("{async_fn#0}", "an async fn");
    check("{async_block#1}<u8>", "an async block");
    check("{closure#0}<u8>", "a closure");
}
