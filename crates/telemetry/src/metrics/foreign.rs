//! A page that somebody else wrote, on ours.

use std::borrow::Cow;

use super::join::form_of;
use super::negotiate::Exposition;
use super::page::Page;

/// What may stand behind a family's name in the name of a sample.
const SUFFIXES: [&str; 8] = [
    "", "_bucket", "_sum", "_count", "_total", "_created", "_info", "_gsum",
];

/// Writes the families of a host's page, in the form of ours; those that stand
/// already are left out and counted.
pub(crate) fn append(page: &mut Page, theirs: &str) {
    let open = form_of(theirs) == Exposition::OpenMetrics;
    let (mut help, mut family) = (None, String::new());
    for line in theirs.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.trim_start().splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("HELP"), Some(name), text) => {
                    help = Some((name.to_owned(), unescape(text.unwrap_or(""))));
                }
                (Some("TYPE"), Some(name), Some(kind)) => {
                    let told = help.take().filter(|(of, _)| of == name);
                    let told = told.map_or(String::new(), |(_, text)| text);
                    name.clone_into(&mut family);
                    page.family(&whole(name, kind, open), kind_of(kind), &told);
                }
                _ => {}
            }
            continue;
        }
        let Some(sample) = Sample::read(line, open) else {
            continue;
        };
        let rest = sample.name.strip_prefix(family.as_str());
        if family.is_empty() || !rest.is_some_and(|rest| SUFFIXES.contains(&rest)) {
            sample.name.clone_into(&mut family);
            page.family(&family, "unknown", "");
        }
        page.raw(sample.name, sample.labels, sample.value, sample.time);
    }
}

/// The name that the text form has: `OpenMetrics` cuts what tells the kind.
fn whole<'a>(name: &'a str, kind: &str, open: bool) -> Cow<'a, str> {
    match kind {
        "counter" if open => format!("{name}_total").into(),
        "info" if open => format!("{name}_info").into(),
        _ => name.into(),
    }
}

fn kind_of(kind: &str) -> &str {
    match kind {
        // What one of the two forms does not know is told as plain numbers.
        "untyped" | "gaugehistogram" | "stateset" => "unknown",
        kind => kind,
    }
}

struct Sample<'a> {
    name: &'a str,
    /// As they were written, with their braces.
    labels: &'a str,
    value: &'a str,
    /// Milliseconds since the Unix epoch.
    time: Option<f64>,
}

impl<'a> Sample<'a> {
    fn read(line: &'a str, open: bool) -> Option<Self> {
        let end = line.find(['{', ' '])?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = if rest.starts_with('{') {
            rest.split_at(closing(rest)? + 1)
        } else {
            ("", rest)
        };
        let mut numbers = rest.split_whitespace();
        let value = numbers.next()?;
        // Behind a `#` stands an exemplar.
        let time = numbers.next().and_then(|text| text.parse::<f64>().ok());
        let time = time.map(|time| if open { time * 1_000.0 } else { time });
        Some(Self {
            name,
            labels,
            value,
            time,
        })
    }
}

/// Where the labels end: the brace that is not in a value.
fn closing(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    labels.bytes().position(|byte| {
        let escape = std::mem::take(&mut escaped);
        match byte {
            b'\\' if quoted && !escape => escaped = true,
            b'"' if !escape => quoted = !quoted,
            _ => {}
        }
        byte == b'}' && !quoted
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (other, false) => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# HELP hits Hits \\\\ of\\n\"us\"\n# TYPE hits counter\n\
        hits{a=\"}\\\"{\"} 3\n\n# TYPE took summary\ntook{quantile=\"0.5\"} 1\n\
        took_sum 2\ntook_count 2\n# TYPE mine gauge\nmine 1\n\
        bare 7 1500\n# TYPE odd untyped\nodd NaN\n";

    const OPEN: &str = "# HELP hits Hits \\\\ of\\n\\\"us\\\"\n# TYPE hits counter\n\
        hits_total{a=\"}\\\"{\"} 3\n# TYPE took summary\ntook{quantile=\"0.5\"} 1\n\
        took_sum 2\ntook_count 2\n\
        # TYPE bare unknown\nbare 7 1.5\n# TYPE odd unknown\nodd NaN\n";

    fn on_ours(form: Exposition, theirs: &str) -> (String, u64) {
        let mut page = Page::new(form);
        page.family("mine", "gauge", "");
        page.sample("mine", &[], 9);
        append(&mut page, theirs);
        let repeated = page.repeated();
        (page.finish(), repeated)
    }

    #[test]
    fn a_hosts_text_becomes_open_metrics() {
        let ours = "# TYPE mine gauge\nmine 9\n";
        let (open, repeated) = on_ours(Exposition::OpenMetrics, TEXT);
        assert_eq!((open, repeated), (format!("{ours}{OPEN}# EOF\n"), 1));
        let (text, _) = on_ours(Exposition::Text, &format!("{OPEN}# EOF\n"));
        let expected = TEXT
            .replace("hits counter", "hits_total counter")
            .replace("HELP hits ", "HELP hits_total ")
            .replace("hits{", "hits_total{")
            .replace("\n\n", "\n")
            .replace("# TYPE mine gauge\nmine 1\n", "")
            .replace("bare", "# TYPE bare untyped\nbare");
        assert_eq!(text, format!("{ours}{expected}"));
    }

    #[test]
    fn exemplars_of_a_host_are_not_taken_for_times() {
        let theirs = "# TYPE a counter\na_total 1 # {trace_id=\"x\"} 1 2\n# EOF\n";
        let (text, _) = on_ours(Exposition::Text, theirs);
        assert!(
            text.ends_with("# TYPE a_total counter\na_total 1\n"),
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn no_page_panics(theirs in "[a-z#{}\"\\\\ \n]{0,60}") {
            for form in [Exposition::Text, Exposition::OpenMetrics] {
                on_ours(form, &theirs);
            }
        }
    }
}
