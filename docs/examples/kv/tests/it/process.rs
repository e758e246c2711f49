//! The program as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running server. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: SocketAddr,
    status_addr: Option<SocketAddr>,
}

impl Process {
    /// Starts the server on a free port, with more flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(
            Command::new(env!("CARGO_BIN_EXE_kv"))
                .args(["--port", "0"])
                .args(flags),
        )
    }

    /// Where it tells how it is; started with `--status-port`.
    pub(crate) fn status_addr(&self) -> SocketAddr {
        self.status_addr.expect("it has a status page")
    }

    /// Starts the server on `port`, with more flags.
    pub(crate) fn start_at(port: u16, flags: &[&str]) -> Self {
        Self::start_with(
            Command::new(env!("CARGO_BIN_EXE_kv"))
                .args(["--port", &port.to_string()])
                .args(flags),
        )
    }

    /// Starts the server with no more than `descriptors_max` open files.
    pub(crate) fn start_with_descriptors(descriptors_max: u32) -> Self {
        let program = env!("CARGO_BIN_EXE_kv");
        let script = format!("ulimit -n {descriptors_max}; exec '{program}' --port 0");
        Self::start_with(Command::new("sh").args(["-c", &script]))
    }

    fn start_with(command: &mut Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let has_status = command.get_args().any(|flag| flag == "--status-port");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let addr = addr_of_line(&mut stdout, "listening on ", "");
        let status_addr = has_status.then(|| addr_of_line(&mut stdout, "status on http://", "/"));
        Self {
            child,
            addr,
            status_addr,
        }
    }

    /// A connection that gives up after 10 s.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the server listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }

    /// Sends the signal that ctrl-c sends.
    pub(crate) fn interrupt(&self) {
        let script = format!("kill -INT {}", self.child.id());
        let status = Command::new("sh")
            .args(["-c", &script])
            .status()
            .expect("sh runs");
        assert!(status.success());
    }

    /// How the server ended, which it must do before it would cut connections that are open.
    pub(crate) fn end(mut self) -> ExitStatus {
        let limit = Instant::now() + Duration::from_secs(4);
        while Instant::now() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::yield_now();
        }
        panic!("the server does not end");
    }

    /// How many bytes of memory the server has held at most.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory_bytes_max(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<usize>()
            .unwrap()
            * 1024
    }

    /// How much time the server has spent on a processor, in ticks of a hundredth of a second.
    #[cfg(target_os = "linux")]
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let field = |index| {
            after_name
                .split(' ')
                .nth(index)
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        field(11) + field(12)
    }
}

/// The address that the next line tells, between `before` and `after`.
fn addr_of_line(lines: &mut impl BufRead, before: &str, after: &str) -> SocketAddr {
    let mut line = String::new();
    lines
        .read_line(&mut line)
        .expect("the server prints a line");
    line.trim_end()
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .and_then(|addr| addr.parse().ok())
        .unwrap_or_else(|| panic!("the server printed {line:?}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `request` and asserts that exactly `reply` comes back.
#[track_caller]
pub(crate) fn check_reply(stream: &mut TcpStream, request: &[u8], reply: &str) {
    stream.write_all(request).unwrap();
    let mut received = vec![0; reply.len()];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(String::from_utf8_lossy(&received), reply);
}

/// Everything that comes before the server closes.
pub(crate) fn read_to_end(mut stream: impl Read) -> String {
    let mut received = Vec::new();
    stream
        .read_to_end(&mut received)
        .expect("the server closes in time");
    String::from_utf8_lossy(&received).into_owned()
}
