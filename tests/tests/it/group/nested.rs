//! Groups inside of groups, and what their errors tell.

use std::error::Error;
use std::future::pending;
use std::io;
use std::time::Duration;

use simoom::TaskGroup;
use simoom::task::{ChildError, Failed, GroupError, catch_cancel, shield};
use simoom::time::sleep;
use simoom_tests::both;

type Boxed = Box<dyn Error + Send + Sync>;

const MS: Duration = Duration::from_millis(1);

async fn fails(text: &'static str) -> Result<u32, String> {
    sleep(MS).await;
    Err(text.to_owned())
}

/// Waits for ever, until it is asked.
async fn healthy() -> Result<(), GroupError<String>> {
    TaskGroup::run(async |group| {
        group.spawn(pending::<Result<(), String>>());
        Ok(())
    })
    .await
}

/// One of whose tasks fails.
async fn broken(text: &'static str) -> Result<(), GroupError<String>> {
    TaskGroup::run(async |group| {
        group.spawn_named(text, fails(text));
        Ok(())
    })
    .await
}

/// Of an error type that holds any error.
async fn boxed(text: &'static str) -> Result<u32, Boxed> {
    let sum = TaskGroup::<Boxed>::run(async |group| {
        let one = group.spawn(async move { Err::<u32, Boxed>(text.into()) });
        Ok(one.await? + 1)
    });
    sum.await.map_err(|error| error.to_string().into())
}

both! {
    async fn a_tree_of_groups_is_cancelled_without_failures() {
        let done = TaskGroup::run(async |outer| {
            outer.spawn(healthy());
            outer.spawn(healthy());
            sleep(MS).await;
            outer.cancel();
            Ok("done")
        });
        assert_eq!(done.await.unwrap(), "done");
    }

    async fn a_group_that_was_only_asked_is_not_told_beside_what_failed() {
        let error = TaskGroup::run(async |outer| {
            outer.spawn_named("left", broken("engine"));
            outer.spawn_named("right", healthy());
            Ok(())
        });
        let error = error.await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("1 failure in a group\n- task "), "{text}");
        assert!(text.ends_with(": engine"), "{text}");
        assert!(!text.contains("right"), "{text}");
    }

    async fn what_failed_in_a_cancelled_group_is_told() {
        let error = TaskGroup::run(async |outer| {
            outer.spawn(TaskGroup::run(async |inner| {
                inner.spawn(async {
                    let _ = catch_cancel(pending::<()>()).await;
                    Err::<(), _>("late".to_owned())
                });
                Ok(())
            }));
            sleep(MS).await;
            outer.cancel();
            Ok(())
        });
        let error = error.await.unwrap_err();
        let [failure] = error.failures() else { panic!("{error}") };
        let Failed::Error(inner) = failure.cause() else { panic!("{error}") };
        assert_eq!(inner.errors().collect::<Vec<_>>(), ["late"]);
        assert!(inner.cancelled().is_some());
    }

    async fn the_error_of_nested_groups_is_a_tree() {
        let error = TaskGroup::supervise(async |outer| {
            outer.spawn_named("left", broken("engine"));
            outer.spawn_named("right", broken("wheel"));
            Ok(())
        });
        let error = error.await.unwrap_err();
        let text = error.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "2 failures in a group");
        let mut sides = [(lines[1], lines[2]), (lines[3], lines[4])];
        sides.sort_by_key(|(side, _)| !side.contains("(left)"));
        for ((side, part), (name, cause)) in sides.into_iter().zip([("left", "engine"), ("right", "wheel")]) {
            assert!(side.starts_with("- task ") && side.contains(name), "{text}");
            assert!(side.ends_with(": 1 failure in a group"), "{text}");
            assert!(part.starts_with("  - task ") && part.ends_with(&format!(": {cause}")), "{text}");
        }
    }

    async fn the_cause_is_told_and_not_that_the_body_missed_it() {
        let error = TaskGroup::<Boxed>::run(async |group| {
            let one = group.spawn(async {
                sleep(MS).await;
                Err::<u32, Boxed>("broke".into())
            });
            Ok(one.await?)
        });
        let error = error.await.unwrap_err();
        assert_eq!(error.errors().map(ToString::to_string).collect::<Vec<_>>(), ["broke"]);

        let error = TaskGroup::<io::Error>::supervise(async |group| {
            let one = group.spawn(async { Err::<u32, _>(io::ErrorKind::NotFound.into()) });
            Ok(one.await?)
        });
        let error = error.await.unwrap_err();
        assert_eq!(error.errors().map(io::Error::kind).collect::<Vec<_>>(), [io::ErrorKind::NotFound]);
    }

    async fn the_cause_comes_before_the_error_of_a_body_that_missed_it() {
        let error = TaskGroup::<String>::run(async |group| {
            let one = group.spawn(fails("broke"));
            // So that the body learns of it, and is not dropped where it waits.
            let lost = shield(one).await;
            Err::<(), _>(format!("body: {}", lost.unwrap_err()))
        });
        let error = error.await.unwrap_err();
        let told: Vec<_> = error.errors().cloned().collect();
        assert_eq!(told, ["broke".to_owned(), format!("body: {}", ChildError::Ended)]);
    }

    async fn a_body_that_misses_a_cancelled_task_says_so() {
        let error = TaskGroup::<io::Error>::run(async |group| {
            let one = group.spawn(pending::<io::Result<u32>>());
            one.cancel_with("not needed");
            Ok(one.await?)
        });
        let error = error.await.unwrap_err();
        let [failure] = error.failures() else { panic!("{error}") };
        assert_eq!(failure.task(), None);
        let inside = failure.error().and_then(|error| error.get_ref());
        assert!(inside.is_some_and(|it| it.is::<ChildError>()), "{error}");
    }

    async fn a_group_of_any_errors_can_be_spawned() {
        let error = TaskGroup::<Boxed>::run(async |outer| {
            let one = outer.spawn(boxed("deep"));
            Ok(one.await?)
        });
        let error = error.await.unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with(": deep"), "{text}");
        assert_eq!(error.failures().len(), 1, "{text}");
    }

    async fn who_is_asked_because_of_a_failure_hears_why() {
        let reason = TaskGroup::<String>::run(async |group| {
            let other = group.spawn(async {
                let asked = catch_cancel(pending::<()>()).await.unwrap_err();
                Ok(asked.reason().map(str::to_owned))
            });
            simoom::task::yield_now().await;
            group.spawn(fails("broke"));
            let heard = shield(other).await;
            assert_eq!(heard.unwrap().as_deref(), Some("a task of the group failed"));
            Ok(())
        });
        let error = reason.await.unwrap_err();
        assert_eq!(error.errors().collect::<Vec<_>>(), ["broke"]);
    }
}
