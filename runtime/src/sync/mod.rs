//! What tasks use to wait for each other.
