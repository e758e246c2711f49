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

use super::ledger::{Counter, List, Register};

/// How many clients write.
pub(super) const CLIENTS: usize = 4;

/// How long a client waits for a reply before it gives up.
const PATIENCE: Duration = Duration::from_millis(300);

/// What all clients were told.
#[derive(Debug)]
pub(super) struct Told {
    /// Raised in transactions alone, `left` and `right` each time together.
    pub(super) both: Counter,
    /// Raised by itself.
    pub(super) alone: Counter,
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

fn integer(reply: &Reply) -> u64 {
    match reply {
        &Reply::Integer(number) => u64::try_from(number).expect("nothing is less than 0"),
        other => panic!("the reply to another request: {other:?}"),
    }
}

/// Writes and reads for ever, with at most `pause_ms` milliseconds in between.
pub(super) async fn use_server(client: usize, told: Rc<Told>, pause_ms: u64) {
    let mut connection = Client::new("server:6379").timeout(PATIENCE);
    loop {
        let done = match rand::below(4) {
            0 | 1 => transact(&mut connection, client, &told).await,
            2 => write(&mut connection, client, &told).await,
            _ => read(&mut connection, client, &told).await,
        };
        match done {
            Ok(writes) => told.acknowledged.set(told.acknowledged.get() + writes),
            // What was asked may be done or not, now or later.
            Err(_) => {
                told.open.set(told.open.get() + 1);
                sleep(Duration::from_millis(1 + rand::below(20))).await;
            }
        }
        if pause_ms > 0 {
            sleep(Duration::from_millis(rand::below(pause_ms + 1))).await;
        }
    }
}

/// Appends to the client's own list and raises two numbers of all clients, as one transaction.
async fn transact(connection: &mut Client, client: usize, told: &Told) -> Result<u64, ClientError> {
    let number = told.lists[client].try_append();
    let before = told.both.try_raise();
    let requests = Pipeline::new()
        .request(&[b"MULTI"])
        .request(&[
            b"RPUSH",
            list(client).as_bytes(),
            number.to_string().as_bytes(),
        ])
        .incr("left")
        .incr("right")
        .request(&[b"EXEC"]);
    let replies = connection.pipeline(&requests).await?;
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
async fn write(connection: &mut Client, client: usize, told: &Told) -> Result<u64, ClientError> {
    let number = told.registers[client].try_write();
    let before = told.alone.try_raise();
    let (key, echo) = (register(client), format!("{client}/{number}"));
    let requests = Pipeline::new()
        .set(&key, value(client, number))
        .request(&[b"ECHO", echo.as_bytes()])
        .incr("count")
        .request(&[b"ECHO", echo.as_bytes()])
        .get(&key);
    let replies = connection.pipeline(&requests).await?;
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
async fn read(connection: &mut Client, client: usize, told: &Told) -> Result<u64, ClientError> {
    let (both, alone) = (told.both.told(), told.alone.told());
    let requests = Pipeline::new()
        .request(&[b"MGET", b"left", b"right"])
        .get("count")
        .get(register(client));
    let replies = connection.pipeline(&requests).await?;
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
