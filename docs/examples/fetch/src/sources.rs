//! Sources of knowledge.
//!
//! Owns what each of them is asked, and the shape of what it says: that of Wikipedia's summaries, of
//! Wikipedia's search, and of the news at Hacker News. Knows nothing of requests.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::{Client, Failure};

/// What one agent has found, in lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// What was found, the most important first.
    pub lines: Vec<String>,
}

/// Somebody to ask, at an address such as `http://localhost:7001`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Says in a few sentences what a topic is.
    Summary(String),
    /// Names pages about a topic.
    Search(String),
    /// Has what people say of a topic today.
    News(String),
}

impl Source {
    /// What it is called in a report.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Summary(_) => "summary",
            Self::Search(_) => "search",
            Self::News(_) => "news",
        }
    }

    /// Asks it about `topic`.
    ///
    /// # Errors
    /// Those of [`Client::get`].
    ///
    /// # Cancel safety
    /// As [`Client::get`].
    pub async fn ask(self, client: Client, topic: String) -> Result<Finding, Failure> {
        let topic = utf8_percent_encode(&topic, NON_ALPHANUMERIC);
        let lines = match self {
            Self::Summary(at) => {
                let url = format!("{at}/api/rest_v1/page/summary/{topic}");
                let page: Summary = client.get(&url).await?;
                vec![page.extract]
            }
            Self::Search(at) => {
                let url =
                    format!("{at}/w/api.php?action=query&format=json&list=search&srsearch={topic}");
                let found: Found = client.get(&url).await?;
                found.query.search.into_iter().map(|it| it.title).collect()
            }
            Self::News(at) => {
                let url = format!("{at}/api/v1/search?query={topic}");
                let news: News = client.get(&url).await?;
                news.hits.into_iter().map(|it| it.title).collect()
            }
        };
        Ok(Finding { lines })
    }
}

#[derive(Deserialize)]
struct Summary {
    extract: String,
}

#[derive(Deserialize)]
struct Found {
    query: Matches,
}

#[derive(Deserialize)]
struct Matches {
    search: Vec<Titled>,
}

#[derive(Deserialize)]
struct News {
    hits: Vec<Titled>,
}

#[derive(Deserialize)]
struct Titled {
    title: String,
}
