//! Machines whose programs outlive every fault: what fails is tried again.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use simoom::fs;
use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};
use simoom::runtime::Handle;
use simoom::sync::mpsc;
use simoom::task::spawn_blocking;
use simoom::time::{sleep, timeout};
use simoom::{rand, select};
use simoom_sim::{Fault, Kind, Plan, Profile, Ratio, Sim};

/// Faults of every family, those of nodes as often as a run of a tenth of a second can bear.
#[must_use = "a plan does nothing until it is given to a simulation"]
pub fn faults() -> Plan {
    let ms = Duration::from_millis;
    let often = |kind| {
        let fault = Fault::new(kind).every(ms(15)).may_be_inert();
        fault.probability(Ratio::one_in(8))
    };
    let brief = |kind| often(kind).lasting(ms(1)..=ms(10));
    Plan::new()
        .fault(brief(Kind::NodeKilled))
        .fault(brief(Kind::NodePowerLost))
        .fault(brief(Kind::NodePaused))
        .fault(brief(Kind::NodeShutDown))
        .fault(often(Kind::NodeRestarted))
        .fault(brief(Kind::NetLinkCut))
        .fault(brief(Kind::NetLinkClogged))
        .fault(often(Kind::ClockStepped))
        .merge(Profile::hostile())
}

/// Boots the machines.
pub(super) fn machines(sim: &Sim) {
    let noted = sim.clone();
    sim.node("store").run(move || store(noted.clone()));
    for (name, other) in [("ping", "pong:9"), ("pong", "ping:9")] {
        sim.node(name).run(move || gossip(other));
    }
    let noted = sim.clone();
    sim.node("local").run(move || local(noted.clone()));
}

/// Writes, syncs and reads, and has threads add it up.
async fn store(sim: Sim) {
    loop {
        match store_once().await {
            Ok(told) => sim.note(&told),
            Err(error) => sim.note(&format!("the store failed: {error}")),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn store_once() -> io::Result<String> {
    fs::create_dir_all("data").await?;
    let mut log = (fs::OpenOptions::new().append(true).create(true))
        .open("data/log")
        .await?;
    log.write_all(&rand::random::<u64>().to_be_bytes()).await?;
    log.sync_data().await?;
    fs::write_atomic("data/state", b"a state").await?;
    let bytes = fs::read("data/log").await?;
    // One closure waits for what another sends it, and both for time.
    let (sender, mut receiver) = mpsc::channel(1);
    let adding = spawn_blocking(move || {
        Handle::current().block_on(sleep(Duration::from_micros(300)));
        let sum = bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        sender.blocking_send(sum).is_ok()
    });
    let keeping = spawn_blocking(move || receiver.blocking_recv());
    let sum = keeping.await.ok().flatten();
    let sent = adding.await.unwrap_or(false);
    // The order of a map, the clock and entropy of the system are the seed's.
    let map: HashMap<u32, ()> = (0..6).map(|key| (key, ())).collect();
    let order: Vec<_> = map.into_keys().collect();
    Ok(format!("{sum:?} {sent} {order:?} {:?}", Instant::now()))
}

/// Sends datagrams to another node, and takes what comes.
async fn gossip(other: &str) {
    let Ok(socket) = UdpSocket::bind("0.0.0.0:9").await else {
        return;
    };
    let mut buf = [0; 32];
    loop {
        let wait = Duration::from_micros(rand::below(8_000));
        select! {
            heard = socket.recv_from(&mut buf) => {
                if let Ok((count, from)) = heard {
                    let _ = socket.try_send_to(&buf[..count / 2], from);
                }
            }
            () = sleep(wait) => {
                let _ = socket.send_to(&buf[..rand::below(32) as usize], other).await;
            }
        }
    }
}

/// Talks over Unix sockets of its own machine.
async fn local(sim: Sim) {
    loop {
        let told = timeout(Duration::from_millis(20), local_once()).await;
        let told = told.map(|result| result.map_err(|error| error.kind()));
        sim.note(&format!("local: {told:?}"));
        sleep(Duration::from_millis(15)).await;
    }
}

async fn local_once() -> io::Result<u64> {
    // A machine that lost its power, or a process that was killed, leaves its socket behind.
    let path = Path::new("socket");
    let _ = fs::remove_file(path).await;
    let listener = UnixListener::bind(path)?;
    let asking = simoom::spawn(async move {
        let mut stream = UnixStream::connect("socket").await?;
        stream.write_all(b"what is it").await?;
        stream.read_u64().await
    });
    let (mut stream, _) = listener.accept().await?;
    let mut asked = [0; 10];
    stream.read_exact(&mut asked).await?;
    let (one, two) = UnixDatagram::pair()?;
    one.send(&asked).await?;
    let count = two.recv(&mut [0; 16]).await?;
    stream.write_u64(count as u64).await?;
    asking.await.map_err(io::Error::other)?
}
