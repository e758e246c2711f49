//! How groups end, and what begins in them.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use simoom::sync::oneshot;
use simoom::task::{self, spawn_local};
use simoom::time::Instant;

use super::*;

simoom::task_local! {
    static DEPTH: u32
}

/// A group that its own tasks may drop.
type Kept = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;

/// Spawns into its group when it is dropped.
struct Spawns(TaskGroup<Bad>, Arc<AtomicUsize>);

impl Drop for Spawns {
    fn drop(&mut self) {
        let late = self.0.spawn(pending::<Result<()>>());
        if late.id().is_none() {
            self.1.fetch_add(1, SeqCst);
        }
    }
}

both! {
    async fn tg_9_what_cleans_up_is_not_disturbed_by_a_failure() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(async {
                    let _ = catch_cancel(pending::<()>()).await;
                    sleep(2 * MS).await;
                    Err::<(), _>(Bad(6))
                });
                catch_cancel(pending::<()>()).await.unwrap_err();
                // The other one fails meanwhile.
                if catch_cancel(sleep(10 * MS)).await.is_ok() {
                    noted.lock().unwrap().push("slept well");
                }
                Ok(())
            });
            let error = ended.await.unwrap_err();
            (numbers(&error), error.cancelled().is_some())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (vec![6], true));
        assert_eq!(*notes.lock().unwrap(), ["slept well"]);
    }

    async fn tg_10_what_the_body_makes_of_a_request_is_a_failure() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            group.spawn(fails(1));
            let slept = catch_cancel(sleep(HOUR)).await;
            slept.map_err(|_| Bad(10))
        });
        let error = ended.await.unwrap_err();
        assert_eq!(numbers(&error), [1, 10]);
        let tasks: Vec<_> = error.failures().iter().map(|it| it.task().is_some()).collect();
        assert_eq!(tasks, [true, false]);
    }

    async fn tg_12_a_group_keeps_nothing_of_what_has_ended() {
        let (alive, mut told) = (Alive::default(), Vec::new());
        let inside = alive.clone();
        let ended = TaskGroup::<Bad>::supervise_with(
            |failure| told.extend(failure.error().map(|bad| bad.0)),
            async |group| {
                for round in 0..20 {
                    for number in 0..5 {
                        let one = inside.one();
                        group.spawn(async move {
                            yield_now().await;
                            if number == 0 { Err(Bad(round)) } else { Ok(one) }
                        });
                    }
                    assert_eq!(group.len(), 5);
                    sleep(MS).await;
                    assert!(group.is_empty());
                    assert_eq!(inside.count(), 0, "their outputs are gone");
                }
                Ok("served")
            },
        );
        assert_eq!(ended.await.unwrap(), "served");
        assert_eq!(told, (0..20).collect::<Vec<_>>());
    }

    async fn tg_15_an_error_of_the_body_does_not_hide_another() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            group.spawn(async {
                let _ = catch_cancel(pending::<()>()).await;
                Err::<(), _>(Bad(2))
            });
            sleep(MS).await;
            Err::<(), _>(Bad(1))
        });
        let error = ended.await.unwrap_err();
        assert_eq!(numbers(&error), [1, 2]);
        assert!(!is_cancelled());
    }

    async fn tg_16_a_group_that_failed_leaves_no_request() {
        let task = simoom::spawn(async {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(fails(1));
                sleep(HOUR).await;
                Ok(())
            });
            assert_eq!(numbers(&ended.await.unwrap_err()), [1]);
            assert!(!is_cancelled());
            catch_cancel(sleep(MS)).await.is_ok()
        });
        assert!(task.await.unwrap());
    }

    async fn tg_17_two_groups_fail_at_once() {
        let ended = TaskGroup::<Bad>::run(async |outer| {
            outer.spawn(async { Err::<(), _>(Bad(2)) });
            let inner = TaskGroup::<Bad>::run(async |inner| {
                inner.spawn(async { Err::<(), _>(Bad(1)) });
                sleep(HOUR).await;
                Ok(())
            });
            assert_eq!(numbers(&inner.await.unwrap_err()), [1]);
            // The outer one's request is still there.
            assert!(catch_cancel(sleep(HOUR)).await.is_err());
            assert!(is_cancelled());
            Ok(())
        });
        assert_eq!(numbers(&ended.await.unwrap_err()), [2]);
        assert!(!is_cancelled());
    }

    async fn tg_19_names_and_values_pass_through() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            let named = group.spawn_named("worker", async {
                Ok(task::current().name().map(str::to_owned))
            });
            assert_eq!(named.abort_handle().unwrap().name(), Some("worker"));
            let value = group.spawn(DEPTH.scope(7, async { Ok(DEPTH.get()) }));
            Ok((named.await.unwrap(), value.await.unwrap()))
        });
        assert_eq!(ended.await.unwrap(), (Some("worker".to_owned()), 7));
    }

    async fn tg_20_a_request_that_comes_while_it_ends_is_not_lost() {
        let task = simoom::spawn(async {
            let ended = TaskGroup::<Bad>::run(async |group| {
                group.spawn(async {
                    let _ = catch_cancel(pending::<()>()).await;
                    sleep(5 * MS).await;
                    Err::<(), _>(Bad(3))
                });
                sleep(MS).await;
                group.cancel_with("over");
                assert_eq!(group.spawn(async { Ok(()) }).await, Err(ChildError::Refused));
                Ok(())
            });
            let error = ended.await.unwrap_err();
            assert_eq!(numbers(&error), [3], "its failure is told all the same");
            assert_eq!(error.cancelled().and_then(|it| it.reason()), Some("now"));
            catch_cancel(sleep(HOUR)).await.is_err()
        });
        sleep(3 * MS).await;
        task.cancel_with("now");
        assert!(task.await.unwrap());
    }

    async fn tg_20_what_cancels_before_it_waits_is_asked_too() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            let own = group.clone();
            let child = group.spawn(async move {
                own.cancel();
                sleep(HOUR).await;
                Ok(())
            });
            Ok(child.await)
        });
        let ended = ended.await;
        // The body may have seen the end of its child, or have been dropped first.
        match ended {
            Ok(child) => assert_eq!(child, Err(ChildError::Ended)),
            Err(error) => assert!(error.failures().is_empty() && error.cancelled().is_some()),
        }
    }

    async fn tg_22_a_child_that_drops_its_group_is_dropped_after_its_poll() {
        let alive = Alive::default();
        let (kept, seen) = (Kept::default(), Rc::new(RefCell::new(None)));
        let (inside, within, noted) = (alive.clone(), kept.clone(), seen.clone());
        let group = async move {
            let ended = TaskGroup::<Bad>::run(async |group| {
                let one = inside.one();
                group.spawn(async move {
                    let _one = one;
                    let _ = catch_cancel(pending::<()>()).await;
                    Ok(())
                });
                let one = inside.one();
                group.spawn_local(async move {
                    let _one = one;
                    sleep(MS).await;
                    let group = within.borrow_mut().take();
                    drop(group);
                    *noted.borrow_mut() = Some(inside.count());
                    pending::<Result<()>>().await
                });
                pending::<Result<()>>().await
            });
            drop(ended.await);
        };
        *kept.borrow_mut() = Some(Box::pin(group));
        let own = kept.clone();
        let polls = spawn_local(poll_fn(move |cx| match own.borrow_mut().as_mut() {
            Some(group) => group.as_mut().poll(cx),
            None => Poll::Ready(()),
        }));
        sleep(5 * MS).await;
        assert_eq!(*seen.borrow(), Some(1), "the idle one is dropped at once");
        assert_eq!(alive.count(), 0);
        polls.abort();
    }

    async fn tg_22_nothing_is_spawned_while_a_group_is_dropped() {
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = refused.clone();
        let group = TaskGroup::<Bad>::run(async |group| {
            for _ in 0..2 {
                let spawns = Spawns(group.clone(), counted.clone());
                group.spawn(async move {
                    let _spawns = spawns;
                    pending::<Result<()>>().await
                });
            }
            let _spawns = Spawns(group, counted.clone());
            sleep(HOUR).await;
            Ok(())
        });
        assert!(timeout(2 * MS, group).await.is_err());
        assert_eq!(refused.load(SeqCst), 3);
    }

    async fn a_group_that_begins_after_the_request_ends() {
        let task = simoom::spawn(async {
            let ended = catch_cancel(async {
                task::current().cancel_with("before");
                let ended = TaskGroup::<Bad>::run(async |group| {
                    group.spawn(pending::<Result<()>>());
                    pending::<Result<()>>().await
                });
                let error = ended.await.unwrap_err();
                error.cancelled().and_then(|it| it.reason()).map(str::to_owned)
            });
            let reason = ended.await.unwrap();
            (reason, catch_cancel(sleep(HOUR)).await.is_err())
        });
        assert_eq!(task.await.unwrap(), (Some("before".to_owned()), true));
    }

    async fn a_request_inside_a_shield_waits() {
        let task = simoom::spawn(async {
            let kept = shield(TaskGroup::<Bad>::run(async |group| {
                let child = group.spawn(async {
                    sleep(5 * MS).await;
                    Ok(4)
                });
                Ok(child.await.unwrap())
            }));
            (kept.await.unwrap(), catch_cancel(sleep(HOUR)).await.is_err())
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), (4, true));
    }

    async fn what_cleans_up_too_long_is_cut_off() {
        let (alive, notes) = (Alive::default(), Notes::default());
        let (inside, noted) = (alive.clone(), notes.clone());
        let begun = Instant::now();
        let ended = TaskGroup::<Bad>::run(async move |group| {
            group.spawn(cleans_up(inside.clone(), noted));
            for _ in 0..2 {
                let one = inside.one();
                group.spawn(async move {
                    let _one = one;
                    let _ = catch_cancel(pending::<()>()).await;
                    sleep(HOUR).await;
                    Ok(())
                });
            }
            yield_now().await;
            sleep(MS).await;
            group.cancel_within(HOUR);
            // The earliest counts.
            group.cancel_within(50 * MS);
            group.cancel_within(HOUR);
            let _one = inside.one();
            let _ = catch_cancel(pending::<()>()).await;
            sleep(HOUR).await;
            Ok(())
        });
        let error = ended.await.unwrap_err();
        assert!(begun.elapsed() >= 50 * MS);
        assert!(error.failures().is_empty() && error.cancelled().is_some());
        assert_eq!(alive.count(), 0);
        assert_eq!(*notes.lock().unwrap(), ["cleaned up"], "the quick one had the time");
    }

    async fn what_is_quick_does_not_wait_for_its_grace() {
        let begun = Instant::now();
        let ended = TaskGroup::<Bad>::run(async |group| {
            group.spawn(pending::<Result<()>>());
            group.cancel_within(HOUR);
            Ok(1)
        });
        assert_eq!(ended.await.unwrap(), 1);
        assert!(begun.elapsed() < HOUR);
    }

    async fn a_task_says_that_it_has_started() {
        let ended = TaskGroup::<Bad>::run(async |group| {
            let (go, gone) = oneshot::channel::<()>();
            let starting = group.start(|started| async move {
                sleep(2 * MS).await;
                started.with("port 80");
                drop(gone.await);
                Ok("served")
            });
            let (started, child) = starting.await.unwrap();
            assert_eq!(started, "port 80");
            assert!(!child.is_finished());
            go.send(()).unwrap();
            Ok(child.await.unwrap())
        });
        assert_eq!(ended.await.unwrap(), "served");
    }

    async fn a_task_that_fails_before_it_has_started_fails_its_group() {
        let ended = TaskGroup::<Bad>::supervise(async |group| {
            let starting = group.start(|started| async move {
                sleep(MS).await;
                let _started: task::Started<()> = started;
                Err::<(), _>(Bad(8))
            });
            assert_eq!(starting.await.unwrap_err(), ChildError::Ended);
            group.cancel();
            let late = group.start(|started| async move {
                started.with(());
                Ok(())
            });
            assert_eq!(late.await.unwrap_err(), ChildError::Refused);
            Ok(())
        });
        assert_eq!(numbers(&ended.await.unwrap_err()), [8]);
    }

    async fn whoever_stops_waiting_for_a_start_ends_it() {
        let alive = Alive::default();
        let inside = alive.clone();
        let ended = TaskGroup::<Bad>::run(async |group| {
            let one = inside.one();
            let starting = group.start(|started: task::Started<()>| async move {
                let _one = one;
                sleep(HOUR).await;
                started.with(());
                Ok(())
            });
            assert!(timeout(2 * MS, starting).await.is_err());
            // Nobody else does.
            while inside.count() > 0 {
                sleep(MS).await;
            }
            Ok("went on")
        });
        assert_eq!(ended.await.unwrap(), "went on");
    }
}
