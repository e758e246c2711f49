//! `#[simoom_sim::test]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, FnArg, Lit, LitStr, Path, Result};

use crate::arguments::{self, Argument};
use crate::function::Function;
use crate::root;

/// A test without arguments that hands the function and its settings to the simulator.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let mut tokens = error.into_compile_error();
            tokens.extend(item);
            return tokens;
        }
    };
    let expanded = Settings::parse(arguments).and_then(|settings| settings.test(&function));
    expanded.unwrap_or_else(Error::into_compile_error)
}

struct Settings {
    root: Path,
    /// Calls on the configuration, such as `.seeds(500)`.
    calls: TokenStream,
}

impl Settings {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let mut settings = Self {
            root: root::simoom_sim(),
            calls: TokenStream::new(),
        };
        for argument in arguments::parse(tokens)? {
            if argument.name == "crate" {
                settings.root = argument.path()?;
                continue;
            }
            let (name, value) = (&argument.name, value(&argument)?);
            settings.calls.extend(quote!(.#name(#value)));
        }
        Ok(settings)
    }

    fn test(&self, function: &Function) -> Result<TokenStream> {
        let Self { root, calls } = self;
        let Function {
            attributes,
            visibility,
            signature,
            body,
        } = function;
        let test = function.test_attribute();
        let output = function.closure_output();
        let parameter = parameter(root, function)?;
        let name = &signature.ident;
        let text = LitStr::new(&name.to_string(), name.span());
        Ok(quote_spanned! {Span::mixed_site()=>
            #(#attributes)*
            #test
            #visibility fn #name() {
                #root::__private::run_test(
                    #root::Config::default() #calls,
                    ::core::concat!("\u{1}simoom test\u{1}", ::core::module_path!(), "\u{1}", #text, "\u{1}"),
                    ::core::file!(),
                    ::core::env!("CARGO_MANIFEST_DIR"),
                    ::core::env!("CARGO_PKG_NAME"),
                    async move |#parameter| #output #body,
                )
            }
        })
    }
}

/// The closure's parameter: the function's own, or one that is ignored.
fn parameter(root: &Path, function: &Function) -> Result<TokenStream> {
    let signature = &function.signature;
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a simulated test has no generic parameters",
        ));
    }
    let mut inputs = signature.inputs.iter();
    match (inputs.next(), inputs.next()) {
        (None, _) => Ok(quote!(_: #root::Sim)),
        (Some(FnArg::Typed(typed)), None) => Ok(typed.to_token_stream()),
        _ => Err(Error::new_spanned(
            &signature.inputs,
            "a simulated test takes one argument, the `Sim`, or none",
        )),
    }
}

/// What a setting takes.
#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Bool,
    Duration,
    /// A text, which the words describe.
    Text(&'static str),
    Any,
}

/// The settings, in the order in which a mistake lists them.
const SETTINGS: &[(&str, Kind)] = &[
    ("seeds", Kind::Integer),
    ("first_seed", Kind::Integer),
    ("seed", Kind::Integer),
    ("time", Kind::Duration),
    ("steps", Kind::Integer),
    ("stalls", Kind::Duration),
    ("watchdog", Kind::Duration),
    ("strategy", Kind::Any),
    ("cancels", Kind::Any),
    ("cancel_deny", Kind::Any),
    (
        "cover",
        Kind::Text("the path of a crate or module, such as \"kv::store\""),
    ),
    ("leaks", Kind::Any),
    ("doubled", Kind::Integer),
    ("processes", Kind::Integer),
    ("shrink", Kind::Bool),
    ("shrink_replays", Kind::Integer),
    ("shrink_time", Kind::Duration),
    ("shrink_entropy", Kind::Bool),
    ("explain", Kind::Bool),
    ("explain_runs", Kind::Integer),
    ("explain_time", Kind::Duration),
    ("persist", Kind::Bool),
    (
        "regressions",
        Kind::Text("a folder below the manifest's, such as \"tests/failures\""),
    ),
    (
        "replay",
        Kind::Text("the text of plans, such as `include_str!(\"failure.txt\")`"),
    ),
    ("notes", Kind::Integer),
    ("jobs", Kind::Integer),
];

/// The value of a setting, checked as far as its tokens tell.
fn value(argument: &Argument) -> Result<TokenStream> {
    let name = argument.name.to_string();
    let value = &argument.value;
    let literal = argument.literal();
    let Some(&(_, kind)) = SETTINGS.iter().find(|(setting, _)| *setting == name) else {
        return Err(argument.unknown(unknown(&name)));
    };
    let (fits, kind) = match kind {
        Kind::Integer => (matches!(literal, None | Some(Lit::Int(_))), "an integer"),
        Kind::Bool => (
            matches!(literal, None | Some(Lit::Bool(_))),
            "`true` or `false`",
        ),
        Kind::Text(words) => (matches!(literal, None | Some(Lit::Str(_))), words),
        Kind::Any => (true, ""),
        Kind::Duration => return argument.duration(),
    };
    if fits {
        return Ok(value.to_token_stream());
    }
    Err(Error::new_spanned(value, format!("`{name}` is {kind}")))
}

/// That there is no such setting, and which there are.
fn unknown(name: &str) -> String {
    let names = SETTINGS.iter().map(|(setting, _)| format!("`{setting}`"));
    let names = names.collect::<Vec<_>>().join(", ");
    format!("`{name}` is not a setting of a simulated test, which has {names} and `crate`")
}

#[cfg(test)]
mod tests;
