//! The implementations.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Ident, Member};

use super::parse::{Kind, Means, Own, Told};

pub(super) fn whole(input: &DeriveInput, kinds: &[Kind], home: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (generics, of, bounds) = input.generics.split_for_impl();
    let code = each(kinds, |kind| Some(code(kind, home)));
    let detail = method(
        &quote!(fn detail(&self) -> ::core::option::Option<#home::PublicText>),
        &each(kinds, |kind| detail(kind, home)),
        &quote!(::core::option::Option::None),
    );
    let retry_after = method(
        &quote!(fn retry_after(&self) -> ::core::option::Option<::core::time::Duration>),
        &each(kinds, |kind| retry_after(kind, home)),
        &quote!(::core::option::Option::None),
    );
    let fields = method(
        &quote!(fn fields(&self) -> #home::__private::Vec<#home::FieldFault>),
        &each(kinds, |kind| faults(kind, home)),
        &quote!(#home::__private::Vec::new()),
    );
    let checks = kinds.iter().map(|kind| checks(kind, name, home));
    quote! {
        #[automatically_derived]
        impl #generics #home::Coded for #name #of #bounds {
            fn code(&self) -> &'static #home::Code {
                match self { #code }
            }
            #detail
            #retry_after
            #fields
        }

        #home::__into_response! { [#generics] [#name #of] [#bounds] }

        #(#checks)*
    }
}

/// The trait alone, for an error with faults: nothing of it runs.
pub(super) fn name_only(input: &DeriveInput, home: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let (generics, of, bounds) = input.generics.split_for_impl();
    quote! {
        impl #generics #home::Coded for #name #of #bounds {
            fn code(&self) -> &'static #home::Code {
                &#home::__private::STAND_IN
            }
        }

        #home::__into_response! { [#generics] [#name #of] [#bounds] }
    }
}

/// A method of the trait; the trait's own where no kind says anything.
fn method(signature: &TokenStream, arms: &TokenStream, nothing: &TokenStream) -> TokenStream {
    if arms.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[allow(unreachable_patterns, reason = "every variant may have something to say")]
        #signature {
            match self { #arms _ => #nothing }
        }
    }
}

/// The arms of those kinds that have something to say.
fn each(kinds: &[Kind], of: impl Fn(&Kind) -> Option<TokenStream>) -> TokenStream {
    let arms = kinds.iter().filter_map(|kind| {
        let value = of(kind)?;
        let pattern = pattern(kind, &value);
        Some(quote!(#pattern => #value,))
    });
    arms.collect()
}

/// The variant with those of its fields bound that the value uses.
fn pattern(kind: &Kind, value: &TokenStream) -> TokenStream {
    let used = value.to_string();
    let fields = kind.fields.iter().filter_map(|(member, _)| {
        let bound = bound(member, member.span());
        let is_used = used.split(|char: char| !char.is_alphanumeric() && char != '_');
        let is_used = is_used.into_iter().any(|word| bound == word);
        is_used.then(|| quote!(#member: #bound,))
    });
    let variant = kind.variant.iter();
    quote!(Self #(::#variant)* { #(#fields)* .. })
}

/// The name that a field has in the arm of its variant.
fn bound(member: &Member, span: Span) -> Ident {
    format_ident!("__of_{}", member.to_token_stream().to_string(), span = span)
}

fn forwarded(kind: &Kind, span: Span, home: &TokenStream, method: &str) -> Option<TokenStream> {
    let (member, inner) = kind.fields.first()?;
    let bound = bound(member, inner.span());
    let method = Ident::new(method, span);
    let inner = quote_spanned!(inner.span()=> #home::__private::coded::<#inner>(#bound));
    Some(quote!(#home::Coded::#method(#inner)))
}

fn code(kind: &Kind, home: &TokenStream) -> TokenStream {
    match &kind.means {
        Means::Forward(span) => forwarded(kind, *span, home, "code").unwrap_or_default(),
        Means::Own(Own { code, .. }) => quote!(#code.code()),
    }
}

fn detail(kind: &Kind, home: &TokenStream) -> Option<TokenStream> {
    match &kind.means {
        Means::Forward(span) => forwarded(kind, *span, home, "detail"),
        Means::Own(own) => {
            let text = text(own.detail.as_ref()?, kind, home);
            Some(quote!(::core::option::Option::Some(#text)))
        }
    }
}

fn retry_after(kind: &Kind, home: &TokenStream) -> Option<TokenStream> {
    match &kind.means {
        Means::Forward(span) => forwarded(kind, *span, home, "retry_after"),
        Means::Own(own) => {
            let wait = bound(own.retry_after.as_ref()?, Span::call_site());
            Some(quote!(::core::convert::Into::into(*#wait)))
        }
    }
}

fn faults(kind: &Kind, home: &TokenStream) -> Option<TokenStream> {
    match &kind.means {
        Means::Forward(span) => forwarded(kind, *span, home, "fields"),
        Means::Own(own) if own.faults.is_empty() => None,
        Means::Own(own) => {
            let faults = own.faults.iter().map(|(pointer, detail)| {
                let (pointer, detail) = (text(pointer, kind, home), text(detail, kind, home));
                quote!(#home::FieldFault { pointer: #pointer, detail: #detail })
            });
            Some(quote!(#home::__private::Vec::from([#(#faults),*])))
        }
    }
}

/// A text with values of the variant in it. A type that is not public is the
/// compiler's fault to find, at the type.
fn text(told: &Told, kind: &Kind, home: &TokenStream) -> TokenStream {
    told.text.tokens(home, |name, span| {
        let is_it = |member: &Member| member.to_token_stream().to_string() == name;
        if let Some((member, ty)) = kind.fields.iter().find(|(member, _)| is_it(member)) {
            let span = ty.span();
            let value = bound(member, span);
            return quote_spanned!(span=> #home::__private::public::<#ty>(#value));
        }
        let name = Ident::new(name, span);
        quote_spanned!(span=> #home::__private::public(&#name))
    })
}

/// What only the code itself can answer: whose fault it is and whether it has a wait.
fn checks(kind: &Kind, name: &Ident, home: &TokenStream) -> TokenStream {
    let Means::Own(own) = &kind.means else {
        return TokenStream::new();
    };
    let name = match &kind.variant {
        Some(variant) => format!("{name}::{variant}"),
        None => name.to_string(),
    };
    let code = &own.code;
    let first = own
        .detail
        .as_ref()
        .or(own.faults.first().map(|(_, detail)| detail));
    let told = first.map(|told| {
        let why = format!(
            "{name}: the caller is told more than the catalog says only of its own fault, and this code \
             blames another: leave the text out, or give the variant a code with `blame: Client`"
        );
        quote_spanned! {told.span=>
            const _: () = assert!(#home::__private::is_clients(#code.code()), #why);
        }
    });
    let wait = own.retry_after.as_ref().map(|member| {
        let why = format!(
            "{name}: a wait is told by a code with `retry: After(..)` only; this one says otherwise"
        );
        quote_spanned! {member.span()=>
            const _: () = assert!(#home::__private::waits(#code.code()), #why);
        }
    });
    quote!(#told #wait)
}
