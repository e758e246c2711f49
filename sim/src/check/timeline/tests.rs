//! The page of a run: the same for the same run, and whole whatever is said in it.

use std::collections::BTreeSet;

use super::entries::CATEGORIES;
use super::{Runs, fill, inert};
use crate::record::{Event, EventKind, Names, Told};
use crate::run::{Logged, ToldRun};

fn told(kind: EventKind, task: u64, node: u16, one: u64) -> Told {
    let event = Event {
        time_ns: 5,
        kind,
        node,
        task,
        one,
        two: 0,
        cause: 0,
    };
    Told {
        event,
        detail: None,
        words: None,
        by: None,
        after: Vec::new(),
        is_of_file: false,
        at: None,
    }
}

fn run(said: &str) -> Box<ToldRun> {
    let mut names = Names::default();
    names.node("test".to_owned());
    names.node("</script><b>".to_owned());
    names.label_task(7, "server/</script>".to_owned());
    let mut events = vec![
        told(EventKind::TaskSpawned, 0, 0, 7),
        told(EventKind::TaskPolled, 7, 1, 7),
        told(EventKind::NodeKilled, 0, 0, 1),
        told(EventKind::SegmentDelivered, 0, 0, 0),
    ];
    events[2].event.cause = 2;
    events[3].event.cause = 1;
    events[3].at = Some(1);
    let logs = vec![Logged {
        events: 2,
        task: 7,
        text: said.to_owned(),
    }];
    Box::new(ToldRun {
        events,
        names,
        logs,
    })
}

fn page(said: &str) -> String {
    let runs = Runs {
        failing: run(said),
        changed: BTreeSet::new(),
        passing: Some(run("INFO all is well")),
    };
    fill("a <test>".to_owned(), "it failed".to_owned(), &runs)
}

fn data_of(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once(r#"id="data">"#).unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn the_same_run_gives_the_same_page() {
    assert_eq!(page("INFO one"), page("INFO one"));
    assert_ne!(page("INFO one"), page("INFO two"));
}

#[test]
fn what_is_said_in_a_run_ends_no_script() {
    let said = "INFO </script><script>alert(1)</script><!-- {{script}}";
    let page = page(said);
    assert_eq!(page.matches("</script").count(), 2, "that of the page");
    assert_eq!(page.matches("<script").count(), 2);
    assert!(page.contains("<title>a &lt;test&gt;</title>"));
    let data = data_of(&page);
    let texts = data["runs"][0]["texts"].as_array().unwrap();
    assert!(texts.contains(&said.into()), "{texts:?}");
    assert_eq!(inert(r#""<b>""#), r#""\u003cb>""#);
}

#[test]
fn the_page_asks_for_nothing_else() {
    let page = page("INFO one");
    for word in [
        "http:", "https:", "src=", "href=", "@import", "url(", "fetch(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn entries_stand_in_the_lane_of_their_node() {
    let data = data_of(&page("INFO one"));
    let run = &data["runs"][0];
    // The spawn of a task is its node's, a line stands after what had happened.
    let column = |name: &str| -> Vec<u64> {
        let column = run[name].as_array().unwrap().iter();
        column.map(|it| it.as_u64().unwrap()).collect()
    };
    assert_eq!(column("node"), [2, 2, 2, 2, 2]);
    assert_eq!(column("task"), [0, 1, 1, 0, 0]);
    assert_eq!(column("number"), [1, 1, 0, 1, 1]);
    assert_eq!(column("time"), [5, 0, 0, 0, 0]);
    assert_eq!(column("cause"), [0, 0, 0, 1, 3]);
    let sorts = column("category").into_iter();
    let sorts: Vec<_> = sorts.map(|it| CATEGORIES[it as usize].0).collect();
    assert_eq!(sorts, ["task", "poll", "log", "act", "message"]);
    assert_eq!(run["fails"], true);
    assert_eq!(data["runs"][1]["fails"], false);
}
