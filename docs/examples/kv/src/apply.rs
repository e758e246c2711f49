//! What a store command does to the store, and what it answers.
//!
//! Never waits: the caller holds the store. Knows nothing of connections.

use std::time::Duration;

use simoom::time::Instant;

use crate::command::{Answer, Condition, Lifetime, SetOptions, StoreCommand, TtlUnit};
use crate::resp::{Args, Replies};
use crate::store::{End, Kind, Store, Ttl, Until};

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
            StoreCommand::Get { key } => match store.string(key, now) {
                Ok(value) => replies.bulk_or_null(value),
                Err(error) => replies.error(error),
            },
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
                Err(error) => replies.error(error),
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
                replies.simple(store.kind(key, now).map_or("none", Kind::name));
            }
            StoreCommand::Count => {
                replies.integer(i64::try_from(store.len(now)).unwrap_or(i64::MAX));
            }
            StoreCommand::Clear => {
                store.clear(now);
                replies.simple("OK");
            }
            StoreCommand::Push { key, end, values } => {
                match store.push(key, end, values.iter(), now) {
                    Ok(len) => replies.integer(i64::try_from(len).unwrap_or(i64::MAX)),
                    Err(error) => replies.error(error),
                }
            }
            StoreCommand::Pop {
                key,
                end,
                count: None,
            } => match store.pop(key, end, now) {
                Ok(value) => replies.bulk_or_null(value.as_deref()),
                Err(error) => replies.error(error),
            },
            StoreCommand::Pop {
                key,
                end,
                count: Some(count),
            } => self.pop_many(key, end, count),
            StoreCommand::Range { key, start, stop } => self.range(key, start, stop),
            StoreCommand::Length { key } => match store.elements(key, now) {
                Ok(elements) => {
                    replies.integer(i64::try_from(elements.len()).unwrap_or(i64::MAX));
                }
                Err(error) => replies.error(error),
            },
        }
    }

    fn pop_many(&mut self, key: &[u8], end: End, count: usize) {
        let (now, max) = (self.now, self.reply_bytes_max);
        let (count, bytes) = match self.store.elements(key, now) {
            Err(error) => return self.replies.error(error),
            Ok(elements) if elements.len() == 0 => return self.replies.null_array(),
            Ok(elements) => {
                let count = count.min(elements.len());
                let bytes = |elements: &mut dyn Iterator<Item = &[u8]>| -> usize {
                    elements.take(count).map(<[u8]>::len).sum()
                };
                (
                    count,
                    match end {
                        End::Front => bytes(&mut elements.into_iter()),
                        End::Back => bytes(&mut elements.rev()),
                    },
                )
            }
        };
        // Nothing is taken that cannot be sent.
        if bytes > max {
            return self.too_large();
        }
        self.replies.array(count);
        for _ in 0..count {
            let value = self.store.pop(key, end, now).ok().flatten();
            self.replies.bulk_or_null(value.as_deref());
        }
    }

    fn range(&mut self, key: &[u8], start: i64, stop: i64) {
        let begin = self.replies.len();
        let elements = match self.store.elements(key, self.now) {
            Ok(elements) => elements,
            Err(error) => return self.replies.error(error),
        };
        let (skipped, taken) = span(elements.len(), start, stop);
        self.replies.array(taken);
        let mut elements = elements.skip(skipped).take(taken);
        let fits = elements.all(|element| {
            self.replies.bulk(element);
            self.replies.len() - begin <= self.reply_bytes_max
        });
        drop(elements);
        if !fits {
            self.replies.truncate(begin);
            self.too_large();
        }
    }

    fn too_large(&mut self) {
        let max = self.reply_bytes_max;
        self.replies
            .error(format_args!("ERR reply larger than {max} bytes"));
    }

    fn set(&mut self, key: &[u8], value: &[u8], options: SetOptions) {
        let Self {
            store,
            now,
            replies,
            ..
        } = self;
        let now = *now;
        let is_there = store.contains(key, now);
        let previous = match store.string(key, now) {
            Err(error) if options.answer == Answer::Previous => return replies.error(error),
            previous => previous.unwrap_or_default(),
        };
        let wanted = match options.condition {
            Condition::Always => true,
            Condition::IfMissing => !is_there,
            Condition::IfPresent => is_there,
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
                return self.too_large();
            }
        }
    }
}

fn count(keys: Args<'_>, mut counts: impl FnMut(&[u8]) -> bool) -> i64 {
    keys.iter().map(|key| i64::from(counts(key))).sum()
}

/// How many elements of `len` to skip and how many to take, to have those from `start` to `stop`.
fn span(len: usize, start: i64, stop: i64) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |index: i64| if index < 0 { len + index } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop {
        return (0, 0);
    }
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    (count(start), count(stop - start + 1))
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
