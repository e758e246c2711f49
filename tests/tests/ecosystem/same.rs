//! The same seed does the same, with HTTP and TLS in it.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use simoom::http::{Connector, client_builder, serve};
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::sleep;
use simoom_sim::{Config, RunSummary, Sim, check};

use super::tls;

fn config() -> Config {
    Config::default().seeds(20).persist(false)
}

#[track_caller]
fn does_the_same(runs: impl Fn() -> Vec<RunSummary>) {
    let first = runs();
    assert_eq!(first, runs());
    let hashes: BTreeSet<_> = first.iter().map(|run| run.hash).collect();
    assert!(hashes.len() > first.len() / 2, "seeds differ");
}

async fn http(sim: Sim) {
    sim.node("server").run(|| async {
        let router = Router::new().route("/", post(|body: String| async move { body }));
        serve(TcpListener::bind("0.0.0.0:80").await?, router).await
    });
    sleep(Duration::from_secs(1)).await;
    for http2 in [false, true] {
        let client = client_builder()
            .http2_only(http2)
            .build::<_, Full<Bytes>>(Connector::new());
        for number in 0..5 {
            let body = Full::from(format!("{number}"));
            let request = Request::post("http://server/").body(body).unwrap();
            let response = client.request(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("{number}"));
        }
    }
}

#[test]
fn http_is_repeated() {
    does_the_same(|| {
        let report = check(config(), http);
        let runs = report.runs().to_vec();
        report.unwrap();
        runs
    });
}

async fn secure(sim: Sim) {
    let (acceptor, connector) = tls::configs();
    let server = sim.node("server").spawn(async {
        let listener = TcpListener::bind("0.0.0.0:443").await.unwrap();
        tls::echo(listener, acceptor).await;
    });
    sleep(Duration::from_secs(1)).await;
    let stream = TcpStream::connect("server:443").await.unwrap();
    let mut stream = connector
        .connect(tls::name("server.test"), stream)
        .await
        .unwrap();
    stream.write_all(b"secret").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "secret");
    server.await.unwrap();
}

/// Every byte of a handshake is in the record, through the segments that carry it: keys, nonces and
/// signatures must come from the seed.
#[test]
fn tls_is_repeated() {
    does_the_same(|| {
        let report = check(config(), secure);
        let runs = report.runs().to_vec();
        report.unwrap();
        runs
    });
}
