//! `check` in the `main` of an example: a failure is confirmed there as in a test.
//!
//! What makes a program an example is the folder that it is in. This one has no harness: it puts a
//! copy of itself into such a folder and runs it.

use std::process::{Command, ExitCode};

use simoom_sim::{Config, Sim, check};

const NAME: &str = "a_failure_of_an_example_is_confirmed_by_a_fresh_process";

/// Says that the copy is to be the example.
const EXAMPLE: &str = "SIMOOM_TEST_EXAMPLE";

fn main() -> ExitCode {
    if std::env::var_os(EXAMPLE).is_some() {
        example();
    } else if std::env::args().any(|argument| argument == "--list") {
        // What asks for the names of tests asks for those that are ignored too.
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("{NAME}: test");
        }
    } else {
        test();
        println!("test {NAME} ... ok");
    }
    ExitCode::SUCCESS
}

fn test() {
    let folder = std::env::temp_dir().join(format!("simoom-program-{}", std::process::id()));
    let examples = folder.join("examples");
    std::fs::create_dir_all(&examples).unwrap();
    let program = examples.join("visits");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .arg("an argument")
        .env(EXAMPLE, "1")
        .env("SIMOOM_PERSIST", "0")
        .output();
    let _ = std::fs::remove_dir_all(&folder);
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("confirmed: true"), "{text}");
    assert!(
        text.contains(" cargo run -p simoom-sim --example visits"),
        "{text}"
    );
    assert!(!text.contains("not tried"), "{text}");
}

/// What the example does: its arguments are given to the fresh process too.
fn example() {
    assert_eq!(std::env::args().nth(1).as_deref(), Some("an argument"));
    let config = Config::default().seeds(5).persist(false);
    let report = check(config, |_: Sim| async { Err::<(), _>("always") });
    println!("confirmed: {}", report.failure().unwrap().is_confirmed());
    println!("{report}");
}
