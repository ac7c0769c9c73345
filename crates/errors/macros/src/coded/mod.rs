//! `#[derive(Coded)]`: the code of each variant, and what the caller is told of it.

mod expand;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

/// `home`: the path of `plimsoll-errors` in the crate that derives.
pub(crate) fn expand(input: TokenStream, home: &TokenStream) -> TokenStream {
    let derived = syn::parse2::<DeriveInput>(input).and_then(|input| {
        let kinds = parse::kinds(&input)?;
        Ok(expand::whole(&input, &kinds, home))
    });
    derived.unwrap_or_else(syn::Error::into_compile_error)
}
