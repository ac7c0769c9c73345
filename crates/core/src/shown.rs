//! Headers and query parameters that an operator allowed into the signals.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use crate::intern::intern;
use crate::redact::{REDACTED, is_secret, scrub};

/// Most names in one list.
pub const NAMES_MAX: usize = 16;

/// Bytes of a value that are shown.
pub const VALUE_MAX: usize = 256;

/// Parameters that sign an address: their values are [`REDACTED`], their names
/// may be shown (OpenTelemetry's HTTP semantic conventions, `url.query`).
const SIGNATURES: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// One of them, as a request sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `header.<name>` in lower case, or `query.<name>`.
    pub key: &'static str,
    /// The value, bounded and [scrubbed](scrub).
    pub value: Box<str>,
}

impl Shown {
    /// The name of the header, if it is one.
    pub fn header(&self) -> Option<&'static str> {
        self.key.strip_prefix("header.")
    }

    /// The name of the parameter, if it is one.
    pub fn parameter(&self) -> Option<&'static str> {
        self.key.strip_prefix("query.")
    }
}

/// The names that may be shown. Default: none.
///
/// ```
/// use http::HeaderMap;
/// use plimsoll_core::shown::Allowed;
///
/// let allowed = Allowed::new("X-Tenant", "page, sig").unwrap();
/// let mut headers = HeaderMap::new();
/// headers.insert("x-tenant", "acme".parse().unwrap());
/// headers.insert("x-other", "unseen".parse().unwrap());
/// let shown = allowed.of(&headers, Some("page=2&sig=abc&q=unseen"));
/// let pairs: Vec<_> = shown.iter().map(|it| (it.key, &*it.value)).collect();
/// assert_eq!(pairs, [("header.x-tenant", "acme"), ("query.page", "2"), ("query.sig", "REDACTED")]);
///
/// let refused = Allowed::new("authorization", "").unwrap_err();
/// assert!(refused.contains("secret"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    headers: Vec<(HeaderName, &'static str)>,
    query: Vec<(&'static str, &'static str)>,
}

impl Allowed {
    /// Reads two lists of names, parted by commas.
    ///
    /// # Errors
    ///
    /// When a name is none, is secret, or is one too many.
    pub fn new(headers: &str, query: &str) -> Result<Self, String> {
        let headers = header_names(headers)?;
        let keyed = |name: HeaderName| {
            let key = intern(&format!("header.{name}"));
            (name, key)
        };
        let query = parameter_names(query)?;
        let parameter = |name: &str| (intern(name), intern(&format!("query.{name}")));
        Ok(Self {
            headers: headers.into_iter().map(keyed).collect(),
            query: query.into_iter().map(parameter).collect(),
        })
    }

    /// Whether nothing may be shown.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty()
    }

    /// What a request sent of it: the lines of a header joined by `, `, of a
    /// parameter the first, both as they were sent.
    pub fn of(&self, headers: &HeaderMap, query: Option<&str>) -> Vec<Shown> {
        let mut shown = Vec::new();
        for (name, key) in &self.headers {
            let lines = headers.get_all(name).into_iter();
            let lines: Vec<_> = lines
                .map(|line| String::from_utf8_lossy(line.as_bytes()))
                .collect();
            if !lines.is_empty() {
                shown.push(Shown {
                    key,
                    value: bounded(&lines.join(", ")),
                });
            }
        }
        for (name, key) in &self.query {
            let mut pairs = query.unwrap_or("").split('&');
            let found = pairs.find_map(|pair| {
                let (known, value) = pair.split_once('=').unwrap_or((pair, ""));
                (known == *name).then_some(value)
            });
            if let Some(value) = found {
                let signs = SIGNATURES.contains(name);
                let value = if signs { REDACTED } else { value };
                shown.push(Shown {
                    key,
                    value: bounded(value),
                });
            }
        }
        shown
    }
}

