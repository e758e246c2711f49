//! A page for people.
//!
//! One document without scripts, fonts or pictures from elsewhere, which loads itself again.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::snapshot::{LogSnapshot, Snapshot};
use crate::phase::Phase;
use crate::shared::Replication;
use crate::statistics::Times;

/// The page of a server.
pub(super) fn page(snapshot: &Snapshot) -> String {
    let mut page = String::with_capacity(8 << 10);
    write(&mut page, snapshot).expect("a string takes every character");
    page
}

fn write(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let (class, state) = match snapshot.obstacle {
        None => ("good", Phase::Serving.name()),
        Some(why) => ("bad", why),
    };
    let title = format!("kv on port {}: {state}", snapshot.port);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH_S}\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>kv <small>{}</small> <span class=\"{class}\">{state}</span></h1>\n",
        env!("CARGO_PKG_VERSION"),
    )?;
    page.push_str("<main>\n");
    server(page, snapshot)?;
    clients(page, snapshot)?;
    data(page, snapshot)?;
    log(page, snapshot.log.as_ref())?;
    page.push_str("</main>\n");
    commands(page, snapshot)?;
    page.push_str(
        "<footer>Also for programs: <a href=\"/metrics\">metrics</a>, \
         <a href=\"/health\">health</a>, <a href=\"/ready\">ready</a>.</footer>\n</body>\n</html>\n",
    );
    Ok(())
}

fn server(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let usage = &snapshot.usage;
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".into());
    let Replication {
        role,
        replicas,
        replicas_online,
        lag_bytes,
        is_linked,
    } = snapshot.replication;
    let linked = match (role, is_linked) {
        ("master", _) => "has none",
        (_, true) => "connected",
        (_, false) => "not connected",
    };
    let descriptors = usage.descriptors.zip(usage.descriptors_max);
    table(
        page,
        "Server",
        &[
            ("running for", length(snapshot.uptime)),
            ("phase", snapshot.phase.name().into()),
            ("role", role.into()),
            (
                "replicas online",
                format!("{replicas_online} of {replicas}"),
            ),
            ("slowest lacks", lag_bytes.map_or_else(|| "–".into(), bytes)),
            ("its primary", linked.into()),
            ("memory", known(usage.resident_bytes.map(bytes))),
            (
                "processor time",
                known(
                    usage
                        .processor_cs
                        .map(|it| length(Duration::from_millis(it * 10))),
                ),
            ),
            (
                "open files",
                known(descriptors.map(|(open, max)| format!("{open} of {max}"))),
            ),
        ],
    )
}

fn clients(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let Snapshot {
        clients,
        clients_max,
        ..
    } = snapshot;
    table(
        page,
        "Clients",
        &[
            ("connected", format!("{clients} of {clients_max}")),
            ("waiting for a list", snapshot.clients_blocked.to_string()),
            ("let in so far", snapshot.connections_accepted.to_string()),
            ("refused", snapshot.connections_refused.to_string()),
            ("requests", snapshot.requests.to_string()),
            ("errors", snapshot.errors.to_string()),
            ("received", bytes(snapshot.input_bytes)),
            ("sent", bytes(snapshot.output_bytes)),
        ],
    )
}

fn data(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    table(
        page,
        "Data",
        &[
            ("keys", snapshot.keys.to_string()),
            ("with an end", snapshot.keys_mortal.to_string()),
            ("died of age", snapshot.keys_expired.to_string()),
        ],
    )
}

fn log(page: &mut String, log: Option<&LogSnapshot>) -> fmt::Result {
    let Some(log) = log else {
        return table(page, "Log", &[("kept", "nothing".into())]);
    };
    let figures = &log.figures;
    let state = if figures.is_broken {
        "broken"
    } else if figures.is_compacting {
        "being made small"
    } else {
        "written"
    };
    table(
        page,
        "Log",
        &[
            ("state", state.into()),
            ("appendfsync", log.policy.name().into()),
            ("size", bytes(figures.bytes)),
            ("when last made small", bytes(figures.bytes_compacted)),
            ("made small", figures.compactions.to_string()),
            ("could not be", figures.compactions_failed.to_string()),
            ("commits", figures.commits.to_string()),
            (
                "not safe yet",
                (figures.commits.saturating_sub(figures.safe)).to_string(),
            ),
            ("syncs", figures.syncs.to_string()),
            ("sync, mean", length(log.sync_times.mean())),
            ("sync, 99 % within", within(&log.sync_times, 99)),
        ],
    )
}

