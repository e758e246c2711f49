//! The status page, as the program serves it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::durable::Folder;
use crate::process::{Process, check_reply, read_to_end};

const FLAGS: &[&str] = &["--status-port", "0"];

/// What was answered: the first line, the other lines of the head, and the body.
struct Answer {
    first: String,
    head: BTreeMap<String, String>,
    body: String,
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the status server listens");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).unwrap();
    stream
}

fn ask(addr: SocketAddr, method: &str, path: &str) -> Answer {
    let mut stream = connect(addr);
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let text = read_to_end(stream);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let (first, lines) = head.split_once("\r\n").expect("lines");
    let head = lines.lines().map(|line| line.split_once(": ").unwrap());
    Answer {
        first: first.into(),
        head: head
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        body: body.into(),
    }
}

/// The samples, each under a `HELP` and a `TYPE` of its own name, or that of its histogram.
fn samples(metrics: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = Vec::new();
    let mut family = (String::new(), String::new());
    for line in metrics.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a text");
            assert!(text.ends_with('.'), "{line}");
            assert!(!families.contains(&name), "{name} comes twice");
            families.push(name);
            family = (name.into(), String::new());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert_eq!(name, family.0, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family.1 = kind.into();
        } else {
            let (key, value) = line.rsplit_once(' ').expect("a value");
            let name = key.split('{').next().unwrap();
            let rest = name
                .strip_prefix(&*family.0)
                .expect("a sample of its family");
            let known: &[&str] = match &*family.1 {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            assert!(known.contains(&rest), "{line}");
            let value: f64 = value.parse().expect("a number");
            assert!(value >= 0.0, "{line}");
            assert!(samples.insert(key.into(), value).is_none(), "{line}");
        }
    }
    samples
}

fn query(server: &Process, request: &str) -> String {
    let mut stream = server.connect();
    stream
        .write_all(format!("{request}\r\nQUIT\r\n").as_bytes())
        .unwrap();
    read_to_end(stream)
}

