//! A failing run as a page to look at, beside the nearest one that passes.
//!
//! Owns the file: one page with its style, its script and the runs in it, which asks for nothing
//! else. What is on it depends on the runs alone. Knows nothing of how they were come by.

mod entries;

use serde::Serialize;

use self::entries::Table;
use super::explain::Runs;
use super::found::{Found, Seed};

/// The page's name in a bundle.
pub(super) const FILE: &str = "timeline.html";

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The script, in the order in which it is run.
const SCRIPT: [&str; 4] = [
    include_str!("model.js"),
    include_str!("lanes.js"),
    include_str!("detail.js"),
    include_str!("page.js"),
];

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    title: String,
    failure: String,
    /// What the numbers of categories mean.
    categories: &'a [(&'static str, &'static str)],
    runs: Vec<Table>,
}

/// The page for `found`.
pub(super) fn page(found: &Found, runs: &Runs) -> String {
    let title = format!("{}, seed {}", found.label, Seed(found.seed));
    fill(title, found.failure.to_string(), runs)
}

fn fill(title: String, failure: String, runs: &Runs) -> String {
    let Runs {
        failing,
        changed,
        passing,
    } = runs;
    let mut tables = vec![Table::of(failing, changed, true)];
    tables.extend(passing.as_deref().map(|it| Table::of(it, changed, false)));
    let head = html(&title);
    let data = Data {
        title,
        failure,
        categories: &entries::CATEGORIES,
        runs: tables,
    };
    let data = serde_json::to_string(&data).expect("numbers and texts are JSON");
    let parts = [
        ("{{title}}", head),
        ("{{style}}", STYLE.to_owned()),
        ("{{data}}", inert(&data)),
        ("{{script}}", SCRIPT.join("\n")),
    ];
    let mut text = String::with_capacity(PAGE.len() + data.len() + (64 << 10));
    let mut rest = PAGE;
    for (mark, part) in parts {
        let (before, after) = rest.split_once(mark).expect("the page has every mark");
        text.push_str(before);
        text.push_str(&part);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// JSON that ends no script and begins no comment.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
