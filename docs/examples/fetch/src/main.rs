//! The agent as a program: flags in, answers and an exit code out.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fetch::stop::until;
use fetch::{Answer, Client, Limits, Research, Source, crawl, research};
use simoom::signal::ctrl_c;

/// Asks many at once. Ctrl-C ends it with what it has.
#[derive(Parser)]
#[command(version)]
struct Flags {
    #[command(subcommand)]
    command: Command,
    /// How many seconds a request may take.
    #[arg(long, global = true, default_value_t = 5, value_name = "SECONDS")]
    patience: u64,
    /// How many requests there are at once.
    #[arg(long, global = true, default_value_t = 10, value_name = "COUNT")]
    at_once: u32,
}

#[derive(Subcommand)]
enum Command {
    /// Finds out about a topic.
    Research(About),
    /// Tells the titles of pages.
    Crawl { urls: Vec<String> },
}

#[derive(Args)]
struct About {
    topic: String,
    /// Where summaries are, such as http://localhost:7001.
    #[arg(long, value_name = "URL")]
    summary: Option<String>,
    /// Where pages are searched for.
    #[arg(long, value_name = "URL")]
    search: Option<String>,
    /// Where the news is.
    #[arg(long, value_name = "URL")]
    news: Option<String>,
    /// The file that the memory is in.
    #[arg(long, value_name = "FILE", default_value = "notes.txt")]
    notes: PathBuf,
}

#[simoom::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    // First of all, since a signal that nobody listens for ends the process.
    let stop = ctrl_c();
    let answers = until(stop, answers(flags)).await.unwrap_or_default();
    for answer in &answers {
        println!("{answer}");
    }
    let is_complete = answers.iter().all(|answer| answer.came.is_ok());
    ExitCode::from(u8::from(!is_complete))
}

async fn answers(flags: Flags) -> Vec<Answer> {
    let client = Client::new(Limits {
        patience: Duration::from_secs(flags.patience),
        at_once: flags.at_once as usize,
        ..Limits::default()
    });
    match flags.command {
        Command::Crawl { urls } => crawl(&client, urls).await,
        Command::Research(about) => {
            let sources = [
                about.summary.map(Source::Summary),
                about.search.map(Source::Search),
                about.news.map(Source::News),
            ];
            let about = Research {
                topic: about.topic,
                sources: sources.into_iter().flatten().collect(),
                notes: about.notes,
            };
            research(client, about).await
        }
    }
}
