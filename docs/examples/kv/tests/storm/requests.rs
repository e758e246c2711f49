//! What clients ask for beside plain writes and reads: what is watched, waited for, or dies.
//!
//! Owns the requests, and what their replies say. Knows nothing of faults.

use std::time::Duration;

use kv::client::ClientError;
use kv::resp::Reply;
use kv::{Client, client::Pipeline};
use simoom::rand;
use simoom::task::spawn_local;
use simoom::time::sleep;

use super::clients::{Asked, Told, ask, count_of, integer};

/// Raises a number that it has read before, unless somebody else has raised it since.
pub(super) async fn raise_watched(
    connection: &mut Client,
    told: &Told,
    asked: &Asked<'_>,
) -> Result<u64, ClientError> {
    let watch: [&[&[u8]]; 2] = [&[b"WATCH", b"watched"], &[b"GET", b"watched"]];
    let replies = ask(connection, &watch).await?;
    let number = count_of(&replies[1]) + 1;
    let before = asked.floor(&told.watched);
    told.watched.try_raise();
    let text = number.to_string();
    let raise: [&[&[u8]]; 3] = [
        &[b"MULTI"],
        &[b"SET", b"watched", text.as_bytes()],
        &[b"EXEC"],
    ];
    let replies = ask(connection, &raise).await?;
    match &replies[2] {
        Reply::Array(results) => {
            assert_eq!(results[..], [Reply::Simple("OK".into())]);
            told.watched.raised(before, number);
            Ok(1)
        }
        Reply::Null => Ok(0),
        other => panic!("the reply to another request: {other:?}"),
    }
}

/// Pushes an element for others.
pub(super) async fn push(connection: &mut Client, told: &Told) -> Result<u64, ClientError> {
    let element = told.jobs.try_push();
    let text = element.to_string();
    let replies = ask(connection, &[&[b"RPUSH", b"jobs", text.as_bytes()]]).await?;
    integer(&replies[0]);
    told.jobs.pushed(element);
    Ok(1)
}

/// Takes an element, and waits for one for a while.
pub(super) async fn take(
    connection: &mut Client,
    told: &Told,
    asked: &Asked<'_>,
) -> Result<u64, ClientError> {
    let since = told.jobs.try_take();
    let seconds: &[u8] = [&b"0.005"[..], b"0.05", b"0.2"][rand::below(3) as usize];
    let replies = ask(connection, &[&[b"BLPOP", b"jobs", seconds]]).await?;
    match &replies[0] {
        Reply::Null => {
            told.jobs.took_none(since, asked.is_over());
            Ok(0)
        }
        Reply::Array(items) => {
            assert_eq!(items[0], Reply::Bulk("jobs".into()), "another list's");
            told.jobs.taken(since, count_of(&items[1]));
            Ok(1)
        }
        other => panic!("the reply to another request: {other:?}"),
    }
}

/// Writes, keeps or reads the client's own key that may die.
pub(super) async fn live(
    connection: &mut Client,
    client: usize,
    told: &Told,
) -> Result<u64, ClientError> {
    let life = &told.lives[client];
    life.is_asked();
    let done = live_on(connection, client, told).await;
    match done {
        Ok(_) => life.is_answered(),
        Err(_) => life.is_open(),
    }
    done
}

async fn live_on(connection: &mut Client, client: usize, told: &Told) -> Result<u64, ClientError> {
    let life = &told.lives[client];
    let key = life.key(client);
    let key = key.as_bytes();
    let kind = rand::below(6);
    if kind >= 3 {
        let replies = ask(connection, &[&[b"GET", key]]).await?;
        life.read(count_of(&replies[0]));
        return Ok(0);
    }
    let number = life.try_write();
    let (text, lifetime) = (number.to_string(), (1 + rand::below(400)).to_string());
    let (mortal, immortal): ([&[u8]; 5], [&[u8]; 3]) = (
        [b"SET", key, text.as_bytes(), b"PX", lifetime.as_bytes()],
        [b"SET", key, text.as_bytes()],
    );
    let replies = match kind {
        0 => ask(connection, &[&immortal]).await?,
        1 => ask(connection, &[&mortal]).await?,
        _ => ask(connection, &[&mortal, &[b"PERSIST", key]]).await?,
    };
    assert_eq!(replies[0], Reply::Simple("OK".into()));
    life.written(number, kind > 0);
    if let Some(persisted) = replies.get(1) {
        life.persisted(integer(persisted) == 1);
    }
    Ok(1)
}

/// What is left of all that, once all is over.
pub(super) async fn judge(reader: &mut Client, addr: &str, told: &Told) -> Result<(), ClientError> {
    let watched = told.watched.told();
    let mut requests = Pipeline::new()
        .get("watched")
        .request(&[b"LRANGE", b"jobs", b"0", b"-1"]);
    for (client, life) in told.lives.iter().enumerate() {
        requests = requests.get(life.key(client));
    }
    let replies = reader.pipeline(&requests).await?;
    told.watched.seen(watched, count_of(&replies[0]));
    told.jobs.holds(&super::clients::numbers(&replies[1]));
    for (life, reply) in told.lives.iter().zip(&replies[2..]) {
        life.holds(count_of(reply));
    }
    somebody_waits(addr).await;
    Ok(())
}

/// Who waits for an element is given one soon after it is pushed.
async fn somebody_waits(addr: &str) {
    let pushing = spawn_local({
        let addr = addr.to_owned();
        async move {
            let mut client = Client::new(addr).timeout(Duration::from_secs(1));
            loop {
                sleep(Duration::from_millis(100)).await;
                let _ = client.request(&[b"RPUSH", b"waited-for", b"1"]).await;
            }
        }
    });
    let mut client = Client::new(addr).timeout(Duration::from_secs(20));
    loop {
        match client.request(&[b"BLPOP", b"waited-for", b"0"]).await {
            Ok(_) => break,
            Err(ClientError::TimedOut) => panic!(
                "an acknowledged write is lost: somebody waits for ever while elements are there"
            ),
            // It has no replica yet.
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
    pushing.abort();
}
