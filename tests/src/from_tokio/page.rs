//! The page: a table for each module of tokio, and what is wrong with the notes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::notes::Verdict;
use super::{Notes, Surface};

/// What is said of one item.
#[derive(Default)]
struct Row {
    same: Vec<String>,
    others: Vec<String>,
}

/// Compares and writes the page, in Markdown.
///
/// # Errors
///
/// Everything that the notes do not say or say wrongly, a line each: an item that is absent without
/// a note, one that is there and called absent, one that is called different and is not there, and
/// a note that speaks of nothing.
pub fn page(tokio: &Surface, ours: &Surface, notes: &Notes, head: &str) -> Result<String, String> {
    let mut wrong = BTreeSet::new();
    let mut modules: BTreeMap<&str, Vec<(&str, Row)>> = BTreeMap::new();
    let (mut same, mut all) = (0, 0);
    for (path, members) in &tokio.items {
        let here = ours.items.get(path);
        let mut row = Row::default();
        if here.is_none() {
            all += members.len();
        }
        let itself = [(path.clone(), here.is_some(), "itself".to_owned())];
        let of_it = members.iter().filter(|_| here.is_some()).map(|member| {
            let exists = here.is_some_and(|here| here.contains(member));
            (format!("{path}::{member}"), exists, format!("`{member}`"))
        });
        for (path, exists, name) in itself.into_iter().chain(of_it) {
            all += 1;
            let note = notes.of(&path);
            match (exists, note.map(|note| (note.verdict, &note.text))) {
                (true, None) => {
                    same += 1;
                    row.same.push(name);
                }
                (true, Some((Verdict::Differs, text))) => {
                    row.others.push(format!("{name} differs: {text}"))
                }
                (false, Some((Verdict::Absent, text))) => {
                    row.others.push(format!("{name} is absent: {text}"))
                }
                (true, Some((Verdict::Absent, _))) => {
                    wrong.insert(format!("{path} is called absent, and is there"));
                }
                (false, Some((Verdict::Differs, _))) => {
                    wrong.insert(format!("{path} is called different, and is absent"));
                }
                (false, None) => {
                    wrong.insert(format!("{path} is absent, and no note says what to use"));
                }
            }
        }
        let module = path.rsplit_once("::").map_or("", |(module, _)| module);
        modules.entry(module).or_default().push((path, row));
    }
    let paths: Vec<String> = paths(tokio);
    for note in notes.all() {
        if !paths.iter().any(|path| note.is_about(path)) {
            wrong.insert(format!(
                "a note speaks of {}, which tokio does not have",
                note.path
            ));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.into_iter().collect::<Vec<_>>().join("\n"));
    }
    Ok(written(&modules, head, same, all))
}

fn paths(surface: &Surface) -> Vec<String> {
    let members = surface.items.iter().flat_map(|(path, members)| {
        members
            .iter()
            .map(move |member| format!("{path}::{member}"))
    });
    surface.items.keys().cloned().chain(members).collect()
}

fn written(
    modules: &BTreeMap<&str, Vec<(&str, Row)>>,
    head: &str,
    same: usize,
    all: usize,
) -> String {
    let mut page = format!("{head}\n{same} of {all} items and members are the same.\n");
    for (module, rows) in modules {
        let title = if module.is_empty() {
            "tokio".to_owned()
        } else {
            format!("tokio::{module}")
        };
        write!(
            page,
            "\n## `{title}`\n\n| Item | The same | Not the same |\n| --- | --- | --- |\n"
        )
        .expect("text takes everything");
        for (path, row) in rows {
            let name = path.rsplit_once("::").map_or(*path, |(_, name)| name);
            writeln!(
                page,
                "| `{name}` | {} | {} |",
                row.same.join(", "),
                row.others.join("; ")
            )
            .expect("text takes everything");
        }
    }
    page
}
