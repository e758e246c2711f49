//! Groups of tasks, none of which outlives its group. The numbers are those of what asyncio promises of
//! its own.

#[path = "group/ends.rs"]
mod ends;
#[path = "group/injected.rs"]
mod injected;
#[path = "group/nested.rs"]
mod nested;

use std::fmt;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use simoom::TaskGroup;
use simoom::sync::Notify;
use simoom::task::{ChildError, Failed, GroupError, catch_cancel, is_cancelled, shield, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, settle};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Debug, PartialEq, Eq)]
struct Bad(u32);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {} is bad", self.0)
    }
}

impl std::error::Error for Bad {}

type Result<T> = std::result::Result<T, Bad>;

async fn fails(number: u32) -> Result<()> {
    sleep(number * MS).await;
    Err(Bad(number))
}

fn numbers(error: &GroupError<Bad>) -> Vec<u32> {
    let mut numbers: Vec<_> = error.errors().map(|bad| bad.0).collect();
    numbers.sort_unstable();
    numbers
}

/// What was noted, in order.
type Notes = Arc<Mutex<Vec<&'static str>>>;

/// Counts how many are alive.
#[derive(Clone, Default)]
struct Alive(Arc<AtomicUsize>);

struct One(Alive);

impl Alive {
    fn one(&self) -> One {
        self.0.fetch_add(1, SeqCst);
        One(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

/// Waits for ever, and takes a moment to end when asked.
async fn cleans_up(alive: Alive, notes: Notes) -> Result<()> {
    let _one = alive.one();
    if catch_cancel(pending::<()>()).await.is_err() {
        sleep(3 * MS).await;
        notes.lock().unwrap().push("cleaned up");
    }
    Ok(())
}

both! {
    async fn tg_1_what_children_return_is_there() {
        let sum = TaskGroup::<Bad>::run(async |group| {
            let one = group.spawn(async {
                sleep(2 * MS).await;
                Ok(1)
            });
            sleep(MS).await;
            let two = group.spawn(async { Ok(2) });
            Ok((one, two))
        });
        let (one, two) = sum.await.unwrap();
        assert!(one.is_finished());
        assert_eq!((one.await, two.await), (Ok(1), Ok(2)));
    }

    async fn tg_2_a_child_that_is_cancelled_by_itself_is_no_failure() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            let one = group.spawn(pending::<Result<()>>());
            let two = group.spawn(pending::<Result<()>>());
            let three = group.spawn(async { Ok(3) });
            settle().await;
            assert!(one.cancel());
            two.abort();
            assert_eq!(one.await, Err(ChildError::Ended));
            assert_eq!(two.await, Err(ChildError::Ended));
            Ok(three.await)
        });
        assert_eq!(ended.await.unwrap(), Ok(3));
    }

    async fn tg_3_a_failure_ends_the_siblings_and_the_body() {
        let (alive, notes) = (Alive::default(), Notes::default());
        let (inside, noted) = (alive.clone(), notes.clone());
        let flag = DropFlag::default();
        let held = flag.guard();
        let ended = TaskGroup::run(async move |group| {
            let _held = held;
            group.spawn(cleans_up(inside, noted));
            group.spawn(fails(2));
            sleep(HOUR).await;
            Ok("never")
        });
        let error = ended.await.unwrap_err();
        assert_eq!(numbers(&error), [2]);
        assert!(error.cancelled().is_none());
        assert_eq!(alive.count(), 0);
        assert!(flag.is_set());
        assert_eq!(*notes.lock().unwrap(), ["cleaned up"]);
    }

    async fn tg_4_all_failures_are_told() {
        let ended = TaskGroup::run(async |group| {
            for number in [3, 1, 2] {
                group.spawn(async move {
                    let _ = catch_cancel(pending::<()>()).await;
                    Err::<(), _>(Bad(number))
                });
            }
            group.spawn(async {
                yield_now().await;
                Err::<(), _>(Bad(4))
            });
            Ok(())
        });
        let error = ended.await.unwrap_err();
        assert_eq!(numbers(&error), [1, 2, 3, 4]);
        assert_eq!(error.errors().next(), Some(&Bad(4)), "in the order in which they failed");
    }

    async fn tg_5_a_request_to_the_parent_goes_to_the_children_first() {
        let (alive, notes) = (Alive::default(), Notes::default());
        let (inside, noted) = (alive.clone(), notes.clone());
        let task = simoom::spawn(async move {
            let left = inside.clone();
            let ended = catch_cancel(async {
                let ended = TaskGroup::<Bad>::run(async |group| {
                    group.spawn(cleans_up(inside.clone(), noted.clone()));
                    group.spawn(cleans_up(inside.clone(), noted.clone()));
                    // It waits at its end.
                    Ok(())
                });
                let error = ended.await.unwrap_err();
                assert_eq!(error.cancelled().and_then(|it| it.reason()), Some("enough"));
                assert!(error.failures().is_empty());
                assert_eq!(left.count(), 0);
                // The request goes on from here.
                pending::<()>().await;
            });
            ended.await.unwrap_err()
        });
        settle().await;
        assert_eq!(alive.count(), 2);
        task.cancel_with("enough");
        assert_eq!(task.await.unwrap().reason(), Some("enough"));
        assert_eq!(notes.lock().unwrap().len(), 2);
    }

