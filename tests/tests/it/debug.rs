//! What a runtime tells of itself.

mod hooks;
