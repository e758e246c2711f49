//! What one measurement costs and how it is written down.
//!
//! Owns the clocks. Knows nothing of what is measured.

use std::time::Instant;

use serde_json::{Map, Value, json};

/// Processor time of this process, all threads, in nanoseconds.
#[derive(Clone, Copy)]
pub struct Cpu {
    pub user_ns: u64,
    pub system_ns: u64,
}

impl Cpu {
    pub fn now() -> Self {
        // SAFETY: an all-zero `rusage` is a valid value of this plain C structure.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: `usage` is valid for writes during the call.
        let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
        assert_eq!(result, 0, "getrusage has no way to fail here");
        let nanos =
            |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        Self {
            user_ns: nanos(usage.ru_utime),
            system_ns: nanos(usage.ru_stime),
        }
    }
}

/// A span of work that is being measured.
pub struct Span {
    cpu: Cpu,
    wall: Instant,
}

impl Span {
    pub fn start() -> Self {
        Self {
            cpu: Cpu::now(),
            wall: Instant::now(),
        }
    }

    /// The span's costs per operation, as `cpu_ns`, `user_ns` and `wall_ns`.
    pub fn end(self, operations: u64) -> Costs {
        let wall = self.wall.elapsed();
        let cpu = Cpu::now();
        let each = |total: u64| total as f64 / operations as f64;
        let user = cpu.user_ns - self.cpu.user_ns;
        let system = cpu.system_ns - self.cpu.system_ns;
        let mut costs = Costs::default();
        costs.put("cpu_ns", each(user + system));
        costs.put("user_ns", each(user));
        costs.put("wall_ns", each(wall.as_nanos() as u64));
        costs
    }
}

/// Named figures of one measurement.
#[derive(Default)]
pub struct Costs(Map<String, Value>);

impl Costs {
    pub fn put(&mut self, name: &str, figure: f64) {
        self.0.insert(name.to_owned(), json!(figure));
    }

    /// A figure that was put in.
    pub fn figure(&self, name: &str) -> f64 {
        self.0[name].as_f64().expect("figures are numbers")
    }

    /// Prints the figures on one line, for the parent.
    pub fn print(self) {
        println!("{}", Value::Object(self.0));
    }
}

/// Bytes of memory that this process has in use.
pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    let pages = text.split(' ').nth(1).and_then(|it| it.parse::<u64>().ok());
    pages.expect("the second field of statm is the resident pages") * 4096
}
