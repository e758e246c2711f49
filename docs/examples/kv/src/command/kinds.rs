//! What can be asked for, with its arguments understood.

use std::time::Duration;

use crate::resp::Args;
use crate::store::End;

/// A request that makes sense. Borrows its keys and values from the bytes that were received.
///
/// # Examples
/// ```
/// use kv::command::{Command, StoreCommand};
/// use kv::resp::{Limits, RequestDecoder};
///
/// let mut decoder = RequestDecoder::new(Limits::default());
/// decoder.space().extend_from_slice(b"incrby visits 5\r\n");
/// let args = decoder.next_request().unwrap().unwrap();
/// assert!(matches!(
///     Command::parse(args),
///     Ok(Command::Store(StoreCommand::Add { key: b"visits", delta: 5 }))
/// ));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// Reads or changes the data.
    Store(StoreCommand<'a>),
    /// Concerns the connection or the server.
    Session(SessionCommand<'a>),
}

/// A command that reads or changes the data.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the sentence of a variant names its fields")]
pub enum StoreCommand<'a> {
    /// The value of `key`.
    Get { key: &'a [u8] },
    /// Gives `key` a value.
    Set {
        key: &'a [u8],
        value: &'a [u8],
        options: SetOptions,
    },
    /// The values of all keys.
    GetMany { keys: Args<'a> },
    /// Gives every key the value that follows it.
    SetMany { pairs: Args<'a> },
    /// Adds `delta` to the number that `key` holds.
    Add { key: &'a [u8], delta: i64 },
    /// Removes the keys.
    Delete { keys: Args<'a> },
    /// How many of the keys there are.
    Exists { keys: Args<'a> },
    /// Lets `key` live for `lifetime` from now; `None` removes it.
    Expire {
        key: &'a [u8],
        lifetime: Option<Duration>,
    },
    /// Lets `key` live for ever.
    Persist { key: &'a [u8] },
    /// How long `key` will live.
    Ttl { key: &'a [u8], unit: TtlUnit },
    /// The kind of value that `key` holds.
    Type { key: &'a [u8] },
    /// How many keys there are.
    Count,
    /// Removes all keys.
    Clear,
    /// Adds the values to the list, one after the other.
    Push {
        key: &'a [u8],
        end: End,
        values: Args<'a>,
    },
    /// Takes one element off the list, or as many as `count`, which are answered as an array.
    Pop {
        key: &'a [u8],
        end: End,
        count: Option<usize>,
    },
    /// The elements from `start` to `stop`, both included; negative ones count from the end.
    Range {
        key: &'a [u8],
        start: i64,
        stop: i64,
    },
    /// How many elements the list has.
    Length { key: &'a [u8] },
}

/// What `SET` does beside setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// When to set. Default always.
    pub condition: Condition,
    /// How long the value lives. Default for ever.
    pub lifetime: Lifetime,
    /// What to answer. Default whether it was set.
    pub answer: Answer,
}

/// When `SET` sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// In every case.
    #[default]
    Always,
    /// If the key holds no value.
    IfMissing,
    /// If the key holds a value.
    IfPresent,
}

/// How long a value lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is removed.
    #[default]
    Forever,
    /// As long as the value it replaces would have lived.
    Inherited,
    /// From now on for this long.
    For(Duration),
}

/// What `SET` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Whether the value was set.
    #[default]
    Done,
    /// The value before.
    Previous,
}

/// The unit in which a remaining lifetime is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TtlUnit {
    /// Rounded to the nearest.
    Seconds,
    /// Cut off.
    Milliseconds,
}

/// A command that concerns the connection or the server.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the sentence of a variant names its fields")]
pub enum SessionCommand<'a> {
    /// Answers with the message, or with `PONG`.
    Ping { message: Option<&'a [u8]> },
    /// Answers with the message.
    Echo { message: &'a [u8] },
    /// Answers and closes the connection.
    Quit,
    /// Uses the only database there is.
    Select,
    /// About the connection.
    Client(ClientCommand<'a>),
    /// About the commands.
    Describe(DescribeCommand<'a>),
    /// The settings that have one of these names, or all for `*`.
    ConfigGet { names: Args<'a> },
    /// The state of the server, as text; all sections, or those named.
    Info { sections: Args<'a> },
    /// Begins a transaction.
    Begin,
    /// Does all of a transaction at once, unless a watched key has changed.
    Execute,
    /// Forgets a transaction.
    Discard,
    /// Lets the next transaction be done only if the keys do not change until then.
    Watch { keys: Args<'a> },
    /// Watches no key any more.
    Unwatch,
    /// Takes an element off the first list that has one, waiting for one if none has.
    BlockingPop {
        keys: Args<'a>,
        end: End,
        /// How long to wait; `None` is for ever.
        timeout: Option<Duration>,
    },
    /// Makes the log small.
    Compact,
    /// Follows another server from now on.
    Follow { host: &'a [u8], port: u16 },
    /// Follows nobody from now on.
    Promote,
    /// Who decides, and who follows.
    Role,
    /// Waits until so many replicas have what this connection has written.
    WaitForReplicas {
        count: i64,
        /// How long to wait; `None` is for ever.
        timeout: Option<Duration>,
    },
    /// Makes this connection that of a replica, which has so many commits of a history.
    Supply {
        history: &'a [u8],
        offset: u64,
        /// Where the replica listens.
        port: u16,
    },
}

/// A command about the connection.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the sentence of a variant names its fields")]
pub enum ClientCommand<'a> {
    /// The number of the connection, unique while the server runs.
    Id,
    /// The name that was given to the connection.
    Name,
    /// Gives the connection a name.
    Rename { name: &'a [u8] },
    /// Tells the name or version of the client's library. Accepted and forgotten.
    Library,
}

/// A command about commands.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the sentence of a variant names its fields")]
pub enum DescribeCommand<'a> {
    /// How many there are.
    Count,
    /// Their names.
    Names,
    /// The shape of those named, or of all.
    Shapes { names: Args<'a> },
    /// What those named, or all, are for.
    Docs { names: Args<'a> },
}
