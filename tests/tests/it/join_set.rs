//! Tasks that are waited for together, and values that a task has.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::panic::catch_unwind;
use std::rc::Rc;
use std::task::Poll;

use simoom::runtime::Handle;
use simoom::sync::{Notify, oneshot};
use simoom::task::{self, JoinSet, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);

simoom::task_local! {
    /// Whom something is for.
    static USER: String;
    static DEPTH: Cell<u32>
}

/// Looks at the value when it is dropped.
struct Looks(Rc<Cell<u32>>);

impl Drop for Looks {
    fn drop(&mut self) {
        self.0.set(DEPTH.with(Cell::get));
    }
}

both! {
    async fn tasks_are_returned_as_they_end() {
        let mut set = JoinSet::new();
        for number in [3_u32, 1, 2] {
            set.spawn(async move {
                sleep(number * 20 * MS).await;
                number
            });
        }
        assert_eq!(set.len(), 3);
        for number in 1..=3 {
            assert_eq!(set.join_next().await.unwrap().unwrap(), number);
        }
        assert!(set.is_empty());
        assert!(set.join_next().await.is_none());
    }

    async fn tasks_that_have_ended_are_returned_too() {
        let mut set = JoinSet::new();
        let ids = [(); 3].map(|()| set.spawn(async {}).id());
        settle().await;
        let mut seen = Vec::new();
        while let Some(ended) = set.join_next_with_id().await {
            seen.push(ended.unwrap().0);
        }
        seen.sort();
        assert_eq!(seen, ids);
    }

    async fn a_set_says_what_came_of_a_task() {
        let mut set = JoinSet::new();
        let stop = set.spawn(pending::<()>());
        stop.abort();
        let error = set.join_next().await.unwrap().unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.id(), stop.id());
        let stop = set.spawn(pending::<()>());
        stop.cancel_with("too late");
        let error = set.join_next_with_id().await.unwrap().unwrap_err();
        assert_eq!(error.cancel_reason(), Some("too late"));
    }

    async fn trying_takes_what_has_ended() {
        let mut set = JoinSet::new();
        let (go, gone) = oneshot::channel::<()>();
        set.spawn(async move { drop(gone.await) });
        settle().await;
        assert!(set.try_join_next().is_none());
        go.send(()).unwrap();
        settle().await;
        assert!(set.try_join_next_with_id().unwrap().is_ok());
        assert!(set.try_join_next().is_none());
        assert!(set.is_empty());
    }

    async fn a_wait_that_is_dropped_takes_nothing() {
        let mut set = JoinSet::new();
        let ready = Rc::new(Notify::new());
        let go = ready.clone();
        set.spawn_local(async move { go.notified().await });
        assert!(timeout(MS, set.join_next()).await.is_err());
        ready.notify_one();
        settle().await;
        // Polled by hand, as often as others are to go first.
        let ended = poll_fn(|cx| set.poll_join_next(cx)).await;
        ended.unwrap().unwrap();
        let none = poll_fn(|cx| match set.poll_join_next_with_id(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.is_none()),
            Poll::Pending => Poll::Pending,
        });
        assert!(none.await);
    }

    async fn dropping_a_set_aborts_its_tasks() {
        let flags = [(); 2].map(|()| DropFlag::default());
        let mut set = JoinSet::new();
        for flag in &flags {
            let held = flag.guard();
            set.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
        }
        settle().await;
        assert!(flags.iter().all(|flag| !flag.is_set()));
        drop(set);
        settle().await;
        assert!(flags.iter().all(DropFlag::is_set));
    }

    async fn detached_tasks_run_on() {
        let (send, receive) = oneshot::channel();
        let mut set = JoinSet::new();
        set.spawn(async move {
            sleep(MS).await;
            send.send(5).unwrap();
        });
        set.detach_all();
        assert!(set.is_empty());
        assert!(set.join_next().await.is_none());
        set.spawn(async {});
        drop(set);
        assert_eq!(receive.await, Ok(5));
    }

    async fn a_shut_down_set_waits_for_its_tasks() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let mut set = JoinSet::new();
        set.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        settle().await;
        set.shutdown().await;
        assert!(flag.is_set());
        assert!(set.is_empty());
    }

    async fn a_set_takes_every_sort_of_task() {
        let handle = Handle::current();
        let mut set = JoinSet::new();
        set.spawn(async { 1 });
        set.spawn_on(async { 2 }, &handle);
        set.spawn_local(async { *Rc::new(3) });
        set.spawn_blocking(|| 4);
        set.spawn_blocking_on(|| 5, &handle);
        let names = [
            set.build_task().name("6").spawn(async { 6 }).unwrap(),
            set.build_task().name("7").spawn_on(async { 7 }, &handle).unwrap(),
            set.build_task().name("8").spawn_local(async { 8 }).unwrap(),
            set.build_task().name("9").spawn_blocking(|| 9).unwrap(),
            set.build_task().name("10").spawn_blocking_on(|| 10, &handle).unwrap(),
        ];
        let names: Vec<_> = names.iter().filter_map(|task| task.name()).collect();
        assert_eq!(names, ["6", "7", "8", "9", "10"]);
        let mut all = set.join_all().await;
        all.sort_unstable();
        assert_eq!(all, (1..=10).collect::<Vec<_>>());
    }

    async fn futures_are_collected_into_a_set() {
        let mut set: JoinSet<_> = (0..3).map(|number| async move { number }).collect();
        set.extend([3, 4].map(|number| async move { number }));
        let mut all = set.join_all().await;
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert!(JoinSet::<u8>::default().join_all().await.is_empty());
    }

    async fn a_value_is_there_in_its_scope() {
        assert!(USER.try_get().is_err());
        let seen = USER.scope("ann".to_owned(), async {
            let before = USER.get();
            yield_now().await;
            let inner = USER.scope("bob".to_owned(), async { USER.get() }).await;
            // What is spawned is not inside.
            let spawned = simoom::spawn(async { USER.try_get().is_ok() });
            (before, inner, spawned.await.unwrap(), USER.get())
        });
        let task = simoom::spawn(seen);
        let (before, inner, spawned, after) = task.await.unwrap();
        assert_eq!((&*before, &*inner, spawned, &*after), ("ann", "bob", false, "ann"));
        assert!(USER.try_with(String::len).is_err());
    }

    async fn tsk_11_each_task_has_its_own() {
        let tasks = [1, 2, 3].map(|number| {
            let task = DEPTH.scope(Cell::new(number), async {
                for _ in 0..3 {
                    DEPTH.with(|depth| depth.set(depth.get() * 2));
                    yield_now().await;
                }
                DEPTH.with(Cell::get)
            });
            simoom::spawn(task)
        });
        for (number, task) in [1, 2, 3].into_iter().zip(tasks) {
            assert_eq!(task.await.unwrap(), number * 8);
        }
    }

    async fn a_value_is_there_while_its_future_is_dropped() {
        let seen = Rc::new(Cell::new(0));
        let looks = Looks(seen.clone());
        let mut scope = Box::pin(DEPTH.scope(Cell::new(7), async move {
            let _looks = looks;
            pending::<()>().await;
        }));
        assert!(timeout(MS, scope.as_mut()).await.is_err());
        drop(scope);
        assert_eq!(seen.get(), 7);
        let seen = Rc::new(Cell::new(0));
        let looks = Looks(seen.clone());
        let mut scope = Box::pin(DEPTH.scope(Cell::new(8), async move { drop(looks) }));
        scope.as_mut().await;
        assert_eq!(seen.get(), 8);
        assert_eq!(scope.as_mut().take_value().unwrap().get(), 8);
        assert!(scope.as_mut().take_value().is_none());
    }

    async fn a_value_is_there_without_a_future() {
        let seen = DEPTH.sync_scope(Cell::new(1), || {
            DEPTH.sync_scope(Cell::new(2), || DEPTH.with(Cell::get)) + DEPTH.with(Cell::get)
        });
        assert_eq!(seen, 3);
        let payload = catch_unwind(|| drop(USER.get())).unwrap_err();
        let text = panic_text(&*payload);
        assert!(text.contains("outside of its scope"), "{text}");
        let payload = catch_unwind(|| {
            USER.sync_scope("ann".to_owned(), || {
                USER.with(|_| USER.sync_scope("bob".to_owned(), || ()));
            });
        });
        let text = panic_text(&*payload.unwrap_err());
        assert!(text.contains("inside of a look at it"), "{text}");
        assert!(USER.try_get().is_err(), "a panic takes the value away");
        assert_eq!(
            USER.try_get().unwrap_err().to_string(),
            "the task-local value is not set here"
        );
        assert!(task::try_id().is_none() || USER.try_get().is_err());
    }
}

#[test]
fn a_task_that_has_ended_when_it_comes_is_heard_of() {
    simoom_tests::real(async || {
        // What is spawned into a runtime that is gone is cancelled at once.
        let gone = simoom::runtime::Runtime::new().unwrap();
        let handle = gone.handle().clone();
        gone.shutdown_background();
        let mut set = JoinSet::new();
        set.spawn(std::future::pending::<u32>());
        let mut is_first = true;
        let ended = std::future::poll_fn(|cx| {
            let polled = set.poll_join_next(cx);
            if std::mem::take(&mut is_first) {
                assert!(polled.is_pending());
                set.spawn_on(async { 5 }, &handle);
            }
            polled
        });
        // A timeout polls once more when it is over, and would hide that nobody was woken.
        let ended = simoom::select! {
            biased;
            () = simoom::time::sleep(std::time::Duration::from_secs(10)) => panic!("nobody was woken"),
            ended = ended => ended,
        };
        assert!(ended.unwrap().unwrap_err().is_cancelled());
    });
}
