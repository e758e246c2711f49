//! The commands there are.
//!
//! Owns their names and shapes: what `COMMAND` tells and what [`find`] finds.

use super::error::CommandError;
use super::kinds::Command;
use super::parse;
use crate::resp::Args;

/// The shape of a command.
///
/// # Examples
/// ```
/// let get = kv::command::find(b"Get").unwrap();
/// assert_eq!(get.name, "get");
/// assert_eq!(get.arity, 2);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Spec {
    /// Its name, in lower case.
    pub name: &'static str,
    /// How many arguments it takes, its name included; negative for "at least".
    pub arity: i64,
    /// What it does to the data.
    pub flags: &'static [&'static str],
    /// Which arguments are keys: the first, the last (negative from the end), and the step.
    pub keys: [i64; 3],
    /// The family it belongs to.
    pub group: &'static str,
    /// What it is for.
    pub summary: &'static str,
    pub(super) parse: Parse,
}

/// Understands the arguments of a request, its name included, of which there are as many as the
/// arity demands.
pub(super) type Parse = for<'a> fn(Args<'a>) -> Result<Command<'a>, CommandError<'a>>;

impl Spec {
    /// Whether the command may have `len` arguments, its name included.
    #[must_use]
    pub fn accepts(&self, len: usize) -> bool {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        if self.arity < 0 {
            len >= -self.arity
        } else {
            len == self.arity
        }
    }
}

/// What a request does to the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing: it does not look at it either.
    #[default]
    Nothing,
    /// It reads.
    Reads,
    /// It may change it.
    Writes,
}

impl Effect {
    /// What the request made of `args`, its name first, does; nothing if it is none.
    #[must_use]
    pub fn of(args: Args<'_>) -> Self {
        let spec = find(args.get(0).unwrap_or_default());
        match spec.filter(|spec| spec.accepts(args.len())) {
            Some(spec) if spec.flags.contains(&"write") => Self::Writes,
            Some(spec) if spec.flags.contains(&"readonly") => Self::Reads,
            _ => Self::Nothing,
        }
    }
}

/// All commands, in the order of their names.
#[must_use]
pub fn commands() -> &'static [Spec] {
    COMMANDS
}

/// The command of this name, in whatever case.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    Some(&COMMANDS[position(name)?])
}

/// The place of the command of this name, in whatever case, among [`commands`].
pub(crate) fn position(name: &[u8]) -> Option<usize> {
    NAMES.binary_search(&packed(name)?).ok()
}

/// The names of [`COMMANDS`], as numbers: every request is looked up, and numbers are compared
/// without a call.
const NAMES: [u128; COMMANDS.len()] = {
    let mut names = [0; COMMANDS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = packed(COMMANDS[index].name.as_bytes()).expect("a name is too long");
        index += 1;
    }
    names
};

/// A name in lower case as a number, in the order of the text. `None` if it is too long for one.
const fn packed(name: &[u8]) -> Option<u128> {
    let mut bytes = [0; size_of::<u128>()];
    if name.len() > bytes.len() {
        return None;
    }
    bytes.split_at_mut(name.len()).0.copy_from_slice(name);
    bytes.make_ascii_lowercase();
    Some(u128::from_be_bytes(bytes))
}

const NO_KEYS: [i64; 3] = [0, 0, 0];
const ONE_KEY: [i64; 3] = [1, 1, 1];
const ALL_KEYS: [i64; 3] = [1, -1, 1];
/// All but the last, which says how long to wait.
const LISTS: [i64; 3] = [1, -2, 1];
const KEYS_AND_VALUES: [i64; 3] = [1, -1, 2];

const READ: &[&str] = &["readonly", "fast"];
const WRITE: &[&str] = &["write", "fast"];
const OTHER: &[&str] = &["fast"];
const ADMIN: &[&str] = &["admin", "noscript", "stale"];

/// Writes a row of the table for each line.
macro_rules! specs {
    ($($name:literal $arity:literal $flags:ident $keys:ident $group:literal
       $parse:ident $summary:literal;)*) => {
        &[$(Spec {
            name: $name,
            arity: $arity,
            flags: $flags,
            keys: $keys,
            group: $group,
            summary: $summary,
            parse: parse::$parse,
        }),*]
    };
}

