//! Compares the simulator with this machine's Linux, made to misbehave.
//!
//! ```sh
//! cargo run --release -p simoom-tools --bin linux-conformance -- net
//! cargo run --release -p simoom-tools --bin linux-conformance -- disk
//! ```
//! Prints a JSON line for each case and one at the end. `--quick` leaves out what takes long,
//! `--filter NAME` runs the cases whose name contains it, `--seeds N` says how often the simulator
//! is asked at most, `--from N` where the random scripts begin.
//!
//! The exit status is 0 if everything agrees or is listed, 1 if something differs, 2 for a command
//! that is not understood, and 3 if the machine does not allow what this takes.

use std::process::ExitCode;

fn main() -> ExitCode {
    run()
}

#[cfg(not(target_os = "linux"))]
fn run() -> ExitCode {
    eprintln!("linux-conformance: this is no Linux");
    ExitCode::from(3)
}

#[cfg(target_os = "linux")]
fn run() -> ExitCode {
    use simoom_tests::conformance::{Request, disk, net};

    let request = match arguments() {
        Ok(request) => request,
        Err(message) => {
            eprintln!("linux-conformance: {message}");
            return ExitCode::from(2);
        }
    };
    let compared = match request.what.as_str() {
        "net" => net(&request),
        _ => disk(&request),
    };
    let Request { what, .. } = request;
    match compared {
        Ok(summary) => {
            println!(
                "{{\"compared\":\"{what}\",\"cases\":{},\"differing\":{},\"listed\":{}}}",
                summary.cases, summary.differing, summary.listed
            );
            ExitCode::from(u8::from(summary.differing > 0))
        }
        Err(missing) => {
            eprintln!(
                "linux-conformance: this machine does not allow {}",
                missing.0
            );
            ExitCode::from(3)
        }
    }
}

#[cfg(target_os = "linux")]
fn arguments() -> Result<simoom_tests::conformance::Request, String> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    if what != "net" && what != "disk" {
        return Err("say `net` or `disk`".to_owned());
    }
    let mut request = simoom_tests::conformance::Request::of(&what);
    while let Some(name) = arguments.next() {
        if name == "--quick" {
            request.is_quick = true;
            continue;
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{value} is no number"));
        match name.as_str() {
            "--filter" => request.filter = value,
            "--seeds" => request.seeds = number()?,
            "--from" => request.from = number()?,
            "--scripts" => request.scripts = number()?,
            _ => return Err(format!("{name} is unknown")),
        }
    }
    Ok(request)
}
