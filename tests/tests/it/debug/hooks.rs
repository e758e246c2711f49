//! The nine hooks.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use simoom::runtime::{Builder, Instrument, Spans, TaskEnd, TaskMeta};
use simoom::sync::mpsc::channel;
use simoom::task::{Id, yield_now};
use simoom::time::sleep;
use simoom_sim::{Config, check};

/// Writes down what it is told.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn say(&self, hook: &str, task: Option<&TaskMeta<'_>>) {
        let name = task.map(|task| task.name().unwrap_or("-").to_owned());
        let line = match name {
            Some(name) => format!("{hook} {name}"),
            None => hook.to_owned(),
        };
        self.0.lock().unwrap().push(line);
    }

    /// What it was told of the tasks with a name.
    fn of_named(&self) -> Vec<String> {
        let log = self.0.lock().unwrap();
        let named = log
            .iter()
            .filter(|line| line.contains(' ') && !line.ends_with(" -"));
        named.cloned().collect()
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Instrument for Log {
    fn before_run(&self) {
        self.say("before_run", None);
    }

    fn after_run(&self) {
        self.say("after_run", None);
    }

    fn task_spawned(&self, task: &TaskMeta<'_>) {
        self.say("spawned", Some(task));
    }

    fn task_scheduled(&self, task: &TaskMeta<'_>) {
        self.say("scheduled", Some(task));
    }

    fn before_task_step(&self, task: &TaskMeta<'_>) {
        self.say("before_step", Some(task));
    }

    fn after_task_step(&self, task: &TaskMeta<'_>) {
        self.say("after_step", Some(task));
    }

    fn task_exited(&self, task: &TaskMeta<'_>, how: TaskEnd) {
        self.say(&format!("exited({how:?})"), Some(task));
    }

    fn before_io_wait(&self, _timeout: Option<Duration>) {
        self.say("before_io_wait", None);
    }

    fn after_io_wait(&self, _timeout: Option<Duration>) {
        self.say("after_io_wait", None);
    }
}

fn named(name: &str) -> simoom::task::Builder<'_> {
    simoom::task::Builder::new().name(name)
}

/// A task that gives way once, and one that is aborted; then the thread waits.
async fn two_tasks() {
    let twice = named("twice").spawn(yield_now()).unwrap();
    twice.await.unwrap();
    let stopped = named("stopped").spawn(pending::<()>()).unwrap();
    yield_now().await;
    stopped.abort();
    assert!(stopped.await.unwrap_err().is_cancelled());
    sleep(Duration::from_millis(20)).await;
}

/// What is told of them, one after the other.
const OF_TWO_TASKS: &[&str] = &[
    "spawned twice",
    "scheduled twice",
    "before_step twice",
    "scheduled twice",
    "after_step twice",
    "before_step twice",
    "after_step twice",
    "exited(Returned) twice",
    "spawned stopped",
    "scheduled stopped",
    "before_step stopped",
    "after_step stopped",
    "scheduled stopped",
    "exited(Cancelled) stopped",
];

#[test]
fn dbg_8_each_hook_is_told_in_order_in_the_real_world() {
    let log = Arc::new(Log::default());
    let runtime = Builder::new_current_thread()
        .instrument(log.clone())
        .build()
        .unwrap();
    assert!(log.all().is_empty());
    runtime.block_on(two_tasks());
    assert_eq!(log.of_named(), OF_TWO_TASKS);
    let all = log.all();
    assert_eq!(all.first().unwrap(), "before_run");
    assert_eq!(all.last().unwrap(), "after_run");
    let waits = all.iter().filter(|line| line.ends_with("io_wait"));
    let waits: Vec<_> = waits.map(String::as_str).collect();
    assert!(waits.len() >= 2, "the sleep was waited for");
    for pair in waits.chunks(2) {
        assert_eq!(pair, ["before_io_wait", "after_io_wait"]);
    }
}

