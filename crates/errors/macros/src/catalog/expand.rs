//! What a catalog becomes.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::locked::Kept;
use super::parse::{Catalog, Entry, Value};

/// The enum, its codes, and what is left for the compiler to check.
pub(super) fn whole(catalog: &Catalog, kept: &[Kept]) -> TokenStream {
    let Catalog {
        home,
        attributes,
        visibility,
        name,
        entries,
        ..
    } = catalog;
    let variants = entries.iter().map(|entry| {
        let Entry {
            attributes,
            number,
            variant,
            id,
            ..
        } = entry;
        let about = format!("`{id}`");
        let number = Literal::u16_unsuffixed(number.base10_parse().unwrap_or_default());
        quote!(#(#attributes)* #[doc = #about] #variant = #number)
    });
    let codes = entries.iter().map(|entry| code(catalog, entry));
    let arms = entries
        .iter()
        .enumerate()
        .map(|(at, Entry { variant, .. })| {
            let at = Literal::usize_unsuffixed(at);
            quote!(Self::#variant => &Self::ALL[#at])
        });
    let checks = checks(catalog, kept);
    quote! {
        #(#attributes)*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #visibility enum #name { #(#variants,)* }

        #[automatically_derived]
        impl #name {
            /// Every code, by ascending number.
            #visibility const ALL: &'static [#home::Code] = &[#(#codes,)*];

            /// What the catalog says of this code.
            #visibility const fn code(self) -> &'static #home::Code {
                match self { #(#arms,)* }
            }
        }

        #[automatically_derived]
        impl ::core::convert::From<#name> for &'static #home::Code {
            fn from(code: #name) -> Self {
                code.code()
            }
        }

        #checks
    }
}

/// The enum alone, for a catalog with faults: nothing of it runs.
pub(super) fn names_only(catalog: &Catalog) -> TokenStream {
    let Catalog {
        home,
        attributes,
        visibility,
        name,
        entries,
        ..
    } = catalog;
    let mut variants: Vec<_> = entries.iter().map(|entry| &entry.variant).collect();
    variants.sort();
    variants.dedup();
    quote! {
        #(#attributes)*
        #[allow(missing_docs, reason = "an enum in place of one with faults")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #visibility enum #name { #(#variants,)* }

        impl #name {
            #[allow(missing_docs, reason = "as the enum")]
            #visibility const ALL: &'static [#home::Code] = &[];

            #[allow(missing_docs, reason = "as the enum")]
            #visibility const fn code(self) -> &'static #home::Code {
                &#home::__private::STAND_IN
            }
        }

        impl ::core::convert::From<#name> for &'static #home::Code {
            fn from(code: #name) -> Self {
                code.code()
            }
        }
    }
}

fn code(catalog: &Catalog, entry: &Entry) -> TokenStream {
    let home = &catalog.home;
    let prefix = &catalog.prefix;
    let Entry {
        number, id, reason, ..
    } = entry;
    let number = Literal::u16_unsuffixed(number.base10_parse().unwrap_or_default());
    let calls = entry.pairs.iter().map(|pair| {
        let key = &pair.key;
        match &pair.value {
            Value::Status(status) => quote!(.#key(#status)),
            Value::Text(text) => quote!(.#key(#text)),
            Value::Retry(policy, None) => quote!(.#key(#home::Retry::#policy)),
            Value::Retry(policy, Some(wait)) => {
                let wait = self::wait(wait);
                quote!(.#key(#home::Retry::#policy(#wait)))
            }
            Value::Word(word) => {
                let of = match key.to_string().as_str() {
                    "blame" => quote!(Blame),
                    "slo" => quote!(Slo),
                    _ => quote!(Grpc),
                };
                quote!(.#key(#home::__private::#of::#word))
            }
        }
    });
    quote!(#home::__private::Declared::new(#prefix, #number, #id, #reason)#(#calls)*.code())
}

/// `Duration` may stand in a wait without being imported.
fn wait(wait: &TokenStream) -> TokenStream {
    quote!({
        #[allow(unused_imports, reason = "the wait may be a constant")]
        use ::core::time::Duration;
        #wait
    })
}

fn checks(catalog: &Catalog, kept: &[Kept]) -> TokenStream {
    let Catalog { home, name, .. } = catalog;
    let mut out = TokenStream::new();
    for entry in &catalog.entries {
        let Some(Value::Retry(policy, Some(wait))) = entry.value("retry") else {
            continue;
        };
        let Entry { id, variant, .. } = entry;
        let told =
            format!("{id} {variant}: After takes a wait of more than zero; with none it is Safe");
        let wait = self::wait(wait);
        out.extend(quote_spanned!(policy.span()=> const _: () = assert!(!#wait.is_zero(), #told);));
    }
    for kept in kept {
        let at = Literal::usize_unsuffixed(kept.at);
        let field = proc_macro2::Ident::new(kept.field, kept.span);
        let Kept { word, told, .. } = kept;
        out.extend(quote_spanned! {kept.span=>
            const _: () = assert!(
                #home::__private::same(#name::ALL[#at].#field.as_str(), #word),
                #told
            );
        });
    }
    if let Some(path) = &catalog.lock {
        // Compiles the catalog again when the lock changes.
        let path = format!("/{}", path.value());
        out.extend(quote! {
            const _: &str = ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path));
        });
    }
    out
}
