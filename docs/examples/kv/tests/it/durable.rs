//! What is kept on the disk of this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kv::resp::Reply;
use kv::{Client, Config, Server, SyncPolicy};
use simoom::sync::oneshot;
use simoom::task::JoinHandle;

use crate::process::{Process, check_reply};

/// A folder that is removed in the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kv-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn log(&self) -> PathBuf {
        self.file("kv.log")
    }

    /// A file of the server.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join("data").join(name)
    }

    pub(crate) fn flags(&self) -> [String; 2] {
        ["--dir".into(), self.0.join("data").display().to_string()]
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn start(folder: &Folder, more: &[&str]) -> Process {
    let flags = folder.flags();
    let mut flags: Vec<_> = flags.iter().map(String::as_str).collect();
    flags.extend(more);
    Process::start(&flags)
}

#[test]
fn a_killed_process_has_kept_what_it_answered() {
    for policy in ["always", "everysec", "no"] {
        let folder = Folder::new(&format!("killed-{policy}"));
        let more = ["--appendfsync", policy];
        let server = start(&folder, &more);
        let mut stream = server.connect();
        check_reply(&mut stream, b"SET a 1\r\n", "+OK\r\n");
        check_reply(&mut stream, b"SET dies 1 PX 1\r\n", "+OK\r\n");
        check_reply(&mut stream, b"SET lives 1 EX 1000\r\n", "+OK\r\n");
        check_reply(&mut stream, b"RPUSH l 1 2 3\r\n", ":3\r\n");
        check_reply(&mut stream, b"LPOP l\r\n", "$1\r\n1\r\n");
        check_reply(&mut stream, b"INCRBY n 41\r\n", ":41\r\n");
        check_reply(&mut stream, b"MULTI\r\n", "+OK\r\n");
        check_reply(&mut stream, b"INCR n\r\n", "+QUEUED\r\n");
        check_reply(&mut stream, b"DEL a\r\n", "+QUEUED\r\n");
        check_reply(&mut stream, b"EXEC\r\n", "*2\r\n:42\r\n:1\r\n");
        // Dropping it is SIGKILL.
        drop(server);
        let server = start(&folder, &more);
        let mut stream = server.connect();
        check_reply(&mut stream, b"GET n\r\n", "$2\r\n42\r\n");
        check_reply(&mut stream, b"EXISTS a dies\r\n", ":0\r\n");
        check_reply(
            &mut stream,
            b"LRANGE l 0 -1\r\n",
            "*2\r\n$1\r\n2\r\n$1\r\n3\r\n",
        );
        check_reply(&mut stream, b"TTL lives\r\n", ":1000\r\n");
        check_reply(&mut stream, b"DBSIZE\r\n", ":3\r\n");
    }
}

#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = Folder::new("torn");
    let server = start(&folder, &[]);
    check_reply(&mut server.connect(), b"SET a 1\r\n", "+OK\r\n");
    drop(server);
    let whole = std::fs::read(folder.log()).unwrap();
    for torn in [&b"\x09\0\0\0"[..], &[0; 100], b"\xff\xff\xff\xff garbage"] {
        std::fs::write(folder.log(), [&whole, torn].concat()).unwrap();
        let server = start(&folder, &[]);
        let mut stream = server.connect();
        check_reply(&mut stream, b"GET a\r\n", "$1\r\n1\r\n");
        check_reply(&mut stream, b"SET b 2\r\n", "+OK\r\n");
        drop(server);
        let server = start(&folder, &[]);
        let mut stream = server.connect();
        check_reply(&mut stream, b"MGET a b\r\n", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    }
}

#[test]
fn what_follows_on_damage_is_kept_in_a_file() {
    let folder = Folder::new("damaged");
    let beside = |number| folder.log().with_file_name(format!("kv.log.torn-{number}"));
    let server = start(&folder, &[]);
    let mut stream = server.connect();
    for key in ["a", "b", "c"] {
        check_reply(
            &mut stream,
            format!("SET {key} 1\r\n").as_bytes(),
            "+OK\r\n",
        );
    }
    drop(server);
    let whole = std::fs::read(folder.log()).unwrap();
    for number in 1..3 {
        let mut damaged = whole.clone();
        // The second of the three last records, which are equally long.
        let middle = whole.len() - 28;
        damaged[middle] ^= 0x10;
        std::fs::write(folder.log(), &damaged).unwrap();
        let server = start(&folder, &[]);
        check_reply(&mut server.connect(), b"EXISTS a b c\r\n", ":1\r\n");
        drop(server);
        assert_eq!(std::fs::read(beside(number)).unwrap(), damaged);
        assert!(!beside(number + 1).exists());
    }
    // It is not kept again, and an end that is only torn is not kept at all.
    std::fs::write(folder.log(), &whole[..whole.len() - 1]).unwrap();
    let server = start(&folder, &[]);
    check_reply(&mut server.connect(), b"EXISTS a b c\r\n", ":2\r\n");
    assert!(!beside(3).exists());
}

#[test]
fn a_file_that_is_no_log_is_not_touched() {
    let folder = Folder::new("foreign");
    std::fs::create_dir_all(folder.log().parent().unwrap()).unwrap();
    std::fs::write(folder.log(), "somebody's diary").unwrap();
    let flags = folder.flags();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kv"))
        .args(["--port", "0"])
        .args(flags)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("not a log"), "{complaint}");
    let kept = std::fs::read_to_string(folder.log()).unwrap();
    assert_eq!(kept, "somebody's diary");
}

