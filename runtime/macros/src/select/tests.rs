//! Mistakes that are refused, and how many branches there may be.

use super::*;
use crate::errors::errors;

#[track_caller]
fn check_refused(branches: TokenStream, expected: &str) {
    let expanded = expand(quote!((::simoom) #branches));
    assert_eq!(errors(expanded), [expected]);
}

#[test]
fn mistakes_are_refused() {
    check_refused(
        quote!(),
        "`select!` needs a branch: `pattern = future => handler`",
    );
    check_refused(
        quote!(biased;),
        "`select!` needs a branch: `pattern = future => handler`",
    );
    check_refused(quote!(else => 1, x = y => 2), "`else` is the last branch");
    check_refused(quote!(x = a => 1 y = b => 2), "expected `,`");
    check_refused(quote!(x = a, when true => 1), "expected `if`");
}

#[test]
fn sixty_four_branches_are_the_most() {
    let branches = |count| std::iter::repeat_n(quote!(x = y => z,), count).collect();
    let expanded = |branches: TokenStream| errors(expand(quote!((::simoom) #branches)));
    assert!(expanded(branches(64)).is_empty());
    assert_eq!(
        expanded(branches(65)),
        ["`select!` takes at most 64 branches"]
    );
}