fn commands(page: &mut String, snapshot: &Snapshot) -> fmt::Result {
    page.push_str(
        "<section><h2>Commands</h2>\n<table class=\"wide\"><thead><tr><th>command</th>\
         <th>calls</th><th>failed</th><th>rejected</th><th>mean</th><th>50 % within</th>\
         <th>99 % within</th></tr></thead>\n<tbody>\n",
    );
    for command in &snapshot.commands {
        let times = &command.times;
        writeln!(
            page,
            "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            command.name,
            times.count(),
            command.failed,
            command.rejected,
            length(times.mean()),
            within(times, 50),
            within(times, 99),
        )?;
    }
    if snapshot.commands.is_empty() {
        page.push_str("<tr><th colspan=\"7\">none yet</th></tr>\n");
    }
    page.push_str("</tbody></table></section>\n");
    Ok(())
}

/// Names and what they are, which hold no character that means something in HTML.
fn table(page: &mut String, title: &str, rows: &[(&str, String)]) -> fmt::Result {
    writeln!(page, "<section><h2>{title}</h2>\n<table><tbody>")?;
    for (name, value) in rows {
        writeln!(page, "<tr><th>{name}</th><td>{value}</td></tr>")?;
    }
    page.push_str("</tbody></table></section>\n");
    Ok(())
}

fn within(times: &Times, percent: u64) -> String {
    match times.bound(percent) {
        Some(bound) => length(bound),
        None if times.count() == 0 => "–".into(),
        None => "more than a second".into(),
    }
}

/// A length of time, to three digits or to the second.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match time.as_nanos() {
        ns @ ..1_000 => format!("{ns} ns"),
        ns @ ..1_000_000 => format!("{} µs", digits(ns, 1_000)),
        ns @ ..1_000_000_000 => format!("{} ms", digits(ns, 1_000_000)),
        ns @ ..60_000_000_000 => format!("{} s", digits(ns, 1_000_000_000)),
        _ if days > 0 => format!("{days} d {hours} h {minutes} min"),
        _ if hours > 0 => format!("{hours} h {minutes} min"),
        _ => format!("{minutes} min {} s", seconds % 60),
    }
}

/// A number of bytes, to three digits.
fn bytes(count: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let unit = units.iter().find(|(unit, _)| count >= *unit);
    match unit {
        Some((unit, name)) => format!("{} {name}", digits(count.into(), (*unit).into())),
        None => format!("{count} B"),
    }
}

/// A quotient, to three digits or more.
fn digits(number: u128, unit: u128) -> String {
    let hundredths = number * 100 / unit;
    match hundredths {
        0..1_000 => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        1_000..10_000 => format!("{}.{}", hundredths / 100, hundredths / 10 % 10),
        _ => (hundredths / 100).to_string(),
    }
}

/// How often the page loads itself.
const REFRESH_S: u32 = 5;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2127;--faint:#5c6670;--paper:#fff;--line:#d8dde2;\
--good:#14713d;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--ink:#e4e8ec;--faint:#98a3ae;--paper:#14181c;\
--line:#323a42;--good:#62c98c;--bad:#ff8a80}}\
body{margin:2rem auto;max-width:70rem;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;\
color:var(--ink);background:var(--paper)}\
h1{font-size:1.5rem}h1 small{color:var(--faint);font-weight:normal}h2{font-size:1rem}\
.good{color:var(--good)}.bad{color:var(--bad)}\
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:0 2rem}\
table{border-collapse:collapse;width:100%}section{overflow-x:auto}\
th,td{padding:.15rem .5rem .15rem 0;border-bottom:1px solid var(--line);text-align:left}\
th{font-weight:normal;color:var(--faint)}\
td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
tr>:last-child{padding-right:0}\
.wide thead th:not(:first-child){text-align:right}\
footer{margin-top:2rem;color:var(--faint)}a{color:inherit}";

#[cfg(test)]
mod tests;
