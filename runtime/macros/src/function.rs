//! The function under an attribute.
//!
//! Owns its parts. The body stays a group of tokens, so that code which is being typed, or which
//! uses syntax newer than our parser, does not lose the whole function.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Result, ReturnType, Signature, Type, Visibility};

/// An `async fn`.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Function {
    /// The return type of an async closure that stands for the function.
    ///
    /// Stating it lets `?` and `into` find their types. It must be left out if it has no name.
    pub(crate) fn closure_output(&self) -> TokenStream {
        match &self.signature.output {
            ReturnType::Default => quote!(-> ()),
            ReturnType::Type(_, output) if names_impl(output) => TokenStream::new(),
            output @ ReturnType::Type(..) => output.to_token_stream(),
        }
    }

    /// The attributes that make the function a test: `#[test]`, unless it is there.
    pub(crate) fn test_attribute(&self) -> TokenStream {
        let is_test = |attribute: &Attribute| {
            let path = attribute.path();
            let is_standard = |root: &str| {
                path.segments.len() > 1
                    && path
                        .segments
                        .first()
                        .is_some_and(|first| first.ident == root)
                    && path
                        .segments
                        .last()
                        .is_some_and(|last| last.ident == "test")
            };
            path.is_ident("test") || is_standard("core") || is_standard("std")
        };
        if self.attributes.iter().any(is_test) {
            TokenStream::new()
        } else {
            quote!(#[::core::prelude::v1::test])
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        let body = match input.parse()? {
            TokenTree::Group(group) => group,
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a function with a body is needed",
                ));
            }
        };
        if signature.asyncness.is_none() {
            return Err(Error::new_spanned(
                signature.fn_token,
                "this attribute is for an `async fn`",
            ));
        }
        Ok(Self {
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

/// Whether `impl Trait` occurs in the type, which only the function's own signature may say.
fn names_impl(output: &Type) -> bool {
    fn search(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "impl",
            TokenTree::Group(group) => search(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    search(output.to_token_stream())
}
