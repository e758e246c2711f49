//! The arguments of an attribute: `name = value` pairs.
//!
//! Owns their syntax and the mistakes that can be made in it. Knows no name but `crate`.

use std::fmt::Display;

use proc_macro2::TokenStream;
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
