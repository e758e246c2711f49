//! Many pages at once.

use serde::Deserialize;
use simoom::asyncio::gather;

use crate::{Answer, Client, Failure, Finding};

/// The titles of pages, in the order of `urls`, or why a page has none.
///
/// How many are asked for at once, and how long each may take, is the client's business. When
/// somebody asks the task around this to end, what there is by then is returned.
///
/// # Cancel safety
/// Dropped, it drops all requests.
pub async fn crawl(client: &Client, urls: impl IntoIterator<Item = String>) -> Vec<Answer> {
    let urls: Vec<String> = urls.into_iter().collect();
    let pages = urls.iter().map(|url| title(client.clone(), url.clone()));
    let came = gather(pages).as_values().await;
    let answers = urls.into_iter().zip(came);
    let answers = answers.map(|(from, came)| Answer {
        from,
        came: came.map_err(Failure::from),
    });
    answers.collect()
}

async fn title(client: Client, url: String) -> Result<Finding, Failure> {
    let Page { title } = client.get(&url).await?;
    Ok(Finding { lines: vec![title] })
}

#[derive(Deserialize)]
struct Page {
    title: String,
}
