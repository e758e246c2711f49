//! Whose plans a file holds, and which of them a new one replaces.

use super::Plans;

const ONE: &str = "simoom plan 1\nseed 0x01\nfailure deadlock\n";

#[test]
fn a_file_says_whose_plans_it_holds() {
    let text = format!(
        "# Failures\ntest durability::store::writes 2\n\n{ONE}\nsimoom plan 1\nseed 0x02\n"
    );
    let plans = Plans::parse(&text);
    assert_eq!(plans.test(), Some(("durability", "store::writes")));
    assert_eq!(plans.owner.as_deref(), Some("durability::store::writes 2"));
    assert_eq!(plans.plans, [ONE, "simoom plan 1\nseed 0x02\n"]);
}

#[test]
fn a_plan_replaces_the_one_that_fails_in_the_same_way() {
    let mut plans = Plans::parse(ONE);
    let better = "simoom plan 1\nseed 0x03\nfailure deadlock\n";
    assert!(plans.add(better));
    assert!(!plans.add("simoom plan 1\nseed 0x04\nfailure panic\n"));
    assert_eq!(plans.plans[0], better);
    assert_eq!(plans.plans.len(), 2);
}
