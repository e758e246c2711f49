//! What is read from `/proc`.

use super::{Doing, Standing, doing};

#[test]
fn a_running_thread_computes_and_another_is_in_a_call() {
    assert_eq!(doing("running\n"), Doing::Computes);
    assert_eq!(doing("-1 0x7ffd 0x55"), Doing::Computes);
    assert_eq!(doing("230 0x1 0x0 0x7f"), Doing::Sleeps(230));
    assert_eq!(doing(""), Doing::Unknown);
    assert_eq!(doing("what"), Doing::Unknown);
}

#[test]
fn a_thread_that_nobody_knows_does_something() {
    let said = Standing::default().look().to_string();
    assert_eq!(said, "does something that blocks or takes long");
}
