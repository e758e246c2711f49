//! The figures of all measurements and how they are shown.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::rows::ROWS;

/// Figures by row, peer and name, in the order in which rows and peers came.
#[derive(Default)]
pub struct Table {
    series: Vec<Series>,
}

struct Series {
    row: &'static str,
    peer: &'static str,
    figures: BTreeMap<String, Vec<f64>>,
}

impl Table {
    /// Takes the figures of one measurement in, and prints them as a line of JSON.
    pub fn add(
        &mut self,
        row: &'static str,
        peer: &'static str,
        round: u32,
        figures: Map<String, Value>,
    ) {
        println!(
            "{}",
            json!({"row": row, "peer": peer, "round": round, "figures": figures})
        );
        let at = self
            .series
            .iter()
            .position(|it| it.row == row && it.peer == peer);
        let at = at.unwrap_or_else(|| {
            self.series.push(Series {
                row,
                peer,
                figures: BTreeMap::new(),
            });
            self.series.len() - 1
        });
        for (name, figure) in figures {
            let figure = figure.as_f64().expect("figures are numbers");
            self.series[at]
                .figures
                .entry(name)
                .or_default()
                .push(figure);
        }
    }

    /// A line of JSON for each row and peer.
    pub fn print_summary(&self) {
        for series in &self.series {
            let mut figures = Map::new();
            for (name, values) in &series.figures {
                let sorted = sorted(values);
                figures.insert(
                    name.clone(),
                    json!({
                        "median": sorted[sorted.len() / 2],
                        "min": sorted[0],
                        "max": sorted[sorted.len() - 1],
                    }),
                );
            }
            let line = json!({"row": series.row, "peer": series.peer, "summary": figures});
            println!("{line}");
        }
    }

    /// A table for people: median (minimum).
    pub fn print_markdown(&self) {
        println!("\n| row | figure | peer | median (minimum) |\n| --- | --- | --- | --- |");
        for row in ROWS {
            let of_row: Vec<&Series> = self.series.iter().filter(|it| it.row == row.name).collect();
            let Some(first) = of_row.first() else {
                continue;
            };
            for name in first.figures.keys().filter(|name| is_shown(row.name, name)) {
                let of_name = of_row
                    .iter()
                    .filter_map(|it| Some((it.peer, it.figures.get(name)?)));
                for (peer, values) in of_name {
                    let sorted = sorted(values);
                    let (median, least) = (sorted[sorted.len() / 2], sorted[0]);
                    let (row, unit) = (row.name, row.unit);
                    let (median, least) = (shown(median), shown(least));
                    println!("| {row} | {name} per {unit} | {peer} | {median} ({least}) |");
                }
            }
        }
    }
}

/// Wall time says more of the machine's other work than of ours. User time alone is sampled by the
/// kernel and means something only where system calls are most of the work.
fn is_shown(row: &str, figure: &str) -> bool {
    match figure {
        // Two threads wait for each other: how long that takes is the point.
        "wall_ns" => row.ends_with("blocking"),
        "user_ns" => row.starts_with("echo"),
        _ => true,
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// Three digits, or all of those before the point.
fn shown(figure: f64) -> String {
    match figure {
        it if it >= 100.0 => format!("{it:.0}"),
        it if it >= 10.0 => format!("{it:.1}"),
        it => format!("{it:.2}"),
    }
}
