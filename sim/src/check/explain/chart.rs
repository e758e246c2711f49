//! Events as lines, with a lane for each task.
//!
//! Owns the picture. Knows nothing of how the events were chosen.

use std::collections::BTreeSet;

use super::slice::Slice;
use super::words::{Line, Words};
use crate::run::ToldRun;
use crate::world::failure::Seconds;

/// The most lines of a picture.
pub(super) const LINES_MAX: usize = 25;

/// The most lanes: with more tasks, the lines name them and that is all.
const LANES_MAX: usize = 8;

/// The most columns that a task's name takes before the others are moved for it.
const WHO_MAX: usize = 30;

/// The lines of `slice`, at most `most`: what must not be left out, and what is nearest to the end,
/// after the first of it and before that.
pub(super) fn chart(slice: &Slice, run: &ToldRun, words: &Words<'_>, most: usize) -> Vec<String> {
    let places = thinned(slice, most);
    let left_out = slice.told.len() - places.len();
    let lines: Vec<Line> = (places.iter())
        .map(|&place| words.line(&run.events[place]))
        .collect();
    let lanes = Lanes::of(&lines);
    let width = lines.iter().map(|line| line.who.chars().count()).max();
    let width = width.unwrap_or(0).min(WHO_MAX);
    let mut text = Vec::new();
    if left_out > 0 {
        text.push(format!("… {left_out} more before or between these"));
    }
    for (index, line) in lines.iter().enumerate() {
        let time = Seconds(line.time_ns).to_string();
        let lanes = lanes.at(index, line.task);
        let Line { who, what, .. } = line;
        text.push(format!("{time:>9}  {lanes}{who:<width$}  {what}"));
    }
    text
}

/// The places that are shown.
fn thinned(slice: &Slice, most: usize) -> Vec<usize> {
    if slice.told.len() <= most {
        return slice.told.clone();
    }
    let mut shown: BTreeSet<usize> = slice.kept.iter().rev().take(most).copied().collect();
    let first = shown.first().copied().unwrap_or(0);
    let (before, after) = slice
        .told
        .split_at(slice.told.partition_point(|&it| it < first));
    let (mut before, mut after) = (before.iter().rev(), after.iter());
    let mut end = slice.told.iter().rev();
    while shown.len() < most {
        let next = [end.next(), after.next(), before.next()];
        for place in next.into_iter().flatten() {
            if shown.len() < most {
                shown.insert(*place);
            }
        }
        if next == [None; 3] {
            break;
        }
    }
    shown.into_iter().collect()
}

/// Which tasks have a lane, and from where to where.
struct Lanes(Vec<(u64, usize, usize)>);

impl Lanes {
    fn of(lines: &[Line]) -> Self {
        let mut lanes: Vec<(u64, usize, usize)> = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            match lanes.iter_mut().find(|(task, ..)| *task == line.task) {
                _ if line.task == 0 => {}
                Some((.., end)) => *end = index,
                None => lanes.push((line.task, index, index)),
            }
        }
        if lanes.len() > LANES_MAX || lanes.len() < 2 {
            lanes.clear();
        }
        Self(lanes)
    }

    /// The lanes at a line, of which `task` has the event.
    fn at(&self, index: usize, task: u64) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let lane = |&(own, start, end): &(u64, usize, usize)| match (start..=end).contains(&index) {
            _ if own == task => '●',
            true => '│',
            false => ' ',
        };
        self.0.iter().map(lane).chain("  ".chars()).collect()
    }
}
