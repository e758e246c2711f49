//! Stacks as they are shown to users.

use super::{is_of_simoom, is_source_of_simoom, user_frames};

/// A stack as it is where simoom is a dependency by path: inlined functions without their crate.
fn stack() -> String {
    let (sim, runtime) = (env!("CARGO_MANIFEST_DIR"), simoom::backend::PACKAGE);
    format!(
        "   0: rust_begin_unwind
             at /rustc/59807616e1/library/std/src/panicking.rs:689:5
   1: kv::store::check
             at ./tests/store.rs:12:9
   2: poll<u8>
             at {runtime}/src/net/tcp_stream.rs:7:1
   3: with<u8>
             at {sim}/src/backend.rs:7:1
   4: poll<kv::Session>
             at {runtime}-like/src/session.rs:40:2
   5: simoom::task::cell::poll
             at {runtime}/src/task/cell.rs:1:1
   6: kv::not_seen
             at ./tests/store.rs:1:1
"
    )
}

#[test]
fn frames_of_our_own_packages_are_left_out_wherever_those_lie() {
    let frames = user_frames(&stack());
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_eq!(frames[0], "kv::store::check at tests/store.rs:12");
    assert!(frames[1].starts_with("poll"), "{frames:?}");
    assert!(frames[1].ends_with("-like/src/session.rs:40"), "{frames:?}");
}

/// What panics is simoom itself, in the very room that polls tasks.
#[test]
fn a_panic_in_our_own_packages_leads_to_the_users_frames() {
    let runtime = simoom::backend::PACKAGE;
    let stack = format!(
        "   0: simoom::task::cell::stage::take_output
             at {runtime}/src/task/cell/stage.rs:166:9
   1: poll<simoom::task::join::JoinHandle<()>>
             at /rustc/59807616e1/library/core/src/future/future.rs:121:9
   2: {{async_block#0}}
             at ./tests/stories.rs:294:23
   3: simoom::task::cell::Task::run
             at {runtime}/src/task/cell.rs:209:31
   4: kv::not_seen
             at ./tests/store.rs:1:1
"
    );
    assert_eq!(
        user_frames(&stack),
        ["an async block at tests/stories.rs:294"]
    );
}

#[test]
fn our_own_sources_are_known_by_the_compilers_names_for_them() {
    let named_here = std::panic::Location::caller().file();
    assert!(is_source_of_simoom(named_here), "{named_here}");
    let runtime = format!("{}/src/task/cell.rs", simoom::backend::PACKAGE);
    assert!(is_source_of_simoom(&runtime));
    assert!(!is_source_of_simoom("tests/acts.rs"));
    assert!(!is_source_of_simoom("src/task/cell.rs"));
}

/// Tests run in the folder of their package.
#[test]
fn a_place_below_the_current_folder_is_found_out() {
    assert!(is_of_simoom("./src/backend.rs:7:1"));
    assert!(!is_of_simoom("./tests/acts.rs:7:1"));
    assert!(!is_of_simoom(
        "/rustc/59807616e1/library/std/src/panicking.rs:689:5"
    ));
}
