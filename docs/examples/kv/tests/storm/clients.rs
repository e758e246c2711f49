//! What the clients do.
//!
//! Owns the requests, and what their replies say. Knows nothing of faults.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use kv::Client;
use kv::client::{ClientError, Pipeline};
use kv::resp::Reply;
use simoom::rand;
use simoom::time::sleep;

use super::jobs::Jobs;
use super::ledger::{Counter, List, Register};
use super::lives::Life;
use super::pair::Pair;
use super::requests::{live, push, raise_watched, take};

/// How many clients write.
pub(super) const CLIENTS: usize = 4;

/// How long a client waits for a reply before it gives up.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// What all clients were told.
#[derive(Debug)]
pub(super) struct Told {
    /// Raised in transactions alone, `left` and `right` each time together.
    pub(super) both: Counter,
    /// Raised by itself.
    pub(super) alone: Counter,
    /// Raised by who has watched it.
    pub(super) watched: Counter,
    pub(super) jobs: Jobs,
    pub(super) lives: [Life; CLIENTS],
    pub(super) lists: [List; CLIENTS],
    pub(super) registers: [Register; CLIENTS],
    /// Transactions and single writes that were answered.
    pub(super) acknowledged: Cell<u64>,
    /// Pipelines that were not.
    pub(super) open: Cell<u64>,
}

impl Told {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            both: Counter::new("left"),
            alone: Counter::new("count"),
            watched: Counter::new("watched"),
            jobs: Jobs::default(),
            lives: Default::default(),
            lists: Default::default(),
            registers: Default::default(),
            acknowledged: Cell::new(0),
            open: Cell::new(0),
        })
    }
}

pub(super) fn list(client: usize) -> String {
    format!("list-{client}")
}

pub(super) fn register(client: usize) -> String {
    format!("register-{client}")
}

/// The value that a client writes to its register: of many lengths, and no other client's.
fn value(client: usize, number: u64) -> String {
    let mut value = format!("{client}:{number}:");
    let len = value.len() + usize::try_from(number * 37 % 700).unwrap_or(0);
    while value.len() < len {
        value.push(char::from(b'a' + (value.len() % 26) as u8));
    }
    value
}

/// The number of a register's value; 0 if it has none.
///
/// # Panics
/// If the client did not write it.
pub(super) fn number_of(client: usize, reply: &Reply) -> u64 {
    let text = match reply {
        Reply::Null => return 0,
        Reply::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("the reply to another request: {other:?}"),
    };
    let number = text.split(':').nth(1).and_then(|it| it.parse().ok());
    let number = number.unwrap_or(0);
    assert_eq!(
        text,
        value(client, number),
        "the reply to another request, or a damaged value"
    );
    number
}

/// A number that a reply holds as text; 0 for none.
pub(super) fn count_of(reply: &Reply) -> u64 {
    match reply {
        Reply::Null => 0,
        Reply::Bulk(text) => {
            let number = std::str::from_utf8(text)
                .ok()
                .and_then(|it| it.parse().ok());
            number.unwrap_or_else(|| panic!("the reply to another request: {reply:?}"))
        }
        other => panic!("the reply to another request: {other:?}"),
    }
}

pub(super) fn integer(reply: &Reply) -> u64 {
    match reply {
        &Reply::Integer(number) => u64::try_from(number).expect("nothing is less than 0"),
        other => panic!("the reply to another request: {other:?}"),
    }
}

impl Told {
    /// Another server is about to be the primary.
    pub(super) fn is_about_to_move(&self) {
        self.both.is_about_to_move();
        self.alone.is_about_to_move();
        self.watched.is_about_to_move();
    }

    /// It is, and shows these counters first: none of what was told before is missing.
    pub(super) fn moved(&self, counters: &[Reply]) {
        let (left, right) = (count_of(&counters[0]), count_of(&counters[1]));
        assert_eq!(left, right, "half a transaction is there");
        self.both.seen(self.both.told_before(), left);
        self.alone
            .seen(self.alone.told_before(), count_of(&counters[2]));
    }
}

/// Whom a client asks, and what it may be told.
pub(super) struct Asked<'a> {
    pair: &'a Pair,
    addr: &'static str,
    term: u64,
    /// Another is the primary.
    is_over: bool,
    /// And has said so.
    has_begun: bool,
}

impl<'a> Asked<'a> {
    fn new(pair: &'a Pair, addr: &'static str) -> Self {
        Self {
            pair,
            addr,
            term: pair.term(),
            is_over: pair.is_over(addr),
            has_begun: pair.has_begun(),
        }
    }