#[test]
fn dbg_8_each_hook_is_told_in_order_in_a_simulation() {
    let config = Config::default().seeds(1).persist(false);
    let end = Arc::new(Log::default());
    let log = end.clone();
    check(config, move |sim| {
        let log = log.clone();
        async move {
            log.0.lock().unwrap().clear();
            sim.instrument(log.clone());
            // Which is polled in its turn, and never for nothing.
            let twice = named("twice")
                .spawn(sleep(Duration::from_millis(2)))
                .unwrap();
            twice.await.unwrap();
            let told = log.of_named();
            assert_eq!(told.first().unwrap(), "spawned twice");
            assert_eq!(told[1], "scheduled twice");
            assert_eq!(told.last().unwrap(), "exited(Returned) twice");
            let steps = |hook| told.iter().filter(|line| line.starts_with(hook)).count();
            assert_eq!(steps("before_step"), steps("after_step"));
            assert!(steps("before_step") >= 2);
            let stopped = named("stopped").spawn(pending::<()>()).unwrap();
            sleep(Duration::from_millis(1)).await;
            stopped.abort();
            stopped.await.unwrap_err();
            assert_eq!(log.of_named().last().unwrap(), "exited(Cancelled) stopped");
            let all = log.all();
            assert_eq!(all.first().unwrap(), "before_run");
            let before = all.iter().position(|line| line == "before_io_wait");
            let after = all.iter().position(|line| line == "after_io_wait");
            assert!(before.unwrap() < after.unwrap());
            assert!(!all.contains(&"after_run".to_owned()));
        }
    })
    .unwrap();
    assert_eq!(end.all().last().unwrap(), "after_run");
}

/// What a run of tasks that get into each other's way is told as, and the run itself.
fn told_of_a_storm(seed: u64, instrumented: bool) -> (Vec<String>, Vec<u64>) {
    let log = Arc::new(Log::default());
    let order = Arc::new(Mutex::new(Vec::new()));
    let (told, seen) = (log.clone(), order.clone());
    let config = Config::default().seed(seed).persist(false);
    check(config, move |sim| {
        let (log, order) = (log.clone(), order.clone());
        async move {
            order.lock().unwrap().clear();
            log.0.lock().unwrap().clear();
            if instrumented {
                sim.instrument(log);
            }
            let (send, mut receive) = channel(1);
            let tasks: Vec<_> = (0..4)
                .map(|number| {
                    let send = send.clone();
                    named("sender")
                        .spawn(async move {
                            for _ in 0..4 {
                                send.send(number).await.unwrap();
                            }
                        })
                        .unwrap()
                })
                .collect();
            drop(send);
            while let Some(number) = receive.recv().await {
                order.lock().unwrap().push(number);
            }
            for task in tasks {
                task.await.unwrap();
            }
        }
    })
    .unwrap();
    (told.all(), seen.lock().unwrap().clone())
}

#[test]
fn dbg_8_hooks_of_a_simulation_are_repeated_by_its_seed_and_change_nothing() {
    let mut orders = std::collections::BTreeSet::new();
    for seed in 1..9 {
        let (told, order) = told_of_a_storm(seed, true);
        assert!(told.len() > 30);
        assert_eq!(told_of_a_storm(seed, true), (told, order.clone()));
        assert_eq!(told_of_a_storm(seed, false), (Vec::new(), order.clone()));
        orders.insert(order);
    }
    assert!(orders.len() > 1, "the seeds make a difference");
}

#[test]
fn dbg_8_a_hook_knows_the_task() {
    /// The name, the line, and the text.
    type Told = (Option<String>, u32, String);

    #[derive(Default)]
    struct Known(Mutex<BTreeMap<Id, Told>>);
    impl Instrument for Known {
        fn task_spawned(&self, task: &TaskMeta<'_>) {
            let name = task.name().map(str::to_owned);
            let said = (name, task.spawned_at().line(), task.to_string());
            self.0.lock().unwrap().insert(task.id(), said);
        }
    }
    let known = Arc::new(Known::default());
    let runtime = Builder::new_current_thread()
        .instrument(known.clone())
        .build()
        .unwrap();
    let (line, id) = runtime.block_on(async {
        let task = named("greeter").spawn(async {});
        let line = line!() - 1;
        (line, task.unwrap().id())
    });
    let known = known.0.lock().unwrap();
    let (name, at, text) = &known[&id];
    assert_eq!(name.as_deref(), Some("greeter"));
    assert_eq!(*at, line);
    assert!(
        text.starts_with(&format!("task {id} (greeter), spawned at ")),
        "{text}"
    );
}

