//! Processes that follow each other, as `redis-cli` meets them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::durable::Folder;
use crate::process::Process;

/// What `redis-cli` prints for one request.
#[track_caller]
fn cli(server: &Process, request: &str) -> String {
    let output = Command::new("redis-cli")
        .args(["-p", &server.addr.port().to_string()])
        .args(request.split(' '))
        .output()
        .expect("redis-cli is there: package redis-tools (Debian, Ubuntu) or redis (Homebrew)");
    assert!(output.status.success(), "{request}");
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

/// Asks until the answer holds `wanted`.
#[track_caller]
fn until(server: &Process, request: &str, wanted: &str) -> String {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = cli(server, request);
        if answer.contains(wanted) {
            return answer;
        }
        assert!(
            Instant::now() < limit,
            "{request} is answered with {answer}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn start(folder: &Folder, more: &[&str]) -> Process {
    start_at(0, folder, more)
}

fn start_at(port: u16, folder: &Folder, more: &[&str]) -> Process {
    let flags = folder.flags();
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    flags.extend(more);
    Process::start_at(port, &flags)
}

fn follow(folder: &Folder, primary: &Process) -> Process {
    let port = primary.addr.port();
    start(folder, &["--replicaof", &format!("127.0.0.1 {port}")])
}

#[test]
fn what_a_killed_primary_has_answered_is_read_from_its_promoted_replica() {
    let folders = ["killed-primary", "killed-replica"].map(Folder::new);
    let primary = start(&folders[0], &["--sync-replicas", "1"]);
    let alone = cli(&primary, "SET a 1");
    assert_eq!(alone, "NOREPLICAS Not enough good replicas to write.");
    let replica = follow(&folders[1], &primary);
    until(&primary, "INFO replication", "state=online");
    assert_eq!(cli(&primary, "SET a 1"), "OK");
    assert_eq!(cli(&primary, "RPUSH l 1 2 3"), "3");
    assert_eq!(cli(&primary, "LPOP l"), "1");
    assert_eq!(cli(&primary, "SET lives 1 EX 1000"), "OK");
    assert_eq!(cli(&primary, "INCRBY n 41"), "41");
    assert_eq!(cli(&primary, "WAIT 1 1000"), "1");
    let role = cli(&replica, "ROLE");
    let port = primary.addr.port();
    assert!(
        role.starts_with(&format!("slave\n127.0.0.1\n{port}\nconnected\n")),
        "{role}"
    );
    // Dropping it is SIGKILL.
    drop(primary);
    assert_eq!(cli(&replica, "REPLICAOF NO ONE"), "OK");
    assert_eq!(cli(&replica, "GET n"), "41");
    assert_eq!(cli(&replica, "LRANGE l 0 -1"), "2\n3");
    assert_eq!(cli(&replica, "TTL lives"), "1000");
    assert_eq!(cli(&replica, "INCR n"), "42");
    // The old one comes back, and has what the new one has.
    let old = start_at(port, &folders[0], &[]);
    assert_eq!(cli(&old, "INCR only-here"), "1");
    let request = format!("REPLICAOF 127.0.0.1 {}", replica.addr.port());
    assert_eq!(cli(&old, &request), "OK");
    assert_eq!(
        cli(&old, &request),
        "OK Already connected to specified master"
    );
    until(&old, "INFO replication", "master_link_status:up");
    until(&old, "GET n", "42");
    assert_eq!(cli(&old, "EXISTS only-here"), "0");
}

#[test]
fn a_replica_goes_on_where_it_was_when_its_primary_is_there_again() {
    let folders = ["restarted-primary", "restarted-replica"].map(Folder::new);
    let primary = start(&folders[0], &[]);
    let port = primary.addr.port();
    let replica = follow(&folders[1], &primary);
    until(&primary, "INFO replication", "state=online");
    for _ in 0..3 {
        cli(&primary, "INCR n");
    }
    until(&replica, "GET n", "3");
    drop(primary);
    until(&replica, "INFO replication", "master_link_status:down");
    // What it has been shown once is shown without a primary.
    assert_eq!(cli(&replica, "GET n"), "3");
    let primary = start_at(port, &folders[0], &[]);
    cli(&primary, "INCR n");
    until(&replica, "GET n", "4");
    let info = cli(&primary, "INFO replication");
    assert!(info.contains("sync_full:0"), "{info}");
    assert!(info.contains("sync_partial_ok:1"), "{info}");
    // And so when it was away itself.
    drop(replica);
    cli(&primary, "INCR n");
    let replica = follow(&folders[1], &primary);
    until(&replica, "GET n", "5");
    let info = cli(&primary, "INFO replication");
    assert!(info.contains("sync_full:0"), "{info}");
}

#[test]
fn a_replica_without_its_primary_shows_nothing_that_may_never_have_been() {
    let folder = Folder::new("lone-replica");
    let server = start(&folder, &[]);
    cli(&server, "SET a 1");
    drop(server);
    // Nobody listens there.
    let replica = start(&folder, &["--replicaof", "127.0.0.1 1"]);
    let down = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    assert_eq!(cli(&replica, "GET a"), down);
    assert_eq!(cli(&replica, "WATCH a"), down);
    assert_eq!(cli(&replica, "PING"), "PONG");
    assert_eq!(cli(&replica, "REPLICAOF NO ONE"), "OK");
    assert_eq!(cli(&replica, "GET a"), "1");
}

#[test]
fn servers_that_keep_nothing_follow_each_other() {
    let primary = Process::start(&[]);
    cli(&primary, "SET before 1");
    let request = format!("REPLICAOF 127.0.0.1 {}", primary.addr.port());
    let replica = Process::start(&[]);
    cli(&replica, "SET other 1");
    assert_eq!(cli(&replica, &request), "OK");
    until(&replica, "EXISTS before", "1");
    assert_eq!(cli(&replica, "EXISTS other"), "0");
    cli(&primary, "SET after 1");
    until(&replica, "EXISTS after", "1");
    assert_eq!(cli(&replica, "REPLICAOF NO ONE"), "OK");
    assert_eq!(cli(&replica, "INCR after"), "2");
    assert_eq!(cli(&primary, "GET after"), "1");
}

#[test]
fn what_a_server_that_is_asked_to_stop_has_answered_is_at_its_replica() {
    let folders = ["stopped-primary", "stopped-replica"].map(Folder::new);
    let primary = start(&folders[0], &[]);
    let replica = follow(&folders[1], &primary);
    until(&primary, "INFO replication", "state=online");
    let script = "INCR n\n".repeat(500);
    let mut writing = Command::new("redis-cli")
        .args(["-p", &primary.addr.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut writing.stdin.take().unwrap(), script.as_bytes()).unwrap();
    let answered = writing.wait_with_output().unwrap();
    assert!(
        String::from_utf8(answered.stdout)
            .unwrap()
            .ends_with("500\n")
    );
    primary.interrupt();
    primary.end();
    assert_eq!(cli(&replica, "REPLICAOF NO ONE"), "OK");
    assert_eq!(cli(&replica, "GET n"), "500");
}

/// `replica-replies.txt` is what redis-cli 7.0.15 prints when a replica of redis-server 7.0.15,
/// whose primary holds `a` and `l`, answers `replica-requests.txt`.
#[test]
fn redis_cli_prints_what_it_prints_for_a_replica_of_redis() {
    let primary = Process::start(&[]);
    cli(&primary, "SET a 1");
    cli(&primary, "RPUSH l x y");
    let replica = Process::start(&[]);
    cli(
        &replica,
        &format!("REPLICAOF 127.0.0.1 {}", primary.addr.port()),
    );
    until(&replica, "INFO replication", "master_link_status:up");
    let requests = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/redis-7.0/replica-requests.txt"
    );
    let output = Command::new("redis-cli")
        .args(["-p", &replica.addr.port().to_string()])
        .stdin(std::fs::File::open(requests).unwrap())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected = include_str!("redis-7.0/replica-replies.txt");
    for (number, (line, wanted)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, wanted, "line {} of replica-replies.txt", number + 1);
    }
    assert_eq!(printed, expected);
}

/// A unit starts a server again with the flags that it always had.
#[test]
fn what_a_server_was_told_counts_when_it_starts_again() {
    let folders = ["kept-primary", "kept-replica"].map(Folder::new);
    let primary = start(&folders[0], &[]);
    let port = primary.addr.port();
    let replica = follow(&folders[1], &primary);
    until(&primary, "INFO replication", "state=online");
    assert_eq!(cli(&primary, "INCR n"), "1");
    until(&replica, "GET n", "1");
    assert_eq!(cli(&replica, "REPLICAOF NO ONE"), "OK");
    assert_eq!(cli(&replica, "INCR n"), "2");
    drop(replica);
    let replica = follow(&folders[1], &primary);
    assert!(cli(&replica, "ROLE").starts_with("master"));
    assert_eq!(cli(&replica, "GET n"), "2");
    // The old one has no flag, and has been told to follow.
    let request = format!("REPLICAOF 127.0.0.1 {}", replica.addr.port());
    assert_eq!(cli(&primary, &request), "OK");
    drop(primary);
    let old = start_at(port, &folders[0], &[]);
    assert!(cli(&old, "ROLE").starts_with("slave"));
    until(&old, "GET n", "2");
    drop(old);
    // A file of that name that is none is not written over.
    std::fs::write(folders[0].file("kv.role"), "somebody's diary").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kv"))
        .args(["--port", "0"])
        .args(folders[0].flags())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("kv.role is not a role"), "{complaint}");
    let kept = std::fs::read_to_string(folders[0].file("kv.role")).unwrap();
    assert_eq!(kept, "somebody's diary");
}
