//! `catalog!`: read, held to the rules and to the lock, written as an enum.

mod expand;
mod keys;
mod locked;
mod parse;
mod rules;

use proc_macro2::TokenStream;
use syn::parse::Parser as _;

/// Faults that were found, all in one message of the compiler each.
#[derive(Default)]
struct Faults(Option<syn::Error>);

impl Faults {
    fn add(&mut self, at: impl quote::ToTokens, text: impl std::fmt::Display) {
        let fault = syn::Error::new_spanned(at, text);
        match &mut self.0 {
            Some(faults) => faults.combine(fault),
            None => self.0 = Some(fault),
        }
    }
}

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let catalog = match parse::catalog.parse2(input) {
        Ok(catalog) => catalog,
        Err(error) => return error.into_compile_error(),
    };
    let mut faults = Faults::default();
    rules::check(&catalog, &mut faults);
    let kept = locked::check(&catalog, &mut faults);
    match faults.0 {
        None => expand::whole(&catalog, &kept),
        // With the enum in place the faults are not drowned by those of its users.
        Some(faults) => {
            let mut out = faults.into_compile_error();
            out.extend(expand::names_only(&catalog));
            out
        }
    }
}
