//! Requests that make no sense.

use std::fmt;

use crate::resp::Args;

/// Why a request is no command.
///
/// Displayed as the whole text of the error reply, in the words that a Redis server uses.
///
/// # Examples
/// ```
/// use kv::command::CommandError;
///
/// let error = CommandError::WrongArity { name: "get" };
/// assert_eq!(error.to_string(), "ERR wrong number of arguments for 'get' command");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the sentence of a variant names its fields")]
pub enum CommandError<'a> {
    /// No command has this name.
    UnknownCommand { args: Args<'a> },
    /// A browser is speaking: its request line or its first header arrived as a command. It may
    /// be tricked into sending more, so the connection must be closed.
    Http,
    /// The command has no such subcommand.
    UnknownSubcommand {
        command: &'static str,
        name: &'a [u8],
    },
    /// The command takes more or fewer arguments.
    WrongArity { name: &'static str },
    /// The command takes other arguments.
    Syntax,
    /// An argument should be a number that fits 64 bits.
    NotAnInteger,
    /// The negation of this decrement does not fit 64 bits.
    DecrementOverflow,
    /// A lifetime is zero, negative or longer than the clock goes.
    InvalidExpire { name: &'static str },
    /// How long to wait is no number.
    TimeoutNotAFloat,
    /// How long to wait is less than nothing.
    TimeoutNegative,
    /// How long to wait is longer than the clock goes.
    TimeoutOutOfRange,
    /// How long to wait is no whole number.
    TimeoutNotAnInteger,
    /// A count is no number, or negative.
    NotPositive,
    /// There is no database but 0.
    NoSuchDatabase,
    /// A name of a connection holds a space or a character that does not print.
    InvalidClientName,
    /// A port is no number, or too large.
    InvalidPrimaryPort,
    /// The name of a history is none.
    InvalidHistory,
}

impl fmt::Display for CommandError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ERR ")?;
        match self {
            Self::UnknownCommand { args } => fmt_unknown(f, *args),
            Self::Http => f.write_str("this is not an HTTP server"),
            Self::UnknownSubcommand { command, name } => write!(
                f,
                "unknown subcommand '{}'. Try {} HELP.",
                Quoted::new(name),
                command.to_ascii_uppercase()
            ),
            Self::WrongArity { name } => {
                write!(f, "wrong number of arguments for '{name}' command")
            }
            Self::Syntax => f.write_str("syntax error"),
            Self::NotAnInteger => f.write_str("value is not an integer or out of range"),
            Self::DecrementOverflow => f.write_str("decrement would overflow"),
            Self::InvalidExpire { name } => write!(f, "invalid expire time in '{name}' command"),
            Self::TimeoutNotAFloat => f.write_str("timeout is not a float or out of range"),
            Self::TimeoutNegative => f.write_str("timeout is negative"),
            Self::TimeoutOutOfRange => f.write_str("timeout is out of range"),
            Self::TimeoutNotAnInteger => f.write_str("timeout is not an integer or out of range"),
            Self::InvalidPrimaryPort => f.write_str("Invalid master port"),
            Self::InvalidHistory => f.write_str("a history has 40 hexadecimal digits"),
            Self::NotPositive => f.write_str("value is out of range, must be positive"),
            Self::NoSuchDatabase => f.write_str("DB index is out of range"),
            Self::InvalidClientName => {
                f.write_str("Client names cannot contain spaces, newlines or special characters.")
            }
        }
    }
}

impl std::error::Error for CommandError<'_> {}

fn fmt_unknown(f: &mut fmt::Formatter<'_>, args: Args<'_>) -> fmt::Result {
    let name = Quoted::new(args.get(0).unwrap_or_default());
    write!(f, "unknown command '{name}', with args beginning with: ")?;
    let mut left = QUOTED_BYTES_MAX;
    for arg in args.skip(1).iter() {
        if left == 0 {
            break;
        }
        let arg = &arg[..arg.len().min(left)];
        left -= arg.len();
        left = left.saturating_sub("'' ".len());
        write!(f, "'{}' ", Quoted(arg))?;
    }
    Ok(())
}

/// Bytes that a peer sent, short enough to send back. What is not UTF-8 is replaced.
struct Quoted<'a>(&'a [u8]);

impl<'a> Quoted<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(&bytes[..bytes.len().min(QUOTED_BYTES_MAX)])
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0))
    }
}

/// How much of a mistake is quoted to the one who made it.
const QUOTED_BYTES_MAX: usize = 128;
