//! What a key holds.

use std::collections::VecDeque;
use std::fmt;

/// What a key holds.
#[derive(Debug)]
pub(super) enum Value {
    String(Box<[u8]>),
    /// Never empty: a list without elements is no key.
    List(VecDeque<Box<[u8]>>),
}

/// The kind of value that a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    String,
    /// Strings in a row.
    List,
}

impl Kind {
    /// Its name, as `TYPE` tells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
        }
    }
}

/// Which end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element, on the left.
    Front,
    /// The last element, on the right.
    Back,
}

/// The key holds another kind of value than the command is for.
///
/// Displayed as the whole text of the error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
    }
}

impl std::error::Error for WrongType {}
