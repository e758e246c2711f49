//! Checks of simoom as a whole.
