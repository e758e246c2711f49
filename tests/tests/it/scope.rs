//! Futures beside each other in one task, which borrow from it.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::FutureExt;
use simoom::sync::mpsc;
use simoom::task::coop::consume_budget;
use simoom::task::{self, catch_cancel, scope, scope_local, try_scope, try_scope_local, yield_now};
use simoom::time::{Duration, Instant, sleep, timeout};
use simoom_tests::{DropFlag, Dropped, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);

/// Never ends, and notes when it is dropped.
async fn never(_held: Dropped) {
    pending::<()>().await;
}

both! {
    async fn children_borrow_and_run_beside_each_other() {
        let begun = Instant::now();
        let words = ["one".to_owned(), "three".to_owned()];
        let total = AtomicU32::new(0);
        let first = scope(async |s| {
            let lengths: Vec<_> = words
                .iter()
                .map(|word| s.spawn(async {
                    sleep(30 * MS).await;
                    total.fetch_add(1, SeqCst);
                    word.len()
                }))
                .collect();
            let mut all = Vec::new();
            for length in lengths {
                all.push(length.await);
            }
            all
        })
        .await;
        assert_eq!(first, [3, 5]);
        assert_eq!(total.into_inner(), 2);
        assert!(begun.elapsed() >= 30 * MS);
        assert_eq!(words.len(), 2);
    }

    async fn a_scope_ends_after_all_its_children() {
        let (mut one, mut other) = (0, 0);
        {
            let (one, other) = (&mut one, &mut other);
            let returned = scope(async move |s| {
                drop(s.spawn(async move {
                    sleep(5 * MS).await;
                    *one = 1;
                }));
                // One of them spawns another.
                let again = s.clone();
                drop(s.spawn(async move {
                    yield_now().await;
                    drop(again.spawn(async move {
                        sleep(5 * MS).await;
                        *other = 2;
                    }));
                }));
                "the body is done first"
            })
            .await;
            assert_eq!(returned, "the body is done first");
        }
        assert_eq!((one, other), (1, 2));
        assert_eq!(scope(async |_| 5).await, 5);
    }

    async fn children_talk_to_each_other_and_to_the_body() {
        let (tx, mut rx) = mpsc::channel(1);
        let sum = scope(async move |s| {
            let sums = s.spawn(async move {
                let mut sum = 0;
                while let Some(number) = rx.recv().await {
                    sum += number;
                }
                sum
            });
            for part in 0..3 {
                let tx = tx.clone();
                drop(s.spawn(async move {
                    for number in 0..10 {
                        tx.send(part * 10 + number).await.unwrap();
                    }
                }));
            }
            drop(tx);
            sums.await
        })
        .await;
        assert_eq!(sum, (0..30).sum::<i32>());
    }

    async fn the_first_error_drops_all_others() {
        let flags = [(); 2].map(|()| DropFlag::default());
        let mut ended = pin!(try_scope(async |s| {
            for flag in &flags {
                drop(s.spawn(never(flag.guard())));
            }
            drop(s.try_spawn(async {
                sleep(5 * MS).await;
                Err::<(), _>("on purpose")
            }));
            pending::<Result<(), &str>>().await
        }));
        assert_eq!(ended.as_mut().await, Err("on purpose"));
        assert!(flags.iter().all(DropFlag::is_set), "before the error is returned");

        let flag = DropFlag::default();
        let ended = try_scope(async |s| {
            drop(s.spawn(never(flag.guard())));
            let fine = s.try_spawn(ready(Ok(5)));
            assert_eq!(fine.await, 5);
            Err::<(), _>("the body's")
        })
        .await;
        assert_eq!(ended, Err("the body's"));
        assert!(flag.is_set());
        let fine = try_scope(async |s| Ok::<_, ()>(s.try_spawn(ready(Ok(1))).await + 1)).await;
        assert_eq!(fine, Ok(2));
    }

    async fn a_panic_of_one_ends_the_scope() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let panics = simoom::spawn(async move {
            scope(async move |s| {
                drop(s.spawn(never(held)));
                drop(s.spawn(async { panic!("on purpose") }));
                pending::<()>().await;
            })
            .await;
        });
        let error = panics.await.unwrap_err();
        assert_eq!(panic_text(&*error.into_panic()), "on purpose");
        assert!(flag.is_set());
    }

    async fn a_scope_that_is_dropped_drops_its_children() {
        let flag = DropFlag::default();
        let held = flag.guard();
        let late = timeout(5 * MS, scope(async move |s| {
            let again = s.clone();
            drop(s.spawn(async move {
                // It holds the scope that holds it.
                let _again = again;
                never(held).await;
            }));
            pending::<()>().await;
        }));
        assert!(late.await.is_err());
        assert!(flag.is_set());
    }

    async fn a_child_that_was_never_polled_is_dropped_with_the_scope() {
        let flag = DropFlag::default();
        let ended = try_scope(async |s| {
            let again = s.clone();
            let held = flag.guard();
            drop(s.spawn(async move {
                let _again = again;
                never(held).await;
            }));
            Err::<(), _>("at once")
        });
        assert_eq!(ended.await, Err("at once"));
        assert!(flag.is_set());
    }

    async fn into_a_scope_that_has_ended_nothing_is_spawned() {
        let kept = scope(async |s| s).await;
        let flag = DropFlag::default();
        let late = kept.spawn(never(flag.guard()));
        assert!(flag.is_set());
        assert!(late.is_finished());
        let panicked = simoom::spawn(late).await.unwrap_err();
        assert!(panicked.is_panic());
        // An output that nobody has taken is there after the scope.
        let output = scope(async |s| s.spawn(ready(5))).await;
        assert_eq!(output.await, 5);
    }

    async fn what_is_not_send_has_scopes_too() {
        let (count, names) = (Rc::new(Cell::new(0)), RefCell::new(Vec::new()));
        let returned = try_scope_local(async |s| {
            let adds = s.spawn(async {
                yield_now().await;
                count.set(count.get() + 1);
                Rc::new(2)
            });
            names.borrow_mut().push("body");
            let names = &names;
            drop(s.try_spawn(async move {
                names.borrow_mut().push("child");
                Ok(())
            }));
            Ok::<_, ()>(*adds.await)
        })
        .await;
        assert_eq!((returned, count.get()), (Ok(2), 1));
        assert_eq!(*names.borrow(), ["body", "child"]);
        let failed = try_scope_local(async |s| {
            drop(s.try_spawn(ready(Err::<(), _>(7))));
            pending::<Result<(), i32>>().await
        });
        assert_eq!(failed.await, Err(7));
        assert_eq!(scope_local(async |s| s.spawn(ready(Rc::new(3))).await).await, Rc::new(3));
    }

    async fn a_task_of_its_own_may_have_a_scope() {
        let task = simoom::spawn(async {
            let text = String::from("borrowed");
            let length = scope(async |s| s.spawn(async { text.len() }).await).await;
            (length, text)
        });
        assert_eq!(task.await.unwrap(), (8, "borrowed".to_owned()));
    }

    async fn each_child_answers_a_request_to_end() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let says = said.clone();
        let task = simoom::spawn(async move {
            scope(async |s| {
                for name in ["one", "two"] {
                    let says = &says;
                    drop(s.spawn(async move {
                        let asked = catch_cancel(pending::<()>()).await;
                        sleep(2 * MS).await;
                        assert!(asked.is_err());
                        says.lock().unwrap().push(name);
                    }));
                }
            })
            .await;
        });
        settle().await;
        task.cancel();
        task.await.unwrap();
        let mut said = said.lock().unwrap().clone();
        said.sort_unstable();
        assert_eq!(said, ["one", "two"]);
    }

    async fn children_are_one_task() {
        let before = task::all().len();
        let ids = simoom::spawn(async {
            scope(async |s| {
                let ids = [s.spawn(async { task::id() }), s.spawn(async { task::id() })];
                let listed = task::all().len();
                let [one, other] = ids;
                (task::id(), one.await, other.await, listed)
            })
            .await
        });
        let (own, one, other, listed) = ids.await.unwrap();
        assert!(own == one && own == other);
        assert_eq!(listed, before + 1);
    }
}

#[test]
fn one_that_spends_the_budget_of_every_poll_does_not_starve_the_others() {
    simoom_tests::real(|| async {
        let done = try_scope(async |s| {
            drop(s.spawn(async {
                loop {
                    consume_budget().await;
                }
            }));
            let waits = s.spawn(async {
                for _ in 0..100 {
                    consume_budget().await;
                }
                "done"
            });
            Err::<(), _>(waits.await)
        });
        let done = timeout(Duration::from_secs(20), done).await.unwrap();
        assert_eq!(done, Err("done"));
    });
}

#[test]
fn a_scope_is_send_if_all_in_it_are() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let text = String::from("borrowed");
    let scoped = assert_send(scope(async |s| s.spawn(async { text.len() }).await));
    // Outside a runtime too: it needs none.
    assert_eq!(futures::executor::block_on(scoped), 8);
    let polls = Cell::new(0);
    let counted = scope_local(async |s| {
        drop(s.spawn(poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::Ready(())
        })));
    });
    assert!(
        counted.now_or_never().is_none(),
        "children come when the body has had its turn"
    );
    assert_eq!(
        polls.get(),
        0,
        "and one that is never polled is dropped with the scope"
    );
}
