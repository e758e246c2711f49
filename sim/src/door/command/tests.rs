use std::fs::File;
use std::process::{Command, Stdio};

use super::{Setting, Settings};

#[test]
fn a_command_says_what_was_set() {
    let mut command = Command::new("cat");
    let plain = Settings {
        clears_environment: false,
        stdin: Setting::Inherited,
        stdout: Setting::Inherited,
        stderr: Setting::Inherited,
    };
    assert_eq!(Settings::of(&command), plain);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.stderr(Stdio::inherit()).env_clear().env("A", "b");
    let set = Settings {
        clears_environment: true,
        stdin: Setting::Piped,
        stdout: Setting::Null,
        stderr: Setting::Inherited,
    };
    assert_eq!(Settings::of(&command), set);
    command.stdout(File::open("/dev/null").unwrap());
    assert_eq!(
        Settings::of(&command).stdout,
        Setting::Other("Fd".to_owned())
    );
}

#[test]
fn no_argument_looks_like_a_setting() {
    let lies = "\n    stdin: Some(\n        MakePipe,\n        clear: true,\n";
    let mut command = Command::new(lies);
    command.arg(lies).env("A", lies).current_dir(lies);
    let settings = Settings::of(&command);
    assert_eq!(settings.stdin, Setting::Inherited);
    assert!(!settings.clears_environment);
}
