//! `simoom::select!`.
//!
//! ```text
//! {
//!     enum Selected<..> { Branch0(..), Branch1(..), Disabled }
//!     match {
//!         conditions, then futures, then one poll_fn over all of them
//!     }                               // every future is dropped here
//!     { Branch0(pattern) => handler, .., Disabled => else }
//! }
//! ```

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, Pat, Result, Token};

/// As many branches as a `u64` has bits: one bit each says that the branch is disabled.
const BRANCHES_MAX: usize = 64;

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2::<Select>(input).map_or_else(Error::into_compile_error, |select| select.expand())
}

struct Select {
    /// The path of the crate, as `$crate` of the macro that the user called.
    root: TokenStream,
    biased: bool,
    branches: Vec<Branch>,
    otherwise: Option<TokenStream>,
}

struct Branch {
    pattern: Pat,
    future: Expr,
    condition: Option<Expr>,
    handler: TokenStream,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut select = Self {
            root: parse_root(input)?,
            biased: parse_biased(input)?,
            branches: Vec::new(),
            otherwise: None,
        };
        while !input.is_empty() {
            if input.peek(Token![else]) {
                input.parse::<Token![else]>()?;
                input.parse::<Token![=>]>()?;
                select.otherwise = Some(parse_handler(input)?);
                if !input.is_empty() {
                    return Err(input.error("`else` is the last branch"));
                }
                break;
            }
            let branch: Branch = input.parse()?;
            if select.branches.len() == BRANCHES_MAX {
                return Err(Error::new_spanned(
                    branch.pattern,
                    format!("`select!` takes at most {BRANCHES_MAX} branches"),
                ));
            }
            select.branches.push(branch);
        }
        if select.branches.is_empty() && select.otherwise.is_none() {
            return Err(Error::new(
                Span::call_site(),
                "`select!` needs a branch: `pattern = future => handler`",
            ));
        }
        Ok(select)
    }
}

impl Parse for Branch {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let pattern = input.call(Pat::parse_multi_with_leading_vert)?;
        input.parse::<Token![=]>()?;
        let future = input.parse()?;
        let condition = if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        input.parse::<Token![=>]>()?;
        Ok(Self {
            pattern,
            future,
            condition,
            handler: parse_handler(input)?,
        })
    }
}

/// The group in front of the user's tokens, which holds the path of the crate.
pub(crate) fn parse_root(input: ParseStream<'_>) -> Result<TokenStream> {
    input.parse::<Group>().map(|group| group.stream())
}

/// Whether the user's tokens start with `biased;`.
pub(crate) fn parse_biased(input: ParseStream<'_>) -> Result<bool> {
    mod keyword {
        syn::custom_keyword!(biased);
    }

    let is_biased = input.peek(keyword::biased) && input.peek2(Token![;]);
    if is_biased {
        input.parse::<keyword::biased>()?;
        input.parse::<Token![;]>()?;
    }
    Ok(is_biased)
}

/// A handler and its comma, which may be missing after a block and at the end.
///
/// A block is taken as it stands: its contents are the compiler's business.
fn parse_handler(input: ParseStream<'_>) -> Result<TokenStream> {
    let block = input.step(|cursor| match cursor.token_tree() {
        Some((TokenTree::Group(group), rest)) if group.delimiter() == Delimiter::Brace => {
            Ok((Some(group), rest))
        }
        _ => Ok((None, *cursor)),
    })?;
    if let Some(block) = block {
        input.parse::<Option<Token![,]>>()?;
        return Ok(block.into_token_stream());
    }
    let handler: Expr = input.parse()?;
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(handler.into_token_stream())
}

