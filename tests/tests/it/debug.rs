//! What a runtime tells of itself.

mod dump;
mod hooks;
