//! What led to a failure is told however it came to who failed: through files, pipes, sockets,
//! signals, threads.
//!
//! In each program one task causes what another fails of, nobody waits for the first, and a third
//! does the same elsewhere: the first is told of and the third is not.

use std::time::Duration;

use simoom::fs;
use simoom::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use simoom::net::unix::pipe;
use simoom::net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};
use simoom::runtime::Handle;
use simoom::signal::unix::{SignalKind, signal};
use simoom::sync::mpsc;
use simoom::task::{spawn_blocking, spawn_local};
use simoom::time::{Instant, sleep};
use simoom_sim::{Config, Sim, Strategy, check};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The lines that tell what led to the failure of `program`, which fails undisturbed.
fn told<F: Future<Output = ()> + 'static>(
    program: impl Fn(Sim) -> F + Send + Sync + 'static,
) -> String {
    let config = Config::default()
        .persist(false)
        .strategy(Strategy::Calm)
        .explain_runs(0);
    let report = check(config, program);
    let found = report.failure().expect("it fails");
    let told = found.explanation().events().join("\n");
    println!("{told}\n");
    told
}

/// Whether a line says that a task called `who` does something that has all of `what` in it.
#[track_caller]
fn says(told: &str, who: &str, what: &[&str]) {
    let is_it = |line: &&str| {
        let Some(who) = line.find(who) else {
            return false;
        };
        what.iter().all(|what| line[who..].contains(what))
    };
    assert!(
        told.lines().any(|line| is_it(&line)),
        "{who}, {what:?}:\n{told}"
    );
}

#[track_caller]
fn leaves_out(told: &str, who: &str) {
    assert!(!told.contains(who), "{who}:\n{told}");
}

async fn writes(path: &'static str) {
    fs::write(path, "broken").await.unwrap();
}

async fn writes_elsewhere() {
    fs::write("/other", "well").await.unwrap();
}

#[test]
fn a_read_comes_after_the_write_that_it_sees() {
    let told = told(|_| async {
        spawn_local(writes("/state"));
        spawn_local(writes_elsewhere());
        sleep(ms(50)).await;
        let state = spawn_local(async { fs::read_to_string("/state").await.unwrap() });
        assert_eq!(state.await.unwrap(), "well");
    });
    says(
        &told,
        "caused::writes",
        &["writes test:/state", "sim/tests/caused.rs"],
    );
    says(
        &told,
        "test/",
        &["reads test:/state", "sim/tests/caused.rs"],
    );
    leaves_out(&told, "writes_elsewhere");
}

async fn writes_in_place() {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open("/state")
        .await
        .unwrap();
    file.seek(std::io::SeekFrom::Start(2)).await.unwrap();
    file.write_all(b"x").await.unwrap();
    file.sync_data().await.unwrap();
}

#[test]
fn a_read_of_an_open_file_comes_after_the_write_and_its_sync() {
    let told = told(|_| async {
        fs::write("/state", "well").await.unwrap();
        let mut file = fs::File::open("/state").await.unwrap();
        spawn_local(writes_in_place());
        spawn_local(writes_elsewhere());
        sleep(ms(50)).await;
        let mut state = String::new();
        file.read_to_string(&mut state).await.unwrap();
        assert_eq!(state, "well");
    });
    says(&told, "writes_in_place", &["syncs test:/state"]);
    leaves_out(&told, "writes_elsewhere");
}

async fn renames() {
    fs::rename("/new", "/state").await.unwrap();
}

async fn renames_elsewhere() {
    fs::write("/a", "").await.unwrap();
    fs::rename("/a", "/b").await.unwrap();
}

#[test]
fn what_a_name_leads_to_comes_after_its_rename() {
    let told = told(|_| async {
        fs::write("/new", "broken").await.unwrap();
        fs::write("/state", "well").await.unwrap();
        spawn_local(renames());
        spawn_local(renames_elsewhere());
        sleep(ms(50)).await;
        assert_eq!(fs::read_to_string("/state").await.unwrap(), "well");
    });
    says(
        &told,
        "caused::renames",
        &["renames a thing to test:/state"],
    );
    leaves_out(&told, "renames_elsewhere");
}

