//! What each store command answers, and under which conditions it changes anything.

use std::time::Duration;

use simoom::time::Instant;

use super::Apply;
use crate::command::Command;
use crate::resp::{Limits, Replies, RequestDecoder};
use crate::store::Store;

/// A store that is spoken to in the words of inline requests.
#[derive(Default)]
struct Told {
    store: Store,
    now_ms: u64,
}

impl Told {
    #[track_caller]
    fn check(&mut self, line: &str, expected: &str) {
        let mut decoder = RequestDecoder::new(Limits::default());
        decoder
            .space()
            .extend_from_slice(format!("{line}\n").as_bytes());
        let args = decoder.next_request().unwrap().unwrap();
        let Ok(Command::Store(command)) = Command::parse(args) else {
            panic!("{line} is no store command");
        };
        let mut replies = Replies::new();
        let now = Instant::from_nanos(0) + Duration::from_millis(self.now_ms);
        Apply {
            store: &mut self.store,
            now,
            replies: &mut replies,
            reply_bytes_max: 100,
        }
        .apply(command);
        let reply = String::from_utf8_lossy(replies.as_bytes()).replace("\r\n", " ");
        assert_eq!(reply.trim_end(), expected, "{line}");
    }
}

#[test]
fn set_obeys_its_condition_and_tells_what_it_was_asked_for() {
    let mut told = Told::default();
    told.check("set a 1 xx", "$-1");
    told.check("set a 1 nx", "+OK");
    told.check("set a 2 nx", "$-1");
    told.check("get a", "$1 1");
    told.check("set a 2 xx", "+OK");
    told.check("set a 3 get", "$1 2");
    told.check("set a 4 nx get", "$1 3");
    told.check("get a", "$1 3");
    told.check("set b 1 get", "$-1");
    told.check("set c 1 xx get", "$-1");
    told.check("exists a b c", ":2");
}

#[test]
fn lifetimes_are_told_in_seconds_and_milliseconds() {
    let mut told = Told::default();
    told.check("set a 1 ex 10", "+OK");
    told.check("ttl a", ":10");
    told.now_ms = 1400;
    told.check("ttl a", ":9");
    told.check("pttl a", ":8600");
    told.now_ms = 1600;
    told.check("ttl a", ":8");
    told.check("persist a", ":1");
    told.check("persist a", ":0");
    told.check("ttl a", ":-1");
    told.check("ttl missing", ":-2");
    told.check("pttl missing", ":-2");
    told.check("pexpire a 100", ":1");
    told.now_ms = 1699;
    told.check("type a", "+string");
    told.now_ms = 1700;
    told.check("type a", "+none");
    told.check("expire a 5", ":0");
    told.check("set a 1", "+OK");
    told.check("expire a 0", ":1");
    told.check("get a", "$-1");
}

#[test]
fn several_keys_are_handled_in_order() {
    let mut told = Told::default();
    told.check("mset a 1 b 2 a 3", "+OK");
    told.check("mget a b c", "*3 $1 3 $1 2 $-1");
    told.check("exists a a c", ":2");
    told.check("dbsize", ":2");
    told.check("del a a b c", ":2");
    told.check("dbsize", ":0");
    told.check("set a 1", "+OK");
    told.check("flushall", "+OK");
    told.check("dbsize", ":0");
}

#[test]
fn numbers_are_counted() {
    let mut told = Told::default();
    told.check("incr n", ":1");
    told.check("incrby n 10", ":11");
    told.check("decr n", ":10");
    told.check("decrby n 3", ":7");
    told.check("set n x", "+OK");
    told.check("incr n", "-ERR value is not an integer or out of range");
    told.check("set n 9223372036854775807", "+OK");
    told.check("incr n", "-ERR increment or decrement would overflow");
}

#[test]
fn a_reply_beyond_its_limit_is_an_error() {
    let mut told = Told::default();
    told.check(&format!("set a {}", "v".repeat(40)), "+OK");
    let value = "v".repeat(40);
    told.check("mget a a", &format!("*2 $40 {value} $40 {value}"));
    told.check("mget a a a", "-ERR reply larger than 100 bytes");
    told.check("get a", &format!("$40 {value}"));
}
