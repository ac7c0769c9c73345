//! The macros of `plimsoll-errors`, which documents and re-exports them.
//!
//! [`catalog!`](macro@catalog) and [`public!`](macro@public) get the path of that crate as their first
//! token. A derive gets none, so there is one for each name that the crate goes by.

mod catalog;
mod coded;
mod names;
mod template;

use proc_macro::TokenStream;
use quote::quote;

/// `catalog! { $crate .. }`: an enum of codes.
#[proc_macro]
pub fn catalog(input: TokenStream) -> TokenStream {
    catalog::expand(input.into()).into()
}

/// `public! { $crate ".." }`: a text with public values.
#[proc_macro]
pub fn public(input: TokenStream) -> TokenStream {
    template::expand(input.into()).into()
}

/// For those who depend on `plimsoll-errors`.
#[proc_macro_derive(Coded, attributes(code))]
pub fn coded(input: TokenStream) -> TokenStream {
    coded::expand(input.into(), &quote!(::plimsoll_errors)).into()
}

/// For those who depend on the facade alone.
#[proc_macro_derive(FacadeCoded, attributes(code))]
pub fn facade_coded(input: TokenStream) -> TokenStream {
    coded::expand(input.into(), &quote!(::plimsoll::errors)).into()
}
