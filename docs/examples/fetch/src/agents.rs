//! Agents beside each other.
//!
//! Owns that every agent has an answer, in the order in which they were asked. Knows nothing of what
//! they do.

use std::fmt;
use std::pin::Pin;

use simoom::asyncio::gather;

use crate::{Failure, Finding};

/// Somebody who finds something, or fails.
pub struct Agent {
    name: &'static str,
    work: Pin<Box<dyn Future<Output = Result<Finding, Failure>> + Send>>,
}

impl Agent {
    /// An agent that does `work`, once it is asked.
    pub fn new(
        name: &'static str,
        work: impl Future<Output = Result<Finding, Failure>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            work: Box::pin(work),
        }
    }
}

/// What came of asking somebody.
#[derive(Debug)]
pub struct Answer {
    /// Who was asked.
    pub from: String,
    /// What was found, or why nothing was.
    pub came: Result<Finding, Failure>,
}

/// Asks all of them at once, and waits for all of them.
///
/// When somebody asks the task around this to end, so are they, and those that had nothing by then
/// have the answer [`Failure::Stopped`].
///
/// # Cancel safety
/// Dropped, it drops all that they do.
pub async fn ask_all(agents: Vec<Agent>) -> Vec<Answer> {
    let (names, works): (Vec<_>, Vec<_>) = agents.into_iter().map(|it| (it.name, it.work)).unzip();
    let came = gather(works).as_values().await;
    let answers = names.into_iter().zip(came);
    let answers = answers.map(|(name, came)| Answer {
        from: name.to_owned(),
        came: came.map_err(Failure::from),
    });
    answers.collect()
}

/// As [`ask_all`], but one after the other: for those who want to see what that costs.
///
/// # Cancel safety
/// As for [`ask_all`].
pub async fn ask_in_turn(agents: Vec<Agent>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for agent in agents {
        answers.extend(ask_all(vec![agent]).await);
    }
    answers
}

/// Who it is, and then the first line of what was found, or why nothing was.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.from)?;
        match &self.came {
            Ok(Finding { lines }) => match lines.split_first() {
                Some((first, [])) => f.write_str(first),
                Some((first, more)) => write!(f, "{first} (and {} more)", more.len()),
                None => f.write_str("nothing"),
            },
            Err(failure) => write!(f, "{failure}"),
        }
    }
}
