//! Benchmarks of simoom against its peers.
//!
//! `cargo run --release -- [FILTER] [--rounds N] [--quick]`, see README.md.
//! Each measurement is a process of its own; the rounds of a row's peers are interleaved, so that
//! a noisy moment of the machine does not fall on one peer.

mod child;
mod echo;
mod kv;
mod measure;
mod peer;
mod python;
mod rows;
mod sim;
mod table;

use std::process::{Command, Stdio};

use rows::{ROWS, Row};
use table::Table;

/// What the command line asks for.
struct Flags {
    filter: String,
    rounds: u32,
    /// Divides the work of each measurement.
    scale: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|it| it == "child") {
        child::run(&arguments[1..]);
        return;
    }
    let flags = flags(&arguments);
    let rows = ROWS.iter().filter(|row| row.name.contains(&flags.filter));
    let rows: Vec<&Row> = rows.collect();
    assert!(
        !rows.is_empty(),
        "no row's name contains {:?}",
        flags.filter
    );
    if rows
        .iter()
        .any(|row| row.peers.iter().any(|peer| peer.starts_with("madsim")))
    {
        build_madsim();
    }
    if rows.iter().any(|row| row.peers.contains(&"asyncio")) {
        python::build();
    }
    if rows.iter().any(|row| row.name.starts_with("kv")) {
        kv::build();
    }
    let mut table = Table::default();
    for row in rows {
        for round in 0..flags.rounds {
            for peer in row.peers {
                if let Some(figures) = child::measure(row, peer, round, flags.scale) {
                    table.add(row.name, peer, round, figures);
                }
            }
        }
    }
    table.print_summary();
    table.print_markdown();
}

fn flags(arguments: &[String]) -> Flags {
    let mut flags = Flags {
        filter: String::new(),
        rounds: 5,
        scale: 1,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match &**argument {
            "--rounds" => {
                let rounds = arguments.next().and_then(|it| it.parse().ok());
                flags.rounds = rounds.expect("--rounds needs a number");
            }
            "--quick" => flags.scale = 10,
            flag if flag.starts_with('-') => panic!("unknown flag {flag}"),
            filter => filter.clone_into(&mut flags.filter),
        }
    }
    flags
}

/// madsim replaces parts of libc and wants a flag for its whole build: a package of its own.
fn build_madsim() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/madsim/Cargo.toml");
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--manifest-path", manifest])
        .args([
            "--target-dir",
            concat!(env!("CARGO_MANIFEST_DIR"), "/madsim/target"),
        ])
        .env("RUSTFLAGS", "--cfg madsim")
        .stdout(Stdio::null())
        .status();
    assert!(
        status.is_ok_and(|it| it.success()),
        "madsim's package does not build"
    );
}
