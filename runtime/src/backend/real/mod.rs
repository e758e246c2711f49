//! The world of production: one thread, one reactor, the real clock.
