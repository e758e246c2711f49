//! What the checks of the whole project share.

pub mod page;
