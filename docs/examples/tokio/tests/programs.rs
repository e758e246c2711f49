//! Starts the programs and talks to them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

/// A program that is killed when the test ends.
struct Running {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Running {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Running { child, said }
    }

    fn line(&mut self) -> String {
        line(&mut self.said)
    }

    /// The address that it says it listens on.
    fn address(&mut self) -> String {
        self.line()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    fn ends_well(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// A client of the chat, which is in the room.
fn client(address: &str, name: &str) -> (TcpStream, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(address).unwrap();
    writeln!(stream, "{name}").unwrap();
    let mut heard = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(line(&mut heard), format!("welcome, {name}"));
    (stream, heard)
}

#[test]
fn all_others_hear_what_one_says() {
    let mut chat = Running::start(env!("CARGO_BIN_EXE_chat"), &["127.0.0.1:0"]);
    let address = chat.address();
    let (mut ada, mut ada_hears) = client(&address, "ada");
    let (mut bob, mut bob_hears) = client(&address, "bob");
    assert_eq!(line(&mut ada_hears), "bob came");
    writeln!(ada, "hello").unwrap();
    assert_eq!(line(&mut bob_hears), "ada: hello");
    writeln!(bob, "hello, ada").unwrap();
    assert_eq!(line(&mut ada_hears), "bob: hello, ada");
    drop((bob, bob_hears));
    assert_eq!(line(&mut ada_hears), "bob left");
    chat.signal("-INT");
    assert_eq!(chat.line(), "closing with 1 in the room");
    assert_eq!(line(&mut ada_hears), "");
    chat.ends_well();
}

#[test]
fn a_proxy_passes_on_so_many_at_a_time() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let target_address = target.local_addr().unwrap().to_string();
    let mut proxy = Running::start(
        env!("CARGO_BIN_EXE_proxy"),
        &["127.0.0.1:0", &target_address, "1"],
    );
    let address = proxy.address();

    let mut first = TcpStream::connect(&address).unwrap();
    let (mut first_there, _) = target.accept().unwrap();
    first.write_all(b"question").unwrap();
    let mut bytes = [0; 8];
    first_there.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"question");
    first_there.write_all(b"answer").unwrap();
    first.read_exact(&mut bytes[..6]).unwrap();

    // There is one place: the second waits until the first has gone.
    let mut second = TcpStream::connect(&address).unwrap();
    second.write_all(b"x").unwrap();
    drop((first, first_there));
    assert_eq!(proxy.line(), "passed on 8 bytes, and 6 back");
    let (mut second_there, _) = target.accept().unwrap();
    second_there.read_exact(&mut bytes[..1]).unwrap();

    proxy.signal("-TERM");
    assert_eq!(proxy.line(), "stopping with 1 connections");
    drop((second, second_there));
    assert_eq!(proxy.line(), "passed on 1 bytes, and 0 back");
    proxy.ends_well();
}

#[test]
fn a_proxy_gives_up_who_does_not_leave() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let target_address = target.local_addr().unwrap().to_string();
    let mut proxy = Running::start(
        env!("CARGO_BIN_EXE_proxy"),
        &["127.0.0.1:0", &target_address, "9"],
    );
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    let _there = target.accept().unwrap();
    proxy.signal("-TERM");
    assert_eq!(proxy.line(), "stopping with 1 connections");
    assert_eq!(proxy.line(), "giving up 1 connections");
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    proxy.ends_well();
}

#[test]
fn jobs_are_answered_in_their_order() {
    let mut jobs = Running::start(env!("CARGO_BIN_EXE_jobs"), &["3"]);
    let mut input = jobs.child.stdin.take().unwrap();
    let writer = thread::spawn(move || {
        input
            .write_all(b"sleep 30\nfib 50\nnumber\nfail\ndance\n")
            .unwrap();
    });
    writer.join().unwrap();
    let said: Vec<String> = (0..5).map(|_| jobs.line()).collect();
    assert_eq!(
        said,
        [
            "1: slept for 30 ms",
            "2: fib(50) = 12586269025",
            "3: this is job 3",
            "4: failed: on purpose",
            "5: failed: no job is called \"dance\"",
        ]
    );
    jobs.ends_well();
}
