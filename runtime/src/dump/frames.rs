//! The frames of a captured stack that are the program's.
//!
//! Owns how the text of a stack is read. Knows nothing of tasks.

use std::path::{Path, PathBuf};

/// The program's frames, from the operation that is waited for to the poll of its task.
pub(super) fn awaits(stack: &str) -> Vec<String> {
    let mut inside = false;
    let mut frames: Vec<String> = Vec::new();
    for (name, place) in parse(stack) {
        if inside && ENDS.iter().any(|end| name.contains(end)) {
            break;
        }
        if name.contains("simoom::coop::") {
            inside = true;
            frames.clear();
            continue;
        }
        let is_of_others = place.is_some_and(|place| {
            place.starts_with("/rustc/") || is_in_registry(place) || is_of_simoom(place)
        });
        if !inside || is_of_others || is_plumbing(name) {
            continue;
        }
        let name = shown_name(name);
        frames.push(match place {
            Some(place) => format!("{name} at {}", shown(place)),
            None => name,
        });
    }
    frames
}

/// What polls tasks, and what polls the future of `block_on`.
const ENDS: &[&str] = &["simoom::task::cell::", "simoom::backend::real::"];

/// The frames of a stack: the function, and its file, line and column if known.
fn parse(stack: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut lines = stack.lines().map(str::trim).peekable();
    std::iter::from_fn(move || {
        let name = loop {
            let line = lines.next()?;
            if let Some((_, name)) = line.split_once(": ")
                && !line.starts_with("at ")
            {
                break name;
            }
        };
        let place = lines.next_if(|line| line.starts_with("at "));
        Some((name, place.map(|line| line.trim_start_matches("at "))))
    })
}

/// A function by its name, without what the compiler makes of an async one. Where the debug
/// information says nothing else of a name, its place is all there is.
fn shown_name(name: &str) -> String {
    let nameless = match name.split(['#', '<']).next() {
        Some("{async_fn") => "an async fn",
        Some("{async_block") => "an async block",
        Some("{closure") => "a closure",
        _ => return name.replace("::{{closure}}", ""),
    };
    nameless.to_owned()
}

/// A place `./src/file.rs:12:5` as `src/file.rs:12`.
fn shown(place: &str) -> &str {
    let place = place.strip_prefix("./").unwrap_or(place);
    let without_column = place.rsplit_once(':').map(|(place, _column)| place);
    without_column.unwrap_or(place)
}

/// Whether a place is in a source of this package, wherever that lies: the names of functions that
/// were inlined do not tell their crate.
fn is_of_simoom(place: &str) -> bool {
    let whole = match place.strip_prefix("./") {
        Some(below) => std::env::current_dir().map(|folder| folder.join(below)),
        None => Ok(PathBuf::from(place)),
    };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    whole.is_ok_and(|whole| whole.starts_with(sources))
}

/// Whether a place is in a package of the registry that only passes polls on.
fn is_in_registry(place: &str) -> bool {
    let folder = place.split_once("/registry/src/");
    let package = folder.and_then(|(_, rest)| Some(rest.split_once('/')?.1));
    let passes_on = ["tokio-", "futures-", "tracing-"];
    package.is_some_and(|package| passes_on.iter().any(|name| package.starts_with(name)))
}

/// Frames that are not the program's.
fn is_plumbing(name: &str) -> bool {
    let name = name.trim_start_matches(['<', '&']);
    PLUMBING.iter().any(|prefix| name.starts_with(prefix))
}

const PLUMBING: &[&str] = &[
    "core::",
    "std::",
    "alloc::",
    "__rust",
    "rust_begin",
    "simoom::",
    "futures",
    "tokio::",
    "dyn ",
];

#[cfg(test)]
mod tests;
