//! Transactions that are begun and not ended.

use simoom::io::{self, AsyncReadExt, AsyncWriteExt};
use simoom::net::{TcpListener, TcpStream};
use simoom::time::{sleep, timeout};
use simoom_sim::Sim;

use super::bug::{Bug, Twin, bug};
use super::parts::ms;

pub(super) const BUGS: [Bug; 1] = [bug! {
    open_transaction, Cancellation, "there is already a transaction", seeds: 100,
    "https://github.com/transact-rs/sqlx/issues/4393",
    "`begin` sent `BEGIN`, waited for the answer, and counted the transaction. When it was dropped \
     while it waited, nothing was there to roll back, and the next user of the connection was \
     inside the transaction.",
}];

const BEGIN: u8 = 1;
const COMMIT: u8 = 2;
const ROLLBACK: u8 = 3;

const DONE: u8 = 0;
const WARNING: u8 = 1;

/// A database that does as it is told, and warns of what makes no sense.
async fn database(twin: Twin) -> io::Result<()> {
    let listener = TcpListener::bind("0.0.0.0:5432").await?;
    let (mut stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut is_open = false;
    while let Ok(command) = stream.read_u8().await {
        twin.here();
        let makes_sense = is_open == (command != BEGIN);
        is_open = command == BEGIN;
        let answer = if makes_sense { DONE } else { WARNING };
        stream.write_u8(answer).await?;
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    /// Whether a transaction is open, as far as is known here.
    depth: u32,
    /// How many answers are still to come.
    pending: u32,
}

impl Connection {
    async fn tell(&mut self, command: u8) -> u8 {
        self.stream.write_u8(command).await.unwrap();
        self.pending += 1;
        let answer = self.stream.read_u8().await.unwrap();
        self.pending -= 1;
        answer
    }

    async fn begin(&mut self, twin: Twin) {
        if twin.is_fixed() {
            self.depth = 1;
        }
        let answer = self.tell(BEGIN).await;
        assert_eq!(answer, DONE, "there is already a transaction");
        self.depth = 1;
    }

    async fn commit(&mut self) {
        assert_eq!(self.tell(COMMIT).await, DONE);
        self.depth = 0;
    }

    /// Makes it as new, before it goes back to the pool.
    async fn recycle(&mut self) {
        while self.pending > 0 {
            self.stream.read_u8().await.unwrap();
            self.pending -= 1;
        }
        if self.depth > 0 {
            assert_eq!(self.tell(ROLLBACK).await, DONE);
            self.depth = 0;
        }
    }
}

async fn open_transaction(sim: Sim, twin: Twin) {
    sim.net().default_latency(ms(1), ms(8));
    sim.node("database").run(move || database(twin));
    sleep(ms(1)).await;
    let stream = TcpStream::connect("database:5432").await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connection = Connection {
        stream,
        depth: 0,
        pending: 0,
    };
    for _ in 0..5 {
        if timeout(ms(12), connection.begin(twin)).await.is_ok() {
            twin.here();
            connection.commit().await;
        }
        connection.recycle().await;
    }
}
