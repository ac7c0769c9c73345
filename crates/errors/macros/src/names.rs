//! Names in the forms of Rust and of the wire.

/// `CardNotFound` as `CARD_NOT_FOUND`. A word begins at an upper-case letter
/// that follows none, so `BodyNotUTF8` is `BODY_NOT_UTF8`.
pub(crate) fn upper_snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut before = None;
    for char in name.chars() {
        if char.is_ascii_uppercase() && before.is_some_and(|it: char| !it.is_ascii_uppercase()) {
            out.push('_');
        }
        out.push(char.to_ascii_uppercase());
        before = Some(char);
    }
    out
}

/// `SameKey` as `same_key`.
pub(crate) fn snake(name: &str) -> String {
    upper_snake(name).to_ascii_lowercase()
}

/// `a, b or c`.
pub(crate) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [before @ .., last] => format!("{} or {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_made_from_the_name_of_a_variant() {
        for (name, reason) in [
            ("CardNotFound", "CARD_NOT_FOUND"),
            ("BodyNotUtf8", "BODY_NOT_UTF8"),
            ("HTTPDown", "HTTPDOWN"),
            ("A", "A"),
        ] {
            assert_eq!(upper_snake(name), reason);
        }
        assert_eq!(snake("SameKey"), "same_key");
    }

    #[test]
    fn words_are_listed_for_people() {
        assert_eq!(any_of(&["a"]), "a");
        assert_eq!(any_of(&["a", "b", "c"]), "a, b or c");
    }
}
