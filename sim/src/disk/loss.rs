//! What is open when a machine loses power.

/// What may be lost, of one file or one change of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The latest writes to these sectors.
    Sectors { first: u64, last: u64 },
    /// The latest changes of the length.
    Length,
    /// The permission bits that were set.
    Mode,
    /// A change of a directory.
    Entry,
}

/// Who decides what a file loses.
pub(crate) trait Decide {
    /// How many of at most `most` changes are lost, the latest first; 0: none.
    fn lost(&mut self, question: Question, most: u64) -> u64;

    /// How many of the last bytes of a sector are old, at most 511; 0: it is whole.
    fn torn(&mut self, sector: u64) -> u64;
}

/// Who decides what a disk loses.
pub(crate) trait Loss {
    /// How many of at most `most` changes of the thing called `what` are lost, the latest first.
    fn lost(&mut self, what: &str, question: Question, most: u64) -> u64;

    /// How many of the last bytes of a sector are old, at most 511.
    fn torn(&mut self, what: &str, sector: u64) -> u64;
}

/// The questions of one file.
pub(super) struct Of<'a> {
    pub(super) what: &'a str,
    pub(super) loss: &'a mut dyn Loss,
}

impl Decide for Of<'_> {
    fn lost(&mut self, question: Question, most: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        self.loss.lost(self.what, question, most).min(most)
    }

    fn torn(&mut self, sector: u64) -> u64 {
        self.loss.torn(self.what, sector).min(511)
    }
}
