//! The status page, as those who look at it from another machine see it.

use std::future::Future;
use std::io;
use std::time::Duration;

use kv::client::ClientError;
use kv::{Client, Server};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::TcpStream;
use simoom::time::{Instant, sleep, timeout};
use simoom_sim::{Config, Fault, Kind, OnFailure, Profile, Ratio, Sim, Strategy, check};

use crate::durable::ms;

async fn serve() -> io::Result<()> {
    serve_with(kv::Config::default()).await
}

async fn serve_with(config: kv::Config) -> io::Result<()> {
    let stop = kv::stop_signal()?;
    let config = config
        .bind("0.0.0.0")
        .dir("/var/lib/kv")
        .compact_bytes_min(256)
        .status_bind("0.0.0.0")
        .status_port(9121);
    Server::bind(config).await?.run(stop).await
}

/// What was answered.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn get(path: &str) -> io::Result<Answer> {
    get_from("server", path).await
}

async fn get_from(host: &str, path: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect((host, 9121)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        head: head.into(),
        body: body.into(),
    })
}

/// What `path` answers, asked again until it does.
async fn got(path: &str) -> Answer {
    got_from("server", path).await
}

async fn got_from(host: &str, path: &str) -> Answer {
    loop {
        match timeout(Duration::from_secs(10), get_from(host, path)).await {
            Ok(Ok(answer)) => return answer,
            _ => sleep(ms(10)).await,
        }
    }
}

/// Waits until the server is well.
async fn serves() {
    let start = Instant::now();
    while got("/health").await.status != 200 {
        assert!(start.elapsed() < Duration::from_secs(60), "it never serves");
        sleep(ms(10)).await;
    }
}

