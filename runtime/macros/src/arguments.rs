//! The arguments of an attribute: `name = value` pairs.
//!
//! Owns their syntax and the mistakes that can be made in it. Knows no name but `crate`.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, Path, Result, Token};

/// One `name = value`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

impl Argument {
    /// The literal that is the value, if it is one.
    pub(crate) fn literal(&self) -> Option<&Lit> {
        match &self.value {
            Expr::Lit(ExprLit { lit, .. }) => Some(lit),
            _ => None,
        }
    }

    /// The text of a value that must be a string.
    pub(crate) fn text(&self) -> Result<String> {
        match self.literal() {
            Some(Lit::Str(text)) => Ok(text.value()),
            _ => Err(Error::new_spanned(
                &self.value,
                format!("`{}` is a string", self.name),
            )),
        }
    }

    /// Whether a value that must be `true` or `false` is true.
    pub(crate) fn bool(&self) -> Result<bool> {
        match self.literal() {
            Some(Lit::Bool(value)) => Ok(value.value),
            _ => Err(Error::new_spanned(
                &self.value,
                format!("`{}` is `true` or `false`", self.name),
            )),
        }
    }

    /// A time: a `Duration`, or a text such as `"20s"`.
    pub(crate) fn duration(&self) -> Result<TokenStream> {
        let nanoseconds = match self.literal() {
            None => return Ok(self.value.to_token_stream()),
            Some(Lit::Str(text)) => nanoseconds(&text.value()),
            Some(_) => None,
        };
        let Some(nanoseconds) = nanoseconds else {
            return Err(Error::new_spanned(
                &self.value,
                format!(
                    "`{}` is a `Duration` or a whole number with its unit (ns, us, ms, s, min, h), \
                     such as \"20s\"",
                    self.name
                ),
            ));
        };
        Ok(quote!(::core::time::Duration::from_nanos(#nanoseconds)))
    }

    /// The path in a value such as `"my::path"`.
    pub(crate) fn path(&self) -> Result<Path> {
        match self.literal() {
            Some(Lit::Str(text)) => text.parse_with(Path::parse_mod_style),
            _ => Err(Error::new_spanned(
                &self.value,
                format!("`{}` is a path in quotes", self.name),
            )),
        }
    }

    /// A mistake in the name.
    pub(crate) fn unknown(&self, message: impl Display) -> Error {
        Error::new_spanned(&self.name, message)
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `crate` is a keyword.
        let name = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            return Err(Error::new_spanned(
                &name,
                format!("`{name}` needs a value: `{name} = ..`"),
            ));
        }
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self { name, value })
    }
}

/// Splits the arguments of an attribute and refuses the same name twice.
pub(crate) fn parse(tokens: TokenStream) -> Result<Vec<Argument>> {
    let arguments = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
    let arguments: Vec<_> = arguments.into_iter().collect();
    for (index, argument) in arguments.iter().enumerate() {
        if arguments[..index]
            .iter()
            .any(|earlier| earlier.name == argument.name)
        {
            return Err(argument.unknown(format!("`{}` is given twice", argument.name)));
        }
    }
    Ok(arguments)
}

/// The length of a time such as `20s` or `1_500ms`.
pub(crate) fn nanoseconds(text: &str) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '_')?;
    let (digits, unit) = text.split_at(digits_end);
    let unit_ns: u64 = match unit.trim_start() {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    };
    digits
        .replace('_', "")
        .parse::<u64>()
        .ok()?
        .checked_mul(unit_ns)
}
