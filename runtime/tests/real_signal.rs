//! Interrupts of the process, in processes of their own.

use std::process::{Command, Output};

use simoom::runtime::Runtime;

/// The number of the signal on every system that has it.
const SIGINT: i32 = 2;

/// Runs the test `name` of this binary as a child that takes the branch of `is_child`.
fn child(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("SIMOOM_TEST_CHILD", name)
        .output()
        .unwrap()
}

fn is_child(name: &str) -> bool {
    std::env::var("SIMOOM_TEST_CHILD").is_ok_and(|child| child == name)
}

fn interrupt() {
    let sent = Command::new("kill")
        .args(["-INT", &std::process::id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[test]
fn run_10_ctrl_c_completes_every_waiting_future() {
    const NAME: &str = "run_10_ctrl_c_completes_every_waiting_future";
    if is_child(NAME) {
        let rt = Runtime::new().unwrap();
        rt.block_on(async {
            let (one, two) = (simoom::signal::ctrl_c(), simoom::signal::ctrl_c());
            let task = simoom::spawn(two);
            interrupt();
            one.await.unwrap();
            task.await.unwrap().unwrap();
            let later = simoom::signal::ctrl_c();
            interrupt();
            later.await.unwrap();
        });
        println!("went on after three");
        return;
    }
    let output = child(NAME);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("went on after three"), "{text}");
}

#[test]
fn run_11_interrupt_ends_a_process_that_never_asked() {
    const NAME: &str = "run_11_interrupt_ends_a_process_that_never_asked";
    if is_child(NAME) {
        Runtime::new().unwrap().block_on(async {
            interrupt();
            std::future::pending::<()>().await;
        });
    }
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(child(NAME).status.signal(), Some(SIGINT));
}

#[test]
fn ctrl_c_outside_a_runtime_is_an_error() {
    let error = futures::executor::block_on(simoom::signal::ctrl_c()).unwrap_err();
    assert!(error.to_string().contains("no simoom runtime"), "{error}");
}
