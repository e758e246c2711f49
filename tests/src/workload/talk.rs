//! Nodes that talk over TCP, and tasks that share what one node has.

use std::rc::Rc;
use std::sync::Arc;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::sync::{Mutex, Notify, mpsc};
use simoom::task::{spawn_local, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom::{rand, select};
use simoom_sim::{Node, Sim};

use super::machines::{faults, machines};

/// What nodes do in a run: four of them over TCP, one of which is cut off, killed and restarted;
/// machines with disks, datagrams, Unix sockets and blocking closures; tasks that share locks,
/// channels and notifications; and faults of every family all the while.
pub async fn workload(sim: Sim) {
    sim.faults(faults());
    machines(&sim);
    let server = sim.node("server").run(serve);
    let clients: Vec<_> = (0..3)
        .map(|number| {
            let node = sim.node(&format!("client-{number}"));
            node.spawn(client(sim.clone(), number))
        })
        .collect();
    let trouble = spawn_local(trouble(sim.clone(), server));
    share(&sim).await;
    for client in clients {
        client.await.unwrap();
    }
    trouble.await.unwrap();
}

async fn serve() {
    let Ok(listener) = TcpListener::bind("0.0.0.0:80").await else {
        return;
    };
    let total = Arc::new(Mutex::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let total = total.clone();
        simoom::spawn(async move {
            // A client may give up at any time.
            drop(answer(stream, total).await);
        });
    }
}

async fn answer(mut stream: TcpStream, total: Arc<Mutex<u64>>) -> std::io::Result<()> {
    loop {
        let number = stream.read_u8().await?;
        let mut total = total.lock().await;
        let seen = *total;
        yield_now().await;
        *total = seen + u64::from(number);
        stream.write_u64(*total).await?;
    }
}

async fn client(sim: Sim, number: u8) {
    for round in 0..4 {
        let pause = rand::below(5_000);
        select! {
            told = exchange(number, round) => {
                sim.note(&format!("client {number} was told {told:?} in round {round}"));
            }
            () = sleep(Duration::from_millis(40)) => {
                sim.note(&format!("client {number} gave up in round {round}"));
            }
        }
        sleep(Duration::from_micros(pause)).await;
    }
}

async fn exchange(number: u8, round: u8) -> Result<u64, std::io::ErrorKind> {
    let exchange = async {
        let mut stream = TcpStream::connect("server:80").await?;
        stream.write_u8(number + 1).await?;
        stream.read_u64().await?;
        stream.write_u8(round).await?;
        stream.read_u64().await
    };
    exchange.await.map_err(|error| error.kind())
}

/// Cuts one client off, and kills and restarts the server meanwhile.
async fn trouble(sim: Sim, server: Node) {
    sleep(Duration::from_micros(rand::below(20_000))).await;
    let victim = sim.node(&format!("client-{}", rand::below(3)));
    sim.net().partition(&server, &victim);
    sleep(Duration::from_micros(rand::below(20_000))).await;
    server.kill();
    sleep(Duration::from_micros(rand::below(20_000))).await;
    server.restart();
    sim.net().heal_all();
}

/// Tasks of one node that share a lock, a channel and a notification.
async fn share(sim: &Sim) {
    let (sender, mut receiver) = mpsc::channel(2);
    let (total, notify) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    for number in 0..4_u64 {
        let (sender, total, notify) = (sender.clone(), total.clone(), notify.clone());
        simoom::spawn(async move {
            if number > 0 {
                notify.notified().await;
            }
            for turn in 0..3 {
                *total.lock().await += number;
                let late = sender.send(number * 10 + turn);
                let _ = timeout(Duration::from_micros(rand::below(300)), late).await;
            }
            notify.notify_one();
        });
    }
    drop(sender);
    let mut seen = Rc::new(Vec::new());
    while let Some(value) = receiver.recv().await {
        Rc::make_mut(&mut seen).push(value);
        if rand::ratio(1, 4) {
            sleep(Duration::from_micros(200)).await;
        }
    }
    sim.note(&format!("received {seen:?}, total {}", *total.lock().await));
}