async fn removes() {
    fs::remove_file("/dir/state").await.unwrap();
}

#[test]
fn what_a_directory_has_comes_after_who_removed_from_it() {
    let told = told(|_| async {
        fs::create_dir("/dir").await.unwrap();
        fs::write("/dir/state", "well").await.unwrap();
        spawn_local(removes());
        spawn_local(writes_elsewhere());
        sleep(ms(50)).await;
        let mut names = fs::read_dir("/dir").await.unwrap();
        assert!(names.next_entry().await.unwrap().is_some());
    });
    says(&told, "caused::removes", &["removes test:/dir/state"]);
    leaves_out(&told, "writes_elsewhere");
}

async fn pipes(mut sender: pipe::Sender, bytes: &'static [u8]) {
    sender.write_all(bytes).await.unwrap();
    sleep(ms(500)).await;
}

async fn pipes_elsewhere(mut sender: pipe::Sender) {
    sender.write_all(b"other").await.unwrap();
}

#[test]
fn what_a_pipe_brings_comes_after_who_wrote_it() {
    let told = told(|_| async {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        let (other, _kept) = pipe::pipe().unwrap();
        spawn_local(pipes(sender, b"broken"));
        spawn_local(pipes_elsewhere(other));
        sleep(ms(50)).await;
        let mut bytes = [0; 6];
        receiver.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"well..");
    });
    says(&told, "caused::pipes", &["writes to pipe 0"]);
    leaves_out(&told, "pipes_elsewhere");
}

async fn streams(mut socket: UnixStream) {
    socket.write_all(b"broken").await.unwrap();
    sleep(ms(500)).await;
}

async fn streams_elsewhere() {
    let (mut one, _other) = UnixStream::pair().unwrap();
    one.write_all(b"broken").await.unwrap();
}

#[test]
fn what_a_unix_stream_brings_comes_after_who_sent_it() {
    let told = told(|_| async {
        let listener = UnixListener::bind("/socket").unwrap();
        let one = UnixStream::connect("/socket").await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        spawn_local(streams(one));
        spawn_local(streams_elsewhere());
        sleep(ms(50)).await;
        let mut bytes = [0; 6];
        other.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"well..");
    });
    says(&told, "caused::streams", &["sends on connection 0"]);
    leaves_out(&told, "streams_elsewhere");
}

async fn hangs_up(socket: UnixStream) {
    sleep(ms(1)).await;
    drop(socket);
    sleep(ms(500)).await;
}

async fn hangs_up_elsewhere() {
    let (one, _other) = UnixStream::pair().unwrap();
    drop(one);
    sleep(ms(500)).await;
}

/// Nothing was sent: the end itself is what the reader sees.
#[test]
fn the_end_of_a_unix_stream_comes_after_who_closed_it() {
    let told = told(|_| async {
        let (one, mut other) = UnixStream::pair().unwrap();
        spawn_local(hangs_up(one));
        spawn_local(hangs_up_elsewhere());
        sleep(ms(50)).await;
        assert_eq!(other.read(&mut [0; 6]).await.unwrap(), 6, "it has ended");
    });
    says(&told, "caused::hangs_up", &["closes"]);
    leaves_out(&told, "hangs_up_elsewhere");
}

/// The same for a pipe.
#[test]
fn the_end_of_a_pipe_comes_after_who_closed_it() {
    async fn closes(sender: pipe::Sender) {
        drop(sender);
        sleep(ms(500)).await;
    }
    async fn closes_elsewhere(sender: pipe::Sender) {
        drop(sender);
        sleep(ms(500)).await;
    }
    let told = told(|_| async {
        let (sender, mut receiver) = pipe::pipe().unwrap();
        let (other, _kept) = pipe::pipe().unwrap();
        spawn_local(closes(sender));
        spawn_local(closes_elsewhere(other));
        sleep(ms(50)).await;
        assert_eq!(receiver.read(&mut [0; 6]).await.unwrap(), 6, "it has ended");
    });
    says(&told, "test/closes", &["closes pipe 0"]);
    leaves_out(&told, "closes_elsewhere");
}

