//! A simulated connection against two streams of bytes.
//!
//! Owns the model: what one end reads is what the other wrote, in order, to the end, whatever is
//! late or cut into pieces.

use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{sleep, timeout};
use simoom_sim::Config;

use super::simulated::{divided, simulated};
use super::{Bytes, Seen};

/// How many bytes say what the two ends do.
pub(super) const OWN: usize = 24;

pub(super) fn tcp(bytes: &[u8]) -> Seen {
    let (own, schedule) = divided(bytes, OWN);
    let middle = own.len() / 2;
    let (opener, taker) = (own[..middle].to_vec(), own[middle..].to_vec());
    simulated("tcp", &Config::default(), &schedule, move |sim| {
        let (opener, taker) = (opener.clone(), taker.clone());
        async move {
            let server = sim.node("server").spawn(async move {
                let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                act(stream, &taker).await
            });
            sleep(Duration::from_millis(1)).await;
            let client = sim.node("client").spawn(async move {
                let stream = TcpStream::connect("server:80").await.unwrap();
                act(stream, &opener).await
            });
            let (client, server) = (client.await.unwrap(), server.await.unwrap());
            assert_eq!(client.read, server.written, "from server to client");
            assert_eq!(server.read, client.written, "from client to server");
        }
    })
}

/// How many bytes went which way.
struct Counts {
    written: usize,
    read: usize,
}

/// The byte number `index` that an end writes.
fn pattern(index: usize) -> u8 {
    (index ^ index >> 8) as u8
}

async fn act(mut stream: TcpStream, own: &[u8]) -> Counts {
    let mut counts = Counts {
        written: 0,
        read: 0,
    };
    let mut bytes = Bytes::new(own);
    while !bytes.is_empty() {
        let what = bytes.byte();
        let size = 1 + usize::from(what >> 3) * usize::from(what >> 3) * 3;
        match what % 8 {
            0..=2 => {
                let written = (counts.written..counts.written + size).map(pattern);
                let written: Vec<u8> = written.collect();
                stream.write_all(&written).await.unwrap();
                counts.written += size;
            }
            3 | 4 => {
                let mut buf = vec![0; size];
                let wait = Duration::from_millis(200);
                if let Ok(count) = timeout(wait, stream.read(&mut buf)).await {
                    take(&buf[..count.unwrap()], &mut counts);
                }
            }
            5 => stream.set_nodelay(size.is_multiple_of(2)).unwrap(),
            6 => {
                let mut buf = vec![0; size];
                let wait = Duration::from_millis(200);
                if let Ok(count) = timeout(wait, stream.peek(&mut buf)).await {
                    let mut peeked = Counts { ..counts };
                    take(&buf[..count.unwrap()], &mut peeked);
                }
            }
            _ => sleep(Duration::from_millis(size as u64 % 64)).await,
        }
    }
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    take(&rest, &mut counts);
    counts
}

/// Takes what was read.
fn take(read: &[u8], counts: &mut Counts) {
    for &byte in read {
        assert_eq!(byte, pattern(counts.read), "byte {}", counts.read);
        counts.read += 1;
    }
}
