//! What is read from the text of a stack.

use super::awaits;

const STACK: &str = "\
   0: std::backtrace::Backtrace::create
             at /rustc/59807616/library/std/src/backtrace.rs:331:13
   1: simoom::dump::collect::note
   2: simoom::coop::proceed_slow
   3: <simoom::time::sleep::Sleep as core::future::future::Future>::poll
   4: kv::log::flush::{{closure}}
             at ./kv/src/log.rs:40:9
   5: <core::pin::Pin<P> as core::future::future::Future>::poll
             at /rustc/59807616/library/core/src/future/future.rs:133:9
   6: {async_block#0}
             at /home/me/kv/src/main.rs:7:5
   7: simoom::task::cell::stage::poll
   8: kv::main
";

#[test]
fn the_programs_frames_stand_between_an_operation_and_its_task() {
    let expected = [
        "kv::log::flush at kv/src/log.rs:40",
        "an async block at /home/me/kv/src/main.rs:7",
    ];
    assert_eq!(awaits(STACK), expected);
}

#[test]
fn a_stack_without_an_operation_has_none() {
    assert_eq!(awaits("   0: kv::main\n"), Vec::<String>::new());
}