impl Select {
    fn expand(&self) -> TokenStream {
        if self.branches.is_empty() {
            return self.otherwise.clone().unwrap_or_default();
        }
        let variants: Vec<_> = (0..self.branches.len()).map(variant).collect();
        let waiting = self.wait();
        let arms = self
            .branches
            .iter()
            .zip(&variants)
            .map(|(branch, variant)| {
                let Branch {
                    pattern, handler, ..
                } = branch;
                quote_spanned!(Span::mixed_site()=> __Selected::#variant(#pattern) => #handler,)
            });
        let otherwise = self.otherwise.clone().unwrap_or_else(|| {
            quote_spanned! {Span::mixed_site()=>
                ::core::panic!("all branches of a `select!` without `else` are disabled")
            }
        });
        quote_spanned! {Span::mixed_site()=>
            {
                enum __Selected<#(#variants),*> {
                    #(#variants(#variants),)*
                    Disabled,
                }
                match #waiting {
                    #(#arms)*
                    __Selected::Disabled => #otherwise,
                    #[allow(unreachable_patterns)]
                    _ => ::core::unreachable!("the pattern matched before"),
                }
            }
        }
    }

    /// The block that evaluates conditions and futures and waits for the first branch.
    fn wait(&self) -> TokenStream {
        let root = &self.root;
        let count = self.branches.len();
        let bits = (0..count).map(|index| 1_u64 << index);
        let conditions = self.branches.iter().zip(bits).filter_map(|(branch, bit)| {
            let condition = branch.condition.as_ref()?;
            Some(quote_spanned! {Span::mixed_site()=>
                let enabled: bool = #condition;
                if !enabled {
                    disabled |= #bit;
                }
            })
        });
        let futures: Vec<_> = (0..count).map(future).collect();
        let expressions = self.branches.iter().zip(&futures).map(|(branch, future)| {
            let expression = &branch.future;
            // A future that is none is reported where it stands.
            let span = expression.span().resolved_at(Span::mixed_site());
            quote_spanned!(span=> let #future = ::core::future::IntoFuture::into_future(#expression);)
        });
        // Locals are dropped last to first: pinned backwards, the futures are dropped in order.
        let pins = futures.iter().rev().map(|future| {
            quote_spanned!(Span::mixed_site()=> let mut #future = ::core::pin::pin!(#future);)
        });
        let polls = self
            .branches
            .iter()
            .enumerate()
            .map(|(index, branch)| branch.poll(index));
        let count = count as u32;
        // The first poll draws where to start, and the later ones keep to it.
        let (undrawn, start) = if self.biased || count < 2 {
            (TokenStream::new(), quote!(0_u32))
        } else {
            (
                quote_spanned!(Span::mixed_site()=> let mut drawn = ::core::option::Option::None;),
                quote_spanned! {Span::mixed_site()=>
                    *drawn.get_or_insert_with(|| #root::__private::pick(#count))
                },
            )
        };
        quote_spanned! {Span::mixed_site()=>
            {
                #[allow(unused_mut)]
                let mut disabled = 0_u64;
                #(#conditions)*
                #(#expressions)*
                // What is dropped between the two need not have been polled.
                let _loud = #root::__private::Loud;
                #(#pins)*
                let _quiet = #root::__private::Quiet;
                #undrawn
                let selected = ::core::future::poll_fn(|cx| {
                    let start: u32 = #start;
                    let mut waiting = false;
                    for offset in 0..#count {
                        let branch = #root::__private::place(start, offset, #count);
                        if disabled & (1 << branch) != 0 {
                            continue;
                        }
                        match branch {
                            #(#polls)*
                            _ => ::core::unreachable!(),
                        }
                    }
                    if waiting {
                        ::core::task::Poll::Pending
                    } else {
                        ::core::task::Poll::Ready(__Selected::Disabled)
                    }
                })
                .await;
                selected
            }
        }
    }
}

impl Branch {
    /// The arm that polls this branch: it returns, disables the branch, or notes that it waits.
    fn poll(&self, index: usize) -> TokenStream {
        let (future, variant) = (future(index), variant(index));
        let number = index as u32;
        let bit = 1_u64 << index;
        let found = quote_spanned! {Span::mixed_site()=>
            return ::core::task::Poll::Ready(__Selected::#variant(value))
        };
        // The guard sees whether the pattern matches and moves nothing, whatever the pattern
        // binds, because it is never true.
        let pattern = &self.pattern;
        let decide = match pattern {
            Pat::Wild(_) => found,
            _ => quote_spanned! {Span::mixed_site()=>
                let mut matches = false;
                match value {
                    #[allow(unused_variables, unused_mut)]
                    #pattern if { matches = true; false } => ::core::unreachable!(),
                    _ => {}
                }
                if matches {
                    #found;
                }
                disabled |= #bit;
            },
        };
        quote_spanned! {Span::mixed_site()=>
            #number => match ::core::future::Future::poll(#future.as_mut(), cx) {
                #[allow(unused_mut)]
                ::core::task::Poll::Ready(mut value) => { #decide }
                ::core::task::Poll::Pending => waiting = true,
            },
        }
    }
}

fn variant(index: usize) -> Ident {
    format_ident!("Branch{index}", span = Span::mixed_site())
}

fn future(index: usize) -> Ident {
    format_ident!("future{index}", span = Span::mixed_site())
}

#[cfg(test)]
mod tests;
