//! Dumps, as far as both worlds have them.

use std::future::pending;

use simoom::runtime::Handle;
use simoom::sync::mpsc;
use simoom::task::{Builder, TaskState, yield_now};
use simoom_tests::{both, settle};

both! {
    async fn graph_1_a_dump_has_every_task_and_what_it_waits_for() {
        let (_send, mut receive) = mpsc::channel::<()>(1);
        let body = async move { receive.recv().await };
        let receiver = Builder::new().name("receiver").spawn(body).unwrap();
        let idle = Builder::new().name("idle").spawn(pending::<()>()).unwrap();
        settle().await;
        let dump = Handle::current().dump().await;
        let ids: Vec<_> = dump.tasks().iter().map(|task| task.id()).collect();
        assert_eq!(ids, [receiver.id(), idle.id()], "oldest first");
        let task = dump.task(receiver.id()).unwrap();
        assert_eq!(task.info().name(), Some("receiver"));
        assert_eq!(task.info().state(), TaskState::Waiting);
        assert_eq!(task.info().waits_for().unwrap().operation(), "recv");
        let text = dump.to_string();
        assert!(text.starts_with("dump of 2 tasks\n"), "{text}");
        assert!(text.contains(&format!("* Task {} (receiver)\n  spawned at ", receiver.id())), "{text}");
        assert!(text.contains(", waits in recv"), "{text}");
    }

    async fn graph_1_what_was_looked_at_goes_on() {
        let (send, mut receive) = mpsc::channel(1);
        let body = async move {
            let mut sum = 0;
            while let Some(number) = receive.recv().await {
                sum += number;
                yield_now().await;
            }
            sum
        };
        let task = simoom::spawn(body);
        for number in 1..5 {
            send.send(number).await.unwrap();
            Handle::current().dump().await;
        }
        drop(send);
        assert_eq!(task.await.unwrap(), 10);
        assert!(Handle::current().dump().await.tasks().iter().next().is_none());
    }
}