    async fn tg_5_a_request_while_the_body_runs_reaches_it_too() {
        let (notes, alive) = (Notes::default(), Alive::default());
        let noted = notes.clone();
        let inside = alive.clone();
        let task = simoom::spawn(async move {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(cleans_up(inside, noted.clone()));
                let ended = catch_cancel(sleep(HOUR)).await;
                assert!(ended.is_err());
                assert!(is_cancelled());
                shield(sleep(MS)).await;
                noted.lock().unwrap().push("the body");
                Ok(())
            });
            ended.await.unwrap_err().cancelled().is_some()
        });
        settle().await;
        task.cancel();
        assert!(task.await.unwrap());
        assert_eq!(*notes.lock().unwrap(), ["the body", "cleaned up"]);
        assert_eq!(alive.count(), 0);
    }

    async fn tg_6_a_failure_wins_over_a_request() {
        let task = simoom::spawn(async {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(async {
                    let _ = catch_cancel(pending::<()>()).await;
                    Err::<(), _>(Bad(7))
                });
                sleep(HOUR).await;
                Ok(())
            });
            numbers(&ended.await.unwrap_err())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), [7]);
    }

    async fn tg_7_an_error_of_the_body_ends_the_children() {
        let alive = Alive::default();
        let inside = alive.clone();
        let ended = TaskGroup::<Bad>::run(async move |group| {
            let one = inside.one();
            group.spawn(async move {
                let _one = one;
                pending::<Result<()>>().await
            });
            sleep(MS).await;
            Err::<(), _>(Bad(9))
        });
        let error = ended.await.unwrap_err();
        assert_eq!(numbers(&error), [9]);
        assert!(error.failures()[0].task().is_none(), "it was the body");
        assert_eq!(alive.count(), 0);
    }

    async fn tg_8_groups_are_nested() {
        let ended = TaskGroup::<Bad>::run(async |outer| {
            let inner = outer.spawn(async {
                let ended = TaskGroup::run(async |inner| {
                    inner.spawn(fails(1));
                    inner.spawn(pending::<Result<()>>());
                    Ok(())
                });
                Ok(numbers(&ended.await.unwrap_err()))
            });
            Ok(inner.await.unwrap())
        });
        assert_eq!(ended.await.unwrap(), [1]);
        // An outer failure is a plain request for those inside.
        let ended = TaskGroup::<Bad>::run(async |outer| {
            outer.spawn(fails(2));
            let ended = TaskGroup::<Bad>::run(async |inner| {
                inner.spawn(pending::<Result<()>>());
                sleep(HOUR).await;
                Ok(())
            });
            let inner = ended.await.unwrap_err();
            assert!(inner.failures().is_empty());
            assert!(inner.cancelled().is_some());
            Ok(())
        });
        assert_eq!(numbers(&ended.await.unwrap_err()), [2]);
    }

    async fn tg_11_a_panic_of_the_body_comes_after_the_children() {
        let alive = Alive::default();
        let inside = alive.clone();
        let ended = TaskGroup::<Bad>::run(async move |group| {
            let one = inside.one();
            group.spawn(async move {
                let _one = one;
                pending::<Result<()>>().await
            });
            yield_now().await;
            if inside.count() == 1 {
                panic!("fixed text");
            }
            Ok(())
        });
        let payload = AssertUnwindSafe(ended).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"fixed text"));
        assert_eq!(alive.count(), 0);
    }

    async fn tg_13_children_spawn_into_their_group() {
        let alive = Alive::default();
        let count = Arc::new(AtomicUsize::new(0));
        let (inside, counted) = (alive.clone(), count.clone());
        let ended = TaskGroup::<Bad>::run(async |group| {
            fn grow(group: TaskGroup<Bad>, depth: u32, alive: Alive, count: Arc<AtomicUsize>) {
                let own = group.clone();
                group.spawn(async move {
                    let _one = alive.one();
                    count.fetch_add(1, SeqCst);
                    yield_now().await;
                    if depth > 0 {
                        for _ in 0..2 {
                            grow(own.clone(), depth - 1, alive.clone(), count.clone());
                        }
                    }
                    Ok(())
                });
            }
            grow(group, 4, inside, counted);
            // It has ended, and its children go on.
            Ok(())
        });
        ended.await.unwrap();
        assert_eq!((count.load(SeqCst), alive.count()), (31, 0));
    }

    async fn tg_14_nothing_is_spawned_in_a_group_that_ends() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let (kept, over) = (Arc::new(Mutex::new(None)), Notify::new());
        let keep = kept.clone();
        let ended = TaskGroup::<Bad>::run(async |group| {
            *keep.lock().unwrap() = Some(group.clone());
            group.spawn(fails(1));
            catch_cancel(pending::<()>()).await.unwrap_err();
            let late = group.spawn(async move {
                let _held = held;
                Ok(())
            });
            assert!(flag.is_set(), "it was dropped");
            assert_eq!((late.id(), late.is_finished(), late.cancel()), (None, true, false));
            assert_eq!(late.await, Err(ChildError::Refused));
            over.notify_one();
            Ok(())
        });
        assert_eq!(numbers(&ended.await.unwrap_err()), [1]);
        over.notified().await;
        let group = kept.lock().unwrap().take().unwrap();
        assert_eq!(group.spawn(async { Ok(()) }).await, Err(ChildError::Refused));
    }

    async fn tg_18_a_request_at_the_moment_of_a_failure_is_not_lost() {
        let task = simoom::spawn(async {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(async {
                    let _ = catch_cancel(pending::<()>()).await;
                    Err::<(), _>(Bad(5))
                });
                Ok(())
            });
            let failed = numbers(&ended.await.unwrap_err());
            let next = catch_cancel(sleep(HOUR)).await;
            (failed, next.is_err())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (vec![5], true));
    }

    async fn tg_20_a_group_that_is_cancelled_ends_without_a_failure() {
        let alive = Alive::default();
        let inside = alive.clone();
        let ended = TaskGroup::<Bad>::run(async move |group| {
            for _ in 0..3 {
                let one = inside.one();
                group.spawn(async move {
                    let _one = one;
                    pending::<Result<()>>().await
                });
            }
            let own = group.clone();
            group.spawn(async move {
                own.cancel();
                own.cancel();
                Ok(())
            });
            catch_cancel(pending::<()>()).await.unwrap_err();
            Ok("ended")
        });
        assert_eq!(ended.await.unwrap(), "ended");
        assert_eq!(alive.count(), 0);
        let ended = TaskGroup::<Bad>::run(async |group| {
            group.cancel();
            pending::<Result<()>>().await
        });
        let error = ended.await.unwrap_err();
        assert!(error.failures().is_empty());
        assert!(error.cancelled().is_some());
        assert_eq!(error.to_string(), "the group was cancelled");
    }

    async fn tg_22_no_child_outlives_a_group_that_is_dropped() {
        let alive = Alive::default();
        let inside = alive.clone();
        let group = TaskGroup::<Bad>::run(async |group| {
            for _ in 0..3 {
                let one = inside.one();
                group.spawn(async move {
                    let _one = one;
                    let _ = catch_cancel(pending::<()>()).await;
                    Ok(())
                });
            }
            sleep(HOUR).await;
            Ok(())
        });
        assert!(timeout(2 * MS, group).await.is_err());
        // The group was dropped with the `timeout`.
        assert_eq!(alive.count(), 0);
    }

    async fn a_supervisor_lets_others_go_on() {
        let ended = TaskGroup::<Bad>::supervise(async |group| {
            group.spawn(fails(1));
            group.spawn(fails(2));
            let slow = group.spawn(async {
                sleep(10 * MS).await;
                Ok("done")
            });
            assert_eq!(slow.await, Ok("done"));
            Ok(())
        });
        assert_eq!(numbers(&ended.await.unwrap_err()), [1, 2]);
    }

    async fn a_tree_of_failures_is_told_by_lines() {
        let ended = TaskGroup::run(async |outer| {
            outer.spawn_named("inner", async {
                TaskGroup::run(async |inner| {
                    inner.spawn_named("one", async { Err::<(), _>(Bad(1)) });
                    Ok(())
                })
                .await
            });
            Ok(())
        });
        let error: GroupError<GroupError<Bad>> = ended.await.unwrap_err();
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], "1 failure in a group");
        assert!(lines[1].starts_with("- task ") && lines[1].contains(" (inner) at "), "{text}");
        assert!(lines[1].ends_with(": 1 failure in a group"), "{text}");
        assert!(lines[2].starts_with("  - task ") && lines[2].contains("(one)"), "{text}");
        assert!(lines[2].ends_with("number 1 is bad"), "{text}");
        let failure = &error.failures()[0];
        assert_eq!(failure.name(), Some("inner"));
        assert!(failure.location().unwrap().file().ends_with("group.rs"));
        assert!(matches!(failure.cause(), Failed::Error(_)));
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.starts_with("1 failure"), "{source}");
    }

    async fn tasks_that_stay_here_are_of_a_group_too() {
        let value = std::rc::Rc::new(5);
        let ended = TaskGroup::<Bad>::run(async |group| {
            let child = group.spawn_local(async move { Ok(*value) });
            Ok(child.await.unwrap())
        });
        assert_eq!(ended.await.unwrap(), 5);
    }
}
