//! The functions of libc that simulated code is answered by.
//!
//! A definition in an executable comes before that of a shared library, so every call of `std`, of
//! other crates and of C code in the binary leads here. Each function asks the cells of its thread
//! whether simulated code is running and answers from them, or forwards to the next definition of
//! the same name, which is the system's. Calls that glibc makes within itself do not lead here:
//! each function that programs call needs a definition of its own.
//!
//! # Invariants
//! 1. Functions that a caller expects never to fail for want of memory or locks (the clock,
//!    entropy, `syscall`) touch cells alone before they forward.
//! 2. No function panics: a panic cannot leave a function of C.
//! 3. `open` and the like are variadic in C. Here they take all their arguments: on x86-64 and
//!    AArch64 Linux both are passed alike, and an argument that was not passed is garbage which is
//!    passed on unread.

mod answers;
mod refusals;
mod system;
mod waits;
