//! `simoom::join!` and `simoom::try_join!`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, Result, Token};

use crate::select::{parse_biased, parse_root};

/// Which of the two macros it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Waits for all outputs.
    All,
    /// Waits for all values, or for the first error.
    UntilError,
}

pub(crate) fn expand(kind: Kind, input: TokenStream) -> TokenStream {
    syn::parse2::<Join>(input).map_or_else(Error::into_compile_error, |join| join.expand(kind))
}

struct Join {
    /// The path of the crate, as `$crate` of the macro that the user called.
    root: TokenStream,
    biased: bool,
    futures: Vec<Expr>,
}

impl Parse for Join {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            root: parse_root(input)?,
            biased: parse_biased(input)?,
            futures: Punctuated::<Expr, Token![,]>::parse_terminated(input)?
                .into_iter()
                .collect(),
        })
    }
}

impl Join {
    fn expand(&self, kind: Kind) -> TokenStream {
        if self.futures.is_empty() {
            return kind.finish(&quote!(()));
        }
        let root = &self.root;
        let names: Vec<Ident> = (0..self.futures.len())
            .map(|index| format_ident!("future{index}", span = Span::mixed_site()))
            .collect();
        let expressions = self.futures.iter().zip(&names).map(|(future, name)| {
            // A future that is none is reported where it stands.
            let span = future.span().resolved_at(Span::mixed_site());
            quote_spanned!(span=> let #name = #root::__private::MaybeDone::new(#future);)
        });
        // Locals are dropped last to first: pinned backwards, the futures are dropped in order.
        let pins = names.iter().rev().map(
            |name| quote_spanned!(Span::mixed_site()=> let mut #name = ::core::pin::pin!(#name);),
        );
        let polls = (0_u32..)
            .zip(&names)
            .map(|(index, name)| kind.poll(index, name));
        let outputs = names.iter().map(|name| kind.take(name));
        let finish = kind.finish(&quote!((#(#outputs,)*)));
        let count = self.futures.len() as u32;
        // A future that is always ready spends the whole budget of every poll. Going first in
        // turn, its neighbours make progress nevertheless.
        let step = u32::from(!self.biased);
        quote_spanned! {Span::mixed_site()=>
            {
                #(#expressions)*
                // What is dropped between the two need not have been polled.
                let _loud = #root::__private::Loud;
                #(#pins)*
                let _quiet = #root::__private::Quiet;
                let mut next = 0_u32;
                let joined = ::core::future::poll_fn(|cx| {
                    let start = next;
                    next = #root::__private::place(start, #step, #count);
                    let mut waiting = false;
                    for offset in 0..#count {
                        match #root::__private::place(start, offset, #count) {
                            #(#polls)*
                            _ => ::core::unreachable!(),
                        }
                    }
                    if waiting {
                        ::core::task::Poll::Pending
                    } else {
                        ::core::task::Poll::Ready(#finish)
                    }
                })
                .await;
                joined
            }
        }
    }
}

impl Kind {
    /// The arm that polls the future with number `index`.
    fn poll(self, index: u32, name: &Ident) -> TokenStream {
        let ready = match self {
            Self::All => quote!(()),
            Self::UntilError => quote_spanned! {Span::mixed_site()=>
                if let ::core::option::Option::Some(error) = #name.as_mut().take_error() {
                    return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                }
            },
        };
        quote_spanned! {Span::mixed_site()=>
            #index => match #name.as_mut().poll(cx) {
                ::core::task::Poll::Ready(()) => #ready,
                ::core::task::Poll::Pending => waiting = true,
            },
        }
    }

    /// Takes what the future `name` left.
    fn take(self, name: &Ident) -> TokenStream {
        match self {
            Self::All => quote_spanned!(Span::mixed_site()=> #name.as_mut().take_output()),
            Self::UntilError => quote_spanned!(Span::mixed_site()=> #name.as_mut().take_value()),
        }
    }

    /// The result when every future left something.
    fn finish(self, outputs: &TokenStream) -> TokenStream {
        match self {
            Self::All => outputs.clone(),
            Self::UntilError => quote!(::core::result::Result::Ok(#outputs)),
        }
    }
}
