//! Bugs that take something of the network, of disks or of machines.

use std::time::Duration;

use simoom::io::{AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream, UdpSocket};
use simoom::time::{sleep, timeout};
use simoom_sim::faults::Ratio;
use simoom_sim::{Fault, Kind, Node, Sim};

use super::edit::Edit;
use super::spawn::spawn;

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

async fn serve(edit: Edit) {
    let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        edit.here();
        spawn(async move {
            let mut byte = [0];
            while let Ok(1) = stream.read(&mut byte).await {
                edit.here();
                if stream.write_all(&byte).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// A node that answers each byte with itself.
async fn echo(sim: &Sim, edit: Edit) -> Node {
    let server = sim.node("server").run(move || serve(edit));
    sleep(ms(1)).await;
    server
}

/// An answer is expected within ten milliseconds, and may take forty.
pub(super) async fn late_segment(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    echo(&sim, edit).await;
    let mut stream = TcpStream::connect("server:80").await.unwrap();
    stream.set_nodelay(true).unwrap();
    for round in 0..5 {
        stream.write_all(&[round]).await.unwrap();
        edit.note(&sim);
        let answer = timeout(ms(18), stream.read_u8()).await;
        assert!(answer.is_ok(), "the answer is late");
    }
}

/// What was sent first, by another connection, is expected to arrive first.
pub(super) async fn overtaken(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let listener = TcpListener::bind("0.0.0.0:81").await.unwrap();
    let client = sim.node("client").spawn(async move {
        let mut one = TcpStream::connect("test:81").await.unwrap();
        let mut two = TcpStream::connect("test:81").await.unwrap();
        sleep(ms(100)).await;
        one.write_all(b"1").await.unwrap();
        edit.here();
        sleep(ms(4)).await;
        two.write_all(b"2").await.unwrap();
        sleep(ms(100)).await;
    });
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(listener.accept().await.unwrap().0);
    }
    let (said, mut heard) = simoom::sync::mpsc::unbounded_channel();
    for mut stream in streams {
        let said = said.clone();
        spawn(async move {
            if let Ok(byte) = stream.read_u8().await {
                edit.here();
                let _ = said.send(byte);
            }
        });
    }
    let first = heard.recv().await;
    edit.note(&sim);
    assert_eq!(first, Some(b'1'), "it was overtaken");
    client.await.unwrap();
}

/// All of a message is expected at once.
pub(super) async fn short_read(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    let listener = TcpListener::bind("0.0.0.0:82").await.unwrap();
    let client = sim.node("client").spawn(async move {
        let mut stream = TcpStream::connect("test:82").await.unwrap();
        for _ in 0..5 {
            edit.here();
            stream.write_all(&[7; 64]).await.unwrap();
            sleep(ms(100)).await;
        }
    });
    let (mut stream, _) = listener.accept().await.unwrap();
    for _ in 0..5 {
        let mut buf = [0; 64];
        let count = stream.read(&mut buf).await.unwrap();
        edit.note(&sim);
        assert_eq!(count, 64, "it is short");
    }
    client.await.unwrap();
}

/// A question is sent twice; that both are lost is not thought of.
pub(super) async fn lost_datagrams(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    sim.faults(Fault::new(Kind::NetDatagramLost).probability(Ratio::one_in(4)));
    let server = sim.node("server").spawn(async move {
        let socket = UdpSocket::bind("0.0.0.0:53").await.unwrap();
        let heard = timeout(ms(500), socket.recv(&mut [0; 16])).await;
        edit.here();
        heard.is_ok()
    });
    sim.node("client").run(move || async move {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        for _ in 0..2 {
            edit.here();
            socket.send_to(b"who?", "server:53").await.unwrap();
            sleep(ms(50)).await;
        }
        // So that there is something else that may be lost.
        for _ in 0..10 {
            socket.send_to(b"noise", "server:54").await.unwrap();
        }
    });
    let heard = server.await.unwrap();
    edit.note(&sim);
    assert!(heard, "nobody asks");
}

/// Two copies are written; that neither can be is not thought of.
pub(super) async fn failed_writes(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    sim.faults(Fault::new(Kind::DiskWriteFailed).probability(Ratio::one_in(4)));
    let node = sim.node("server");
    let copies = node.spawn(async move {
        let mut copies = 0;
        for name in ["one", "two"] {
            edit.here();
            copies += u32::from(simoom::fs::write(name, "it").await.is_ok());
        }
        for number in 0..10 {
            let _ = simoom::fs::write(format!("noise-{number}"), "x").await;
        }
        copies
    });
    let copies = copies.await.unwrap();
    edit.note(&sim);
    assert!(copies > 0, "there is no copy");
}

/// What is written is told of before it is synced, and the power goes now and then.
pub(super) async fn unsynced(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    sim.faults(
        Fault::new(Kind::NodePowerLost)
            .every(ms(50))
            .times(2)
            .may_be_inert(),
    );
    let (said, mut heard) = simoom::sync::mpsc::unbounded_channel();
    sim.node("server").run(move || {
        let said = said.clone();
        async move {
            for number in 0..20_u32 {
                let name = format!("it-{number}");
                if simoom::fs::metadata(&name).await.is_ok() {
                    continue;
                }
                edit.here();
                simoom::fs::write(&name, "x").await.unwrap();
                let _ = said.send((number, false));
                sleep(ms(5)).await;
                let file = simoom::fs::File::open(&name).await.unwrap();
                file.sync_all().await.unwrap();
                simoom::fs::sync_dir(".").await.unwrap();
                let _ = said.send((number, true));
            }
        }
    });
    let mut last = 0;
    while let Ok(Some((number, is_synced))) = timeout(ms(12_000), heard.recv()).await {
        edit.note(&sim);
        if !is_synced {
            assert!(number >= last, "what was told of is gone");
            last = number + 1;
        }
    }
}

/// A node dies between two steps that belong together.
pub(super) async fn killed_between(sim: Sim, edit: Edit) {
    edit.begin(&sim);
    sim.faults(
        Fault::new(Kind::NodeKilled)
            .every(ms(50))
            .times(2)
            .may_be_inert(),
    );
    sim.node("server").run(move || async move {
        for number in 0..20 {
            edit.here();
            let one = simoom::fs::read_to_string("one").await.unwrap_or_default();
            let two = simoom::fs::read_to_string("two").await.unwrap_or_default();
            assert_eq!(one.len(), two.len(), "half of it was done");
            let next = format!("{one}{}", number % 10);
            simoom::fs::write("one", &next).await.unwrap();
            sleep(ms(10)).await;
            simoom::fs::write("two", &next).await.unwrap();
        }
    });
    sleep(ms(12_000)).await;
    edit.note(&sim);
}
