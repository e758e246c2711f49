//! Random numbers that a simulation can repeat.