#[test]
fn metrics_are_what_info_tells() {
    let server = Process::start(FLAGS);
    let addr = server.status_addr();
    let mut stream = server.connect();
    check_reply(&mut stream, b"SET a 1 EX 1000\r\n", "+OK\r\n");
    check_reply(&mut stream, b"LPUSH b 1 2\r\n", ":2\r\n");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    check_reply(&mut stream, b"GET b\r\n", wrong);
    check_reply(&mut stream, b"GET a\r\n", "$1\r\n1\r\n");
    let queued = "+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n";
    check_reply(&mut stream, b"MULTI\r\nGET a\r\nEXEC\r\n", queued);
    let answer = ask(addr, "GET", "/metrics");
    assert_eq!(answer.first, "HTTP/1.1 200 OK");
    assert_eq!(
        answer.head["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let samples = samples(&answer.body);
    let value = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(value("kv_ready"), 1.0);
    assert_eq!(value("kv_replication_role{role=\"master\"}"), 1.0);
    assert_eq!(value("kv_replication_role{role=\"slave\"}"), 0.0);
    assert_eq!(value("kv_replicas"), 0.0);
    assert_eq!(samples.get("kv_replication_lag_bytes"), None);
    assert_eq!(value("kv_clients"), 1.0);
    assert_eq!(value("kv_clients_max"), 10_000.0);
    assert_eq!(value("kv_keys"), 2.0);
    assert_eq!(value("kv_keys_expiring"), 1.0);
    assert_eq!(value("kv_requests_total"), 7.0);
    assert_eq!(value("kv_error_replies_total"), 1.0);
    assert_eq!(
        value("kv_command_duration_seconds_count{command=\"get\"}"),
        3.0
    );
    assert_eq!(value("kv_command_failures_total{command=\"get\"}"), 1.0);
    assert_eq!(
        value("kv_command_duration_seconds_count{command=\"exec\"}"),
        1.0
    );
    let get = "kv_command_duration_seconds_bucket{le=\"+Inf\",command=\"get\"}";
    let other = "kv_command_duration_seconds_bucket{command=\"get\",le=\"+Inf\"}";
    assert_eq!(samples.get(get).or(samples.get(other)), Some(&3.0));
    assert!(value("kv_command_duration_seconds_sum{command=\"get\"}") > 0.0);
    assert!(value("kv_uptime_seconds") > 0.0);
    #[cfg(target_os = "linux")]
    {
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") > 4.0);
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_cpu_seconds_total") < 60.0);
    }
    let info = query(&server, "INFO all");
    for line in [
        "total_commands_processed:7",
        "total_error_replies:1",
        "connected_clients:2",
        "blocked_clients:0",
        "role:master",
        "loading:0",
        "db0:keys=2,expires=1,avg_ttl=0",
        &format!("tcp_port:{}", server.addr.port()),
    ] {
        assert!(
            info.lines().any(|told| told == line),
            "{line} is not in {info}"
        );
    }
    let get = info.lines().find(|line| line.starts_with("cmdstat_get:"));
    let get = get.expect("calls of GET");
    assert!(get.starts_with("cmdstat_get:calls=3,usec="), "{get}");
    assert!(get.ends_with(",rejected_calls=0,failed_calls=1"), "{get}");
    #[cfg(target_os = "linux")]
    assert!(info.contains("\nused_memory_rss:"), "{info}");
    let default = query(&server, "INFO");
    assert!(!default.contains("cmdstat_") && default.contains("# Replication"));
}

/// Waits until the server says so at `/ready`, while it is in good health.
#[track_caller]
fn until_ready(server: &Process, wanted: [&str; 2]) {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask(server.status_addr(), "GET", "/ready");
        let told = [&*answer.first, &*answer.body];
        if told == wanted {
            let health = ask(server.status_addr(), "GET", "/health");
            assert_eq!(health.first, "HTTP/1.1 200 OK");
            return;
        }
        assert!(Instant::now() < limit, "{told:?} is not {wanted:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_is_ready_when_it_answers_as_it_should() {
    const READY: [&str; 2] = ["HTTP/1.1 200 OK", "ok\n"];
    let unready = |why| ["HTTP/1.1 503 Service Unavailable", why];
    let primary = Process::start(&["--status-port", "0", "--sync-replicas", "1"]);
    until_ready(&primary, unready("noreplicas\n"));
    let flags = ["--status-port", "0", "--replicaof", "127.0.0.1 1"];
    let replica = Process::start(&flags);
    until_ready(&replica, unready("masterdown\n"));
    assert!(query(&replica, "GET a").starts_with("-MASTERDOWN"));
    assert!(query(&replica, "SET a 1").starts_with("-READONLY"));
    query(
        &replica,
        &format!("REPLICAOF 127.0.0.1 {}", primary.addr.port()),
    );
    until_ready(&primary, READY);
    until_ready(&replica, READY);
    let samples = samples(&ask(primary.status_addr(), "GET", "/metrics").body);
    assert_eq!(samples["kv_replicas"], 1.0);
    assert_eq!(samples["kv_replicas_online"], 1.0);
    assert!(samples["kv_replication_lag_bytes"] >= 0.0);
    // What was refused was not called.
    let info = query(&replica, "INFO commandstats");
    for name in ["get", "set"] {
        let line = format!("cmdstat_{name}:calls=0,usec=0,");
        let line = info.lines().find(|told| told.starts_with(&line));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {info}"));
        assert!(line.ends_with(",rejected_calls=1,failed_calls=0"), "{line}");
    }
    drop(replica);
    until_ready(&primary, unready("noreplicas\n"));
}

#[test]
fn a_log_that_is_not_synced_is_told_to_grow() {
    let folder = Folder::new("unsynced");
    let [dir, path] = folder.flags();
    let flags = ["--status-port", "0", "--appendfsync", "no", &dir, &path];
    let server = Process::start(&flags);
    let metrics = || samples(&ask(server.status_addr(), "GET", "/metrics").body);
    let mut bytes = metrics()["kv_log_bytes"];
    for _ in 0..3 {
        let mut stream = server.connect();
        check_reply(&mut stream, b"INCR n\r\n", ":");
        let before = std::mem::replace(&mut bytes, metrics()["kv_log_bytes"]);
        assert!(bytes > before, "{bytes}");
    }
    let file = std::fs::metadata(folder.file("kv.log")).unwrap().len();
    assert_eq!(bytes, file as f64);
    query(&server, "BGREWRITEAOF");
    let limit = Instant::now() + Duration::from_secs(60);
    while metrics()["kv_log_compactions_total"] < 1.0 {
        assert!(Instant::now() < limit, "it is not made small");
        std::thread::sleep(Duration::from_millis(20));
    }
    let metrics = metrics();
    assert_eq!(metrics["kv_log_syncs_total"], 0.0);
    assert!(metrics["kv_log_bytes"] < bytes);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let server = Process::start(FLAGS);
    assert!(query(&server, "PING").starts_with("+PONG"));
    let page = ask(server.status_addr(), "GET", "/");
    assert_eq!(page.first, "HTTP/1.1 200 OK");
    assert_eq!(page.head["content-type"], "text/html; charset=utf-8");
    assert_eq!(
        page.head["content-security-policy"],
        "default-src 'none'; style-src 'unsafe-inline'"
    );
    assert_eq!(page.head["cache-control"], "no-store");
    for part in [
        "<!doctype html>",
        "http-equiv=\"refresh\"",
        ">serving<",
        "<th>ping</th><td>1</td>",
    ] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }
    for part in ["<script", "src=", "http:", "https:", "url("] {
        assert!(!page.body.contains(part), "{part} is in the page");
    }
}

#[test]
fn what_is_not_there_and_not_allowed_is_said() {
    let server = Process::start(FLAGS);
    let addr = server.status_addr();
    assert_eq!(ask(addr, "GET", "/nowhere").first, "HTTP/1.1 404 Not Found");
    assert_eq!(
        ask(addr, "POST", "/nowhere").first,
        "HTTP/1.1 404 Not Found"
    );
    for path in ["/", "/metrics", "/health", "/ready"] {
        let answer = ask(addr, "DELETE", path);
        assert_eq!(answer.first, "HTTP/1.1 405 Method Not Allowed");
        assert_eq!(answer.head["allow"], "GET, HEAD");
        let answer = ask(addr, "HEAD", path);
        assert_eq!(answer.first, "HTTP/1.1 200 OK");
        assert_eq!(answer.body, "");
        let length: usize = answer.head["content-length"].parse().unwrap();
        assert!(length > 0, "{path}");
    }
    let health = ask(addr, "GET", "/health?full");
    assert_eq!((&*health.first, &*health.body), ("HTTP/1.1 200 OK", "ok\n"));
}

#[test]
fn lookers_do_not_keep_a_server_that_stops() {
    let server = Process::start(FLAGS);
    let mut kept = connect(server.status_addr());
    kept.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    kept.read_exact(&mut [0; 15]).unwrap();
    let _silent = connect(server.status_addr());
    server.interrupt();
    assert_eq!(server.end().code(), Some(0));
}

#[test]
fn a_taken_status_port_is_named_and_ends_with_code_1() {
    let server = Process::start(FLAGS);
    let port = server.status_addr().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_kv"))
        .args(["--port", "0", "--status-port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let complaint = format!("kv: cannot listen on {}: ", server.status_addr());
    assert!(text.starts_with(&complaint), "{text}");
}