    /// What the reply may not fall behind: what anybody was told, or, of one that is not the primary
    /// any more and may not know, what anybody was told before.
    pub(super) fn floor(&self, counter: &Counter) -> u64 {
        match self.is_over {
            true => counter.told_before(),
            false => counter.told(),
        }
    }

    /// Whether another is the primary.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// A write was acknowledged.
    fn acknowledged(&self) {
        let late = self.is_over && self.has_begun && self.term == self.pair.term();
        assert!(
            !late,
            "an acknowledged write is lost: {} acknowledged one when another was the primary",
            self.addr
        );
    }
}

/// Writes and reads for ever, with at most `pause_ms` milliseconds in between.
pub(super) async fn use_server(client: usize, told: Rc<Told>, pair: Pair, pause_ms: u64) {
    let mut primary = pair.asked_by(client);
    let mut connection = Client::new(primary).timeout(PATIENCE);
    loop {
        let asked = Asked::new(&pair, primary);
        let done = match rand::below(16) {
            0..=3 => transact(&mut connection, client, &told, &asked).await,
            4 | 5 => write(&mut connection, client, &told, &asked).await,
            6 | 7 => read(&mut connection, client, &told, &asked).await,
            8 | 9 => {
                let raised = raise_watched(&mut connection, &told, &asked).await;
                if raised.is_err() {
                    // It may go on watching.
                    connection = Client::new(primary).timeout(PATIENCE);
                }
                raised
            }
            10 | 11 => push(&mut connection, &told).await,
            12 | 13 => take(&mut connection, &told, &asked).await,
            _ => live(&mut connection, client, &told).await,
        };
        match done {
            Ok(writes) => {
                if writes > 0 {
                    asked.acknowledged();
                }
                told.acknowledged.set(told.acknowledged.get() + writes);
            }
            // What was asked may be done or not, now or later.
            Err(_) => {
                told.open.set(told.open.get() + 1);
                sleep(Duration::from_millis(1 + rand::below(20))).await;
            }
        }
        if pair.asked_by(client) != primary {
            primary = pair.asked_by(client);
            connection = Client::new(primary).timeout(PATIENCE);
        }
        if pause_ms > 0 {
            sleep(Duration::from_millis(rand::below(pause_ms + 1))).await;
        }
    }
}

