//! The example server beside Redis, both driven by `redis-benchmark`.
//!
//! `-t set,get,incr -n 200000 -c 50`, alone and with 16 requests under way on each connection.
//! One server at a time is running. The client takes more of the machine than the server, so the
//! server's processor time per request is given beside the requests per second.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PORT: &str = "17379";

/// Builds the server.
pub fn build() {
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "-p", "kv", "--bin", "kv"])
        .args([
            "--target-dir",
            concat!(env!("CARGO_MANIFEST_DIR"), "/target/kv"),
        ])
        .current_dir(ROOT)
        .status();
    assert!(
        status.is_ok_and(|it| it.success()),
        "the example does not build"
    );
}

/// The figures of one round against `peer`; none if Redis is not installed.
pub fn measure(row: &str, peer: &str, scale: u64) -> Option<Map<String, Value>> {
    let mut command = match peer {
        "kv" => {
            let kv = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kv/release/kv");
            let mut command = Command::new(kv);
            command.args(["--port", PORT]);
            command
        }
        _ => {
            let mut command = Command::new("redis-server");
            command.args(["--port", PORT, "--save", "", "--appendonly", "no"]);
            command
        }
    };
    let server = command.stdout(Stdio::null()).spawn().ok()?;
    let mut server = Stopped(server);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", 17_379)).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{peer} does not listen"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let requests = 200_000 / scale;
    let pipeline = if row == "kv_p16" { "16" } else { "1" };
    let before = cpu_ticks(server.0.id());
    let output = Command::new("redis-benchmark")
        .args(["-p", PORT, "-t", "set,get,incr", "-c", "50", "--csv"])
        .args(["-n", &requests.to_string(), "-P", pipeline])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let ticks = cpu_ticks(server.0.id()) - before;
    server.stop();
    let mut figures = Map::new();
    let text = String::from_utf8(output.stdout).expect("a benchmark prints text");
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95…","p99…","max…"
    for line in text.lines() {
        let fields: Vec<&str> = line.split(',').map(|it| it.trim_matches('"')).collect();
        let number = |index: usize| fields.get(index).and_then(|it| it.parse::<f64>().ok());
        if let (Some(rate), Some(p99)) = (number(1), number(6)) {
            let test = fields[0].to_lowercase();
            figures.insert(format!("{test}_per_s"), rate.into());
            figures.insert(format!("{test}_p99_us"), (p99 * 1_000.0).into());
        }
    }
    assert!(!figures.is_empty(), "redis-benchmark printed no figures");
    // A tick is 10 ms.
    let cpu_ns = ticks as f64 * 1e7 / (3 * requests) as f64;
    figures.insert("cpu_ns".to_owned(), cpu_ns.into());
    Some(figures)
}

/// Processor time of a process, user and system, in ticks of the kernel.
fn cpu_ticks(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a live process");
    let (_, fields) = text
        .rsplit_once(')')
        .expect("the name stands in parentheses");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |index: usize| fields[index].parse::<u64>().expect("a number");
    number(11) + number(12)
}

/// A server that is stopped however the round ends.
struct Stopped(Child);

impl Stopped {
    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.stop();
    }
}
