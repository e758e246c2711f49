//! Plans that are read back as they were written; anchors that mean what they meant.

use super::{Deviation, Plan, PlanError, Rate, Story, parse_seed};
use crate::choice::{Anchor, ChoiceKind, Paths, value};

/// A plan of `count` deviations under names that are hard to write down.
fn generated(seed: u64, count: u64) -> Plan {
    let mut paths = Paths::default();
    let names = [
        "test",
        "a b/c#1",
        "<T as F<A, B>>::{{closure}}",
        "%u3;",
        " = # ",
        "\u{2003}☂",
    ];
    let mut tasks = vec![paths.child(None, "n\u{3000}".into())];
    let draw = |index: u64, bound: u64| value(seed, index, 1) % bound;
    let mut deviations = Vec::new();
    for index in 0..count {
        let parent = tasks[draw(index * 9, tasks.len() as u64) as usize];
        let name = names[draw(index * 9 + 1, names.len() as u64) as usize];
        let task = paths.child(Some(parent), name.into());
        tasks.push(task);
        let kind = ChoiceKind::ALL[draw(index * 9 + 2, 4) as usize];
        let text = paths.text(task);
        let resource = match draw(index * 9 + 3, 5) {
            0 => "-".to_owned(),
            1 => format!("{text}!{}", draw(index * 9 + 4, 1_000)),
            2 => format!("{text}~{}", draw(index * 9 + 4, 1_000)),
            3 => format!("{text}~{}>", draw(index * 9 + 4, 1_000)),
            _ => format!("{text}~{}<", draw(index * 9 + 4, 1_000)),
        };
        let (subject, value) = match kind {
            ChoiceKind::Sched => (text.clone(), paths.text(parent)),
            ChoiceKind::Pick => (text.clone(), draw(index * 9 + 5, 64).to_string()),
            _ => ("-".to_owned(), value(seed, index, 2).to_string()),
        };
        let story = match draw(index * 9 + 6, 2) {
            0 => Story::default(),
            _ => Story {
                time_ns: draw(index * 9 + 7, 1 << 50) as i64,
                text: format!("what # happened = to {text}"),
            },
        };
        deviations.push(Deviation {
            anchor: Anchor {
                kind,
                subject,
                operation: "lock".to_owned(),
                resource,
                step: draw(index * 9 + 8, 1 << 32) as u32,
                visit: draw(index, 3) as u32,
            },
            value,
            story,
        });
    }
    Plan {
        seed,
        strategy: "replay".to_owned(),
        horizon: 1 << draw(1, 20),
        failure: Some("panic src/lib.rs counter is N".to_owned())
            .filter(|_| seed.is_multiple_of(2)),
        seen: (seed.is_multiple_of(3)).then_some(Rate {
            failed: 1,
            runs: 1 + draw(2, 1 << 40),
        }),
        siblings: (0..seed % 3)
            .map(|index| (format!("node/task/{index}%20"), 2 + draw(index, 100) as u32))
            .collect(),
        deviations,
    }
}

#[test]
fn generated_plans_are_read_back_as_written() {
    for seed in 0..100 {
        let plan = generated(seed, seed % 20);
        let text = plan.to_text();
        assert_eq!(Plan::parse(&text), Ok(plan), "{text}");
    }
}

#[test]
fn stored_anchors_mean_what_they_meant() {
    // Part of the plan format: another hash would make every stored line miss its choice.
    let text = "simoom plan 1\nseed 0x1\nstrategy replay\nhorizon 2\n\
                sched server/kv::run lock server!0 3 0 = client/kv::client # 812 said\n\
                delay - segment client/main~0> 4 0 = 1250000\n";
    let plan = Plan::parse(text).unwrap();
    let known: Vec<_> = (plan.deviations.iter())
        .map(|it| (it.anchor.hash().unwrap().0, it.number().unwrap()))
        .collect();
    assert_eq!(
        known,
        [
            (0x0f59_ba96_0f7b_1aa0, 0xfc04_70f8_9606_e747),
            (0x09bb_852c_786f_c46a, 1_250_000)
        ]
    );
}

