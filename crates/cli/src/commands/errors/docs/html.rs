//! One page with every code. Nothing is loaded from elsewhere; without its
//! script the page is whole, only search and filters are missing. Writing to a
//! String cannot fail.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use plimsoll_errors::Entry;

use super::words;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
pub(super) fn page(title: &str, entries: &[Entry]) -> String {
    let title = escape(title);
    let filters = filters(entries);
    let contents = contents(entries);
    let codes = entries.iter().map(code).collect::<Vec<_>>().concat();
    let count = entries.len();
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="generator" content="plimsoll errors docs">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<a class="skip" href="#codes">Skip to the codes</a>
<header>
<h1>{title}</h1>
<p class="dim">A code never changes its meaning: from the client's screen to the log, the metric, the alert and this page.</p>
<form id="filters" role="search" aria-label="Codes" hidden>
<label class="wide">Search<input type="search" name="q" placeholder="a code, a reason, a word, a ref" autocomplete="off" spellcheck="false"></label>
{filters}<p id="count" class="dim" role="status"><span>{count}</span> of {count} codes</p>
<p id="none" hidden>No code fits. <button type="reset">Show all</button></p>
</form>
</header>
<div class="columns">
<nav aria-label="Contents">
{contents}</nav>
<main id="codes">
{codes}</main>
</div>
<script>
{SCRIPT}</script>
</body>
</html>
"##
    )
}

/// A choice for each property by which codes are told apart.
fn filters(entries: &[Entry]) -> String {
    type Of = fn(&Entry) -> Option<String>;
    let properties: [(&str, &str, Of); 4] = [
        ("status", "Status", |entry| Some(entry.status.to_string())),
        ("blame", "Blame", |entry| Some(entry.blame.clone())),
        ("retry", "Retry", |entry| Some(entry.retry.policy.clone())),
        ("owner", "Owner", |entry| entry.owner.clone()),
    ];
    let mut out = String::new();
    for (name, label, of) in properties {
        let values: BTreeSet<_> = entries.iter().filter_map(of).collect();
        if values.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "<label>{label}<select name=\"{name}\"><option value=\"\">any</option>"
        );
        for value in values {
            let _ = write!(out, "<option>{}</option>", escape(&value));
        }
        out.push_str("</select></label>\n");
    }
    out
}

/// Codes by prefix.
fn contents(entries: &[Entry]) -> String {
    let mut out = String::new();
    let mut before = None;
    for entry in entries {
        let prefix = entry.code.split('-').next();
        if prefix != before {
            out.push_str(if before.is_some() { "</ul>\n" } else { "" });
            let _ = write!(
                out,
                "<h2>{}</h2>\n<ul>\n",
                escape(prefix.unwrap_or_default())
            );
            before = prefix;
        }
        let (code, title) = (escape(&entry.code), escape(&entry.title));
        let _ = writeln!(
            out,
            "<li data-of=\"{code}\"><a href=\"#{code}\"><b>{code}</b> {title}</a></li>"
        );
    }
    if before.is_some() {
        out.push_str("</ul>\n");
    }
    out
}

fn code(entry: &Entry) -> String {
    let code = escape(&entry.code);
    let (title, reason) = (escape(&entry.title), escape(&entry.reason));
    let (blame, slo, policy) = (
        escape(&entry.blame),
        escape(&entry.slo),
        escape(&entry.retry.policy),
    );
    let owner = entry.owner.as_deref().map(escape).unwrap_or_default();
    let mut facts = vec![
        ("HTTP", escape(&words::status(entry))),
        ("gRPC", format!("<code>{}</code>", escape(&entry.grpc))),
        ("Reason", format!("<code>{reason}</code>")),
        ("Blame", format!("{blame}: {}", escape(words::blame(entry)))),
        ("SLO", format!("{slo}: {}", escape(words::slo(entry)))),
        (
            "Retry",
            format!("{policy}: {}", escape(&words::retry(entry))),
        ),
    ];
    if !owner.is_empty() {
        facts.push(("Owner", owner.clone()));
    }
    facts.extend(entry.runbook.as_deref().map(|at| ("Runbook", link(at))));
    let why = entry.untested.as_deref().map(prose);
    facts.extend(why.map(|why| ("Untested", why)));
    let fact =
        |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    let facts = facts.iter().map(fact).collect::<Vec<_>>().concat();
    let sent = escape(&format!("{}\n{}", words::head(entry), entry.example()));
    let voice = |heading: &str, text: &str| format!("<h3>{heading}</h3>\n<p>{}</p>\n", prose(text));
    let voices = [
        voice("The client is told", &entry.client),
        voice("For the support desk", &entry.support),
        voice("For operators", &entry.operator),
    ]
    .concat();
    let status = entry.status;
    format!(
        "<article id=\"{code}\" aria-labelledby=\"{code}-title\" data-status=\"{status}\" \
         data-blame=\"{blame}\" data-retry=\"{policy}\" data-owner=\"{owner}\">\n\
         <h2 id=\"{code}-title\"><a href=\"#{code}\">{code}</a> {title}</h2>\n\
         {voices}<dl>\n{facts}</dl>\n\
         <details><summary>What the client is sent</summary>\n<pre tabindex=\"0\" role=\"region\" \
         aria-label=\"What the client is sent with {code}\">{sent}</pre></details>\n</article>\n"
    )
}

/// A runbook: a link if it is an address that a browser may open.
fn link(at: &str) -> String {
    let shown = escape(at);
    if at.starts_with("https://") || at.starts_with("http://") {
        return format!("<a href=\"{shown}\" rel=\"noreferrer\">{shown}</a>");
    }
    shown
}

/// Text with `words` in backticks as code.
fn prose(text: &str) -> String {
    let parts: Vec<_> = text.split('`').map(escape).collect();
    if parts.len() % 2 == 0 {
        return escape(text);
    }
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 1 {
            let _ = write!(out, "<code>{part}</code>");
        } else {
            out.push_str(part);
        }
    }
    out
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
