//! What of a deserializer's text may be told and logged: nothing the client sent.
//!
//! serde quotes the value it could not use, and that may be a card number. So a
//! text is not cleaned but read, and said again from what is known to come from
//! the program: the path, the kind of value that stood there, what was expected,
//! the position. Of a message that is not recognised only the position is left.
//!
//! A key of a map and a field of a struct look the same in a path. A path is
//! therefore told only if all of it could be names of fields; a key of a map that
//! looks like one is told, so don't key maps by what is nobody's business.

use super::words::{KINDS, OPENINGS, Opening, PARSED, SYNTAX};

/// Said of a message that is not recognised.
const UNKNOWN: &str = "the value cannot be used";
/// Stands before the type's own words.
const EXPECTED: &str = ", expected ";
/// Most bytes of a path and of a name in it.
const PATH_BYTES: usize = 120;
const NAME_BYTES: usize = 40;
/// Most digits of a name: more may be somebody's number.
const NAME_DIGITS: usize = 3;

/// A text of serde's without what the client sent.
pub(super) fn by_serde(text: &str) -> String {
    let (text, position) = split_position(text);
    let is_last = |word: &&str| {
        let before = text.strip_suffix(*word);
        before.is_some_and(|before| before.is_empty() || before.ends_with(": "))
    };
    let ends = |words: &[&'static str]| words.iter().copied().find(is_last);
    let (path, message) = if let Some(word) = ends(&SYNTAX) {
        // The path of a syntax fault may lead through a field that no type has.
        ("", word.into())
    } else if let Some(word) = ends(&PARSED) {
        (&text[..text.len() - word.len()], word.into())
    } else if let Some((path, opening, rest)) = open(text) {
        let is_whole = path.is_empty() || is_path(path.trim_end_matches(": "));
        let path = without(path, client_word(rest));
        // Behind what is no path this may be a client's imitation.
        let message = if is_whole {
            message(opening, rest)
        } else {
            opening.known().into()
        };
        (path, message)
    } else {
        ("", UNKNOWN.into())
    };
    let path = path.strip_suffix(": ").unwrap_or(path);
    if is_path(path) {
        format!("{path}: {message}{position}")
    } else {
        format!("{message}{position}")
    }
}

/// A text of `axum::extract::Path` without what the client sent. A parameter is
/// named only if it stands in the route, for a value may look like a name.
pub(super) fn by_path(text: &str, route: &str) -> String {
    if let Some(key) = text.strip_prefix("Invalid UTF-8 in ") {
        let key = name(key).unwrap_or_else(|| "a path parameter".into());
        return format!("Invalid UTF-8 in {key}");
    }
    let Some(rest) = text.strip_prefix("Cannot parse ") else {
        return by_serde(text);
    };
    let index = rest.strip_prefix("value at index ");
    let index = index.and_then(|rest| rest.split_once(' ')).map(|it| it.0);
    let what = match (index, rest.split_once(" with value `")) {
        (Some(index), _) if is_number(index) => format!("the value at index {index}"),
        (None, Some((key, _))) if is_parameter(key, route) => key.to_owned(),
        _ => "a path parameter".into(),
    };
    let kind = rest.rsplit_once("` to a ").and_then(|(_, kind)| name(kind));
    match kind {
        Some(kind) => format!("Cannot parse {what} to a {kind}"),
        None => format!("Cannot parse {what}"),
    }
}

/// Cuts ` at line 1 column 2` off the end.
fn split_position(text: &str) -> (&str, &str) {
    let at = text.rfind(" at line ").filter(|at| {
        let numbers = text[*at..].strip_prefix(" at line ");
        let numbers = numbers.and_then(|rest| rest.split_once(" column "));
        numbers.is_some_and(|(line, column)| is_number(line) && is_number(column))
    });
    text.split_at(at.unwrap_or(text.len()))
}

/// The last of serde's own messages: the path before it, which it is, the rest.
/// If a client's value holds one, then what stands before that is no path.
fn open(text: &str) -> Option<(&str, &'static Opening, &str)> {
    let begins = text
        .rmatch_indices(": ")
        .map(|(at, colon)| at + colon.len());
    begins.chain([0]).find_map(|at| {
        let (path, message) = text.split_at(at);
        let mut known = OPENINGS.iter();
        known.find_map(|opening| Some((path, opening, message.strip_prefix(opening.text())?)))
    })
}

/// The message again, from its known parts.
fn message(opening: &Opening, rest: &str) -> String {
    let known = opening.known();
    match opening {
        Opening::Kind(_) => {
            let found = KINDS.iter().find(|(kind, next)| {
                let after = rest.strip_prefix(kind);
                after.is_some_and(|after| after.starts_with(next))
            });
            match (found, expected(rest)) {
                (Some((kind, _)), Some(expected)) => format!("{known}: {kind}{expected}"),
                _ => known.into(),
            }
        }
        Opening::Word(_) => match expected(rest) {
            Some(expected) => format!("{known}{expected}"),
            None => known.into(),
        },
        Opening::Name(_) => match rest.strip_suffix('`').filter(|name| is_name(name)) {
            Some(name) => format!("{known} `{name}`"),
            None => known.into(),
        },
        Opening::Alone(_) => known.into(),
    }
}

/// The type's own words: what stands after the last "expected", for a value
/// stands before it. The comma is part of it.
fn expected(rest: &str) -> Option<&str> {
    let none = [", there are no variants", ", there are no fields"];
    let none = none.into_iter().find(|none| rest.ends_with(none));
    none.or_else(|| rest.rfind(EXPECTED).map(|at| &rest[at..]))
}

/// The word of the client's that a message quotes.
fn client_word(rest: &str) -> &str {
    let word = rest.split_once('"').map_or(rest, |(_, word)| word);
    word.split(['"', '`']).next().unwrap_or(word)
}

/// A path without a last step that is the client's own word: a key that no type
/// has is part of serde's path.
fn without<'a>(path: &'a str, word: &str) -> &'a str {
    let path = path.strip_suffix(": ").unwrap_or(path);
    match path.strip_suffix(word) {
        Some("") => "",
        Some(before) => before.strip_suffix('.').unwrap_or(path),
        None => path,
    }
}