#[test]
fn malformed_lines_are_named() {
    let head = "simoom plan 1\nseed 1\nstrategy replay\nhorizon 2\n";
    for line in [
        "seed",
        "seed x",
        "seed 0x1_0000_0000_0000_0000",
        "horizon -1",
        "horizon 1.5",
        "nonsense",
        "equal n/a",
        "equal n/a x",
        "equal n/a -1",
        "equal n//a 2",
        "equal n/a b 2",
        "sched a lock - 0 0 = ",
        "sched a lock - 0 0 =b",
        "sched a lock - 0 0 b",
        "sched a lock - 0 = b",
        "sched a lock - 0 0 0 = b",
        "sched a lock - x 0 = b",
        "sched a lock - 0 4294967296 = b",
        "sched a lock b 0 0 = b",
        "sched a lock b!x 0 0 = b",
        "sched a lock b~ 0 0 = b",
        "sched a// lock - 0 0 = b",
        "sched a lock - 0 0 = b c",
        "pick a select - 0 0 = b",
        "delay - segment a~0> 0 0 = -1",
        "delay - segment a~0> 0 0 = 18446744073709551616",
        "later - segment a~0> 0 0 = 1",
    ] {
        let error = Plan::parse(&format!("{head}{line}\n")).unwrap_err();
        let expected = PlanError::Line {
            number: 5,
            text: line.trim().to_owned(),
        };
        assert_eq!(error, expected);
        assert!(
            error.to_string().starts_with("line 5 is not understood"),
            "{error}"
        );
    }
}

#[test]
fn missing_lines_are_named() {
    let lines = ["seed 1", "strategy replay", "horizon 2"];
    for left_out in 0..3 {
        let mut text = "simoom plan 1\n".to_owned();
        for (index, line) in lines
            .iter()
            .enumerate()
            .filter(|&(index, _)| index != left_out)
        {
            text.push_str(&format!("# {index}\n\n{line}\n"));
        }
        let what = lines[left_out].split(' ').next().unwrap();
        assert_eq!(Plan::parse(&text), Err(PlanError::Missing { what }));
    }
}

#[test]
fn another_version_is_said_to_be_one() {
    for found in ["", "simoom plan 2", "simoom plan 10", "something else"] {
        let error = Plan::parse(&format!("{found}\nseed 1\n")).unwrap_err();
        assert_eq!(
            error,
            PlanError::Version {
                found: found.to_owned()
            }
        );
        assert!(error.to_string().contains("another version"), "{error}");
    }
}

#[test]
fn mutated_plans_never_panic() {
    let text = generated(4, 6).to_text().into_bytes();
    let mut state = 1_u64;
    let mut next = move |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let (mut good, mut bad) = (0, 0);
    for _ in 0..100_000 {
        let mut mutant = text.clone();
        for _ in 0..=next(3) {
            let (from, to) = (next(mutant.len()), next(mutant.len()));
            match next(4) {
                0 => mutant[to] = b" =#/%!~<>-0ux\n"[next(14)],
                1 => mutant[to] = mutant[from],
                2 => drop(mutant.drain(from.min(to)..(from.min(to) + 5).min(mutant.len()))),
                _ => mutant.insert(to, next(256) as u8),
            }
        }
        match Plan::parse(&String::from_utf8_lossy(&mutant)) {
            Ok(plan) => {
                good += 1;
                assert!(plan.deviations.iter().all(|it| it.number().is_some()));
            }
            Err(_) => bad += 1,
        }
    }
    assert!(good > 1_000, "some mutants are still plans: {good}");
    assert!(bad > 1_000, "some mutants are none: {bad}");
}

#[test]
fn seeds_are_decimal_or_hexadecimal_with_underscores() {
    let check = |text, expected| assert_eq!(parse_seed(text), expected, "{text:?}");
    check("42", Some(42));
    check(" 1_000 ", Some(1_000));
    check("0xff", Some(255));
    check("0X5eed_0000_0000_01f3", Some(0x5eed_0000_0000_01f3));
    check("18446744073709551615", Some(u64::MAX));
    for bad in [
        "",
        "0x",
        "x",
        "-1",
        "1.0",
        "0x1_0000_0000_0000_0000",
        "18446744073709551616",
        "12a",
    ] {
        check(bad, None);
    }
}
