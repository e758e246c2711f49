//! Who made a call: the reading of its stack.
//!
//! Owns which frames are the program's. Knows nothing of what was called.

use crate::choice::frame_name;
use crate::stuck::{is_of_simoom, is_plumbing, parse, shown};

/// Who called a function of libc.
pub(crate) struct Callers {
    /// The innermost function of the program, and where it stands.
    pub(crate) place: String,
    /// The functions of the program and of the crates in between, innermost first.
    pub(crate) frames: Vec<String>,
}

impl Callers {
    /// Reads who called `call` from the text of a captured stack.
    pub(crate) fn of(call: &str, stack: &str) -> Self {
        let name = format!(": {call}\n");
        let outer = stack.split_once(&name).map_or(stack, |(_, outer)| outer);
        let mut frames = Vec::new();
        let mut own = None;
        for (name, place) in parse(outer) {
            if name.contains("simoom::task::cell::") {
                break;
            }
            let is_nameless = name.starts_with('{');
            let of_library =
                place.is_none_or(|place| place.contains("/rustc/") || is_of_simoom(place));
            if of_library || (is_plumbing(name) && !is_nameless) {
                continue;
            }
            let name = frame_name(name);
            let place = place.map_or("", shown);
            let frame = format!("{name} at {place}");
            if own.is_none() && !is_foreign(place) {
                own = Some(frame.clone());
            }
            frames.push(frame);
        }
        let unknown = || "a function without debug information".to_owned();
        let place = own.or_else(|| frames.first().cloned());
        Self {
            place: place.unwrap_or_else(unknown),
            frames,
        }
    }
}

/// Whether a file is of a crate that was downloaded.
fn is_foreign(place: &str) -> bool {
    ["/registry/src/", "/git/checkouts/"]
        .iter()
        .any(|folder| place.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::Callers;

    const STACK: &str = "\
   0: simoom_sim::intercept::state::note
             at ./src/intercept/state.rs:329:21
   1: pthread_create
             at ./src/intercept/libc.rs:284:37
   2: spawn_unchecked_
             at /rustc/59807616e1/library/std/src/thread/mod.rs:12:5
   3: pool::start::<u32>
             at /home/me/.cargo/registry/src/index-1/pool-1.0.0/src/lib.rs:7:9
   4: {async_block#0}<core::option::Option<u8>>
             at ./tests/mine.rs:91:9
   5: mine::outer::{{closure}}
             at ./tests/mine.rs:80:1
   6: simoom::task::cell::poll
             at ./src/task/cell.rs:1:1
   7: mine::not_seen
             at ./tests/mine.rs:1:1
";

    #[test]
    fn the_programs_own_function_is_named() {
        let callers = Callers::of("pthread_create", STACK);
        assert_eq!(callers.place, "an async block at tests/mine.rs:91");
        assert_eq!(
            callers.frames[1..],
            [
                "an async block at tests/mine.rs:91",
                "mine::outer at tests/mine.rs:80"
            ]
        );
        assert!(
            callers.frames[0].starts_with("pool::start"),
            "{:?}",
            callers.frames
        );
    }

    #[test]
    fn a_stack_without_places_is_said_to_be_one() {
        let callers = Callers::of("fork", "   0: fork\n   1: __libc_start_main\n");
        assert_eq!(callers.place, "a function without debug information");
    }
}
