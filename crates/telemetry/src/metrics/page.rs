//! A page of metrics being written, in either of the two text forms.

use std::collections::HashSet;
use std::fmt::{Display, Write as _};

use super::exemplar::Exemplar;
use super::negotiate::Exposition;

/// A page being written. A family is told once: what comes under a name that
/// stands already is left out and counted, for one family told twice makes
/// the whole page unreadable.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    form: Exposition,
    told: HashSet<String>,
    /// The family that samples belong to; `None` when it is left out.
    family: Option<Family>,
    repeated: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Family {
    Counter,
    Other,
}

impl Page {
    /// An empty page in this form.
    pub fn new(form: Exposition) -> Self {
        Self {
            form,
            ..Self::default()
        }
    }

    /// The form in which the page is written.
    pub fn form(&self) -> Exposition {
        self.form
    }

    /// Begins a family: `kind` is `counter`, `gauge`, `histogram`, `info`
    /// (whose samples are 1) or `unknown`.
    ///
    /// `OpenMetrics` names counters without their `_total` here, and infos
    /// without their `_info`; the text form 0.0.4 knows no info.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let (shown, kind) = match (self.form, kind) {
            (Exposition::OpenMetrics, "counter") => {
                (name.strip_suffix("_total").unwrap_or(name), kind)
            }
            (Exposition::OpenMetrics, "info") => (name.strip_suffix("_info").unwrap_or(name), kind),
            (Exposition::Text, "info") => (name, "gauge"),
            (Exposition::Text, "unknown") => (name, "untyped"),
            _ => (name, kind),
        };
        // A counter also holds the name of its samples.
        if self.told.contains(shown) || self.told.contains(name) {
            self.repeated += 1;
            self.family = None;
            return;
        }
        self.told.extend([shown.to_owned(), name.to_owned()]);
        self.family = Some(if kind == "counter" {
            Family::Counter
        } else {
            Family::Other
        });
        let quotes = self.form == Exposition::OpenMetrics;
        if !help.is_empty() {
            let _ = write!(self.text, "# HELP {shown} ");
            escape(&mut self.text, help, quotes);
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "# TYPE {shown} {kind}");
    }

    /// Writes one sample; label values are escaped.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.line(name, labels.iter().copied(), value, None);
    }

    /// Writes one sample with the trace behind it, which only `OpenMetrics` can tell.
    pub(crate) fn line<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: impl Display,
        exemplar: Option<Exemplar>,
    ) {
        let Some(family) = self.family else { return };
        self.text.push_str(name);
        let open = self.form == Exposition::OpenMetrics;
        if open && family == Family::Counter && !name.ends_with("_total") {
            self.text.push_str("_total");
        }
        let mut between = '{';
        for (label, text) in labels {
            self.text.push(between);
            let _ = write!(self.text, "{label}=\"");
            escape(&mut self.text, text, true);
            self.text.push('"');
            between = ',';
        }
        if between == ',' {
            self.text.push('}');
        }
        let _ = write!(self.text, " {value}");
        if let Some(Exemplar { mark, value }) = exemplar.filter(|_| open) {
            let _ = write!(
                self.text,
                " # {{trace_id=\"{}\",span_id=\"{}\"}} {} {}.{:03}",
                mark.trace_id,
                mark.span_id,
                Number(value),
                mark.time / 1_000,
                mark.time % 1_000
            );
        }
        self.text.push('\n');
    }

    /// Writes a sample of somebody else's page, its labels as they were.
    pub(super) fn raw(&mut self, name: &str, labels: &str, value: &str, millis: Option<f64>) {
        let Some(family) = self.family else { return };
        let open = self.form == Exposition::OpenMetrics;
        let total = open && family == Family::Counter && !name.ends_with("_total");
        let suffix = if total && !name.ends_with("_created") {
            "_total"
        } else {
            ""
        };
        let _ = write!(self.text, "{name}{suffix}{labels} {value}");
        if let Some(millis) = millis {
            let time = if open { millis / 1_000.0 } else { millis };
            let _ = write!(self.text, " {time}");
        }
        self.text.push('\n');
    }

    /// How many families were left out because their name stood already.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The text, ended as its form asks.
    pub fn finish(mut self) -> String {
        if self.form == Exposition::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// A number as both forms write it.
pub(crate) struct Number(pub(crate) f64);

impl Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == f64::INFINITY {
            f.write_str("+Inf")
        } else if self.0 == f64::NEG_INFINITY {
            f.write_str("-Inf")
        } else {
            self.0.fmt(f)
        }
    }
}

fn escape(out: &mut String, text: &str, quotes: bool) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' if quotes => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exemplar::Mark;
    use plimsoll_core::ids::{SpanId, TraceId};

    fn written(form: Exposition) -> String {
        let mut page = Page::new(form);
        page.family("x_total", "counter", "An \"x\".");
        let mark = Mark {
            trace_id: TraceId(u128::MAX),
            span_id: SpanId(1),
            time: 1_234_005,
        };
        let exemplar = Exemplar { mark, value: 0.5 };
        page.line("x_total", [("a", "q\"\\\n"), ("b", "")], 1, Some(exemplar));
        page.family("orders", "counter", "");
        page.sample("orders", &[], 2);
        page.family("target_info", "info", "");
        page.sample("target_info", &[("service_name", "s")], 1);
        page.family("x_total", "gauge", "again");
        page.sample("x_total", &[], 9);
        assert_eq!(page.repeated(), 1);
        page.finish()
    }

    #[test]
    fn the_text_form_has_no_exemplars_and_names_counters_whole() {
        let expected = "# HELP x_total An \"x\".\n# TYPE x_total counter\n\
                        x_total{a=\"q\\\"\\\\\\n\",b=\"\"} 1\n\
                        # TYPE orders counter\norders 2\n\
                        # TYPE target_info gauge\ntarget_info{service_name=\"s\"} 1\n";
        assert_eq!(written(Exposition::Text), expected);
    }

    #[test]
    fn open_metrics_names_families_its_own_way_and_ends_the_page() {
        let text = written(Exposition::OpenMetrics);
        let exemplar = "# {trace_id=\"ffffffffffffffffffffffffffffffff\",span_id=\"0000000000000001\"} 0.5 1234.005";
        let expected = format!(
            "# HELP x An \\\"x\\\".\n# TYPE x counter\n\
             x_total{{a=\"q\\\"\\\\\\n\",b=\"\"}} 1 {exemplar}\n\
             # TYPE orders counter\norders_total 2\n\
             # TYPE target info\ntarget_info{{service_name=\"s\"}} 1\n# EOF\n"
        );
        assert_eq!(text, expected);
        let labels = exemplar.split(['{', '}']).nth(1).unwrap();
        assert!(labels.chars().count() <= 128, "OpenMetrics 1.0, exemplars");
    }
}
