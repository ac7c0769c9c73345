//! One self-contained page: no script, no font, nothing fetched.

mod figures;
mod tables;

use plimsoll_slo::Verdict;

use super::{LoadReport, Timeline};

/// A part of the page.
#[derive(Debug, Clone, Default)]
pub struct Chapter {
    heading: String,
    verdict: Option<Verdict>,
    body: String,
}

impl Chapter {
    /// An empty one.
    pub fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            ..Self::default()
        }
    }

    /// Adds a whole run: verdict, plots, views, agreement, endpoints.
    #[must_use]
    pub fn run(self, report: &LoadReport) -> Self {
        let plan = &report.plan;
        let text = format!(
            "{} arrivals at {} a second on {}; seed {}, at most {} journeys at a time.",
            report.arrivals.begun, plan.rate, report.url, plan.seed, plan.max_in_flight
        );
        self.verdict(report.verdict.clone())
            .prose(&text)
            .findings(report)
            .timeline(&report.timeline)
            .objectives("Objectives, counted by the service", &report.server)
            .objectives(
                "Objectives, measured by the client from the intended time",
                &report.client,
            )
            .bad(&report.bad)
            .endpoints(report)
            .agreement(&report.agreement)
    }

    /// Sets the verdict beside the heading.
    #[must_use]
    pub fn verdict(mut self, verdict: Verdict) -> Self {
        self.verdict = Some(verdict);
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn prose(mut self, text: &str) -> Self {
        self.body.extend(["<p>", &escape(text), "</p>\n"]);
        self
    }

    /// Adds a table of texts.
    #[must_use]
    pub fn table(mut self, caption: &str, head: &[&str], rows: &[Vec<String>]) -> Self {
        self.body.push_str(&tables::table(caption, head, rows));
        self
    }

    /// Adds the plots: latency, answers, burn rate.
    #[must_use]
    pub fn timeline(mut self, timeline: &Timeline) -> Self {
        self.body.push_str(&figures::all(timeline));
        self
    }
}

/// The page.
///
/// ```
/// use plimsoll_loadtest::report::{Chapter, page};
/// let page = page("Demo", &[Chapter::new("Steady").prose("p95 < 250 ms")]);
/// assert!(page.starts_with("<!doctype html>") && page.contains("p95 &lt; 250 ms"));
/// ```
pub fn page(title: &str, chapters: &[Chapter]) -> String {
    let body: String = chapters.iter().map(section).collect();
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n",
        include_str!("html/style.css")
    )
}

fn section(chapter: &Chapter) -> String {
    let badge = chapter.verdict.as_ref().map_or_else(String::new, badge);
    let heading = escape(&chapter.heading);
    format!(
        "<section>\n<h2>{heading} {badge}</h2>\n{}</section>\n",
        chapter.body
    )
}

fn badge(verdict: &Verdict) -> String {
    let word = verdict.as_str();
    format!(
        "<span class=\"badge {}\">{word}</span>",
        word.to_ascii_lowercase()
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
