//! Whom stored names mean since there are more or fewer of a name.

use super::Families;
use crate::choice::{Paths, Plan};

/// The families of a node "n" with so many tasks called so.
fn families(tasks: &[(&'static str, u32)]) -> Families {
    let mut paths = Paths::default();
    let node = paths.child(None, "n".into());
    for &(name, count) in tasks {
        for _ in 0..count {
            let task = paths.child(Some(node), name.into());
            paths.child(Some(task), "below".into());
        }
    }
    paths.families()
}

fn plan(lines: &str) -> Plan {
    let text = format!("simoom plan 1\nseed 0x1\nstrategy replay\nhorizon 2\n{lines}");
    Plan::parse(&text).unwrap()
}

/// What `plan` may mean, without what is the same in all.
fn meanings(plan: &Plan, now: &Families) -> Vec<String> {
    let lines = |plan: &Plan| {
        let text = plan.to_text();
        let lines = text.lines().filter(|line| line.contains(" = "));
        lines.collect::<Vec<_>>().join("\n")
    };
    plan.renamed(now).iter().map(|it| lines(&it.plan)).collect()
}

#[test]
fn names_mean_the_same_where_there_are_as_many_as_there_were() {
    let mut plan = plan("sched n/a lock n/a!0 1 0 = n/a#1\n");
    let was = families(&[("a", 5), ("b", 1)]);
    plan.count_siblings(&was);
    assert!(plan.to_text().contains("\nequal n/a 5\n"), "{plan:?}");
    assert_eq!(Plan::parse(&plan.to_text()).unwrap(), plan);
    assert!(plan.renamed(&was).is_empty());
    // Those that it does not name may be as many as they like.
    assert!(plan.renamed(&families(&[("a", 5), ("b", 9)])).is_empty());
    // Where each of a name is named, their number goes without saying.
    plan.count_siblings(&families(&[("a", 2)]));
    assert!(!plan.to_text().contains("equal"), "{plan:?}");
    assert!(plan.renamed(&families(&[("a", 2)])).is_empty());
}

#[test]
fn one_more_may_be_before_between_or_after_those_that_are_named() {
    let plan = plan("sched n/a lock n/a!0 1 0 = n/a#1\n");
    let now = families(&[("a", 3)]);
    assert_eq!(
        meanings(&plan, &now),
        [
            "sched n/a#1 lock n/a#1!0 1 0 = n/a#2",
            "sched n/a lock n/a!0 1 0 = n/a#2"
        ]
    );
    let note = &plan.renamed(&now)[0].note;
    assert_eq!(note, "2 called n/a became 3, and n/a is taken for n/a#1");
}

#[test]
fn several_more_may_be_apart() {
    let plan = plan("sched n/b yield - 1 0 = n/a\n");
    assert_eq!(
        meanings(&plan, &families(&[("a", 3), ("b", 2)])),
        [
            "sched n/b#1 yield - 1 0 = n/a#2",
            "sched n/b#1 yield - 1 0 = n/a#1",
            "sched n/b yield - 1 0 = n/a#2",
            "sched n/b#1 yield - 1 0 = n/a"
        ]
    );
}

#[test]
fn one_less_moves_those_behind_it() {
    let first = plan("sched n/a#1 lock n/a#1!0 1 0 = n/a#2\n");
    let now = families(&[("a", 2)]);
    assert_eq!(
        meanings(&first, &now),
        [
            "sched n/a lock n/a!0 1 0 = n/a#1",
            "sched n/a#1 lock n/a#1!0 1 0 = n/a#1"
        ]
    );
    // There is none before the first, and nothing to compare if nobody is called so.
    let plan = plan("sched n/a lock n/a!0 1 0 = n/a#2\n");
    assert!(plan.renamed(&now).is_empty());
    assert!(plan.renamed(&families(&[("b", 2)])).is_empty());
}

#[test]
fn names_of_what_is_below_and_of_what_tasks_use_move_with_them() {
    let plan = plan(
        "delay - segment n/a~0> 4 0 = 7\n\
         delay - datagram n/a@1>m:53 0 0 = 8\n\
         sched n/a/below recv n/a!3 0 0 = *\n\
         fault - net.segment.lost =n/a 0 0 = 1\n\
         pick n/b select - 0 0 = 2\n",
    );
    assert_eq!(
        meanings(&plan, &families(&[("a", 2), ("b", 1)])),
        ["delay - segment n/a#1~0> 4 0 = 7\n\
          delay - datagram n/a#1@1>m:53 0 0 = 8\n\
          sched n/a#1/below recv n/a#1!3 0 0 = *\n\
          fault - net.segment.lost =n/a 0 0 = 1\n\
          pick n/b select - 0 0 = 2"]
    );
}

#[test]
fn no_more_meanings_are_tried_than_are_worth_it() {
    let lines = (0..20).map(|count| format!("sched n/a#{count} yield - 1 0 = n/b\n"));
    let plan = plan(&lines.collect::<String>());
    assert_eq!(meanings(&plan, &families(&[("a", 25), ("b", 1)])).len(), 6);
}
