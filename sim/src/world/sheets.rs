//! What a test writes down for checkers: histories and ledgers.
//!
//! Each line is an event of the record; the lines themselves are kept where every event is.

use super::World;
use crate::checkers::Lines;
use crate::choice::hash_text;
use crate::record::EventKind;

/// One of them.
#[derive(Debug)]
pub(crate) struct Sheet {
    kind: &'static str,
    name: String,
    lines: Vec<String>,
}

impl Sheet {
    /// What stands for it in events.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

impl World {
    /// Begins to write something down; its number, or `None` if there is one of this name.
    pub(crate) fn open_sheet(&mut self, kind: &'static str, name: &str) -> Option<usize> {
        let is_known = |sheet: &Sheet| sheet.kind == kind && sheet.name == name;
        if self.sheets.iter().any(is_known) {
            return None;
        }
        self.sheets.push(Sheet {
            kind,
            name: name.to_owned(),
            lines: vec![Lines::head(kind, name)],
        });
        Some(self.sheets.len() - 1)
    }

    /// Writes a line down, a JSON object; the number of its event, and the time.
    pub(crate) fn write_down(&mut self, sheet: usize, body: &str) -> (u64, u64) {
        let title = self.sheets[sheet].title();
        self.say(|_| format!("{title}: {body}"));
        let event = self.note(
            EventKind::HistoryWritten,
            hash_text(&title),
            hash_text(body),
        );
        let time_ns = self.now_ns.unsigned_abs();
        if self.tells_everything() {
            let line = Lines::stamped(event, time_ns, body);
            self.sheets[sheet].lines.push(line);
        }
        (event, time_ns)
    }

    /// What was written down, each with the name of its file.
    pub(crate) fn take_sheets(&mut self) -> Vec<(String, Vec<String>)> {
        let sheets = std::mem::take(&mut self.sheets).into_iter();
        sheets
            .map(|sheet| {
                let file = format!("{}-{}.jsonl", sheet.kind, sheet.name);
                (file, sheet.lines)
            })
            .collect()
    }
}
