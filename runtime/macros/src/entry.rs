//! `#[simoom::main]` and `#[simoom::test]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, Path, Result};

use crate::arguments::{self, Argument};
use crate::function::Function;
use crate::root;

/// Which of the two attributes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

/// The function without `async`, around a runtime that runs it.
///
/// A mistake in the arguments leaves the function in place, so that it is the only error shown.
pub(crate) fn expand(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let mut tokens = error.into_compile_error();
            tokens.extend(item);
            return tokens;
        }
    };
    let mut errors = Vec::new();
    let settings = settings(arguments).unwrap_or_else(|error| {
        errors.push(error);
        Settings::default()
    });
    errors.extend(check_inputs(kind, &function).err());

    let mut tokens = run(kind, &settings, function);
    for error in errors {
        tokens.extend(error.into_compile_error());
    }
    tokens
}

fn run(kind: Kind, settings: &Settings, mut function: Function) -> TokenStream {
    let Settings {
        root,
        start_paused,
        shutdown,
        debug,
    } = settings;
    // Where nothing is said, the environment decides.
    let debug = debug.map(|debug| quote_spanned!(Span::mixed_site()=> .debug(#debug)));
    let test = match kind {
        Kind::Main => TokenStream::new(),
        Kind::Test => function.test_attribute(),
    };
    let output = function.closure_output();
    function.signature.asyncness = None;
    let Function {
        attributes,
        visibility,
        signature,
        body,
    } = function;
    quote_spanned! {Span::mixed_site()=>
        #(#attributes)*
        #test
        #visibility #signature {
            // The real tokio does not have this: a program must not run on it unawares.
            use #root::__private as _;
            let body = async move || #output #body;
            let runtime = #root::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(#start_paused)
                .shutdown_within(#shutdown)
                #debug
                .build()
                .expect("the runtime could not be started");
            runtime.block_on(body())
        }
    }
}

/// What the arguments say; those that are not here say what is so anyway.
struct Settings {
    /// The path of the crate.
    root: Path,
    start_paused: bool,
    /// Zero drops the tasks that are left at the end.
    shutdown: TokenStream,
    debug: Option<bool>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            root: root::simoom(),
            start_paused: false,
            shutdown: quote!(::core::time::Duration::ZERO),
            debug: None,
        }
    }
}

fn settings(tokens: TokenStream) -> Result<Settings> {
    let mut settings = Settings::default();
    for argument in arguments::parse(tokens)? {
        match argument.name.to_string().as_str() {
            "crate" => settings.root = argument.path()?,
            "flavor" => check_flavor(&argument)?,
            "worker_threads" => {
                return Err(argument.unknown(
                    "`worker_threads` is not there yet: simoom runs its tasks on one thread",
                ));
            }
            "start_paused" => settings.start_paused = argument.bool()?,
            "shutdown" => settings.shutdown = argument.duration()?,
            "debug" => settings.debug = Some(argument.bool()?),
            name => {
                return Err(argument.unknown(format!(
                    "`{name}` is not an argument of this attribute, which takes `flavor = \
                     \"current_thread\"`, `start_paused = true`, `shutdown = \"5s\"`, `debug = true` and \
                     `crate = \"path\"`"
                )));
            }
        }
    }
    Ok(settings)
}

fn check_flavor(argument: &Argument) -> Result<()> {
    let message = match argument.text()?.as_str() {
        "current_thread" => return Ok(()),
        "multi_thread" => {
            "the flavor `multi_thread` is not there yet: `current_thread` is the one there is"
                .to_owned()
        }
        other => format!("there is no flavor `{other}`: `current_thread` is the one there is"),
    };
    Err(Error::new_spanned(&argument.value, message))
}

fn check_inputs(kind: Kind, function: &Function) -> Result<()> {
    let inputs = &function.signature.inputs;
    let message = match kind {
        Kind::Test => "a test takes no arguments",
        // On another function the attribute is a way to call it from code that is not async.
        Kind::Main if function.signature.ident == "main" => "`main` takes no arguments",
        Kind::Main => return Ok(()),
    };
    if inputs.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(inputs.to_token_stream(), message))
}

#[cfg(test)]
mod tests;