/// The value of one sample.
fn sample(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

/// The metrics tell what clients know to have happened, also over a bad network.
async fn values_move(sim: Sim) {
    sim.faults(Profile::lossy());
    sim.node("server").on_failure(OnFailure::FailRun).run(serve);
    serves().await;
    let metrics = got("/metrics").await;
    assert_eq!(metrics.status, 200);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(metrics.head.contains(kind), "{}", metrics.head);
    assert_eq!(sample(&metrics.body, "kv_requests_total"), Some(0));
    // A server that begins to decide says so in its log.
    let commits = sample(&metrics.body, "kv_log_commits_total").unwrap();
    let (mut acknowledged, mut rejected, mut before) = (0, 0, 0);
    for _ in 0..3 {
        let writing = sim.node("client").spawn(write());
        let told = writing.await.unwrap();
        acknowledged += told.acknowledged;
        rejected += told.rejected;
        // What was sent over a connection that was lost may still be done.
        let least = number().await;
        let metrics = got("/metrics").await.body;
        let most = number().await;
        let value = |name: &str| sample(&metrics, name).unwrap_or_else(|| panic!("no {name}"));
        let incr = |what| format!("kv_command_{what}{{command=\"incr\"}}");
        let done = value(&incr("duration_seconds_count"));
        assert!(done >= acknowledged && done > before, "{metrics}");
        assert!(
            (least..=most).contains(&done),
            "{least}..={most}: {metrics}"
        );
        before = done;
        assert_eq!(value("kv_log_commits_total"), commits + done);
        assert!(value("kv_log_commits_safe_total") >= commits + acknowledged);
        assert!(value(&incr("rejections_total")) >= rejected);
        assert_eq!(value(&incr("failures_total")), 0);
        assert!(value("kv_requests_total") > acknowledged + rejected);
        assert_eq!(value("kv_keys"), 1);
        assert!(value("kv_log_compactions_total") > 0, "{metrics}");
        assert_eq!(value("kv_phase{phase=\"serving\"}"), 1);
        assert!(value("kv_connections_accepted_total") > 0);
    }
    assert_eq!(got("/health").await.body, "ok\n");
    let page = got("/").await.body;
    assert!(page.contains("<tr><th>incr</th><td>"), "{page}");
}

/// What a client was told.
struct Told {
    acknowledged: u64,
    rejected: u64,
}

/// Adds until 20 additions are acknowledged, and asks for one thing that makes no sense.
async fn write() -> Told {
    let mut client = Client::new("server:6379").timeout(Duration::from_secs(10));
    let mut told = Told {
        acknowledged: 0,
        rejected: 0,
    };
    while told.acknowledged < 20 {
        told.acknowledged += u64::from(client.incr("n").await.is_ok());
    }
    while told.rejected == 0 {
        let wrong = client.request(&[b"INCR"]).await;
        told.rejected += u64::from(matches!(wrong, Err(ClientError::Server(_))));
    }
    told
}

/// The number that `n` holds.
async fn number() -> u64 {
    let mut client = Client::new("server:6379").timeout(Duration::from_secs(10));
    loop {
        if let Ok(Some(value)) = client.get("n").await {
            return std::str::from_utf8(&value).unwrap().parse().unwrap();
        }
        sleep(ms(10)).await;
    }
}

#[simoom_sim::test(seeds = 20, persist = false, shrink = false)]
async fn metrics_move_with_what_clients_do(sim: Sim) {
    values_move(sim).await;
}

/// While the log is read nobody is served, and whoever asks learns why.
#[test]
fn health_is_bad_while_the_log_is_read() {
    each_seed(health_while_reading);
}

async fn health_while_reading(sim: Sim) {
    let server = sim.node("server").run(serve);
    serves().await;
    let mut client = Client::connect("server:6379").await.unwrap();
    client.incr("n").await.unwrap();
    server.kill();
    let slow = Fault::new(Kind::DiskAccessSlowed)
        .probability(Ratio::ALWAYS)
        .lasting(ms(200)..=ms(300));
    sim.faults(slow);
    server.restart();
    let loading = got("/health").await;
    assert_eq!((loading.status, &*loading.body), (503, "loading\n"));
    serves().await;
}

/// Until the last client has gone, whoever asks learns that the server stops.
#[simoom_sim::test(seeds = 12, persist = false, shrink = false)]
async fn health_is_bad_while_the_server_stops(sim: Sim) {
    let server = sim.node("server").run(serve);
    serves().await;
    // One that does not hang up when it is told of the end is waited for, for half a second.
    let mut client = TcpStream::connect("server:6379").await.unwrap();
    client.write_all(b"PING\r\n").await.unwrap();
    client.read_exact(&mut [0; 7]).await.unwrap();
    let stopping = server.shutdown(Duration::from_secs(10));
    let looking = async {
        sleep(ms(100)).await;
        let stopping = got("/health").await;
        assert_eq!((stopping.status, &*stopping.body), (503, "stopping\n"));
    };
    let (stopped, ()) = simoom::join!(stopping, looking);
    assert!(stopped);
    assert!(get("/health").await.is_err());
}

/// A log that cannot be written any more ends the server, and whoever asks before learns why.
#[test]
fn health_is_bad_when_the_log_is_broken() {
    each_seed(health_when_broken);
}

async fn health_when_broken(sim: Sim) {
    let server = sim.node("server").on_failure(OnFailure::MayExit);
    server.run(serve);
    serves().await;
    let mut idle = TcpStream::connect("server:6379").await.unwrap();
    idle.write_all(b"PING\r\n").await.unwrap();
    idle.read_exact(&mut [0; 7]).await.unwrap();
    sim.faults(
        Fault::new(Kind::DiskSyncFailed)
            .probability(Ratio::ALWAYS)
            .times(1),
    );
    let mut client = Client::connect("server:6379").await.unwrap();
    assert!(client.incr("n").await.is_err());
    let broken = got("/health").await;
    assert_eq!((broken.status, &*broken.body), (503, "broken\n"));
    let metrics = got("/metrics").await.body;
    assert_eq!(sample(&metrics, "kv_log_broken"), Some(1), "{metrics}");
}

/// Waits until `host` says whether it is ready with this status and this word.
async fn until_ready(host: &str, status: u16, word: &str) {
    let mut told = (0, String::new());
    for _ in 0..500 {
        let ready = got_from(host, "/ready").await;
        told = (ready.status, ready.body);
        if told == (status, format!("{word}\n")) {
            assert_eq!(got_from(host, "/health").await.status, 200);
            return;
        }
        sleep(ms(20)).await;
    }
    panic!("{host} tells {told:?}");
}

/// One that serves is not ready while nobody has what it may show, or may be told of a write.
#[simoom_sim::test(seeds = 20, persist = false, shrink = false)]
async fn a_server_is_ready_when_it_answers_as_it_should(sim: Sim) {
    let replica = || serve_with(kv::Config::default().replica_of("primary", 6379));
    let replica = sim.node("replica").run(replica);
    until_ready("replica", 503, "masterdown").await;
    let refused = Client::new("replica:6379").get("n").await.unwrap_err();
    assert!(refused.to_string().contains("MASTERDOWN"), "{refused}");
    let metrics = got_from("replica", "/metrics").await.body;
    let value = |metrics: &str, name: &str| {
        sample(metrics, name).unwrap_or_else(|| panic!("no {name} in {metrics}"))
    };
    assert_eq!(value(&metrics, "kv_ready"), 0);
    assert_eq!(value(&metrics, "kv_replication_role{role=\"slave\"}"), 1);
    assert_eq!(value(&metrics, "kv_replication_role{role=\"master\"}"), 0);
    let rejected = "kv_command_rejections_total{command=\"get\"}";
    assert_eq!(value(&metrics, rejected), 1);
    let done = "kv_command_duration_seconds_count{command=\"get\"}";
    assert_eq!(value(&metrics, done), 0);
    let primary = || serve_with(kv::Config::default().sync_replicas(1));
    let primary = sim.node("primary").run(primary);
    until_ready("primary", 200, "ok").await;
    until_ready("replica", 200, "ok").await;
    let metrics = got_from("primary", "/metrics").await.body;
    for name in ["kv_replicas", "kv_replicas_online", "kv_ready"] {
        assert_eq!(value(&metrics, name), 1);
    }
    assert!(sample(&metrics, "kv_replication_lag_bytes").is_some());
    replica.kill();
    until_ready("primary", 503, "noreplicas").await;
    let refused = Client::new("primary:6379").incr("n").await.unwrap_err();
    assert!(refused.to_string().contains("NOREPLICAS"), "{refused}");
    let metrics = got_from("primary", "/metrics").await.body;
    for name in ["kv_replicas", "kv_replicas_online", "kv_ready"] {
        assert_eq!(value(&metrics, name), 0);
    }
    assert_eq!(sample(&metrics, "kv_replication_lag_bytes"), None);
    let rejected = "kv_command_rejections_total{command=\"incr\"}";
    assert_eq!(value(&metrics, rejected), 1);
    replica.restart();
    until_ready("primary", 200, "ok").await;
    until_ready("replica", 200, "ok").await;
    // It goes on to show what it has.
    primary.kill();
    sleep(ms(500)).await;
    until_ready("replica", 200, "ok").await;
}

/// Whoever opens connections and says nothing keeps others from looking for a while, and keeps no
/// client of the data waiting.
#[simoom_sim::test(seeds = 12, persist = false, shrink = false)]
async fn silent_lookers_delay_lookers_alone_and_not_for_ever(sim: Sim) {
    let server = sim.node("server").run(serve);
    serves().await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect("server:9121").await.unwrap());
    }
    sleep(ms(100)).await;
    assert!(
        timeout(Duration::from_secs(2), get("/health"))
            .await
            .is_err()
    );
    let mut client = Client::connect("server:6379").await.unwrap();
    for _ in 0..20 {
        within(ms(100), client.incr("n")).await.unwrap();
    }
    assert_eq!(
        within(Duration::from_secs(10), got("/health")).await.status,
        200
    );
    // Nor do they keep the server when it stops.
    let silent: Vec<_> = [(); 16].map(|()| TcpStream::connect("server:9121")).into();
    let start = Instant::now();
    assert!(server.shutdown(Duration::from_secs(10)).await);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    drop(silent);
}

/// Whoever looks all the time is answered at a distance.
#[simoom_sim::test(seeds = 10, persist = false, shrink = false)]
async fn lookers_are_answered_at_a_distance(sim: Sim) {
    sim.node("server").run(serve);
    serves().await;
    sleep(ms(100)).await;
    let start = Instant::now();
    let lookers: Vec<_> = (0..10)
        .map(|index| {
            sim.node(&format!("looker-{index}")).spawn(async {
                for _ in 0..5 {
                    assert_eq!(got("/metrics").await.status, 200);
                }
            })
        })
        .collect();
    for looker in lookers {
        looker.await.unwrap();
    }
    let took = start.elapsed();
    assert!(took >= 49 * ms(20), "{took:?} for 50 answers");
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.expect("it takes too long")
}

/// Runs `test` under some seeds, each by itself: in the first run of a sweep no fault happens.
fn each_seed<F: Future<Output = ()> + 'static>(test: fn(Sim) -> F) {
    for seed in 1..=10 {
        let config = Config::default()
            .seed(seed)
            .strategy(Strategy::Random)
            .shrink(false);
        check(config.persist(false), test).unwrap();
    }
}
