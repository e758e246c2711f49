//! The tests that have the number of a check in their name: `can_3_what_is_waited_for_is_dropped`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use super::checks::Area;

/// A function whose name starts as those of such tests do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is about.
    pub area: &'static Area,
    /// Which checks of that.
    pub numbers: Vec<u32>,
}

impl Named {
    /// What a name says it is about: `tg_3_4_nothing_is_left` is about TG 3 and TG 4.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let mut words = name.split('_');
        let area = Area::of(words.next()?)?;
        let numbers: Vec<u32> = words
            .filter(|word| *word != "and")
            .map_while(|word| word.parse().ok())
            .collect();
        (!numbers.is_empty()).then_some(Self { area, numbers })
    }
}

/// The names of all such tests, by area and number.
#[derive(Clone, Debug, Default)]
pub struct Tests(BTreeMap<(&'static str, u32), BTreeSet<String>>);

impl Tests {
    /// Looks for them in all sources of a folder.
    ///
    /// # Errors
    ///
    /// That it cannot be read.
    pub fn look_in(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.look_in(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.look_at(&fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }

    /// Looks for them in the text of a source.
    pub fn look_at(&mut self, text: &str) {
        let starts = text
            .lines()
            .filter_map(|line| line.trim_start().split_once("fn "));
        for (before, rest) in starts {
            let is_start = matches!(before, "" | "async ");
            let Some((name, _)) = rest.split_once('(').filter(|_| is_start) else {
                continue;
            };
            if let Some(Named { area, numbers }) = Named::of(name) {
                for number in numbers {
                    let of_it = self.0.entry((area.name, number)).or_default();
                    of_it.insert(name.to_owned());
                }
            }
        }
    }

    /// Those of one check, in alphabetical order.
    pub fn of(&self, area: &Area, number: u32) -> impl Iterator<Item = &str> {
        let found = self.0.get(&(area.name, number));
        found.into_iter().flatten().map(String::as_str)
    }

    /// Of which checks there are some.
    pub fn checks(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.0.keys().copied()
    }
}
