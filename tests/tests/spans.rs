//! What tasks tell whoever listens to `tracing`, as tokio-console looks for it, in both worlds.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use simoom::sync::oneshot;
use simoom_sim::{Config, check};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// What was told, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Line>>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    what: &'static str,
    /// The span's number, or that of which an event speaks.
    span: u64,
    name: String,
    target: String,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl Told {
    fn push(&self, line: Line) {
        self.0.lock().unwrap().push(line);
    }
}

impl<S: Subscriber> Layer<S> for Told {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut line = Line {
            what: "new",
            span: id.into_u64(),
            name: metadata.name().to_owned(),
            target: metadata.target().to_owned(),
            fields: BTreeMap::new(),
        };
        attributes.record(&mut line);
        self.push(line);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut line = Line {
            what: "event",
            target: metadata.target().to_owned(),
            ..Line::default()
        };
        event.record(&mut line);
        let task = line.fields.get("task.id").and_then(|id| id.parse().ok());
        line.span = task.unwrap_or_default();
        self.push(line);
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.push(of("enter", id));
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.push(of("exit", id));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.push(of("close", &id));
    }
}

fn of(what: &'static str, id: &Id) -> Line {
    Line {
        what,
        span: id.into_u64(),
        ..Line::default()
    }
}

const SPAWNED: u32 = line!() + 6;

/// Two tasks, one of which waits for the test and one of which is aborted.
async fn two_tasks(told: Told) {
    let _listens = tracing::subscriber::set_default(Registry::default().with(told));
    let (say, said) = oneshot::channel::<()>();
    let waits = simoom::spawn(said);
    let never = simoom::task::spawn_local(std::future::pending::<()>());
    simoom::task::yield_now().await;
    simoom::time::sleep(std::time::Duration::from_millis(1)).await;
    say.send(()).unwrap();
    waits.await.unwrap().unwrap();
    never.abort();
    never.await.unwrap_err();
}

#[track_caller]
fn judge(told: &Told) {
    let lines = told.0.lock().unwrap().clone();
    let is_task = |line: &&Line| line.what == "new" && line.target == "tokio::task";
    let spans: Vec<_> = lines.iter().filter(is_task).collect();
    assert_eq!(spans.len(), 2, "{lines:#?}");
    for (span, kind) in spans.iter().zip(["task", "local"]) {
        assert_eq!(span.name, "runtime.spawn");
        assert_eq!(span.fields["kind"], kind);
        assert!(span.fields["loc.file"].ends_with("tests/spans.rs"));
        assert!(span.fields.contains_key("loc.col"));
        assert!(span.fields["task.id"].parse::<u64>().unwrap() > 0);
        assert!(!span.fields["task.name"].is_empty());
    }
    assert_eq!(spans[0].fields["loc.line"], SPAWNED.to_string());
    assert_ne!(spans[0].fields["task.id"], spans[1].fields["task.id"]);
    let of = |span: &Line, what: &str| -> Vec<usize> {
        let is_one = |line: &Line| line.span == span.span && line.what == what;
        (0..lines.len()).filter(|&at| is_one(&lines[at])).collect()
    };
    for span in &spans {
        let (enters, exits, closes) = (of(span, "enter"), of(span, "exit"), of(span, "close"));
        assert!(enters.len() >= 2, "it is polled and ends: {lines:#?}");
        assert_eq!(enters.len(), exits.len());
        let pairs = enters.iter().zip(&exits);
        assert!(pairs.clone().all(|(enter, exit)| enter < exit));
        assert_eq!(closes.len(), 1, "it ends once");
        assert!(exits.last() < closes.first(), "after its last poll");
    }
    // The one that waits is woken by a waker that says whose it is.
    let ops: Vec<_> = (of(spans[0], "event").into_iter())
        .filter(|&at| lines[at].target == "tokio::task::waker")
        .map(|at| lines[at].fields["op"].as_str())
        .collect();
    let wakes = ops.iter().filter(|op| op.starts_with("waker.wake"));
    assert!(wakes.count() >= 1, "{ops:?}");
    let count = |word: &str| ops.iter().filter(|&&op| op == word).count();
    // A clone ends by a wake or a drop.
    let ends = count("waker.wake") + count("waker.drop");
    assert_eq!(count("waker.clone"), ends, "{ops:?}");
}

#[test]
fn tasks_of_the_system_tell_what_tokio_console_expects() {
    let told = Told::default();
    simoom::runtime::Runtime::new()
        .unwrap()
        .block_on(two_tasks(told.clone()));
    judge(&told);
}

#[test]
fn simulated_tasks_tell_what_tokio_console_expects() {
    let config = Config::default().persist(false).seeds(1).doubled(0);
    let all: Arc<Mutex<Vec<Told>>> = Arc::default();
    let runs = all.clone();
    check(config, move |_| {
        let told = Told::default();
        runs.lock().unwrap().push(told.clone());
        two_tasks(told)
    })
    .unwrap();
    let runs = all.lock().unwrap();
    assert!(!runs.is_empty());
    runs.iter().for_each(judge);
}
