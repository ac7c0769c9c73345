//! The syntax of a catalog.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{Parse as _, ParseStream};
use syn::token::{Brace, Paren};
use syn::{Attribute, Ident, LitInt, LitStr, Token, Visibility, braced, parenthesized};

use super::keys::{KEYS, Kind, RETRY};
use crate::names::{any_of, upper_snake};

pub(super) struct Catalog {
    /// `$crate`: where what is written comes from.
    pub(super) home: TokenTree,
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) prefix: LitStr,
    pub(super) lock: Option<LitStr>,
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Entry {
    pub(super) attributes: Vec<Attribute>,
    pub(super) number: LitInt,
    pub(super) variant: Ident,
    pub(super) pairs: Vec<Pair>,
    /// `CARD-1001`.
    pub(super) id: String,
    /// `CARD_NOT_FOUND`.
    pub(super) reason: String,
}

pub(super) struct Pair {
    pub(super) key: Ident,
    pub(super) value: Value,
}

pub(super) enum Value {
    Status(LitInt),
    Word(Ident),
    Retry(Ident, Option<TokenStream>),
    Text(LitStr),
}

impl Entry {
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        let pair = self.pairs.iter().find(|pair| pair.key == key);
        pair.map(|pair| &pair.value)
    }

    pub(super) fn status(&self) -> Option<(&LitInt, u16)> {
        match self.value("status")? {
            Value::Status(number) => Some((number, number.base10_parse().ok()?)),
            _ => None,
        }
    }

    /// The word of `blame`, `slo`, `grpc` or `retry`.
    pub(super) fn word(&self, key: &str) -> Option<&Ident> {
        match self.value(key)? {
            Value::Word(word) | Value::Retry(word, _) => Some(word),
            _ => None,
        }
    }
}

pub(super) fn catalog(input: ParseStream<'_>) -> syn::Result<Catalog> {
    let home = input.parse()?;
    let attributes = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    input.parse::<Token![enum]>()?;
    let name = input.parse()?;
    input.parse::<Token![:]>()?;
    let prefix: LitStr = input.parse()?;
    let lock = input.peek(Token![,]).then(|| lock(input)).transpose()?;
    let body;
    braced!(body in input);
    let mut entries = Vec::new();
    while !body.is_empty() {
        entries.push(entry(&body, &prefix.value())?);
        if !body.is_empty() {
            body.parse::<Token![,]>()?;
        }
    }
    Ok(Catalog {
        home,
        attributes,
        visibility,
        name,
        prefix,
        lock,
        entries,
    })
}

/// `, lock "errors.lock"`
fn lock(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![,]>()?;
    let word: Ident = input.parse()?;
    if word == "lock" {
        input.parse()
    } else {
        let told = "after the prefix only `lock \"errors.lock\"` may stand";
        Err(syn::Error::new(word.span(), told))
    }
}

fn entry(input: ParseStream<'_>, prefix: &str) -> syn::Result<Entry> {
    let attributes = input.call(Attribute::parse_outer)?;
    let number: LitInt = input.parse()?;
    let variant: Ident = input.parse()?;
    if !input.peek(Brace) {
        let told = format!("after {variant} comes `{{ status: 404, blame: Client, .. }}`");
        return Err(input.error(told));
    }
    let body;
    braced!(body in input);
    let pairs = body.parse_terminated(pair, Token![,])?;
    Ok(Entry {
        attributes,
        id: format!("{prefix}-{number}"),
        reason: upper_snake(&variant.to_string()),
        number,
        variant,
        pairs: pairs.into_iter().collect(),
    })
}

fn pair(input: ParseStream<'_>) -> syn::Result<Pair> {
    let key: Ident = input.parse()?;
    let Some(of) = KEYS.iter().find(|of| key == of.name) else {
        let names: Vec<_> = KEYS.iter().map(|of| of.name).collect();
        let told = format!("a code has no `{key}`: it has {}", any_of(&names));
        return Err(syn::Error::new(key.span(), told));
    };
    input.parse::<Token![:]>()?;
    let value = match of.kind {
        Kind::Status => Value::Status(expect(input, "a number, 400 to 599")?),
        Kind::Word(words) => Value::Word(word(input, words)?),
        Kind::Retry => retry(input)?,
        Kind::Text => Value::Text(expect(input, "a text in quotation marks")?),
    };
    Ok(Pair { key, value })
}

fn expect<T: syn::parse::Parse>(input: ParseStream<'_>, what: &str) -> syn::Result<T> {
    let span = input.span();
    T::parse(input).map_err(|_| syn::Error::new(span, format!("expected {what}")))
}

fn word(input: ParseStream<'_>, words: &[&str]) -> syn::Result<Ident> {
    let told = || format!("expected {}", any_of(words));
    let span = input.span();
    let word = Ident::parse(input).map_err(|_| syn::Error::new(span, told()))?;
    if words.iter().any(|of| word == of) {
        Ok(word)
    } else {
        Err(syn::Error::new(span, told()))
    }
}

fn retry(input: ParseStream<'_>) -> syn::Result<Value> {
    let policy = word(input, RETRY)?;
    let takes_wait = policy == "After";
    if takes_wait != input.peek(Paren) {
        let told = if takes_wait {
            "say how long: `After(Duration::from_secs(1))`"
        } else {
            "only After takes a wait"
        };
        return Err(syn::Error::new(policy.span(), told));
    }
    if !takes_wait {
        return Ok(Value::Retry(policy, None));
    }
    let wait;
    parenthesized!(wait in input);
    Ok(Value::Retry(policy, Some(wait.parse()?)))
}
