//! Where the crate is to which an expansion belongs.
//!
//! An attribute cannot tell by which path it was called, so the manifest of the package that it is
//! in is asked by which name that knows the crate.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::Span;
use syn::{Ident, Path, parse_quote};

/// The path of simoom: under the name that the package gives it, or else that of a crate which
/// stands in for tokio and re-exports simoom.
pub(crate) fn simoom() -> Path {
    named("simoom")
        .or_else(|| named("tokio"))
        .unwrap_or_else(|| parse_quote!(::simoom))
}

/// The path of the simulator, under the name that the package gives it.
pub(crate) fn simoom_sim() -> Path {
    named("simoom-sim").unwrap_or_else(|| parse_quote!(::simoom_sim))
}

fn named(package: &str) -> Option<Path> {
    let name = match crate_name(package).ok()? {
        // Examples and tests of the package know it by its own name.
        FoundCrate::Itself => package.replace('-', "_"),
        FoundCrate::Name(name) => name,
    };
    let name = Ident::new(&name, Span::call_site());
    Some(parse_quote!(::#name))
}
