//! Research: who is asked what, and in which order.

use std::path::PathBuf;

use simoom::task::is_cancelled;

use crate::agents::{Agent, ask_all};
use crate::{Answer, Client, Source, memory, thought};

/// What to find out, and from whom.
#[derive(Clone, Debug)]
pub struct Research {
    /// What it is about.
    pub topic: String,
    /// Who is asked.
    pub sources: Vec<Source>,
    /// The file that the memory is in.
    pub notes: PathBuf,
}

/// Asks all sources and the memory at once, then thinks about what they say, and keeps what it has
/// learned.
///
/// The answers are in this order: one for each source, `memory`, `analysis`, `embedding`, and
/// `notes` if they could not be kept. When somebody asks the task to end, those who have nothing by then
/// have stopped, and nothing is kept.
///
/// # Cancel safety
/// Dropped, it drops all that it does; a part of the notes may be written.
pub async fn research(client: Client, research: Research) -> Vec<Answer> {
    let Research {
        topic,
        sources,
        notes,
    } = research;

    let ask = |source: Source| {
        let name = source.name();
        Agent::new(name, source.ask(client.clone(), topic.clone()))
    };
    let mut knowing: Vec<_> = sources.into_iter().map(ask).collect();
    let recall = memory::recall(notes.clone(), topic.clone());
    knowing.push(Agent::new("memory", recall));
    let mut answers = ask_all(knowing).await;

    let found = answers
        .iter()
        .filter_map(|answer| answer.came.as_ref().ok());
    let lines: Vec<String> = found.flat_map(|finding| finding.lines.clone()).collect();
    let thinking = vec![
        Agent::new("analysis", thought::analyse(lines.clone())),
        Agent::new("embedding", thought::embed(lines)),
    ];
    answers.extend(ask_all(thinking).await);
    // Nobody else may be waited for then, or the answers would go with this task.
    if is_cancelled() {
        return answers;
    }

    let summary = answers.iter().find(|answer| answer.from == "summary");
    if let Some(Answer {
        came: Ok(summary), ..
    }) = summary
        && let Err(error) = memory::keep(notes, &topic, summary).await
    {
        answers.push(Answer {
            from: "notes".to_owned(),
            came: Err(crate::Failure::File(error)),
        });
    }
    answers
}
