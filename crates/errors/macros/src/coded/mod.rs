//! `#[derive(Coded)]`: the code of each variant, and what the caller is told of it.

mod expand;
mod parse;

use proc_macro2::TokenStream;
use syn::DeriveInput;

/// `home`: the path of `plimsoll-errors` in the crate that derives.
pub(crate) fn expand(input: TokenStream, home: &TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    match parse::kinds(&input) {
        Ok(kinds) => expand::whole(&input, &kinds, home),
        // With the trait in place the faults are not drowned by those of its users.
        Err(faults) => {
            let mut out = faults.into_compile_error();
            out.extend(expand::name_only(&input, home));
            out
        }
    }
}
