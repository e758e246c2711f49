//! What panics inside a simulation leave behind.
//!
//! Owns the process's panic hook, as far as simulations go: a panic on a thread that runs one is
//! noted and not printed; any other goes to the hook that was there before.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::intercept;
use crate::stuck;

/// What a panic said.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) message: String,
    pub(crate) location: String,
    pub(crate) backtrace: Option<String>,
}

thread_local! {
    static CAPTURING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Note>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs `f`, noting panics on this thread instead of printing them.
pub(crate) fn capture<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CAPTURING.set(self.0);
        }
    }
    HOOK.call_once(install);
    let _restore = Restore(CAPTURING.replace(true));
    f()
}

/// The last panic on this thread, once.
pub(crate) fn take() -> Option<Note> {
    LAST.take()
}

/// What the last panic on this thread said.
pub(crate) fn last_message() -> Option<String> {
    LAST.with_borrow(|last| last.as_ref().map(|note| note.message.clone()))
}

/// Forgets earlier panics, which somebody has caught.
pub(crate) fn forget() {
    LAST.set(None);
}

/// Whether there was a panic on this thread since it was last asked to forget.
pub(crate) fn any() -> bool {
    LAST.with_borrow(Option::is_some)
}

/// Makes `note` the last panic of this thread: it happened on another, for this one.
pub(crate) fn put(note: Option<Note>) {
    LAST.set(note);
}

/// What a thread does with panics, for another to do the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    captures: bool,
    wants_backtrace: bool,
}

impl Habit {
    pub(crate) fn of_this_thread() -> Self {
        Self {
            captures: CAPTURING.get(),
            wants_backtrace: WANTS_BACKTRACE.get(),
        }
    }

    /// Runs `f` on this thread, with panics treated as on the other.
    pub(crate) fn keep<R>(self, f: impl FnOnce() -> R) -> R {
        WANTS_BACKTRACE.set(self.wants_backtrace);
        CAPTURING.set(self.captures);
        let result = f();
        CAPTURING.set(false);
        result
    }
}

fn install() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !CAPTURING.try_with(Cell::get).unwrap_or(false) {
            return previous(info);
        }
        intercept::outside(|| note(info));
    }));
}

fn note(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("a panic without a message").to_owned();
    let location = info
        .location()
        .map_or_else(String::new, ToString::to_string);
    // Where simoom itself panics, only the stack tells what line of the user's led there.
    let is_own = info
        .location()
        .is_some_and(|location| stuck::is_source_of_simoom(location.file()));
    let backtrace = match is_own && WANTS_BACKTRACE.with(Cell::get) {
        true => Backtrace::force_capture(),
        false => Backtrace::capture(),
    };
    let backtrace = (backtrace.status() == BacktraceStatus::Captured
        && WANTS_BACKTRACE.with(Cell::get))
    .then(|| stuck::user_frames(&backtrace.to_string()).join("\n"));
    LAST.replace(Some(Note {
        message,
        location,
        backtrace,
    }));
}

thread_local! {
    static WANTS_BACKTRACE: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics of this thread keep their backtrace, where the environment asks for one.
pub(crate) fn keep_backtraces() {
    WANTS_BACKTRACE.set(true);
}