fn bounded(value: &str) -> Box<str> {
    let cut = &value[..value.floor_char_boundary(VALUE_MAX)];
    match scrub(cut) {
        Cow::Borrowed(clean) => clean.into(),
        Cow::Owned(clean) => clean.into(),
    }
}

/// The names of a list of headers.
///
/// # Errors
///
/// As [`Allowed::new`].
pub fn header_names(list: &str) -> Result<Vec<HeaderName>, String> {
    let names = names(list)?;
    let header = |name: &str| {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is no name of a header"))?;
        not_secret(name.as_str())?;
        Ok(name)
    };
    names.into_iter().map(header).collect()
}

/// The names of a list of query parameters.
///
/// # Errors
///
/// As [`Allowed::new`].
pub fn parameter_names(list: &str) -> Result<Vec<&str>, String> {
    let names = names(list)?;
    for name in &names {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~[]".contains(&byte);
        if !name.bytes().all(plain) {
            return Err(format!(
                "{name:?} is no plain name of a parameter; use letters, digits and -_.~[]"
            ));
        }
        if !SIGNATURES.contains(name) {
            not_secret(name)?;
        }
    }
    Ok(names)
}

fn names(list: &str) -> Result<Vec<&str>, String> {
    let names = list.split(',').map(str::trim);
    let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    if names.len() > NAMES_MAX {
        return Err(format!(
            "{} names are too many; {NAMES_MAX} can be shown",
            names.len()
        ));
    }
    if let Some(long) = names.iter().find(|name| name.len() > 64) {
        return Err(format!("{long:?} is too long; 64 bytes are the most"));
    }
    Ok(names)
}

fn not_secret(name: &str) -> Result<(), String> {
    if is_secret(name) {
        return Err(format!(
            "{name:?} is secret and is shown nowhere; leave it out"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_secret_is_refused_even_if_it_is_listed() {
        for name in [
            "authorization",
            "Cookie",
            "set-cookie",
            "proxy-authorization",
            "x-api-key",
            "x-amz-security-token",
            "x-csrf-token",
        ] {
            let fault = Allowed::new(&format!("x-tenant, {name}"), "").unwrap_err();
            assert!(fault.contains("is secret"), "{fault}");
        }
        assert!(Allowed::new("", "page,access_token").is_err());
        assert!(Allowed::new("", "AWSAccessKeyId,X-Goog-Signature").is_ok());
        assert!(Allowed::new("a b", "").is_err());
        assert!(Allowed::new("", "a b").is_err());
        let many = ["x"; NAMES_MAX + 1].join(",");
        assert!(Allowed::new(&many, "").is_err());
    }

    #[test]
    fn a_value_is_bounded_and_a_secret_in_it_is_gone() {
        let allowed = Allowed::new("referer,x-many", "").unwrap();
        let mut headers = HeaderMap::new();
        let referer = "https://me:hunter2@host/?token=hunter2";
        headers.insert("referer", referer.parse().unwrap());
        headers.append("x-many", "one".parse().unwrap());
        headers.append("x-many", "2".repeat(999).parse().unwrap());
        let shown = allowed.of(&headers, None);
        let expected = "https://REDACTED@host/?token=REDACTED";
        assert_eq!(&*shown[0].value, expected);
        assert!(shown[1].value.starts_with("one, 22"));
        assert_eq!(shown[1].value.len(), VALUE_MAX);
    }

    proptest! {
        #[test]
        fn nothing_is_shown_that_is_not_allowed(query in "\\PC{0,60}", other in "[a-z]{1,9}") {
            let allowed = Allowed::new("x-shown", "shown").unwrap();
            let mut headers = HeaderMap::new();
            let name: HeaderName = format!("x-{other}").parse().unwrap();
            headers.insert(&name, "canary".parse().unwrap());
            for shown in allowed.of(&headers, Some(&query)) {
                let named = query.split('&').any(|pair| {
                    pair == "shown" || pair.starts_with("shown=")
                });
                prop_assert!(shown.header() == Some("x-shown") && name == "x-shown"
                    || shown.parameter() == Some("shown") && named);
            }
        }
    }
}