type Running = JoinHandle<std::io::Result<()>>;

async fn serve(dir: &Path, config: Config) -> (Client, oneshot::Sender<()>, Running) {
    let server = Server::bind(config.port(0).dir(dir)).await.unwrap();
    let addr = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = simoom::spawn(server.run(async { drop(stopped.await) }));
    (Client::connect(addr).await.unwrap(), stop, running)
}

#[simoom::test]
async fn a_log_that_has_grown_is_made_small_and_nothing_is_lost() {
    let folder = Folder::new("compacted");
    let dir = folder.0.clone();
    let log = || std::fs::metadata(dir.join("kv.log")).unwrap().len();
    let config = || Config::default().compact_bytes_min(4 << 10);
    let (mut client, stop, running) = serve(&dir, config()).await;
    client.request(&[b"RPUSH", b"l", b"1", b"2"]).await.unwrap();
    let mut largest = 0;
    for round in 0..2_000 {
        client.set("key", format!("{round:0>100}")).await.unwrap();
        largest = largest.max(log());
    }
    assert!(largest < 16 << 10, "{largest} bytes for one key and a list");
    assert!(!dir.join("kv.log.new").exists());
    drop((client, stop));
    running.await.unwrap().unwrap();
    let (mut client, _stop, _running) = serve(&dir, config()).await;
    assert_eq!(
        client.get("key").await.unwrap().unwrap(),
        format!("{:0>100}", 1_999)
    );
    let len = client.request(&[b"LLEN", b"l"]).await.unwrap();
    assert_eq!(len, Reply::Integer(2));
}

#[simoom::test]
async fn a_rewrite_can_be_asked_for() {
    let folder = Folder::new("rewritten");
    let dir = folder.0.clone();
    let config = Config::default().sync(SyncPolicy::Never);
    let (mut client, _stop, _running) = serve(&dir, config).await;
    for _ in 0..100 {
        client.incr("n").await.unwrap();
    }
    let before = std::fs::metadata(dir.join("kv.log")).unwrap().len();
    client.request(&[b"BGREWRITEAOF"]).await.unwrap();
    let limit = simoom::time::Instant::now() + Duration::from_secs(10);
    while std::fs::metadata(dir.join("kv.log")).unwrap().len() >= before {
        assert!(simoom::time::Instant::now() < limit, "it is not rewritten");
        simoom::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(client.incr("n").await.unwrap(), 101);
}

#[simoom::test]
async fn a_rewrite_that_fails_leaves_the_old_log_in_use() {
    let folder = Folder::new("unwritable");
    let dir = folder.0.clone();
    let (mut client, stop, running) = serve(&dir, Config::default()).await;
    assert_eq!(client.incr("other").await.unwrap(), 1);
    // A folder of that name is in the way of the new log.
    std::fs::create_dir(dir.join("kv.log.new")).unwrap();
    for round in 1..=20 {
        client.request(&[b"BGREWRITEAOF"]).await.unwrap();
        assert_eq!(client.incr("n").await.unwrap(), round);
    }
    let before = std::fs::metadata(dir.join("kv.log")).unwrap().len();
    std::fs::remove_dir(dir.join("kv.log.new")).unwrap();
    client.request(&[b"BGREWRITEAOF"]).await.unwrap();
    assert_eq!(client.incr("n").await.unwrap(), 21);
    let limit = simoom::time::Instant::now() + Duration::from_secs(10);
    while std::fs::metadata(dir.join("kv.log")).unwrap().len() >= before {
        assert!(simoom::time::Instant::now() < limit, "it is not rewritten");
        simoom::time::sleep(Duration::from_millis(5)).await;
    }
    drop((client, stop));
    running.await.unwrap().unwrap();
    let (mut client, _stop, _running) = serve(&dir, Config::default()).await;
    assert_eq!(client.incr("n").await.unwrap(), 22);
    assert_eq!(client.incr("other").await.unwrap(), 2);
}
