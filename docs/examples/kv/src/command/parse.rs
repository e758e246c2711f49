//! Arguments, understood.
//!
//! One function for each row of the table. The table has checked how many arguments there are, so
//! a function may index those that its arity promises.

use std::time::Duration;

use super::error::CommandError;
use super::kinds::{
    Answer, ClientCommand, Command, Condition, DescribeCommand, Lifetime, SessionCommand,
    SetOptions, StoreCommand, TtlUnit,
};
use super::table;
use crate::resp::{Args, parse_integer};
use crate::store::End;

type Parsed<'a> = Result<Command<'a>, CommandError<'a>>;

impl<'a> Command<'a> {
    /// What the request made of `args`, its name first, asks for.
    ///
    /// # Errors
    /// There is no such command, or its arguments make no sense.
    pub fn parse(args: Args<'a>) -> Result<Self, CommandError<'a>> {
        let name = args.get(0).unwrap_or_default();
        let Some(spec) = table::find(name) else {
            return Err(if is(name, "post") || is(name, "host:") {
                CommandError::Http
            } else {
                CommandError::UnknownCommand { args }
            });
        };
        if !spec.accepts(args.len()) {
            return Err(CommandError::WrongArity { name: spec.name });
        }
        (spec.parse)(args)
    }
}

pub(super) fn get(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Get { key: at(args, 1) })
}

pub(super) fn set(args: Args<'_>) -> Parsed<'_> {
    let options = set_options(args.skip(3))?;
    store(StoreCommand::Set {
        key: at(args, 1),
        value: at(args, 2),
        options,
    })
}

pub(super) fn mget(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::GetMany { keys: args.skip(1) })
}

pub(super) fn mset(args: Args<'_>) -> Parsed<'_> {
    let pairs = args.skip(1);
    if pairs.len() % 2 == 1 {
        return Err(CommandError::WrongArity { name: "mset" });
    }
    store(StoreCommand::SetMany { pairs })
}

pub(super) fn incr(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Add {
        key: at(args, 1),
        delta: 1,
    })
}

pub(super) fn decr(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Add {
        key: at(args, 1),
        delta: -1,
    })
}

pub(super) fn incrby(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Add {
        key: at(args, 1),
        delta: integer(at(args, 2))?,
    })
}

pub(super) fn decrby(args: Args<'_>) -> Parsed<'_> {
    let delta = integer(at(args, 2))?
        .checked_neg()
        .ok_or(CommandError::DecrementOverflow)?;
    store(StoreCommand::Add {
        key: at(args, 1),
        delta,
    })
}

pub(super) fn del(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Delete { keys: args.skip(1) })
}

pub(super) fn exists(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Exists { keys: args.skip(1) })
}

pub(super) fn expire(args: Args<'_>) -> Parsed<'_> {
    expire_in(args, 1000, "expire")
}

pub(super) fn pexpire(args: Args<'_>) -> Parsed<'_> {
    expire_in(args, 1, "pexpire")
}

pub(super) fn persist(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Persist { key: at(args, 1) })
}

pub(super) fn ttl(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Ttl {
        key: at(args, 1),
        unit: TtlUnit::Seconds,
    })
}

pub(super) fn pttl(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Ttl {
        key: at(args, 1),
        unit: TtlUnit::Milliseconds,
    })
}

pub(super) fn kind(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Type { key: at(args, 1) })
}

pub(super) fn dbsize(_args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Count)
}

pub(super) fn flush(args: Args<'_>) -> Parsed<'_> {
    // How to free the memory is asked for by clients of larger servers. There is one way here.
    match args.get(1) {
        None => store(StoreCommand::Clear),
        Some(how) if args.len() == 2 && (is(how, "sync") || is(how, "async")) => {
            store(StoreCommand::Clear)
        }
        Some(_) => Err(CommandError::Syntax),
    }
}

pub(super) fn ping(args: Args<'_>) -> Parsed<'_> {
    if args.len() > 2 {
        return Err(CommandError::WrongArity { name: "ping" });
    }
    session(SessionCommand::Ping {
        message: args.get(1),
    })
}

pub(super) fn echo(args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Echo {
        message: at(args, 1),
    })
}

pub(super) fn quit(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Quit)
}

