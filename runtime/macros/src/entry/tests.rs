//! Arguments and functions that the attributes take, and those that they refuse.

use quote::quote;

use super::*;
use crate::errors::errors;

#[track_caller]
fn check(arguments: TokenStream, expected: &[&str]) {
    let expanded = expand(
        Kind::Test,
        arguments,
        quote!(
            async fn name() {}
        ),
    );
    assert_eq!(errors(expanded), expected);
}

#[test]
fn known_arguments_are_accepted() {
    check(quote!(), &[]);
    check(quote!(flavor = "current_thread"), &[]);
    check(
        quote!(
            flavor = "current_thread",
            start_paused = true,
            debug = true,
            shutdown = "5s",
            crate = "my::simoom",
        ),
        &[],
    );
}

#[test]
fn arguments_that_are_not_there_yet_say_so() {
    check(
        quote!(flavor = "multi_thread"),
        &["the flavor `multi_thread` is not there yet: `current_thread` is the one there is"],
    );
    check(
        quote!(worker_threads = 2),
        &["`worker_threads` is not there yet: simoom runs its tasks on one thread"],
    );
}

#[test]
fn mistaken_arguments_are_refused() {
    check(
        quote!(flavour = "current_thread"),
        &[
            "`flavour` is not an argument of this attribute, which takes \
           `flavor = \"current_thread\"`, `start_paused = true`, `shutdown = \"5s\"`, `debug = true` and \
           `crate = \"path\"`",
        ],
    );
    check(
        quote!(flavor = "local"),
        &["there is no flavor `local`: `current_thread` is the one there is"],
    );
    check(quote!(flavor = 1), &["`flavor` is a string"]);
    check(quote!(flavor), &["`flavor` needs a value: `flavor = ..`"]);
    check(
        quote!(start_paused = 1),
        &["`start_paused` is `true` or `false`"],
    );
    for shutdown in ["", "5", "s", "5y", "-5s", "0.5s", "99999999999999999999s"] {
        check(
            quote!(shutdown = #shutdown),
            &[
                "`shutdown` is a `Duration` or a whole number with its unit (ns, us, ms, s, min, h), \
               such as \"20s\"",
            ],
        );
    }
    check(
        quote!(crate = "a", crate = "b"),
        &["`crate` is given twice"],
    );
    check(quote!(crate = 5), &["`crate` is a path in quotes"]);
}

#[test]
fn functions_that_cannot_be_run_are_refused() {
    let refused = |kind, item| errors(expand(kind, quote!(), item));
    assert_eq!(
        refused(
            Kind::Main,
            quote!(
                fn main() {}
            )
        ),
        ["this attribute is for an `async fn`"]
    );
    assert_eq!(
        refused(
            Kind::Main,
            quote!(
                async fn main(x: u32) {}
            )
        ),
        ["`main` takes no arguments"]
    );
    assert_eq!(
        refused(
            Kind::Test,
            quote!(
                async fn name(x: u32) {}
            )
        ),
        ["a test takes no arguments"]
    );
    assert!(
        refused(
            Kind::Main,
            quote!(
                async fn other(x: u32) {}
            )
        )
        .is_empty()
    );
    assert_eq!(
        refused(
            Kind::Main,
            quote!(
                struct Main;
            )
        )
        .len(),
        1
    );
}

#[test]
fn a_mistake_leaves_the_function_in_place() {
    let expanded = expand(
        Kind::Main,
        quote!(nonsense),
        quote!(
            async fn main() {}
        ),
    );
    let file: syn::File = syn::parse2(expanded).unwrap();
    assert!(matches!(&file.items[0], syn::Item::Fn(function) if function.sig.ident == "main"));
}

#[test]
fn the_test_attribute_is_added_once() {
    let count = |item| {
        let file: syn::File = syn::parse2(expand(Kind::Test, quote!(), item)).unwrap();
        let syn::Item::Fn(function) = &file.items[0] else {
            panic!("a test is a function")
        };
        let is_test = |attribute: &&syn::Attribute| {
            attribute
                .path()
                .segments
                .last()
                .is_some_and(|last| last.ident == "test")
        };
        function.attrs.iter().filter(is_test).count()
    };
    assert_eq!(
        count(quote!(
            async fn name() {}
        )),
        1
    );
    assert_eq!(
        count(quote!(
            #[ignore]
            #[test]
            async fn name() {}
        )),
        1
    );
    assert_eq!(
        count(quote!(
            #[::core::prelude::v1::test]
            async fn name() {}
        )),
        1
    );
}
