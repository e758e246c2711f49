//! Pages whose commands are run and whose output is compared.
//!
//! Owns the marks that a page carries and what they mean. A mark is a comment on the line before a
//! fenced block:
//!
//! ```text
//! <!-- run -->                      runs the block; it must succeed
//! <!-- run: fails -->               runs the block; it must fail
//! <!-- prints -->                   what the block that ran last prints
//! <!-- prints: cargo test -->       what this command prints, which stands in the text above
//! <!-- complains -->                what the block that ran last prints on standard error
//! <!-- file: src/lib.rs -->         writes the block to a file
//! <!-- function in: src/lib.rs -->  puts the block in place of the function of the same name
//! ```
//! Commands run in a shell and stay in the folder they went to. What differs from run to run is
//! left out of the comparison: how long things took, and the numbers of threads. A line `…` in a
//! printed block stands for any lines.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

/// A block that is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What is done with it.
    pub mark: Mark,
    /// What stands between its fences, with a newline at the end.
    pub text: String,
    /// The line of its first fence, counted from 1.
    pub line: usize,
}

/// What is done with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is run.
    Run {
        /// Whether it must fail.
        fails: bool,
    },
    /// It is compared with what was printed last, or with what a command prints.
    Prints {
        /// The command, which must succeed.
        command: Option<String>,
    },
    /// It is compared with what was last printed on standard error.
    Complains,
    /// It is written to a file.
    File(PathBuf),
    /// It replaces a function of a file.
    Function(PathBuf),
}

/// The marked blocks of a page, in order.
///
/// # Errors
/// If a mark is unknown, or no block follows it.
pub fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(mark) =
            parse_mark(line).map_err(|error| format!("line {}: {error}", index + 1))?
        else {
            continue;
        };
        let Some((index, _)) = lines.next().filter(|(_, line)| line.starts_with("```")) else {
            return Err(format!("line {}: no block follows the mark", index + 1));
        };
        let mut text = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
            text.push_str(line);
            text.push('\n');
        }
        let line = index + 1;
        blocks.push(Block { mark, text, line });
    }
    Ok(blocks)
}

fn parse_mark(line: &str) -> Result<Option<Mark>, String> {
    let Some(inner) = line
        .strip_prefix("<!-- ")
        .and_then(|it| it.strip_suffix(" -->"))
    else {
        return Ok(None);
    };
    Ok(Some(match inner.split_once(": ") {
        None if inner == "run" => Mark::Run { fails: false },
        None if inner == "complains" => Mark::Complains,
        None if inner == "prints" => Mark::Prints { command: None },
        Some(("prints", command)) => Mark::Prints {
            command: Some(command.to_owned()),
        },
        Some(("run", "fails")) => Mark::Run { fails: true },
        Some(("file", path)) => Mark::File(path.into()),
        Some(("function in", path)) => Mark::Function(path.into()),
        // For other readers of the page.
        Some(("for", _)) => return Ok(None),
        _ => return Err(format!("the mark {inner:?} is unknown")),
    }))
}

/// Does what `page` says in `folder`, and compares what it prints.
///
/// Returns the page with the printed blocks as they were really printed, but for those that hold a
/// line `…`.
///
/// # Errors
/// The first thing that is not as the page says, except, where `rewrite`, what is printed.
pub fn follow(page: &str, folder: &Path, rewrite: bool) -> Result<String, String> {
    let mut folder = folder.to_owned();
    let mut printed = Printed::default();
    let mut rewritten = Vec::new();
    for block in blocks(page)? {
        let at = format!("the block at line {}", block.line);
        match &block.mark {
            Mark::Run { fails } => {
                printed = run(&block.text, &mut folder, *fails).map_err(|it| at.clone() + &it)?;
            }
            Mark::Prints { command } => {
                if let Some(command) = command {
                    printed = run(command, &mut folder, false).map_err(|it| at.clone() + &it)?;
                }
                match compare(&block.text, &printed.output) {
                    Ok(()) => {}
                    Err(_) if rewrite && !block.text.lines().any(|line| line == ANYTHING) => {
                        rewritten.push((block, printed.output.clone()));
                    }
                    Err(error) => return Err(format!("{at} shows something else: {error}")),
                }
            }
            Mark::Complains => compare(&block.text, &printed.errors)
                .map_err(|error| format!("{at} shows something else: {error}"))?,
            Mark::File(path) => {
                let path = folder.join(path);
                fs::write(&path, &block.text).map_err(|error| format!("{at}: {error}"))?;
            }
            Mark::Function(path) => {
                let path = folder.join(path);
                let text = fs::read_to_string(&path).map_err(|error| format!("{at}: {error}"))?;
                let text = replace_function(&text, &block.text)
                    .ok_or_else(|| format!("{at} names no function of {}", path.display()))?;
                fs::write(&path, text).map_err(|error| format!("{at}: {error}"))?;
            }
        }
    }
    Ok(rewrite_blocks(page, &rewritten))
}