/// Reads for ever what the replica shows: whole transactions, and of each list a first part.
pub(super) async fn watch_replica(told: Rc<Told>, pair: Pair) {
    loop {
        let mut connection = Client::new(pair.replica()).timeout(PATIENCE);
        while let Ok(()) = look(&mut connection, &told).await {
            sleep(Duration::from_millis(rand::below(20))).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn look(connection: &mut Client, told: &Told) -> Result<(), ClientError> {
    let mut requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&[b"MGET", b"left", b"right"]);
    for client in 0..CLIENTS {
        requests = requests.request(&[b"LRANGE", list(client).as_bytes(), b"0", b"-1"]);
    }
    let requests = requests.request(&[b"EXEC"]);
    let replies = answered(connection.pipeline(&requests).await?)?;
    let Some(Reply::Array(shown)) = replies.last() else {
        panic!("the reply to another request: {replies:?}");
    };
    let [Reply::Array(counts), lists @ ..] = &shown[..] else {
        panic!("the reply to another request: {replies:?}");
    };
    let lists: Vec<_> = lists.iter().map(numbers).collect();
    let total: usize = lists.iter().map(Vec::len).sum();
    for count in counts {
        assert_eq!(
            count_of(count),
            total as u64,
            "half a transaction is shown by a replica"
        );
    }
    for (told, shown) in told.lists.iter().zip(&lists) {
        told.shown(shown);
    }
    Ok(())
}

/// The numbers of a list.
pub(super) fn numbers(reply: &Reply) -> Vec<u64> {
    let Reply::Array(items) = reply else {
        panic!("no list: {reply:?}");
    };
    items.iter().map(count_of).collect()
}

/// The replies, unless the server is not the one to ask, or cannot do it now.
fn answered(replies: Vec<Reply>) -> Result<Vec<Reply>, ClientError> {
    let refused = replies.iter().find_map(|reply| match reply {
        Reply::Error(text) => {
            let known = [
                "READONLY ",
                "NOREPLICAS ",
                "MASTERDOWN ",
                "EXECABORT ",
                "UNBLOCKED ",
            ];
            let is_known = known.iter().any(|known| text.starts_with(known));
            is_known.then(|| text.clone())
        }
        _ => None,
    });
    match refused {
        Some(text) => Err(ClientError::Server(text)),
        None => Ok(replies),
    }
}

/// Asks the primary: one that has become a replica may be behind.
pub(super) async fn ask(
    connection: &mut Client,
    requests: &[&[&[u8]]],
) -> Result<Vec<Reply>, ClientError> {
    let mut pipeline = Pipeline::new().request(&[b"ROLE"]);
    for request in requests {
        pipeline = pipeline.request(request);
    }
    let mut replies = answered(connection.pipeline(&pipeline).await?)?;
    let Reply::Array(role) = replies.remove(0) else {
        panic!("the reply to another request: {replies:?}");
    };
    if role[0] != Reply::Bulk("master".into()) {
        return Err(ClientError::Server("it is a replica".into()));
    }
    Ok(replies)
}

/// Appends to the client's own list and raises two numbers of all clients, as one transaction.
async fn transact(
    connection: &mut Client,
    client: usize,
    told: &Told,
    asked: &Asked<'_>,
) -> Result<u64, ClientError> {
    let number = told.lists[client].try_append();
    let before = asked.floor(&told.both);
    told.both.try_raise();
    let (list, text) = (list(client), number.to_string());
    let requests: [&[&[u8]]; 5] = [
        &[b"MULTI"],
        &[b"RPUSH", list.as_bytes(), text.as_bytes()],
        &[b"INCR", b"left"],
        &[b"INCR", b"right"],
        &[b"EXEC"],
    ];
    let replies = ask(connection, &requests).await?;
    let Reply::Array(results) = &replies[4] else {
        panic!("the reply to another request: {replies:?}");
    };
    let [len, left, right] = &results[..] else {
        panic!("a transaction of three has not three results: {replies:?}");
    };
    let (len, left, right) = (integer(len), integer(left), integer(right));
    assert_eq!(left, right, "half a transaction is there");
    told.both.raised(before, left);
    told.lists[client].appended(number, len);
    Ok(1)
}

/// Writes the client's own register and raises a number, and reads what it wrote; asks for an echo
/// between any two.
async fn write(
    connection: &mut Client,
    client: usize,
    told: &Told,
    asked: &Asked<'_>,
) -> Result<u64, ClientError> {
    let number = told.registers[client].try_write();
    let before = asked.floor(&told.alone);
    told.alone.try_raise();
    let (key, echo) = (register(client), format!("{client}/{number}"));
    let written = value(client, number);
    let requests: [&[&[u8]]; 5] = [
        &[b"SET", key.as_bytes(), written.as_bytes()],
        &[b"ECHO", echo.as_bytes()],
        &[b"INCR", b"count"],
        &[b"ECHO", echo.as_bytes()],
        &[b"GET", key.as_bytes()],
    ];
    let replies = ask(connection, &requests).await?;
    let [set, first, raised, second, read] = &replies[..] else {
        panic!("not five replies: {replies:?}");
    };
    let echo = Reply::Bulk(echo.into());
    assert_eq!(
        [first, second],
        [&echo, &echo],
        "the reply to another request"
    );
    assert_eq!(
        *set,
        Reply::Simple("OK".into()),
        "the reply to another request"
    );
    told.registers[client].written(number);
    told.registers[client].read(number_of(client, read));
    told.alone.raised(before, integer(raised));
    Ok(2)
}

/// Reads what all have written.
async fn read(
    connection: &mut Client,
    client: usize,
    told: &Told,
    asked: &Asked<'_>,
) -> Result<u64, ClientError> {
    let (both, alone) = (asked.floor(&told.both), asked.floor(&told.alone));
    let own = register(client);
    let requests: [&[&[u8]]; 3] = [
        &[b"MGET", b"left", b"right"],
        &[b"GET", b"count"],
        &[b"GET", own.as_bytes()],
    ];
    let replies = ask(connection, &requests).await?;
    let Reply::Array(numbers) = &replies[0] else {
        panic!("the reply to another request: {replies:?}");
    };
    let numbers: Vec<_> = numbers.iter().map(count_of).collect();
    assert_eq!(numbers[0], numbers[1], "half a transaction is there");
    told.both.seen(both, numbers[0]);
    told.alone.seen(alone, count_of(&replies[1]));
    told.registers[client].read(number_of(client, &replies[2]));
    Ok(0)
}
