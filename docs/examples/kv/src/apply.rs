//! What a store command does to the store, and what it answers.
//!
//! Never waits: the caller holds the store. Knows nothing of connections.

use std::time::Duration;

use simoom::time::Instant;

use crate::command::{Answer, Condition, Lifetime, SetOptions, StoreCommand, TtlUnit};
use crate::resp::{Args, Replies};
use crate::store::{Store, Ttl, Until};

/// What a store command needs beside its arguments.
pub(crate) struct Apply<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) now: Instant,
    pub(crate) replies: &'a mut Replies,
    /// How many bytes one reply may take.
    pub(crate) reply_bytes_max: usize,
}

impl Apply<'_> {
    pub(crate) fn apply(&mut self, command: StoreCommand<'_>) {
        let Self {
            store,
            now,
            replies,
            ..
        } = self;
        let now = *now;
        match command {
            StoreCommand::Get { key } => replies.bulk_or_null(store.get(key, now)),
            StoreCommand::Set {
                key,
                value,
                options,
            } => self.set(key, value, options),
            StoreCommand::GetMany { keys } => self.get_many(keys),
            StoreCommand::SetMany { pairs } => {
                for (key, value) in pairs.pairs() {
                    store.set(key, value, Until::Forever, now);
                }
                replies.simple("OK");
            }
            StoreCommand::Add { key, delta } => match store.add(key, delta, now) {
                Ok(sum) => replies.integer(sum),
                Err(error) => replies.error(format_args!("ERR {error}")),
            },
            StoreCommand::Delete { keys } => {
                replies.integer(count(keys, |key| store.remove(key, now)));
            }
            StoreCommand::Exists { keys } => {
                replies.integer(count(keys, |key| store.contains(key, now)));
            }
            StoreCommand::Expire {
                key,
                lifetime: Some(lifetime),
            } => {
                replies.integer(store.expire(key, now + lifetime, now).into());
            }
            StoreCommand::Expire {
                key,
                lifetime: None,
            } => {
                replies.integer(store.remove(key, now).into());
            }
            StoreCommand::Persist { key } => replies.integer(store.persist(key, now).into()),
            StoreCommand::Ttl { key, unit } => {
                replies.integer(ttl_number(store.ttl(key, now), unit));
            }
            StoreCommand::Type { key } => {
                replies.simple(if store.contains(key, now) {
                    "string"
                } else {
                    "none"
                });
            }
            StoreCommand::Count => {
                replies.integer(i64::try_from(store.len(now)).unwrap_or(i64::MAX));
            }
            StoreCommand::Clear => {
                store.clear();
                replies.simple("OK");
            }
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: SetOptions) {
        let Self {
            store,
            now,
            replies,
            ..
        } = self;
        let now = *now;
        let previous = store.get(key, now);
        let wanted = match options.condition {
            Condition::Always => true,
            Condition::IfMissing => previous.is_none(),
            Condition::IfPresent => previous.is_some(),
        };
        match options.answer {
            Answer::Previous => replies.bulk_or_null(previous),
            Answer::Done if wanted => replies.simple("OK"),
            Answer::Done => replies.null(),
        }
        if wanted {
            let until = match options.lifetime {
                Lifetime::Forever => Until::Forever,
                Lifetime::Inherited => Until::Inherited,
                Lifetime::For(lifetime) => Until::At(now + lifetime),
            };
            store.set(key, value, until, now);
        }
    }

    /// Answers with the values, unless they are too many bytes: a request may name one large
    /// value any number of times.
    fn get_many(&mut self, keys: Args<'_>) {
        let start = self.replies.len();
        self.replies.array(keys.len());
        for key in keys.iter() {
            self.replies.bulk_or_null(self.store.get(key, self.now));
            if self.replies.len() - start > self.reply_bytes_max {
                self.replies.truncate(start);
                let max = self.reply_bytes_max;
                self.replies
                    .error(format_args!("ERR reply larger than {max} bytes"));
                return;
            }
        }
    }
}

fn count(keys: Args<'_>, mut counts: impl FnMut(&[u8]) -> bool) -> i64 {
    keys.iter().map(|key| i64::from(counts(key))).sum()
}

fn ttl_number(ttl: Ttl, unit: TtlUnit) -> i64 {
    let left = match ttl {
        Ttl::Missing => return -2,
        Ttl::Forever => return -1,
        Ttl::Left(left) => left,
    };
    let number = match unit {
        TtlUnit::Seconds => (left + Duration::from_millis(500)).as_secs().into(),
        TtlUnit::Milliseconds => left.as_millis(),
    };
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
