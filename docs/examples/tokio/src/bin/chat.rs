//! A chat room: what one client says, all others hear.
//!
//! ```sh
//! cargo run -p tokio-programs --bin chat -- 127.0.0.1:6142
//! ```
//! The first line of a client is its name. The room closes when the process is interrupted.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

/// Who is in the room, and how to reach them.
#[derive(Default)]
struct Room {
    peers: HashMap<SocketAddr, mpsc::UnboundedSender<String>>,
}

impl Room {
    fn tell_others(&self, speaker: SocketAddr, line: &str) {
        for (address, peer) in &self.peers {
            if *address != speaker {
                // A peer that has just left hears nothing.
                let _ = peer.send(line.to_owned());
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:6142".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);
    let room = Arc::new(Mutex::new(Room::default()));
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, from) = accepted?;
                let room = room.clone();
                tokio::spawn(async move {
                    if let Err(error) = serve(&room, stream, from).await {
                        eprintln!("{from}: {error}");
                    }
                });
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                let mut room = room.lock().await;
                println!("closing with {} in the room", room.peers.len());
                room.peers.clear();
                return Ok(());
            }
        }
    }
}

async fn serve(
    room: &Mutex<Room>,
    stream: TcpStream,
    from: SocketAddr,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let Some(name) = lines.next_line().await? else {
        return Ok(());
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    {
        let mut room = room.lock().await;
        room.peers.insert(from, tell);
        room.tell_others(from, &format!("{name} came"));
    }
    writer
        .write_all(format!("welcome, {name}\n").as_bytes())
        .await?;
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => {
                    room.lock().await.tell_others(from, &format!("{name}: {line}"));
                }
                None => break,
            },
            heard = told.recv() => match heard {
                Some(line) => writer.write_all(format!("{line}\n").as_bytes()).await?,
                None => return Ok(()),
            },
        }
    }
    let mut room = room.lock().await;
    room.peers.remove(&from);
    room.tell_others(from, &format!("{name} left"));
    Ok(())
}