/// In the order of their names, as the search in [`find`] needs.
const COMMANDS: &[Spec] = specs! {
    "bgrewriteaof" 1 OTHER NO_KEYS      "server"     compact "Makes the log small";
    "blpop"    -3 WRITE LISTS           "list"       blpop   "Waits for a list's first element";
    "brpop"    -3 WRITE LISTS           "list"       brpop   "Waits for a list's last element";
    "client"   -2 OTHER NO_KEYS         "connection" client  "Names the connection";
    "command"  -1 OTHER NO_KEYS         "server"     command "Describes commands";
    "config"   -2 OTHER NO_KEYS         "server"     config  "Tells settings";
    "dbsize"    1 READ  NO_KEYS         "server"     dbsize  "Counts the keys";
    "decr"      2 WRITE ONE_KEY         "string"     decr    "Subtracts one from a number";
    "decrby"    3 WRITE ONE_KEY         "string"     decrby  "Subtracts from a number";
    "del"      -2 WRITE ALL_KEYS        "generic"    del     "Removes keys";
    "discard"   1 OTHER NO_KEYS         "transactions" discard "Forgets a transaction";
    "echo"      2 OTHER NO_KEYS         "connection" echo    "Repeats the message";
    "exec"      1 OTHER NO_KEYS         "transactions" exec    "Does a transaction";
    "exists"   -2 READ  ALL_KEYS        "generic"    exists  "Counts those keys that exist";
    "expire"    3 WRITE ONE_KEY         "generic"    expire  "Limits a key's life, in seconds";
    "flushall" -1 WRITE NO_KEYS         "server"     flush   "Removes all keys";
    "flushdb"  -1 WRITE NO_KEYS         "server"     flush   "Removes all keys";
    "get"       2 READ  ONE_KEY         "string"     get     "Tells a value";
    "incr"      2 WRITE ONE_KEY         "string"     incr    "Adds one to a number";
    "incrby"    3 WRITE ONE_KEY         "string"     incrby  "Adds to a number";
    "info"     -1 OTHER NO_KEYS         "server"     info    "Tells the server's state";
    "llen"      2 READ  ONE_KEY         "list"       llen    "Counts a list's elements";
    "lpop"     -2 WRITE ONE_KEY         "list"       lpop    "Takes a list's first elements";
    "lpush"    -3 WRITE ONE_KEY         "list"       lpush   "Adds first elements to a list";
    "lrange"    4 READ  ONE_KEY         "list"       lrange  "Tells a list's elements";
    "mget"     -2 READ  ALL_KEYS        "string"     mget    "Tells several values";
    "mset"     -3 WRITE KEYS_AND_VALUES "string"     mset    "Sets several values";
    "multi"     1 OTHER NO_KEYS         "transactions" multi   "Begins a transaction";
    "persist"   2 WRITE ONE_KEY         "generic"    persist "Lets a key live for ever";
    "pexpire"   3 WRITE ONE_KEY         "generic"    pexpire "Limits a key's life, in ms";
    "ping"     -1 OTHER NO_KEYS         "connection" ping    "Shows that the server lives";
    "pttl"      2 READ  ONE_KEY         "generic"    pttl    "Tells a key's life, in ms";
    "quit"     -1 OTHER NO_KEYS         "connection" quit    "Closes the connection";
    "replicaof" 3 ADMIN NO_KEYS         "server"     replicaof "Follows a server, or none";
    "replsync"  4 ADMIN NO_KEYS         "server"     replsync "Serves a replica, from where it is";
    "role"      1 OTHER NO_KEYS         "server"     role    "Tells who follows whom";
    "rpop"     -2 WRITE ONE_KEY         "list"       rpop    "Takes a list's last elements";
    "rpush"    -3 WRITE ONE_KEY         "list"       rpush   "Adds last elements to a list";
    "select"    2 OTHER NO_KEYS         "connection" select  "Uses database 0";
    "set"      -3 WRITE ONE_KEY         "string"     set     "Sets a value";
    "slaveof"   3 ADMIN NO_KEYS         "server"     replicaof "Follows a server, or none";
    "ttl"       2 READ  ONE_KEY         "generic"    ttl     "Tells a key's life, in seconds";
    "type"      2 READ  ONE_KEY         "generic"    kind    "Tells the kind of a value";
    "unwatch"   1 OTHER NO_KEYS         "transactions" unwatch "Watches no key any more";
    "wait"      3 OTHER NO_KEYS         "generic"    wait    "Waits for replicas";
    "watch"    -2 OTHER ALL_KEYS        "transactions" watch   "Ties a transaction to keys";
};
