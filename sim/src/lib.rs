//! The seeded simulator of simoom.