/// A name between backticks, with them.
fn name(quoted: &str) -> Option<String> {
    let name = quoted.strip_prefix('`')?;
    let name = name.strip_suffix('`').unwrap_or(name);
    is_name(name).then(|| format!("`{name}`"))
}

/// Whether all of it could be names of fields, indices, and `?` for the unknown.
fn is_path(path: &str) -> bool {
    let is_step = |step: &str| {
        let (name, indices) = step.split_at(step.find('[').unwrap_or(step.len()));
        let indices = indices.split_terminator(']');
        let mut indices = indices.map(|index| index.strip_prefix('['));
        let is_known = name == "?" || is_name(name) || (name.is_empty() && step.ends_with(']'));
        is_known && indices.all(|index| index.is_some_and(is_number))
    };
    (1..=PATH_BYTES).contains(&path.len()) && path.split('.').all(is_step)
}

/// Whether it could be a name that a program gives to a field.
fn is_name(name: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.len() <= NAME_BYTES
        && digits <= NAME_DIGITS
        && name.as_bytes().first().is_some_and(first)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Whether a key between backticks is a parameter of the route.
fn is_parameter(quoted: &str, route: &str) -> bool {
    let key = quoted.trim_matches('`');
    let parameters = [format!("{{{key}}}"), format!("{{*{key}}}")];
    is_name(key) && parameters.iter().any(|it| route.contains(it.as_str()))
}

fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_says_is_kept_and_what_the_client_sent_is_not() {
        #[rustfmt::skip]
        let rows = [
            ("items[2].number: invalid type: string \"4111 1111\", expected u32 at line 1 column 12",
             "items[2].number: invalid type: string, expected u32 at line 1 column 12"),
            ("invalid value: integer `7`, expected a day", "invalid value: integer, expected a day"),
            ("a: invalid value: string \"x\\\", expected 4111\", expected a card", "a: invalid value: string, expected a card"),
            ("a: invalid type: floating point `4.1`, expected i8", "a: invalid type: floating point, expected i8"),
            ("invalid type: null, expected struct Card", "invalid type: null, expected struct Card"),
            ("a: invalid length 3, expected a tuple of size 2", "a: invalid length, expected a tuple of size 2"),
            ("kind: unknown variant `4111`, expected `a` or `b`", "kind: unknown variant, expected `a` or `b`"),
            ("kind: unknown variant `x, expected 4111`, there are no variants", "kind: unknown variant, there are no variants"),
            ("card.alice: unknown field `alice`, expected `number`", "card: unknown field, expected `number`"),
            ("alice: unknown field `alice`, there are no fields", "unknown field, there are no fields"),
            ("by_day.monday: invalid value: string \"monday\", expected a date", "by_day: invalid value: string, expected a date"),
            ("card: missing field `number` at line 1 column 2", "card: missing field `number` at line 1 column 2"),
            ("duplicate field `4111111111111111`", "duplicate field"),
            ("4111 1111: invalid type: map, expected u32", "invalid type"),
            ("by.4111111111: invalid type: map, expected u32", "invalid type"),
            ("john.smith@example.com: missing field `a`", "missing field"),
            ("a: x: invalid type: null, expected alice", "invalid type"),
            ("alice: expected value at line 1 column 9", "expected value at line 1 column 9"),
            ("number: invalid digit found in string", "number: invalid digit found in string"),
            ("number: 4111 is no IBAN at line 2 column 3", "the value cannot be used at line 2 column 3"),
            ("invalid value: 4111, expected nothing", "invalid value"),
            ("data did not match any variant of untagged enum Card", "data did not match any variant"),
            ("", UNKNOWN),
        ];
        for (text, told) in rows {
            assert_eq!(by_serde(text), told, "{text}");
        }
    }

    #[test]
    fn a_path_parameter_is_told_by_name_and_type() {
        #[rustfmt::skip]
        let rows = [
            ("Cannot parse `4111` to a `u32`", "Cannot parse a path parameter to a `u32`"),
            ("Cannot parse `id` with value `4111` to a `u32`", "Cannot parse `id` to a `u32`"),
            ("Cannot parse `rest` with value `4111` to a `u32`", "Cannot parse `rest` to a `u32`"),
            ("Cannot parse `alice` with value `x` to a `u32`", "Cannot parse a path parameter to a `u32`"),
            ("Cannot parse `id` with value `4` to a `4111`", "Cannot parse `id`"),
            ("Cannot parse value at index 1 with value `4111` to a `u32`", "Cannot parse the value at index 1 to a `u32`"),
            ("Cannot parse `id` with value `4111`: 4111 is no UUID", "Cannot parse `id`"),
            ("Invalid UTF-8 in `id`", "Invalid UTF-8 in `id`"),
            ("unknown variant `4111`, expected `a`", "unknown variant, expected `a`"),
        ];
        for (text, told) in rows {
            assert_eq!(by_path(text, "/cards/{id}/{*rest}"), told, "{text}");
        }
    }
}
