//! Assertions in production: nothing but a line of the log.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use simoom::{
    assert_always, assert_always_less_than, assert_always_some, assert_reachable, assert_sometimes,
    assert_sometimes_all, assert_sometimes_greater_than, assert_unreachable,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps events as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0.push_str(&format!(" {}={value:?}", field.name()));
            }
        }
        assert_eq!(*event.metadata().level(), Level::ERROR);
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What is logged while `run` runs.
fn logged(run: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), run);
    let lines = log.0.lock().unwrap();
    lines.clone()
}

#[test]
fn what_does_not_hold_is_logged_and_the_program_goes_on() {
    let line = line!() + 3;
    let lines = logged(|| {
        let stock = 5;
        assert_always!(stock > 7, "there is enough", "of {stock}");
        assert_always_less_than!(stock, 5, "there is room");
        assert_unreachable!("nobody comes here");
        assert_always_some!({many: stock > 7, none: stock == 0}, "it is one of these", "{stock}");
    });
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let expected = format!(
        "simoom::assertion message=assertion does not hold: there is enough rule=always \
         module=\"assertions\" file=\"runtime/tests/assertions.rs\" line={line} detail=of 5"
    );
    assert_eq!(lines[0], expected);
    assert!(lines[1].contains("there is room"), "{lines:#?}");
    assert!(lines[1].contains("numbers=(5, 5)"), "{lines:#?}");
    assert!(lines[2].contains("rule=unreachable"), "{lines:#?}");
    assert!(
        lines[3].ends_with("detail=none of many, none: 5"),
        "{lines:#?}"
    );
}

#[test]
fn what_holds_is_not_logged_nor_its_detail_written() {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    struct Costly;
    impl fmt::Display for Costly {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let lines = logged(|| {
        assert_always!(true, "it holds", "{}", Costly);
        assert_always_less_than!(1, 2, "so does this", "{}", Costly);
    });
    assert!(lines.is_empty(), "{lines:#?}");
    assert_eq!(WRITTEN.load(Ordering::Relaxed), 0);
}

#[test]
fn a_condition_is_evaluated_once_where_it_is_to_hold_always_and_not_otherwise() {
    let evaluated = AtomicU32::new(0);
    let count = |value: u32| {
        evaluated.fetch_add(1, Ordering::Relaxed);
        value
    };
    let rt = simoom::runtime::Runtime::new().unwrap();
    let lines = logged(|| {
        rt.block_on(async {
            assert_always!(count(1) == 1, "once");
            assert_always_less_than!(count(1), count(2), "each once");
            assert_sometimes!(count(1) == 2, "not in production");
            assert_sometimes_greater_than!(count(1), count(2), "nor this");
            assert_sometimes_all!({one: count(1) == 1, two: count(1) == 1}, "nor these");
            assert_reachable!("nothing to evaluate");
        });
    });
    assert!(lines.is_empty(), "{lines:#?}");
    assert_eq!(evaluated.load(Ordering::Relaxed), 3);
}
