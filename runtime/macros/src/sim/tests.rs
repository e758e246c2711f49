//! What the attribute makes of a function, and what it refuses.

use proc_macro2::Ident;
use quote::quote;

use super::*;
use crate::arguments::nanoseconds;
use crate::errors::errors;

fn expanded(arguments: TokenStream, item: TokenStream) -> String {
    expand(arguments, item).to_string()
}

#[track_caller]
fn check_calls(arguments: TokenStream, expected: TokenStream) {
    let text = expanded(
        arguments,
        quote!(
            async fn name(sim: Sim) {}
        ),
    );
    let expected = quote!(::simoom_sim::Config::default() #expected,).to_string();
    assert!(text.contains(&expected), "{expected}\n is not in\n{text}");
}

#[track_caller]
fn check_refused(arguments: TokenStream, item: TokenStream, expected: &str) {
    assert_eq!(errors(expand(arguments, item)), [expected]);
}

#[test]
fn settings_become_calls_in_their_order() {
    check_calls(quote!(), quote!());
    check_calls(quote!(seeds = 500), quote!(.seeds(500)));
    check_calls(
        quote!(steps = MANY, seed = 0x5eed, shrink = false, jobs = 1),
        quote!(.steps(MANY).seed(0x5eed).shrink(false).jobs(1)),
    );
    check_calls(
        quote!(strategy = Strategy::Pct { depth: 3 }),
        quote!(.strategy(Strategy::Pct { depth: 3 })),
    );
    check_calls(
        quote!(time = Duration::from_secs(3)),
        quote!(.time(Duration::from_secs(3))),
    );
    check_calls(
        quote!(time = "20s"),
        quote!(.time(::core::time::Duration::from_nanos(20000000000u64))),
    );
    check_calls(
        quote!(stalls = "5ms"),
        quote!(.stalls(::core::time::Duration::from_nanos(5000000u64))),
    );
    check_calls(
        quote!(
            regressions = "tests/failures",
            replay = include_str!("failure.txt"),
            shrink_replays = 1_000,
            shrink_entropy = true,
            explain_runs = 0,
            leaks = Leaks::none()
        ),
        quote!(
            .regressions("tests/failures")
            .replay(include_str!("failure.txt"))
            .shrink_replays(1_000)
            .shrink_entropy(true)
            .explain_runs(0)
            .leaks(Leaks::none())
        ),
    );
    for name in ["shrink_time", "explain_time", "watchdog"] {
        let name = Ident::new(name, Span::call_site());
        check_calls(
            quote!(#name = "1min"),
            quote!(.#name(::core::time::Duration::from_nanos(60000000000u64))),
        );
    }
}

#[test]
fn times_are_whole_numbers_with_units() {
    assert_eq!(nanoseconds("1ns"), Some(1));
    assert_eq!(nanoseconds("2us"), Some(2_000));
    assert_eq!(nanoseconds("1_500 ms"), Some(1_500_000_000));
    assert_eq!(nanoseconds("3min"), Some(180_000_000_000));
    assert_eq!(nanoseconds("1h"), Some(3_600_000_000_000));
    for wrong in ["", "s", "20", "1.5s", "-1s", "20 days", "99999999999h"] {
        assert_eq!(nanoseconds(wrong), None, "{wrong:?}");
    }
}

#[test]
fn mistaken_settings_are_refused() {
    let item = quote!(
        async fn name(sim: Sim) {}
    );
    check_refused(quote!(seeds = "500"), item.clone(), "`seeds` is an integer");
    check_refused(
        quote!(shrink = 1),
        item.clone(),
        "`shrink` is `true` or `false`",
    );
    check_refused(
        quote!(persist = 0),
        item.clone(),
        "`persist` is `true` or `false`",
    );
    check_refused(
        quote!(time = "20 days"),
        item.clone(),
        "`time` is a `Duration` or a whole number with its unit (ns, us, ms, s, min, h), such as \
         \"20s\"",
    );
    check_refused(
        quote!(regressions = 5),
        item.clone(),
        "`regressions` is a folder below the manifest's, such as \"tests/failures\"",
    );
    check_refused(
        quote!(replay = true),
        item.clone(),
        "`replay` is the text of plans, such as `include_str!(\"failure.txt\")`",
    );
    check_refused(
        quote!(shrink_replays = "many"),
        item.clone(),
        "`shrink_replays` is an integer",
    );
    check_refused(
        quote!(sedes = 5),
        item,
        "`sedes` is not a setting of a simulated test, which has `seeds`, `first_seed`, `seed`, \
         `time`, `steps`, `stalls`, `watchdog`, `strategy`, `cancels`, `cancel_deny`, `cover`, \
         `leaks`, `doubled`, `processes`, `shrink`, `shrink_replays`, `shrink_time`, \
         `shrink_entropy`, `explain`, `explain_runs`, `explain_time`, `persist`, `regressions`, \
         `replay`, `notes`, `jobs` and `crate`",
    );
}

#[test]
fn functions_that_cannot_be_run_are_refused() {
    check_refused(
        quote!(),
        quote!(
            async fn name(one: Sim, two: Sim) {}
        ),
        "a simulated test takes one argument, the `Sim`, or none",
    );
    check_refused(
        quote!(),
        quote!(
            async fn name<T>(sim: Sim) {}
        ),
        "a simulated test has no generic parameters",
    );
    assert!(
        errors(expand(
            quote!(),
            quote!(
                fn name(sim: Sim) {}
            )
        ))
        .contains(&"this attribute is for an `async fn`".to_owned())
    );
}
