//! The labels of a series, as Prometheus takes them.

use std::borrow::Cow;
use std::sync::Arc;

use metrics::Key;
use plimsoll_core::names::value;

/// Text that is mostly static.
pub(crate) type Text = Cow<'static, str>;

/// Most bytes of a label value of the application's.
pub(crate) const VALUE_MAX: usize = 128;

/// Names and values in the order of the page; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Labels(Arc<[(Text, Text)]>);

impl Labels {
    pub(crate) fn new(pairs: Vec<(Text, Text)>) -> Self {
        Self(pairs.into())
    }

    /// The labels of a key of the facade: allowed names, each once, in order,
    /// values of a bounded length. Also says how many values were cut.
    pub(crate) fn of_key(key: &Key) -> (Self, u64) {
        let mut cut = 0;
        let mut pairs: Vec<(Text, Text)> = Vec::new();
        for label in key.labels() {
            let name = clean_label(label.key());
            let value = bounded(label.value());
            cut += u64::from(value.len() < label.value().len());
            pairs.push((name.into(), value.to_owned().into()));
        }
        pairs.sort();
        // A page with a label twice in one series is not readable at all.
        pairs.dedup_by(|next, first| next.0 == first.0);
        (Self(pairs.into()), cut)
    }

    /// The same names, with nothing told.
    pub(crate) fn overflow(&self) -> Self {
        let pairs = self.0.iter();
        Self(
            pairs
                .map(|(name, _)| (name.clone(), value::OVERFLOW.into()))
                .collect(),
        )
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_MAX)]
}

/// A name as Prometheus allows it: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub(crate) fn clean_name(name: &str) -> String {
    clean(name, |letter| letter == ':')
}

/// A label as Prometheus allows it: `[a-zA-Z_][a-zA-Z0-9_]*`; those with a
/// meaning of their own get a `_` behind.
fn clean_label(label: &str) -> String {
    let mut label = clean(label, |_| false);
    if matches!(label.as_str(), "le" | "quantile") {
        label.push('_');
    }
    label
}

fn clean(text: &str, also: impl Fn(char) -> bool) -> String {
    let first = text.chars().next();
    let lacks_letter = first.is_none_or(|letter| letter.is_ascii_digit());
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || also(letter);
    let letters = text
        .chars()
        .take(VALUE_MAX)
        .map(|letter| if allowed(letter) { letter } else { '_' });
    lacks_letter
        .then_some('_')
        .into_iter()
        .chain(letters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_was_said_prometheus_can_read_it(name in ".{0,8}", labels in prop::collection::vec((".{0,4}", ".{0,200}"), 0..5)) {
            let legal = |text: &str, colon: bool| {
                let letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_' || colon && letter == ':';
                text.chars().enumerate().all(|(index, it)| letter(it) || index > 0 && it.is_ascii_digit()) && !text.is_empty()
            };
            prop_assert!(legal(&clean_name(&name), true));
            let long = labels.iter().filter(|(_, value)| value.len() > VALUE_MAX).count();
            let labels: Vec<_> = labels.iter().map(|(name, value)| metrics::Label::new(name.clone(), value.clone())).collect();
            let (labels, cut) = Labels::of_key(&Key::from_parts("x", labels));
            prop_assert_eq!(cut, long as u64);
            let names: Vec<_> = labels.iter().map(|(name, _)| name).collect();
            prop_assert!(names.is_sorted_by(|one, two| one < two));
            for (name, value) in labels.iter() {
                prop_assert!(legal(name, false) && name != "le" && value.len() <= VALUE_MAX);
            }
        }
    }
}