pub(super) fn select(args: Args<'_>) -> Parsed<'_> {
    match integer(at(args, 1))? {
        0 => session(SessionCommand::Select),
        _ => Err(CommandError::NoSuchDatabase),
    }
}

pub(super) fn client(args: Args<'_>) -> Parsed<'_> {
    let name = at(args, 1);
    let (len, full_name, command) = if is(name, "id") {
        (2, "client|id", ClientCommand::Id)
    } else if is(name, "getname") {
        (2, "client|getname", ClientCommand::Name)
    } else if is(name, "setname") {
        let name = args.get(2).unwrap_or_default();
        (3, "client|setname", ClientCommand::Rename { name })
    } else if is(name, "setinfo") {
        (4, "client|setinfo", ClientCommand::Library)
    } else {
        return Err(CommandError::UnknownSubcommand {
            command: "client",
            name,
        });
    };
    if args.len() != len {
        return Err(CommandError::WrongArity { name: full_name });
    }
    match command {
        ClientCommand::Rename { name } if !name.iter().all(u8::is_ascii_graphic) => {
            Err(CommandError::InvalidClientName)
        }
        command => session(SessionCommand::Client(command)),
    }
}

pub(super) fn command(args: Args<'_>) -> Parsed<'_> {
    let names = args.skip(2);
    let describe = |command| session(SessionCommand::Describe(command));
    match args.get(1) {
        None => describe(DescribeCommand::Shapes { names }),
        Some(name) if is(name, "count") && !names.is_empty() => Err(CommandError::WrongArity {
            name: "command|count",
        }),
        Some(name) if is(name, "count") => describe(DescribeCommand::Count),
        Some(name) if is(name, "list") => describe(DescribeCommand::Names),
        Some(name) if is(name, "info") => describe(DescribeCommand::Shapes { names }),
        Some(name) if is(name, "docs") => describe(DescribeCommand::Docs { names }),
        Some(name) => Err(CommandError::UnknownSubcommand {
            command: "command",
            name,
        }),
    }
}

pub(super) fn config(args: Args<'_>) -> Parsed<'_> {
    let name = at(args, 1);
    if !is(name, "get") {
        return Err(CommandError::UnknownSubcommand {
            command: "config",
            name,
        });
    }
    if args.len() < 3 {
        return Err(CommandError::WrongArity { name: "config|get" });
    }
    session(SessionCommand::ConfigGet {
        names: args.skip(2),
    })
}

pub(super) fn lpush(args: Args<'_>) -> Parsed<'_> {
    push(args, End::Front)
}

pub(super) fn rpush(args: Args<'_>) -> Parsed<'_> {
    push(args, End::Back)
}

fn push(args: Args<'_>, end: End) -> Parsed<'_> {
    store(StoreCommand::Push {
        key: at(args, 1),
        end,
        values: args.skip(2),
    })
}

pub(super) fn lpop(args: Args<'_>) -> Parsed<'_> {
    pop(args, End::Front, "lpop")
}

pub(super) fn rpop(args: Args<'_>) -> Parsed<'_> {
    pop(args, End::Back, "rpop")
}

fn pop<'a>(args: Args<'a>, end: End, name: &'static str) -> Parsed<'a> {
    if args.len() > 3 {
        return Err(CommandError::WrongArity { name });
    }
    let count = match args.get(2) {
        None => None,
        Some(count) => Some(
            parse_integer(count)
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(CommandError::NotPositive)?,
        ),
    };
    store(StoreCommand::Pop {
        key: at(args, 1),
        end,
        count,
    })
}

pub(super) fn lrange(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Range {
        key: at(args, 1),
        start: integer(at(args, 2))?,
        stop: integer(at(args, 3))?,
    })
}

pub(super) fn llen(args: Args<'_>) -> Parsed<'_> {
    store(StoreCommand::Length { key: at(args, 1) })
}

pub(super) fn blpop(args: Args<'_>) -> Parsed<'_> {
    blocking_pop(args, End::Front)
}

pub(super) fn brpop(args: Args<'_>) -> Parsed<'_> {
    blocking_pop(args, End::Back)
}

fn blocking_pop(args: Args<'_>, end: End) -> Parsed<'_> {
    let last = args.len() - 1;
    session(SessionCommand::BlockingPop {
        keys: args.first(last).skip(1),
        end,
        timeout: waiting_time(at(args, last))?,
    })
}

/// How long to wait; `None` is for ever.
fn waiting_time(text: &[u8]) -> Result<Option<Duration>, CommandError<'_>> {
    let seconds: f64 = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|seconds: &f64| !seconds.is_nan())
        .ok_or(CommandError::TimeoutNotAFloat)?;
    if seconds < 0.0 {
        return Err(CommandError::TimeoutNegative);
    }
    let timeout = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| timeout.as_millis() <= u128::from(LIFETIME_MS_MAX))
        .ok_or(CommandError::TimeoutOutOfRange)?;
    Ok((!timeout.is_zero()).then_some(timeout))
}

pub(super) fn multi(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Begin)
}

pub(super) fn exec(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Execute)
}

pub(super) fn discard(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Discard)
}

pub(super) fn watch(args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Watch { keys: args.skip(1) })
}

pub(super) fn unwatch(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Unwatch)
}

pub(super) fn compact(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Compact)
}

pub(super) fn info(args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Info {
        sections: args.skip(1),
    })
}

pub(super) fn replicaof(args: Args<'_>) -> Parsed<'_> {
    if is(at(args, 1), "no") && is(at(args, 2), "one") {
        return session(SessionCommand::Promote);
    }
    session(SessionCommand::Follow {
        host: at(args, 1),
        port: port(at(args, 2))?,
    })
}

pub(super) fn role(_args: Args<'_>) -> Parsed<'_> {
    session(SessionCommand::Role)
}

pub(super) fn wait(args: Args<'_>) -> Parsed<'_> {
    let count = integer(at(args, 1))?;
    let timeout = parse_integer(at(args, 2)).ok_or(CommandError::TimeoutNotAnInteger)?;
    let timeout = u64::try_from(timeout).map_err(|_| CommandError::TimeoutNegative)?;
    let timeout = Duration::from_millis(timeout.min(LIFETIME_MS_MAX));
    session(SessionCommand::WaitForReplicas {
        count,
        timeout: (!timeout.is_zero()).then_some(timeout),
    })
}

pub(super) fn replsync(args: Args<'_>) -> Parsed<'_> {
    let history = at(args, 1);
    if history.len() != 40 || !history.iter().all(u8::is_ascii_hexdigit) {
        return Err(CommandError::InvalidHistory);
    }
    session(SessionCommand::Supply {
        history,
        offset: u64::try_from(integer(at(args, 2))?).map_err(|_| CommandError::NotPositive)?,
        port: port(at(args, 3))?,
    })
}

fn port(text: &[u8]) -> Result<u16, CommandError<'_>> {
    parse_integer(text)
        .and_then(|port| u16::try_from(port).ok())
        .ok_or(CommandError::InvalidPrimaryPort)
}

fn set_options(words: Args<'_>) -> Result<SetOptions, CommandError<'_>> {
    let mut options = SetOptions::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if is(word, "nx") && options.condition != Condition::IfPresent {
            options.condition = Condition::IfMissing;
        } else if is(word, "xx") && options.condition != Condition::IfMissing {
            options.condition = Condition::IfPresent;
        } else if is(word, "get") {
            options.answer = Answer::Previous;
        } else if is(word, "keepttl") && !matches!(options.lifetime, Lifetime::For(_)) {
            options.lifetime = Lifetime::Inherited;
        } else if is(word, "ex") && options.lifetime == Lifetime::Forever {
            options.lifetime = set_lifetime(words.next(), 1000)?;
        } else if is(word, "px") && options.lifetime == Lifetime::Forever {
            options.lifetime = set_lifetime(words.next(), 1)?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok(options)
}

fn set_lifetime(count: Option<&[u8]>, unit_ms: i64) -> Result<Lifetime, CommandError<'_>> {
    let count = integer(count.ok_or(CommandError::Syntax)?)?;
    match duration(count, unit_ms) {
        Some(Some(lifetime)) => Ok(Lifetime::For(lifetime)),
        Some(None) | None => Err(CommandError::InvalidExpire { name: "set" }),
    }
}

fn expire_in<'a>(args: Args<'a>, unit_ms: i64, name: &'static str) -> Parsed<'a> {
    let lifetime =
        duration(integer(at(args, 2))?, unit_ms).ok_or(CommandError::InvalidExpire { name })?;
    store(StoreCommand::Expire {
        key: at(args, 1),
        lifetime,
    })
}

/// `count` units, or an inner `None` if that is no time at all, or an outer `None` if it is longer
/// than any clock goes.
fn duration(count: i64, unit_ms: i64) -> Option<Option<Duration>> {
    let milliseconds = count
        .checked_mul(unit_ms)
        .filter(|ms| ms.unsigned_abs() <= LIFETIME_MS_MAX)?;
    let milliseconds = u64::try_from(milliseconds).unwrap_or(0);
    Some((milliseconds > 0).then(|| Duration::from_millis(milliseconds)))
}

fn integer(text: &[u8]) -> Result<i64, CommandError<'_>> {
    parse_integer(text).ok_or(CommandError::NotAnInteger)
}

/// The argument at `index`, which the arity of the command promises.
fn at(args: Args<'_>, index: usize) -> &[u8] {
    args.get(index).expect("the arity promises this argument")
}

/// Whether `word` is `lower`, in whatever case.
fn is(word: &[u8], lower: &str) -> bool {
    word.eq_ignore_ascii_case(lower.as_bytes())
}

fn store(command: StoreCommand<'_>) -> Parsed<'_> {
    Ok(Command::Store(command))
}

fn session(command: SessionCommand<'_>) -> Parsed<'_> {
    Ok(Command::Session(command))
}

/// About a hundred years: far enough for a lifetime, near enough that a deadline is a moment.
const LIFETIME_MS_MAX: u64 = 100 * 365 * 86_400 * 1000;
