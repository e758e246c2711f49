//! `docs/from-tokio.md` says what is there.

use simoom_tests::from_tokio::{self, Notes, Surface, page};

#[test]
fn the_page_says_what_is_there() {
    if let Err(wrong) = from_tokio::check() {
        panic!("{wrong}");
    }
}

#[track_caller]
fn compare(tokio: &str, ours: &str, notes: &str) -> Result<String, String> {
    page(
        &Surface::of_text(tokio),
        &Surface::of_text(ours),
        &Notes::read(notes).unwrap(),
        "# Head\n",
    )
}

const TOKIO: &str = "sync::Mutex: lock, new\nsync::mpsc::channel: \n";

#[test]
fn what_is_the_same_needs_no_note() {
    let page = compare(TOKIO, TOKIO, "").unwrap();
    assert!(
        page.starts_with("# Head\n\n4 of 4 items and members are the same.\n"),
        "{page}"
    );
    assert!(page.contains("## `tokio::sync`"), "{page}");
    assert!(
        page.contains("| `Mutex` | itself, `lock`, `new` |  |\n"),
        "{page}"
    );
    assert!(page.contains("## `tokio::sync::mpsc`"), "{page}");
}

#[test]
fn what_is_absent_needs_one() {
    let ours = "sync::Mutex: new\n";
    let wrong = compare(TOKIO, ours, "").unwrap_err();
    assert_eq!(
        wrong,
        "sync::Mutex::lock is absent, and no note says what to use\n\
         sync::mpsc::channel is absent, and no note says what to use"
    );
    let notes =
        "# Said twice.\nsync::mpsc*: absent: use a pipe\nsync::Mutex::lock: absent: use two\n";
    let page = compare(TOKIO, ours, notes).unwrap();
    assert!(page.contains("2 of 4 items"), "{page}");
    assert!(
        page.contains("| `Mutex` | itself, `new` | `lock` is absent: use two |\n"),
        "{page}"
    );
    assert!(
        page.contains("| `channel` |  | itself is absent: use a pipe |\n"),
        "{page}"
    );
}

#[test]
fn a_note_that_is_wrong_is_told() {
    let wrong = compare(TOKIO, TOKIO, "sync::Mutex::lock: absent: use two\n").unwrap_err();
    assert_eq!(wrong, "sync::Mutex::lock is called absent, and is there");
    let wrong = compare(
        TOKIO,
        "sync::Mutex: lock, new\n",
        "sync::mpsc::*: differs: slower\n",
    );
    assert_eq!(
        wrong.unwrap_err(),
        "sync::mpsc::channel is called different, and is absent"
    );
    let wrong = compare(TOKIO, TOKIO, "sync::Lock: differs: faster\n").unwrap_err();
    assert_eq!(
        wrong,
        "a note speaks of sync::Lock, which tokio does not have"
    );
    let unread = Notes::read("\nsync::Lock is faster\n").unwrap_err();
    assert!(unread.starts_with("line 2 of the notes is not"), "{unread}");
}

#[test]
fn the_note_that_is_closest_counts() {
    let notes = "sync::*: differs: slower\nsync::Mutex::*: differs: faster\n";
    let page = compare(TOKIO, TOKIO, notes).unwrap();
    let row =
        "| `Mutex` |  | itself differs: slower; `lock` differs: faster; `new` differs: faster |\n";
    assert!(page.contains(row), "{page}");
}