/// `page` with other text in some of its blocks.
fn rewrite_blocks(page: &str, rewritten: &[(Block, String)]) -> String {
    let mut lines: Vec<&str> = page.lines().collect();
    for (block, text) in rewritten.iter().rev() {
        let end = block.line + block.text.lines().count();
        lines.splice(block.line..end, text.trim_end().lines());
    }
    lines.join("\n") + "\n"
}

/// What a command printed.
#[derive(Debug, Default)]
struct Printed {
    output: String,
    errors: String,
}

/// Runs `script` in `folder`, which must fail if `fails` says so, and returns what it printed.
fn run(script: &str, folder: &mut PathBuf, fails: bool) -> Result<Printed, String> {
    println!("$ {}", script.trim_end().replace('\n', "\n$ "));
    let (printed, succeeded) =
        shell(script, folder).map_err(|error| format!(" could not be run: {error}"))?;
    print!("{}{}", printed.errors, printed.output);
    if succeeded == fails {
        return Err(if succeeded { " succeeded" } else { " failed" }.to_owned());
    }
    Ok(printed)
}

/// Runs `script` in `folder`: what it printed and whether it succeeded. `folder` is then where the
/// script went.
fn shell(script: &str, folder: &mut PathBuf) -> io::Result<(Printed, bool)> {
    let marker = "--- went to ";
    let script = format!("{script}\nstatus=$?; echo \"{marker}$PWD\"; exit $status");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(&*folder);
    // What a newcomer has not set.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_set_up = ["SIMOOM_", "RUST_", "CARGO_PKG", "CARGO_MANIFEST"];
        if is_set_up.iter().any(|start| name.starts_with(start)) {
            command.env_remove(&*name);
        }
    }
    let output = command
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_TERM_COLOR", "never")
        .env("PWD", &*folder)
        .stdin(Stdio::null())
        .output()?;
    let mut printed = Printed {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    if let Some(position) = printed.output.rfind(marker) {
        *folder = PathBuf::from(printed.output[position + marker.len()..].trim_end());
        printed.output.truncate(position);
    }
    Ok((printed, output.status.success()))
}

/// A line that stands for any lines.
const ANYTHING: &str = "…";

/// Compares what a page shows with what was printed.
///
/// # Errors
/// The first line that was not printed where it should have been.
pub fn compare(shown: &str, printed: &str) -> Result<(), String> {
    let printed: Vec<String> = trimmed(printed).lines().map(stable).collect();
    let shown: Vec<String> = trimmed(shown).lines().map(stable).collect();
    let mut at = 0;
    let parts: Vec<&[String]> = shown.split(|line| line.trim() == ANYTHING).collect();
    for (index, part) in parts.iter().enumerate() {
        let is_first = index == 0;
        let is_last = index + 1 == parts.len();
        let found = match (is_first, is_last) {
            (true, true) => (printed.as_slice() == *part).then_some(0),
            (true, false) => printed.starts_with(part).then_some(0),
            (false, true) => printed
                .len()
                .checked_sub(part.len())
                .filter(|&start| start >= at && printed[start..] == **part),
            (false, false) => {
                (at..=printed.len()).find(|&start| printed[start..].starts_with(part))
            }
        };
        at = match found {
            Some(start) => start + part.len(),
            None => return Err(difference(part, &printed[at..])),
        };
    }
    Ok(())
}

fn trimmed(text: &str) -> &str {
    text.trim_matches('\n').trim_end()
}

fn difference(shown: &[String], printed: &[String]) -> String {
    let first = shown.iter().find(|line| !printed.contains(line));
    let mut text = match first {
        Some(line) => format!("this line was not printed:\n{line}\n"),
        None => "other lines were printed too, or in another order\n".to_owned(),
    };
    let _ = write!(text, "this was:\n{}", printed.join("\n"));
    text
}

/// `line` without what differs from run to run.
fn stable(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for before in ["replays and ", "finished in ", "' ("] {
        if let Some(position) = line.find(before) {
            let start = position + before.len();
            let is_number = |character: char| character.is_ascii_digit() || character == '.';
            let end = line[start..]
                .find(|it| !is_number(it))
                .map_or(line.len(), |it| start + it);
            line.replace_range(start..end, "N");
        }
    }
    line
}

/// `text` with `function` in place of the function that has the same name.
#[must_use]
pub fn replace_function(text: &str, function: &str) -> Option<String> {
    let head = function.lines().find(|line| line.contains("fn "))?;
    let head = head.split_once('(')?.0;
    let mut lines = text.lines();
    let mut result = String::new();
    let mut replaced = false;
    while let Some(line) = lines.next() {
        if !replaced && line.starts_with(head) {
            replaced = true;
            result.push_str(function);
            lines.by_ref().find(|line| *line == "}")?;
        } else {
            result.push_str(line);
            result.push('\n');
        }
    }
    replaced.then_some(result)
}

#[cfg(test)]
mod tests;
