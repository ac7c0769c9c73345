//! What `#[code(..)]` says of each variant.

use proc_macro2::Span;
use quote::ToTokens;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, Ident, LitStr, Member, Path, Token, Type,
    parenthesized,
};

use crate::names::any_of;
use crate::template::Template;

/// A variant, or the whole of a struct.
pub(super) struct Kind {
    /// None for a struct.
    pub(super) variant: Option<Ident>,
    pub(super) fields: Vec<(Member, Type)>,
    pub(super) means: Means,
}

pub(super) enum Means {
    /// Whatever the only field means.
    Forward(Span),
    Own(Own),
}

/// A code of its own and what the caller is told besides.
pub(super) struct Own {
    pub(super) code: Path,
    pub(super) detail: Option<Told>,
    pub(super) retry_after: Option<Member>,
    /// Pointers and what is wrong there.
    pub(super) faults: Vec<(Told, Told)>,
}

/// A text and where it stands.
pub(super) struct Told {
    pub(super) text: Template,
    pub(super) span: Span,
}

impl Told {
    fn filled(self) -> syn::Result<Self> {
        let text = self.text.filled()?;
        Ok(Self { text, ..self })
    }
}

pub(super) fn kinds(input: &DeriveInput) -> syn::Result<Vec<Kind>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![kind(None, &data.fields, &input.attrs, &input.ident)?]),
        Data::Enum(data) => {
            if let Some(misplaced) = input.attrs.iter().find(|it| it.path().is_ident("code")) {
                let told = "`#[code(..)]` stands on each variant: they fail in different ways";
                return Err(syn::Error::new_spanned(misplaced, told));
            }
            let mut kinds = Vec::new();
            let mut faults: Option<syn::Error> = None;
            for it in &data.variants {
                match kind(Some(it.ident.clone()), &it.fields, &it.attrs, &it.ident) {
                    Ok(kind) => kinds.push(kind),
                    Err(error) => match &mut faults {
                        Some(faults) => faults.combine(error),
                        None => faults = Some(error),
                    },
                }
            }
            faults.map_or(Ok(kinds), Err)
        }
        Data::Union(_) => {
            let told = "a union is no error: derive Coded for an enum or a struct";
            Err(syn::Error::new_spanned(&input.ident, told))
        }
    }
}

fn kind(
    variant: Option<Ident>,
    fields: &Fields,
    attributes: &[Attribute],
    name: &Ident,
) -> syn::Result<Kind> {
    let mut codes = attributes.iter().filter(|it| it.path().is_ident("code"));
    let Some(attribute) = codes.next() else {
        let told = format!(
            "{name} has no code: add `#[code(MyCode::{name})]`, a code of your catalog, or \
             `#[code(forward)]` if it holds an error that has one"
        );
        return Err(syn::Error::new_spanned(name, told));
    };
    if let Some(again) = codes.next() {
        return Err(syn::Error::new_spanned(
            again,
            format!("{name} has a code already"),
        ));
    }
    let means = attribute.parse_args_with(|input: ParseStream<'_>| means(input, name, fields))?;
    let member = |(at, field): (usize, &Field)| {
        let member = field
            .ident
            .clone()
            .map_or_else(|| Member::from(at), Member::from);
        (member, field.ty.clone())
    };
    Ok(Kind {
        variant,
        fields: fields.iter().enumerate().map(member).collect(),
        means,
    })
}

fn means(input: ParseStream<'_>, name: &Ident, fields: &Fields) -> syn::Result<Means> {
    let code: Path = input.parse()?;
    if code.is_ident("forward") {
        if fields.len() != 1 {
            let told = format!(
                "{name} has {} fields: `forward` is for a variant of one, the error whose code it has",
                fields.len()
            );
            return Err(syn::Error::new_spanned(&code, told));
        }
        if !input.is_empty() {
            let told = "`forward` stands alone: what the caller is told comes from the inner error";
            return Err(input.error(told));
        }
        return Ok(Means::Forward(code.span()));
    }
    let mut own = Own {
        code,
        detail: None,
        retry_after: None,
        faults: Vec::new(),
    };
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if !input.is_empty() {
            key(input, &mut own, name, fields)?;
        }
    }
    Ok(Means::Own(own))
}

fn key(input: ParseStream<'_>, own: &mut Own, name: &Ident, fields: &Fields) -> syn::Result<()> {
    let key: Ident = input.parse()?;
    let twice = || {
        Err(syn::Error::new(
            key.span(),
            format!("{name} says `{key}` twice"),
        ))
    };
    match key.to_string().as_str() {
        "detail" => {
            input.parse::<Token![=]>()?;
            let text = told(&input.parse()?, name, fields)?.filled()?;
            own.detail.replace(text).map_or(Ok(()), |_| twice())
        }
        "retry_after" => {
            input.parse::<Token![=]>()?;
            let member = input.parse::<Member>()?;
            if !members(fields).contains(&member.to_token_stream().to_string()) {
                let told = no_field(&member.to_token_stream().to_string(), name, fields);
                return Err(syn::Error::new_spanned(member, told));
            }
            own.retry_after.replace(member).map_or(Ok(()), |_| twice())
        }
        "field" => {
            let inside;
            parenthesized!(inside in input);
            let pointer = inside.parse::<LitStr>()?;
            let value = pointer.value();
            if !value.is_empty() && !value.starts_with('/') {
                let told = "a JSON pointer (RFC 6901) begins with a slash: \"/amount/minor\"";
                return Err(syn::Error::new_spanned(pointer, told));
            }
            inside.parse::<Token![,]>()?;
            let detail = told(&inside.parse()?, name, fields)?.filled()?;
            inside.parse::<Option<Token![,]>>()?;
            own.faults.push((told(&pointer, name, fields)?, detail));
            Ok(())
        }
        _ => {
            let told = format!(
                "a code has no `{key}`: it has detail = \"..\", retry_after = FIELD and \
                 field(\"/pointer\", \"..\")"
            );
            Err(syn::Error::new(key.span(), told))
        }
    }
}

/// A text whose names are those of fields or of constants.
fn told(text: &LitStr, name: &Ident, fields: &Fields) -> syn::Result<Told> {
    let template = Template::parse(text)?;
    let members = members(fields);
    for used in &template.names {
        if !members.contains(used) && !is_constant(used) {
            return Err(syn::Error::new(text.span(), no_field(used, name, fields)));
        }
    }
    Ok(Told {
        text: template,
        span: text.span(),
    })
}

/// `MAX_AMOUNT_MINOR`.
fn is_constant(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && !name.contains(|char: char| char.is_ascii_lowercase())
}

fn no_field(used: &str, name: &Ident, fields: &Fields) -> String {
    let members = members(fields);
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    let has = match &members[..] {
        [] => "no fields".to_owned(),
        members => format!("only {}", any_of(members)),
    };
    format!("{name} has no field `{used}`: it has {has}")
}

fn members(fields: &Fields) -> Vec<String> {
    let member = |(at, field): (usize, &Field)| match &field.ident {
        Some(name) => name.to_string(),
        None => at.to_string(),
    };
    fields.iter().enumerate().map(member).collect()
}
