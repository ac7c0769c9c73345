//! What must reach no signal: names whose values are secret, and the scrubbing
//! of free text.
//!
//! What a request brings appears in signals only by a rule of this table:
//!
//! | what | log line | span | metric | Sentry |
//! |---|---|---|---|---|
//! | method, route, status, ids, sizes, times | yes | yes | labels, but for ids | tags |
//! | path | first 256 bytes | first 256 bytes | never | never |
//! | `User-Agent` | its class | first bytes | never | never |
//! | another header | if allowed by `log_headers` | the same | never | never |
//! | a query parameter | if allowed by `log_query` | the same | never | never |
//! | cookies, `Authorization` and what else is [secret](is_secret) | never | never | never | never |
//! | bodies, trailers but for `grpc-status` | never | never | never | never |
//! | a cause: an error's text, a panic's message | [scrubbed](scrub) | never | never | scrubbed |
//! | the application's own events | as it wrote them | as it wrote them | never | warnings, scrubbed |
//! | DSN, control token, OTLP headers, user and password of an address | never | never | never | never |

use std::borrow::Cow;

/// What stands in place of a secret.
pub const REDACTED: &str = "REDACTED";

/// Endings of names whose values are secret, wherever they stand in a word.
const ENDINGS: [&str; 12] = [
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "signature",
    "token",
    "apikey",
    "accesskeyid",
];

/// The same, of whole words only.
const WORDS: [&str; 9] = [
    "api_key",
    "access_key",
    "access_key_id",
    "secret_key",
    "private_key",
    "auth",
    "dsn",
    "pwd",
    "sig",
];

/// Whether the values of a header, parameter or field of this name are secret.
///
/// ```
/// use plimsoll_core::redact::is_secret;
///
/// assert!(is_secret("Authorization") && is_secret("set-cookie") && is_secret("x-api-key"));
/// assert!(is_secret("AWSAccessKeyId") && is_secret("X-Goog-Signature") && is_secret("sig"));
/// assert!(!is_secret("x-tenant") && !is_secret("design") && !is_secret("page"));
/// ```
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    let whole = |word: &str| {
        let before = name.strip_suffix(word);
        before.is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || WORDS.iter().any(|word| whole(word))
}

/// A text without the secrets that can be told by what stands before them:
/// user and password in an address, `name=value` and `"name": "value"` whose
/// name is [secret](is_secret), header lines, bearer tokens.
///
/// A second line of defence for texts that others wrote; it cannot know a
/// secret that nothing names. Meant for short texts: a hostile one takes a time
/// that grows with the square of its length.
///
/// ```
/// use plimsoll_core::redact::scrub;
///
/// assert_eq!(
///     scrub("no route to postgres://app:hunter2@db:5432/cards"),
///     "no route to postgres://REDACTED@db:5432/cards"
/// );
/// assert_eq!(scrub("denied: token=s3cret, try later"), "denied: token=REDACTED, try later");
/// assert_eq!(scrub("unexpected token: `}`"), "unexpected token: `}`");
/// ```
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut copied = 0;
    while let Some((begin, end)) = next_secret(text, copied) {
        clean.push_str(&text[copied..begin]);
        clean.push_str(REDACTED);
        copied = end;
    }
    if clean.is_empty() {
        return text.into();
    }
    clean.push_str(&text[copied..]);
    clean.into()
}

/// Where the first secret from `from` on begins and ends.
fn next_secret(text: &str, from: usize) -> Option<(usize, usize)> {
    let signs = text[from..].match_indices(['=', ':', ' ']);
    let mut found = signs.filter_map(|(at, sign)| {
        let at = from + at;
        let (before, after) = (&text[from..at], &text[at + 1..]);
        let (skip, length) = match sign {
            ":" if after.starts_with("//") => (2, user_and_password(&after[2..])),
            " " => (0, bearer(before, after)),
            sign => value(sign == ":", before, after)?,
        };
        (length > 0).then_some((at + 1 + skip, at + 1 + skip + length))
    });
    found.find(|(begin, end)| &text[*begin..*end] != REDACTED)
}

/// Length of what stands before the `@` of an authority (RFC 3986, section 3.2).
fn user_and_password(after: &str) -> usize {
    let ends =
        |letter: char| letter.is_whitespace() || matches!(letter, '/' | '?' | '#' | '"' | '<');
    let authority = &after[..after.find(ends).unwrap_or(after.len())];
    authority.rfind('@').unwrap_or(0)
}

