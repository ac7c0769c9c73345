//! Reads the page of metrics back: text form 0.0.4, as this crate writes it.

use std::collections::BTreeMap;

/// One family.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) help: &'a str,
    pub(super) samples: Vec<Sample<'a>>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// What follows the family's name: `_bucket`, `_sum`, `_count` or nothing.
    pub(super) suffix: &'a str,
    pub(super) labels: Vec<(&'a str, String)>,
    pub(super) value: f64,
}

/// Every family of a page in its order. What is none of the form is left out.
pub(super) fn read(page: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (Some(word), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            let place = *places.entry(name).or_insert_with(|| {
                families.push(Family {
                    name,
                    ..Family::default()
                });
                families.len() - 1
            });
            let rest = words.next().unwrap_or_default();
            match word {
                "HELP" => families[place].help = rest,
                "TYPE" => families[place].kind = rest,
                _ => {}
            }
        } else if let (Some(family), Some(sample)) = (families.last_mut(), sample(line)) {
            // Samples follow the family's own lines.
            let (name, sample) = sample;
            if let Some(suffix) = name.strip_prefix(family.name) {
                family.samples.push(Sample { suffix, ..sample });
            }
        }
    }
    families
}

fn sample(line: &str) -> Option<(&str, Sample<'_>)> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse().ok()?,
    };
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, read_labels(labels)?),
        None => (series, Vec::new()),
    };
    let sample = Sample {
        suffix: "",
        labels,
        value,
    };
    Some((name, sample))
}

/// Reads `a="1",b="2"}`.
fn read_labels(mut rest: &str) -> Option<Vec<(&str, String)>> {
    let mut labels = Vec::new();
    while rest != "}" {
        let (label, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => match letters.next()?.1 {
                    'n' => value.push('\n'),
                    letter => value.push(letter),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.push((label, value));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Exposition, Page};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_the_page_says_is_read(label in ".{0,20}", value: u32) {
            let mut page = Page::new(Exposition::Text);
            page.family("a", "gauge", "An a.");
            page.sample("a", &[("x", &label), ("y", "")], value);
            page.family("b_total", "counter", "A b.");
            page.sample("b_total", &[], value);
            let text = page.finish();
            let families = read(&text);
            prop_assert_eq!(families.len(), 2);
            prop_assert_eq!((families[0].kind, families[0].help), ("gauge", "An a."));
            let sample = &families[0].samples[0];
            prop_assert_eq!(&sample.labels[0], &("x", label));
            prop_assert!((sample.value - f64::from(value)).abs() < 0.5);
            prop_assert_eq!(families[1].samples.len(), 1);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*\n?.*\\{.*\n.*") {
            let _ = read(&text);
        }
    }
}
