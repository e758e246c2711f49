//! Messages that are lost, torn or stuck on their way.

use std::time::Duration;

use simoom::io::{self, AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{Instant, interval_at, sleep};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};

pub(super) const BUGS: [Bug; 1] = [bug! {
    torn_frame, Cancellation, "no frame begins so", seeds: 200,
    "https://github.com/vnvo/pgwire-replication/pull/6",
    "A replication client read frames with `read_exact` in one branch of `select!`. When another \
     branch won in the middle of a frame, what had been read of it was gone, and the rest was taken \
     for the next frame.",
}];

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Sends frames, each of its length in two bytes and that many bytes of seven.
async fn send_frames(twin: Twin) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:5432").await?;
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    for length in 4..8_u16 {
        stream.write_all(&length.to_be_bytes()).await?;
        twin.here();
        stream.write_all(&vec![7; usize::from(length)]).await?;
        sleep(ms(20)).await;
    }
    Ok(())
}

/// What was read of a frame so far. Outlives the future that reads.
#[derive(Default)]
struct Partial {
    bytes: Vec<u8>,
}

impl Partial {
    async fn frame(&mut self, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        loop {
            let missing = match self.bytes[..] {
                [high, low, ..] => {
                    2 + usize::from(u16::from_be_bytes([high, low])) - self.bytes.len()
                }
                _ => 2 - self.bytes.len(),
            };
            if missing == 0 {
                return Ok(std::mem::take(&mut self.bytes));
            }
            let mut part = vec![0; missing];
            match stream.read(&mut part).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.bytes.extend_from_slice(&part[..count]),
            }
        }
    }
}

async fn torn_frame(sim: Sim, twin: Twin) {
    sim.node("database").run(move || send_frames(twin));
    sleep(ms(1)).await;
    let mut stream = TcpStream::connect("database:5432").await.unwrap();
    let mut reports = interval_at(Instant::now() + ms(10), ms(10));
    let mut partial = Partial::default();
    let mut frames = 0;
    while frames < 4 {
        let next = async {
            if !twin.is_fixed() {
                partial = Partial::default();
            }
            partial.frame(&mut stream).await
        };
        simoom::select! {
            frame = next => {
                let frame = frame.unwrap_or_default();
                let is_whole = frame.len() == 6 + frames && frame[2..].iter().all(|it| *it == 7);
                assert!(is_whole, "no frame begins so: {frame:?}");
                frames += 1;
            }
            _ = reports.tick() => twin.here(),
        }
    }
}