#[test]
fn dbg_8_tasks_of_other_threads_and_those_left_at_the_end_are_told_too() {
    let log = Arc::new(Log::default());
    let runtime = Builder::new_current_thread()
        .instrument(log.clone())
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    let from_there = std::thread::spawn(move || {
        let task = named("foreign");
        task.spawn_on(async {}, &handle).unwrap()
    });
    let from_there = from_there.join().unwrap();
    runtime.block_on(async {
        from_there.await.unwrap();
        drop(named("left").spawn(pending::<()>()).unwrap());
        yield_now().await;
    });
    assert!(!log.all().contains(&"exited(Cancelled) left".to_owned()));
    drop(runtime);
    let told = log.of_named();
    assert_eq!(told[..2], ["spawned foreign", "scheduled foreign"]);
    assert_eq!(told.last().unwrap(), "exited(Cancelled) left");
}

#[test]
fn dbg_8_an_instrument_that_panics_is_told_nothing_more_and_the_others_are() {
    struct Broken(AtomicUsize);
    impl Instrument for Broken {
        fn before_task_step(&self, _task: &TaskMeta<'_>) {
            self.0.fetch_add(1, Relaxed);
            panic!("broken");
        }
    }
    let (broken, log) = (
        Arc::new(Broken(AtomicUsize::new(0))),
        Arc::new(Log::default()),
    );
    let runtime = Builder::new_current_thread()
        .instrument(broken.clone())
        .instrument(log.clone())
        .build()
        .unwrap();
    runtime.block_on(two_tasks());
    assert_eq!(broken.0.load(Relaxed), 1);
    assert_eq!(log.of_named(), OF_TWO_TASKS);
}

#[test]
fn dbg_8_tokios_closures_are_hooks_too() {
    let counts: Arc<[AtomicU64; 6]> = Arc::default();
    let count = |index: usize| {
        let counts = counts.clone();
        move || {
            counts[index].fetch_add(1, Relaxed);
        }
    };
    let of_task = |index: usize| {
        let count = count(index);
        move |task: &TaskMeta<'_>| {
            assert!(task.name().is_some());
            count();
        }
    };
    let runtime = Builder::new_current_thread()
        .on_task_spawn(of_task(0))
        .on_before_task_poll(of_task(1))
        .on_after_task_poll(of_task(2))
        .on_task_terminate(of_task(3))
        .on_thread_park(count(4))
        .on_thread_unpark(count(5))
        .build()
        .unwrap();
    runtime.block_on(two_tasks());
    let counts: Vec<_> = counts.iter().map(|it| it.load(Relaxed)).collect();
    assert_eq!(counts[..4], [2, 3, 3, 2]);
    assert!(counts[4] >= 1);
    assert_eq!(counts[4], counts[5]);
}

/// Is told of spans: their names, when they begin, are entered and end.
struct Subscriber(
    Arc<Mutex<Vec<String>>>,
    AtomicU64,
    Mutex<BTreeMap<u64, &'static str>>,
);

impl tracing::Subscriber for Subscriber {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "simoom"
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let number = self.1.fetch_add(1, Relaxed) + 1;
        let name = span.metadata().name();
        self.2.lock().unwrap().insert(number, name);
        self.0.lock().unwrap().push(format!("new {name}"));
        tracing::span::Id::from_u64(number)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.0.lock().unwrap().push(format!("record {values:?}"));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(format!("event {event:?}"));
    }

    fn enter(&self, span: &tracing::span::Id) {
        let name = self.2.lock().unwrap()[&span.into_u64()];
        self.0.lock().unwrap().push(format!("enter {name}"));
    }

    fn exit(&self, span: &tracing::span::Id) {
        let name = self.2.lock().unwrap()[&span.into_u64()];
        self.0.lock().unwrap().push(format!("exit {name}"));
    }
}

#[test]
fn dbg_8_spans_stand_for_tasks_and_their_steps() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let subscriber = Subscriber(told.clone(), AtomicU64::new(0), Mutex::default());
    tracing::subscriber::with_default(subscriber, || {
        let runtime = Builder::new_current_thread()
            .instrument(Arc::new(Spans::default()))
            .build()
            .unwrap();
        runtime.block_on(async {
            named("one").spawn(async {}).unwrap().await.unwrap();
            sleep(Duration::from_millis(20)).await;
        });
    });
    let told = told.lock().unwrap();
    let spans: Vec<_> = told.iter().filter(|it| !it.starts_with("event")).collect();
    let expected = ["new run", "new task", "new step", "enter step", "exit step"];
    assert_eq!(spans[..5], expected, "{told:#?}");
    assert!(
        spans[5].starts_with("record") && spans[5].contains("returned"),
        "{told:#?}"
    );
    assert_eq!(
        spans[6..9],
        ["new io_wait", "enter io_wait", "exit io_wait"],
        "{told:#?}"
    );
}
