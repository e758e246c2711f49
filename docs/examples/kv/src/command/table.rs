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

/// All commands, in the order of their names.
#[must_use]
pub fn commands() -> &'static [Spec] {
    COMMANDS
}

/// The command of this name, in whatever case.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    let index = NAMES.binary_search(&packed(name)?).ok()?;
    Some(&COMMANDS[index])
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
const KEYS_AND_VALUES: [i64; 3] = [1, -1, 2];

const READ: &[&str] = &["readonly", "fast"];
const WRITE: &[&str] = &["write", "denyoom", "fast"];
const REMOVE: &[&str] = &["write", "fast"];
const ADMIN: &[&str] = &["loading", "stale", "fast"];

/// In the order of their names, as the search in [`find`] needs.
const COMMANDS: &[Spec] = &[
    spec(
        "client",
        -2,
        ADMIN,
        NO_KEYS,
        "connection",
        "Names the connection",
        parse::client,
    ),
    spec(
        "command",
        -1,
        ADMIN,
        NO_KEYS,
        "server",
        "Describes commands",
        parse::command,
    ),
    spec(
        "config",
        -2,
        ADMIN,
        NO_KEYS,
        "server",
        "Tells settings",
        parse::config,
    ),
    spec(
        "dbsize",
        1,
        READ,
        NO_KEYS,
        "server",
        "Counts the keys",
        parse::dbsize,
    ),
    spec(
        "decr",
        2,
        WRITE,
        ONE_KEY,
        "string",
        "Subtracts one from a number",
        parse::decr,
    ),
    spec(
        "decrby",
        3,
        WRITE,
        ONE_KEY,
        "string",
        "Subtracts from a number",
        parse::decrby,
    ),
    spec(
        "del",
        -2,
        REMOVE,
        ALL_KEYS,
        "generic",
        "Removes keys",
        parse::del,
    ),
    spec(
        "echo",
        2,
        ADMIN,
        NO_KEYS,
        "connection",
        "Repeats the message",
        parse::echo,
    ),
    spec(
        "exists",
        -2,
        READ,
        ALL_KEYS,
        "generic",
        "Counts those keys that exist",
        parse::exists,
    ),
    spec(
        "expire",
        3,
        REMOVE,
        ONE_KEY,
        "generic",
        "Limits a key's life, in seconds",
        parse::expire,
    ),
    spec(
        "flushall",
        -1,
        REMOVE,
        NO_KEYS,
        "server",
        "Removes all keys",
        parse::flush,
    ),
    spec(
        "flushdb",
        -1,
        REMOVE,
        NO_KEYS,
        "server",
        "Removes all keys",
        parse::flush,
    ),
    spec(
        "get",
        2,
        READ,
        ONE_KEY,
        "string",
        "Tells a value",
        parse::get,
    ),
    spec(
        "incr",
        2,
        WRITE,
        ONE_KEY,
        "string",
        "Adds one to a number",
        parse::incr,
    ),
    spec(
        "incrby",
        3,
        WRITE,
        ONE_KEY,
        "string",
        "Adds to a number",
        parse::incrby,
    ),
    spec(
        "info",
        -1,
        ADMIN,
        NO_KEYS,
        "server",
        "Tells the server's state",
        parse::info,
    ),
    spec(
        "mget",
        -2,
        READ,
        ALL_KEYS,
        "string",
        "Tells several values",
        parse::mget,
    ),
    spec(
        "mset",
        -3,
        WRITE,
        KEYS_AND_VALUES,
        "string",
        "Sets several values",
        parse::mset,
    ),
    spec(
        "persist",
        2,
        REMOVE,
        ONE_KEY,
        "generic",
        "Lets a key live for ever",
        parse::persist,
    ),
    spec(
        "pexpire",
        3,
        REMOVE,
        ONE_KEY,
        "generic",
        "Limits a key's life, in ms",
        parse::pexpire,
    ),
    spec(
        "ping",
        -1,
        ADMIN,
        NO_KEYS,
        "connection",
        "Shows that the server lives",
        parse::ping,
    ),
    spec(
        "pttl",
        2,
        READ,
        ONE_KEY,
        "generic",
        "Tells a key's life, in ms",
        parse::pttl,
    ),
    spec(
        "quit",
        -1,
        ADMIN,
        NO_KEYS,
        "connection",
        "Closes the connection",
        parse::quit,
    ),
    spec(
        "select",
        2,
        ADMIN,
        NO_KEYS,
        "connection",
        "Uses database 0",
        parse::select,
    ),
    spec(
        "set",
        -3,
        WRITE,
        ONE_KEY,
        "string",
        "Sets a value",
        parse::set,
    ),
    spec(
        "ttl",
        2,
        READ,
        ONE_KEY,
        "generic",
        "Tells a key's life, in seconds",
        parse::ttl,
    ),
    spec(
        "type",
        2,
        READ,
        ONE_KEY,
        "generic",
        "Tells the kind of a value",
        parse::kind,
    ),
];

const fn spec(
    name: &'static str,
    arity: i64,
    flags: &'static [&'static str],
    keys: [i64; 3],
    group: &'static str,
    summary: &'static str,
    parse: Parse,
) -> Spec {
    Spec {
        name,
        arity,
        flags,
        keys,
        group,
        summary,
        parse,
    }
}
