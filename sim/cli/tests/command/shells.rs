//! Completion scripts, as shells take them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::simoom;

#[test]
fn shells_are_told_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let said = simoom(&format!("completions {shell}")).ends_with(0);
        for verb in [
            "run", "replay", "inspect", "minimize", "explain", "timeline", "diff", "list", "save",
        ] {
            assert!(said.output.contains(verb), "{shell} is not told of {verb}");
        }
    }
}

/// What Bash offers for the last of `words`, where something else completes the rest of cargo.
fn offered(words: &[&str]) -> String {
    let script = simoom("completions bash").ends_with(0).output;
    let last = words.len() - 1;
    let (line, typed, before) = (words.join(" "), words[last], words[last - 1]);
    let program = format!(
        "_of_cargo() {{ COMPREPLY=(of-cargo); }}\ncomplete -F _of_cargo cargo\n{script}\n{script}\n\
         [[ $(complete -p cargo) =~ -F\\ ([^ ]+) ]] && function=${{BASH_REMATCH[1]}}\n\
         COMP_WORDS=({line}) COMP_CWORD={last} COMPREPLY=()\n\
         [[ -z {typed:?} ]] && COMP_WORDS+=('')\n\
         \"$function\" cargo {typed:?} {before:?}\necho \"${{COMPREPLY[@]}}\""
    );
    let mut bash = std::process::Command::new("bash");
    let output = bash.args(["--norc", "-c", &program]).output();
    let output = output.expect("there is a Bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn bash_completes_the_command_of_cargo_and_leaves_it_the_others() {
    assert_eq!(offered(&["cargo", "simoom", "re"]).trim(), "replay");
    let verbs = offered(&["cargo", "simoom", ""]);
    assert!(
        verbs.contains("minimize") && !verbs.contains("of-cargo"),
        "{verbs}"
    );
    let options = offered(&["cargo", "simoom", "run", "--see"]);
    assert_eq!(options.trim(), "--seeds");
    assert_eq!(offered(&["cargo", "bui"]).trim(), "of-cargo");
    assert_eq!(offered(&["cargo", "sim"]).trim(), "of-cargo");
}

/// Whether there is such a shell; where there is none, what it would do with its script is not seen.
fn is_there(shell: &str) -> bool {
    let is_there = Command::new(shell).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: there is no {shell} here");
    }
    is_there
}

/// An empty folder with the script for `shell` as the file `name`.
fn folder(shell: &str, name: &str) -> PathBuf {
    let folder = format!("cargo-simoom-{shell}-{}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let script = simoom(&format!("completions {shell}")).ends_with(0).output;
    std::fs::write(folder.join(name), script).expect("a file can be written");
    folder
}

/// What zsh makes of each of `lines` when the key of completion is pressed at its end.
fn completed_by_zsh(begin: &str, lines: &[&str]) -> Vec<String> {
    let mut program = String::from("zmodload zsh/zpty\nzpty shell 'TERM=dumb zsh -f -i'\n");
    let cargo = "cargo() { [[ $1 == --list ]] && command cargo --list || print -r \"<$*>\" }";
    let own = "cargo-simoom() { print -r \"<$*>\" }";
    for line in [begin, cargo, own] {
        program.push_str(&format!("zpty -w shell '{line}'\n"));
    }
    for line in lines {
        program.push_str(&format!("zpty -w shell '{line}'$'\\t'\n"));
    }
    program.push_str("zpty -w shell exit\n");
    program.push_str("while zpty -r shell part; do print -rn -- $part; done\n");
    let output = Command::new("zsh").args(["-f", "-c", &program]).output();
    let output = output.expect("there is a zsh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let ran = text.lines().filter_map(|line| {
        let line = line.trim().strip_prefix('<')?;
        line.strip_suffix('>').map(str::to_owned)
    });
    let ran: Vec<_> = ran.collect();
    assert_eq!(ran.len(), lines.len(), "{text}");
    ran
}

/// Whether the script is a file where zsh looks for it, or read where the shell starts.
#[test]
fn zsh_completes_the_command_of_cargo_and_leaves_it_the_others() {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = output.expect("there is a compiler").stdout;
    let sysroot = String::from_utf8(sysroot).expect("it prints text");
    let functions = Path::new(sysroot.trim()).join("share/zsh/site-functions");
    if !is_there("zsh") {
        return;
    }
    if !functions.join("_cargo").is_file() {
        eprintln!("skipped: the toolchain has no completion of cargo for zsh");
        return;
    }
    let folder = folder("zsh", "_cargo-simoom");
    let (folder, functions) = (folder.display(), functions.display());
    let init = "autoload -U compinit; compinit -D -u";
    for begin in [
        format!("fpath=({folder} {functions} $fpath); {init}"),
        format!("fpath=({functions} $fpath); {init}; source {folder}/_cargo-simoom"),
    ] {
        let lines = [
            "cargo simoom minim",
            "cargo simoom minimize --ent",
            "cargo simoom run --see",
            "cargo simoom completions fi",
            "cargo-simoom insp",
            "cargo metadat",
        ];
        let ran = completed_by_zsh(&begin, &lines);
        let expected = [
            "simoom minimize",
            "simoom minimize --entropy",
            "simoom run --seeds",
            "simoom completions fish",
            "inspect",
            "metadata",
        ];
        assert_eq!(ran, expected, "{begin}");
    }
    std::fs::remove_dir_all(folder.to_string()).expect("the folder can be removed");
}

#[test]
fn fish_completes_the_command_of_cargo_and_leaves_it_the_others() {
    if !is_there("fish") {
        return;
    }
    let folder = folder("fish", "cargo-simoom.fish");
    let offered = |line: &str| {
        let script = folder.join("cargo-simoom.fish");
        // What else completes cargo is not this machine's, but one that is known.
        let program = format!(
            "complete -c cargo -n __fish_use_subcommand -f -a of-cargo\n\
             source {}\ncomplete -C '{line}'",
            script.display()
        );
        let mut fish = Command::new("fish");
        let output = fish.env("HOME", &folder).args(["-N", "-c", &program]);
        let output = output.output().expect("there is a fish");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.is_empty(), "{errors}");
        let text = String::from_utf8(output.stdout).expect("it prints text");
        let words = text.lines().filter_map(|line| line.split('\t').next());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(offered("cargo simoom minim"), ["minimize"]);
    assert_eq!(offered("cargo simoom minimize --ent"), ["--entropy"]);
    assert_eq!(offered("cargo simoom run --see"), ["--seeds"]);
    assert_eq!(offered("cargo-simoom insp"), ["inspect"]);
    assert_eq!(offered("cargo of"), ["of-cargo"]);
    let verbs = offered("cargo simoom ");
    assert!(verbs.contains(&"replay".to_owned()), "{verbs:?}");
    assert!(!verbs.contains(&"of-cargo".to_owned()), "{verbs:?}");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}
