//! Texts with values in them: `"No card has the id {id}."`
//!
//! A value stands in braces by its name alone and must be `Public`. How it is
//! written is its `Display`; there is no `{:?}`, which would show what a type hides.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::parse::{ParseStream, Parser as _};

/// A text taken apart.
pub(crate) struct Template {
    /// With `{}` in place of every name, as `format!` takes it.
    format: String,
    pub(crate) names: Vec<String>,
    span: Span,
}

impl Template {
    pub(crate) fn parse(text: &LitStr) -> syn::Result<Self> {
        let value = text.value();
        let fault = |told: String| Err(syn::Error::new(text.span(), told));
        let (mut format, mut names) = (String::new(), Vec::new());
        let mut rest = value.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            format.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                format.push_str(brace);
                format.push_str(brace);
                rest = after;
                continue;
            }
            let inside = (brace == "{").then(|| rest.split_once('}')).flatten();
            let Some((name, after)) = inside else {
                return fault(format!(
                    "a brace without its partner: write `{brace}{brace}` for one"
                ));
            };
            if !is_name(name) {
                return fault(format!(
                    "`{{{name}}}`: only the name of a value may stand in braces, as `{{id}}`"
                ));
            }
            names.push(name.to_owned());
            format.push_str("{}");
            rest = after;
        }
        format.push_str(rest);
        let span = text.span();
        Ok(Self {
            format,
            names,
            span,
        })
    }

    /// Itself, unless it says nothing.
    pub(crate) fn filled(self) -> syn::Result<Self> {
        if self.format.trim().is_empty() {
            let told = "the text is empty: leave it out, the catalog's is told then";
            return Err(syn::Error::new(self.span, told));
        }
        Ok(self)
    }

    /// An expression of type `PublicText`; `value` gives the one behind a name.
    pub(crate) fn tokens(
        &self,
        home: &TokenStream,
        value: impl Fn(&str, Span) -> TokenStream,
    ) -> TokenStream {
        let Self { format, span, .. } = self;
        if self.names.is_empty() {
            let text = format.replace("{{", "{").replace("}}", "}");
            return quote!(#home::PublicText::from(#text));
        }
        let values = self.names.iter().map(|name| value(name, *span));
        quote!(#home::__private::told(::core::format_args!(#format, #(#values),*)))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `public! { $crate ".." }`: values are what is in scope by those names.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let home: TokenTree = input.parse()?;
        let text: LitStr = input.parse()?;
        let template = Template::parse(&text)?.filled()?;
        let home = quote!(#home);
        for name in &template.names {
            if name.starts_with(|first: char| first.is_ascii_digit()) {
                let told = format!("`{{{name}}}` is no name: write that of a value in scope");
                return Err(syn::Error::new(text.span(), told));
            }
        }
        Ok(template.tokens(&home, |name, span| {
            let name = syn::Ident::new(name, span);
            quote_spanned!(span=> #home::__private::public(&#name))
        }))
    };
    parse
        .parse2(input)
        .unwrap_or_else(syn::Error::into_compile_error)
}
