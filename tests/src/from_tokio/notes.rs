//! What is said about single items: one line each, `path: verdict: text`.
//!
//! A path that ends with `*` speaks of all that start so. The longest path that fits counts.

/// How an item of tokio is here, where it is not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is here and does something else.
    Differs,
    /// It is not here.
    Absent,
}

/// A line of the notes.
#[derive(Clone, Debug)]
pub struct Note {
    /// What it is about.
    pub path: String,
    /// How that is here.
    pub verdict: Verdict,
    /// What is different, or what to use.
    pub text: String,
}

/// All that is said.
#[derive(Clone, Debug, Default)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// Reads the lines. Lines that start with `#` followed by a space say nothing.
    ///
    /// # Errors
    ///
    /// A line that cannot be read, with its number.
    pub fn read(text: &str) -> Result<Notes, String> {
        let mut notes = Vec::new();
        for (at, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with("# ") {
                continue;
            }
            let note = read_line(line).ok_or_else(|| {
                format!("line {} of the notes is not `path: differs: how` or `path: absent: use what`: {line}", at + 1)
            })?;
            notes.push(note);
        }
        Ok(Notes(notes))
    }

    /// The note that speaks most closely of a path.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<&Note> {
        self.0
            .iter()
            .filter(|note| note.is_about(path))
            .max_by_key(|note| note.path.len())
    }

    pub(super) fn all(&self) -> &[Note] {
        &self.0
    }
}

impl Note {
    pub(super) fn is_about(&self, path: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == self.path,
        }
    }
}

fn read_line(line: &str) -> Option<Note> {
    let (path, rest) = line.split_once(": ")?;
    let (verdict, text) = rest.split_once(": ")?;
    let verdict = match verdict {
        "differs" => Verdict::Differs,
        "absent" => Verdict::Absent,
        _ => return None,
    };
    Some(Note {
        path: path.to_owned(),
        verdict,
        text: text.to_owned(),
    })
}
