//! What a report says for people: lines of operations, hints, lists that stay short, the record.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use simoom::time::{sleep, timeout};
use simoom_sim::faults::Target;
use simoom_sim::{Config, Fault, Found, Kind, Report, Sim, check};

fn config() -> Config {
    Config::default().persist(false)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The failure, and its story in one piece.
#[track_caller]
fn story(report: &Report) -> (&Found, String) {
    let found = report.failure().expect("the test fails");
    (found, found.story().join("\n"))
}

/// The line of this file that has `text` in it, the first one.
fn line_of(text: &str) -> usize {
    let lines = include_str!("reports.rs").lines();
    1 + lines.take_while(|line| !line.contains(text)).count()
}

/// What reads by the traits of I/O is known by where its stream came from.
#[test]
fn a_short_read_names_the_line_of_its_stream() {
    async fn pair(sim: &Sim) -> (TcpStream, TcpStream) {
        let node = sim.node("server");
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let one = node.spawn(async { TcpStream::connect("test:80").await.unwrap() });
        let (two, _) = listener.accept().await.unwrap();
        (one.await.unwrap(), two)
    }
    let line = line_of("listener.accept()");
    let report = check(config(), |sim| async move {
        let (mut one, mut two) = pair(&sim).await;
        one.write_all(&[7; 64]).await.unwrap();
        sleep(ms(500)).await;
        let mut buf = [0; 64];
        let count = two.read(&mut buf).await.unwrap();
        assert_eq!(count, 64, "it is short");
    });
    let (found, story) = story(&report);
    assert!(story.contains("net.read.short"), "{found}");
    assert!(
        story.contains(&format!("reports.rs:{line}")),
        "{line}: {found}"
    );
}

#[test]
fn faults_of_operations_name_their_lines() {
    let line = line_of("fs::write(\"log\"");
    let report = check(config(), |sim| async move {
        sim.faults(Fault::new(Kind::DiskWriteFailed));
        let written = sim
            .node("server")
            .spawn(async { simoom::fs::write("log", "x").await });
        written.await.unwrap().unwrap();
    });
    let (found, told) = story(&report);
    let expected = format!("disk.write.failed  server:/log at sim/tests/reports.rs:{line}");
    assert!(told.contains(&expected), "{found}");

    let line = line_of("\"client:9\"");
    let report = check(config(), |sim| async move {
        sim.faults(Fault::new(Kind::NetDatagramLost));
        let server = sim.node("server");
        let sent = server.spawn(async {
            let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
            socket.send_to(b"hello", "client:9").await.unwrap();
        });
        let received = sim.node("client").spawn(async {
            let socket = UdpSocket::bind("0.0.0.0:9").await.unwrap();
            timeout(ms(500), socket.recv(&mut [0; 9])).await.is_ok()
        });
        sent.await.unwrap();
        assert!(received.await.unwrap(), "it is lost");
    });
    let (found, told) = story(&report);
    let expected = format!("at sim/tests/reports.rs:{line}");
    let lost = told.lines().find(|line| line.contains("net.datagram.lost"));
    assert!(lost.is_some_and(|line| line.contains(&expected)), "{found}");
}

#[test]
fn who_runs_into_a_panic_of_a_node_is_told_how_to_keep_it_there() {
    let report = check(config(), |sim| async move {
        let handler = sim.node("server").spawn(async { panic!("bad request") });
        assert!(handler.await.is_err(), "a join handle would say so");
    });
    let text = report.failure().unwrap().to_string();
    let hint = "with `on_failure(OnFailure::Contain)`, a panic on server ends its task alone";
    assert!(text.contains(hint), "{text}");
    assert!(
        text.contains("if this is one that production survives, say so"),
        "{text}"
    );
    // Contained, the panic of a main would end its process all the same.
    let report = check(config(), |sim| async move {
        async fn main() {
            panic!("no configuration");
        }
        sim.node("server").run(main);
        sleep(ms(10)).await;
    });
    let text = report.failure().unwrap().to_string();
    assert!(text.contains("no configuration"), "{text}");
    assert!(!text.contains("Contain"), "{text}");
    let report = check(config(), |sim| async move {
        assert_eq!(sim.seed(), 0, "of the test's own");
    });
    let text = report.failure().unwrap().to_string();
    assert!(!text.contains("Contain"), "{text}");
}

#[test]
fn temporary_files_of_one_name_are_one_thing_in_what_there_was() {
    let report = check(config().seeds(3), |sim| async move {
        let target = Target::path_on("server", "/data/*");
        sim.faults(Fault::new(Kind::DiskWriteFailed).target(target));
        let server = sim.node("server");
        let written = server.spawn(async {
            for _ in 0..10 {
                simoom::fs::write_atomic("settings", "x").await.unwrap();
            }
            simoom::fs::write("log", "x").await.unwrap();
        });
        written.await.unwrap();
    });
    let text = report.failure().unwrap().to_string();
    let there_was = "there was server:/.settings.*.tmp, server:/log\n";
    assert!(text.contains(there_was), "{text}");
}

#[test]
fn of_many_things_that_there_were_a_few_are_shown_with_how_many_more() {
    let report = check(config().seeds(4), |sim| async move {
        let target = Target::path_on("server", "/data/*");
        sim.faults(Fault::new(Kind::DiskWriteFailed).target(target));
        let server = sim.node("server");
        let first = sim.seed() % 4 * 3;
        let written = server.spawn(async move {
            for number in first..first + 3 {
                simoom::fs::write(format!("{number:02}"), "x")
                    .await
                    .unwrap();
            }
        });
        written.await.unwrap();
    });
    let text = report.failure().unwrap().to_string();
    let some = "there was server:/00, server:/01, server:/02, server:/03, server:/04, and at \
                least 7 more\n";
    assert!(text.contains(some), "{text}");
}

/// A bit of everything that leaves events.
async fn busy(sim: Sim) {
    let restarted = Fault::new(Kind::NodeRestarted).target(Target::node("other"));
    sim.faults(restarted.every(ms(5)).times(1));
    let server = sim.node("server").run(|| async {
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let socket = UdpSocket::bind("0.0.0.0:9").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buf = [0; 5];
        stream.read_exact(&mut buf).await.unwrap();
        simoom::fs::write("log", buf).await.unwrap();
        assert!(simoom::fs::read("nothing").await.is_err());
        let (mut one, mut two) = UnixStream::pair().unwrap();
        one.write_all(&buf).await.unwrap();
        two.read_exact(&mut buf).await.unwrap();
        let _bound = UnixDatagram::bind("socket").unwrap();
        let (mut sender, receiver) = simoom::net::unix::pipe::pipe().unwrap();
        sender.write_all(b"hello").await.unwrap();
        drop((receiver, sender));
        socket.recv(&mut buf).await.unwrap();
        std::future::pending::<()>().await;
    });
    let _other = sim.node("other").run(std::future::pending::<()>);
    sleep(ms(1)).await;
    let mut stream = TcpStream::connect("server:80").await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.send_to(b"hello", "server:9").await.unwrap();
    let _ = simoom::rand::random::<u64>();
    sim.note("half of it is done");
    sleep(ms(20)).await;
    server.pause_for(ms(1));
    sim.net().partition(&server, &sim.node("other"));
    server.clock().step_back(ms(3));
    server.clock().drift(-40);
    sim.net().hold(simoom_sim::Matching::all()).release();
    server.terminate();
    sleep(ms(20)).await;
    server.restart();
    server.power_loss();
    panic_late().await;
}

async fn panic_late() {
    sleep(ms(1)).await;
    panic!("enough is recorded");
}

#[test]
fn the_record_tells_each_event_in_words() {
    let report = check(config().seeds(3).shrink(false), busy);
    let text = report.failure().unwrap().to_string();
    let record = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("record "));
    let record = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(record.expect(&text).trim());
    let record = std::fs::read_to_string(record).expect("the record that is named is there");
    let mut kinds = BTreeSet::new();
    let mut last_ns = 0;
    for (index, line) in record.lines().enumerate() {
        let parts: Vec<&str> = line.split("  ").collect();
        let (time, numbers) = (parts[0], parts[1]);
        let seconds = time.strip_suffix(" s").expect(line);
        let time_ns: u64 = seconds.replace('.', "").parse().expect(line);
        assert!(time_ns >= last_ns, "{line}");
        last_ns = time_ns;
        let number = format!("#{} <#", index + 1);
        assert!(numbers.starts_with(&number), "{line}");
        assert!(parts.len() >= 4, "{line}");
        kinds.insert(parts[3].to_owned());
        // Nothing but contents is told as a hash.
        let words = line.split([' ', ',', '!', '~', '@', '=']);
        for word in words.filter(|word| word.len() > 15) {
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            assert!(!is_number || line.contains("content"), "{word} in {line}");
        }
        assert!(!line.contains("node "), "{line}");
    }
    for part in [
        "  disk.file.operated  write server:/log\n",
        "test/main  time.advanced  to 0.00",
        "  task.spawned  server/main by server",
        "  task.polled  test/main",
        "test/main  op.completed  sleep at sim/tests/reports.rs:",
        "  choice.made  sched ",
        "  choice.made  delay - segment test/main~0> ",
        "  net.connection.opened  test/main~0, port 80",
        "  net.segment.sent  test/main~0>, content ",
        "  net.datagram.sent  test/main@",
        "  entropy.drawn  test/main, 8 bytes",
        "  user.noted  half of it is done",
        "  node.paused  server",
        "  net.partitioned  server->other",
        "  clock.stepped  server, by -3000000 ns",
        "  clock.drifted  server, -40 ppm",
        "  signal.sent  server, signal 15",
        "  node.power_lost  server",
        "  node.booted  server, incarnation 2",
        "  fault.fired  node.restarted other",
        "  fault.observed  node.restarted",
        "  disk.file.operated  read server:nothing, No such file or directory",
        "  disk.file.written  server:/log, 5 bytes, content ",
        "  unix.socket.bound  server to ",
        "  unix.stream.connected  server/main~",
        "  unix.bytes.sent  server/main~",
        "  pipe.bytes.sent  server/main~2>, content ",
        "  pipe.end.closed  server/main~2, 5 unread",
        "  pipe.end.closed  server/main~2, 0 unread",
        "  net.hold.began  hold ",
        "  task.finished  test/main, panicked",
    ] {
        let is_there =
            record.contains(part) || record.contains(&part.replace("test/main  ", "-  "));
        assert!(is_there, "{part:?} is not in\n{record}");
    }
    assert!(kinds.len() > 25, "{kinds:?}");
}