/// Length of a bearer token (RFC 6750, section 2.1) after its scheme.
fn bearer(before: &str, after: &str) -> usize {
    let scheme = before.get(before.len().saturating_sub(6)..);
    if !scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return 0;
    }
    let of_token = |letter: char| letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter);
    let length = after.find(|it| !of_token(it)).unwrap_or(after.len());
    // Shorter ones are words: "a bearer token is needed".
    if length < 12 { 0 } else { length }
}

/// Bytes to skip and length of the value of a secret name.
fn value(colon: bool, before: &str, after: &str) -> Option<(usize, usize)> {
    let before = before.trim_end_matches([' ', '"', '\'']);
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let name = before.rfind(|it| !of_name(it)).map_or(before, |at| {
        let letter = before[at..].chars().next().map_or(1, char::len_utf8);
        &before[at + letter..]
    });
    if name.is_empty() || !is_secret(name) {
        return None;
    }
    let bare = after.trim_start_matches([' ', '\\']);
    let skip = after.len() - bare.len();
    if let Some(quote @ ('"' | '\'' | '`')) = bare.chars().next() {
        // "unexpected token: `}`" is prose.
        if quote == '`' {
            return None;
        }
        let rest = &bare[1..];
        return Some((skip + 1, rest.find(quote).unwrap_or(rest.len())));
    }
    let line = bare.find(['\n', '\r']).unwrap_or(bare.len());
    let lower = name.to_ascii_lowercase();
    if lower.ends_with("authorization") || lower.ends_with("cookie") {
        return Some((skip, line));
    }
    // "wrong password: too short" is prose, "x-api-key: 0815" a header.
    if colon && skip > 0 && !name.contains('-') {
        return None;
    }
    let ends = |letter: char| letter.is_whitespace() || ",;&\"'`)}]>".contains(letter);
    Some((skip, bare[..line].find(ends).unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_name_or_a_form_tells_is_gone_and_prose_stays() {
        for (text, clean) in [
            ("", ""),
            ("all is well", "all is well"),
            (
                "redis://:pa@ss@host/0 and more",
                "redis://REDACTED@host/0 and more",
            ),
            (
                "see https://docs.example/a?b=c",
                "see https://docs.example/a?b=c",
            ),
            ("mail me@example.org", "mail me@example.org"),
            ("Authorization: Basic YWJj ZGVm", "Authorization: REDACTED"),
            ("cookie=a=1; b=2", "cookie=REDACTED"),
            (
                "x-api-key: 0815 x-tenant: 7",
                "x-api-key: REDACTED x-tenant: 7",
            ),
            (
                r#"{"password": "a b","n":1}"#,
                r#"{"password": "REDACTED","n":1}"#,
            ),
            (
                r#"Login { token: "abc" }"#,
                r#"Login { token: "REDACTED" }"#,
            ),
            (
                "?X-Goog-Signature=ab%20c&page=2",
                "?X-Goog-Signature=REDACTED&page=2",
            ),
            ("accessToken=abc", "accessToken=REDACTED"),
            (
                "sent Bearer abcdefghijkl.mno today",
                "sent Bearer REDACTED today",
            ),
            ("a bearer token is needed", "a bearer token is needed"),
            ("wrong password: too short", "wrong password: too short"),
            ("password=REDACTED", "password=REDACTED"),
        ] {
            assert_eq!(scrub(text), clean);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_clean_one_stays(text in "\\PC{0,80}") {
            let once = scrub(&text).into_owned();
            prop_assert_eq!(scrub(&once), once.clone());
        }

        #[test]
        fn a_named_value_is_gone_whatever_stands_around_it(
            before in "[a-zé ]{0,12}",
            name in "(token|db_password|client-secret|sig|Cookie|X-Api-Key)",
            secret in "[A-Za-z0-9+/._~-]{9,40}#zzz",
            after in "[a-zé ]{0,12}",
        ) {
            for text in [
                format!("{before} {name}={secret} {after}"),
                format!("{before} \"{name}\": \"{secret}\" {after}"),
                format!("{before} {name}=\"{secret}\"{after}"),
            ] {
                prop_assert!(!scrub(&text).contains(&secret), "{}", text);
            }
            // These would end an authority.
            let secret = secret.replace(['#', '/'], "");
            let text = format!("{before} amqp://app:{secret}@host {after}");
            prop_assert!(!scrub(&text).contains(&secret), "{}", text);
        }
    }
}