async fn messages(socket: UnixDatagram) {
    socket.send(b"broken").await.unwrap();
}

async fn messages_elsewhere() {
    let (one, _other) = UnixDatagram::pair().unwrap();
    one.send(b"other").await.unwrap();
}

#[test]
fn a_unix_datagram_comes_after_who_sent_it() {
    let told = told(|_| async {
        let (one, other) = UnixDatagram::pair().unwrap();
        spawn_local(messages(one));
        spawn_local(messages_elsewhere());
        sleep(ms(50)).await;
        let mut bytes = [0; 6];
        other.recv(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"well..");
    });
    says(&told, "caused::messages", &["sends a datagram"]);
    leaves_out(&told, "messages_elsewhere");
}

async fn sends() {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.send_to(b"broken", "server:53").await.unwrap();
}

async fn sends_elsewhere() {
    let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    socket.send_to(b"other", "server:54").await.unwrap();
}

async fn receives(port: u16) -> Vec<u8> {
    let socket = UdpSocket::bind(("0.0.0.0", port)).await.unwrap();
    let mut bytes = vec![0; 6];
    let (count, _) = socket.recv_from(&mut bytes).await.unwrap();
    bytes.truncate(count);
    bytes
}

#[test]
fn a_datagram_comes_after_who_sent_it() {
    let told = told(|sim| async move {
        let server = sim.node("server");
        let received = server.spawn(receives(53));
        server.spawn(receives(54));
        sleep(ms(5)).await;
        sim.node("client").spawn(sends());
        sim.node("other").spawn(sends_elsewhere());
        assert_eq!(received.await.unwrap(), b"well");
    });
    says(&told, "client/caused::sends", &["sends a datagram"]);
    leaves_out(&told, "sends_elsewhere");
}

async fn asks_to_end(sim: Sim) {
    sim.node("server").signal(SignalKind::terminate());
}

async fn asks_for_status(sim: Sim) {
    sim.node("server").signal(SignalKind::hangup());
}

#[test]
fn who_hears_a_signal_comes_after_who_sent_it() {
    let told = told(|sim| async move {
        let server = sim.node("server").spawn(async {
            let _other = signal(SignalKind::hangup()).unwrap();
            signal(SignalKind::terminate()).unwrap().recv().await;
            panic!("it ends");
        });
        sleep(ms(5)).await;
        spawn_local(asks_to_end(sim.clone()));
        spawn_local(asks_for_status(sim));
        server.await.unwrap();
    });
    says(&told, "caused::asks_to_end", &["sends signal 15 to server"]);
    leaves_out(&told, "asks_for_status");
}

#[test]
fn what_a_thread_did_comes_after_its_start_and_before_its_join() {
    let told = told(|_| async {
        let (sender, mut receiver) = mpsc::channel(1);
        let thread = spawn_blocking(move || sender.blocking_send("broken").unwrap());
        let _other = spawn_blocking(|| 5);
        let state = receiver.recv().await;
        thread.await.unwrap();
        assert_eq!(state, Some("well"));
    });
    says(&told, "test/main", &["joins"]);
    says(&told, "test/main", &["receives from"]);
    says(&told, "what_a_thread_did", &["changes the channel"]);
    says(&told, "what_a_thread_did", &["has done its work"]);
}

async fn keeps_the_thread() {
    spawn_blocking(|| Handle::current().block_on(sleep(ms(20))));
}

async fn keeps_another_thread() {
    spawn_blocking(|| Handle::current().block_on(sleep(ms(20))));
}

#[test]
fn what_waited_for_a_thread_comes_after_who_left_one() {
    let told = told(|sim| async move {
        let server = sim.node("server").max_blocking_threads(1);
        server.spawn(keeps_the_thread());
        sim.node("other").spawn(keeps_another_thread());
        sleep(ms(5)).await;
        let late = server.spawn(async {
            let since = Instant::now();
            spawn_blocking(move || since.elapsed()).await.unwrap()
        });
        assert!(late.await.unwrap() < ms(5), "it has to wait");
    });
    says(&told, "server/caused::keeps_the_thread", &["starts"]);
    leaves_out(&told, "keeps_another_thread");
}
