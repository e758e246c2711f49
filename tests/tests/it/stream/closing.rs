//! What has to be closed is, however its use ends. The numbers are those of what asyncio promises of
//! its own.

use std::error::Error;
use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use simoom::TaskGroup;
use simoom::asyncio::{Stopped, timeout_cancel};
use simoom::task::{ClosingError, catch_cancel, closing, is_cancelled, yield_now};
use simoom::time::{Duration, sleep, timeout};
use simoom_tests::{DropFlag, both, panic_text, settle};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// What happened, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<&'static str>>>);

impl Notes {
    fn add(&self, note: &'static str) {
        self.0.lock().unwrap().push(note);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    /// A resource that notes what becomes of it.
    async fn open(&self, is_there: bool) -> Result<Connection, &'static str> {
        yield_now().await;
        if !is_there {
            return Err("nobody is there");
        }
        self.add("opened");
        Ok(Connection(self.clone()))
    }
}

struct Connection(Notes);

impl Connection {
    async fn used(&mut self) -> Result<u32, &'static str> {
        self.0.add("used");
        sleep(MS).await;
        Ok(5)
    }

    async fn close(self) -> Result<(), &'static str> {
        self.0.add("closing");
        sleep(MS).await;
        self.0.add("closed");
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

both! {
    async fn gen_4_what_was_used_is_closed() {
        let notes = Notes::default();
        let used = closing(
            notes.open(true).await.unwrap(),
            async |it| it.used().await,
            async |it| it.close().await,
        );
        assert_eq!(used.await, Ok(5));
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped"]);
    }

    async fn gen_4_what_failed_is_closed() {
        let notes = Notes::default();
        let used = closing(
            notes.open(true).await.unwrap(),
            async |it| {
                it.used().await?;
                Err::<u32, _>("no such page")
            },
            async |it| it.close().await,
        );
        let error = used.await.unwrap_err();
        assert_eq!(error, ClosingError::Failed { error: "no such page", close: None });
        assert_eq!(error.to_string(), "no such page");
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped"]);
    }

    async fn gen_4_what_was_cancelled_is_closed_and_the_request_goes_on() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            let used = closing(
                noted.open(true).await.unwrap(),
                async |it| {
                    it.used().await.unwrap();
                    pending::<Result<u32, &str>>().await
                },
                async |it| it.close().await,
            )
            .await;
            noted.add("told");
            let error = used.unwrap_err();
            assert_eq!(error.to_string(), "cancelled: enough");
            let ClosingError::Cancelled { cancelled, close: None } = error else {
                panic!("{error:?}")
            };
            assert_eq!(cancelled.reason(), Some("enough"));
            assert!(is_cancelled());
            sleep(HOUR).await;
            noted.add("never");
        });
        sleep(10 * MS).await;
        task.cancel_with("enough");
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped", "told"]);
    }

    async fn gen_4_a_scope_around_it_is_told_after_it_has_closed() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            let connection = noted.open(true).await.unwrap();
            let around = catch_cancel(async {
                let used = closing(
                    connection,
                    async |_| pending::<Result<(), &str>>().await,
                    async |it| it.close().await,
                );
                assert!(matches!(used.await, Err(ClosingError::Cancelled { .. })));
                sleep(HOUR).await;
            });
            assert!(around.await.is_err());
            noted.add("answered");
        });
        settle().await;
        task.cancel();
        task.await.unwrap();
        assert_eq!(notes.all(), ["opened", "closing", "closed", "dropped", "answered"]);
    }

    async fn gen_4_what_answers_by_itself_counts() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            closing(
                noted.open(true).await.unwrap(),
                async |it| match catch_cancel(pending::<()>()).await {
                    Ok(()) => Err("never"),
                    Err(_) => it.used().await,
                },
                async |it| it.close().await,
            )
            .await
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), Ok(5));
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped"]);
    }

    async fn gen_4_closing_is_not_disturbed() {
        let notes = Notes::default();
        let noted = notes.clone();
        let task = simoom::spawn(async move {
            closing(
                noted.open(true).await.unwrap(),
                async |it| it.used().await,
                async |it| {
                    it.0.add("closing");
                    // Not even what listens for a request hears of it.
                    let heard = catch_cancel(sleep(20 * MS)).await;
                    it.0.add("closed");
                    heard.map_err(|_| "disturbed")
                },
            )
            .await
        });
        while !notes.all().contains(&"closing") {
            sleep(MS).await;
        }
        task.cancel();
        assert_eq!(task.await.unwrap(), Ok(5));
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped"]);
    }

    async fn gen_4_a_request_before_the_first_poll_closes_too() {
        let notes = Notes::default();
        let connection = notes.open(true).await.unwrap();
        let task = simoom::spawn(closing(
            connection,
            async |_| pending::<Result<(), &str>>().await,
            async |it| it.close().await,
        ));
        task.cancel();
        assert!(matches!(task.await, Ok(Err(ClosingError::Cancelled { .. }))));
        assert_eq!(notes.all(), ["opened", "closing", "closed", "dropped"]);
    }

    async fn gen_4_what_was_not_opened_is_not_closed() {
        let notes = Notes::default();
        let used: Result<u32, Box<dyn Error>> = async {
            let connection = notes.open(false).await?;
            let used = closing(
                connection,
                async |it| it.used().await.map_err(io::Error::other),
                async |it| it.close().await.map_err(io::Error::other),
            );
            Ok(used.await?)
        }
        .await;
        assert_eq!(used.unwrap_err().to_string(), "nobody is there");
        assert_eq!(notes.all(), Vec::<&str>::new());
    }

    async fn gen_4_errors_of_closing_are_told_beside_what_came_first() {
        let not_closed = closing((), async |()| Ok::<_, &str>(5), async |()| Err("gone")).await;
        assert_eq!(not_closed, Err(ClosingError::NotClosed { error: "gone" }));
        assert_eq!(not_closed.unwrap_err().to_string(), "not closed: gone");

        let twice = closing((), async |()| Err::<(), _>("bad"), async |()| Err("gone")).await;
        let twice = twice.unwrap_err();
        assert_eq!(twice, ClosingError::Failed { error: "bad", close: Some("gone") });
        assert_eq!(twice.close(), Some(&"gone"));
        assert_eq!(twice.to_string(), "bad; and not closed: gone");

        let asked = simoom::spawn(closing(
            (),
            async |()| pending::<Result<(), &str>>().await,
            async |()| Err("gone"),
        ));
        settle().await;
        asked.cancel();
        let asked = asked.await.unwrap().unwrap_err();
        assert_eq!(asked.to_string(), "cancelled; and not closed: gone");
    }

    async fn an_error_of_the_system_keeps_its_kind() {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        let fail = |kind: io::ErrorKind| Err::<(), _>(io::Error::from(kind));
        let both = closing((), async |()| fail(ConnectionReset), async |()| fail(BrokenPipe));
        let both = io::Error::from(both.await.unwrap_err());
        assert_eq!(both.kind(), ConnectionReset);
        assert!(both.to_string().contains("not closed: broken pipe"), "{both}");
        let one = closing((), async |()| fail(ConnectionReset), async |()| Ok(()));
        assert_eq!(io::Error::from(one.await.unwrap_err()).kind(), ConnectionReset);
        let other = closing((), async |()| Ok(()), async |()| fail(BrokenPipe));
        assert_eq!(io::Error::from(other.await.unwrap_err()).kind(), BrokenPipe);
    }

    async fn a_panic_goes_on_when_what_was_used_is_closed() {
        let notes = Notes::default();
        let used = closing(
            notes.open(true).await.unwrap(),
            async |it| {
                it.used().await?;
                if it.0.all().len() == 2 {
                    panic!("the use has a bug");
                }
                Ok::<_, &str>(())
            },
            async |it| it.close().await,
        );
        let payload = AssertUnwindSafe(used).catch_unwind().await.unwrap_err();
        assert_eq!(panic_text(&*payload), "the use has a bug");
        assert_eq!(notes.all(), ["opened", "used", "closing", "closed", "dropped"]);
    }

    async fn a_deadline_that_asks_closes_and_one_that_drops_does_not() {
        let notes = Notes::default();
        let connection = notes.open(true).await.unwrap();
        let late = timeout_cancel(MS, closing(
            connection,
            async |_| pending::<Result<(), &str>>().await,
            async |it| it.close().await,
        ));
        assert!(matches!(late.await, Ok(Err(ClosingError::Cancelled { .. })) | Err(Stopped::Elapsed)));
        assert_eq!(notes.all(), ["opened", "closing", "closed", "dropped"]);

        let notes = Notes::default();
        let connection = notes.open(true).await.unwrap();
        let late = timeout(MS, closing(
            connection,
            async |_| pending::<Result<(), &str>>().await,
            async |it| it.close().await,
        ));
        assert!(late.await.is_err());
        assert_eq!(notes.all(), ["opened", "dropped"]);
    }

    async fn what_a_task_of_a_group_uses_is_closed_before_the_group_ends() {
        let notes = Notes::default();
        let connection = notes.open(true).await.unwrap();
        let group = TaskGroup::run(async |group| {
            group.spawn(async move {
                let used = closing(
                    connection,
                    async |_| pending::<Result<(), &str>>().await,
                    async |it| it.close().await,
                );
                used.await.map_err(|_| "was asked")
            });
            sleep(MS).await;
            Err::<(), _>("the body fails")
        });
        assert!(group.await.is_err());
        assert_eq!(notes.all(), ["opened", "closing", "closed", "dropped"]);
    }

    async fn the_use_is_dropped_before_closing_begins() {
        let ended = DropFlag::default();
        let held = ended.guard();
        let task = simoom::spawn({
            let ended = ended.clone();
            async move {
                let used = closing(
                    (),
                    async move |()| {
                        let _held = held;
                        pending::<Result<(), &str>>().await
                    },
                    async |()| if ended.is_set() { Ok(()) } else { Err("still used") },
                );
                used.await.unwrap_err().close().copied()
            }
        });
        settle().await;
        task.cancel();
        assert_eq!(task.await.unwrap(), None);
    }
}
