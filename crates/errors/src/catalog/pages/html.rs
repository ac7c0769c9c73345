//! The pages as HTML: readable on a phone, in the dark and on paper.

use std::fmt::Write as _;

use crate::catalog::Entry;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--back:#fff;--link:#0550ae}\
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa4af;--line:#30363d;--back:#0d1117;--link:#79b8ff}}\
*{box-sizing:border-box}\
body{font:1rem/1.55 system-ui,sans-serif;max-width:42rem;margin:0 auto;padding:2.5rem 1.25rem;color:var(--ink);background:var(--back);overflow-wrap:break-word}\
a{color:var(--link)}h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 1rem}\
code{font:.95em ui-monospace,monospace}.dim{color:var(--dim);margin:0}\
dl{margin:1.5rem 0;border-top:1px solid var(--line)}dt{font-weight:600;padding-top:.8rem}dd{margin:0}\
ul{list-style:none;margin:0;padding:0}\
li{display:grid;grid-template-columns:6.5rem 2.5rem 1fr;gap:.75rem;padding:.5rem 0;border-top:1px solid var(--line)}";

/// Every code, linked.
pub(super) fn list(entries: &[Entry]) -> String {
    let mut body = String::from(
        "<main><h1>Error codes</h1>\
         <p>Every failure that this service can answer with. A code never changes its meaning.</p><ul>",
    );
    for entry in entries {
        let code = escape(&entry.code);
        let title = escape(&entry.title);
        let status = entry.status;
        // Relative, so that it holds behind a gateway that adds a prefix.
        let _ = write!(
            body,
            "<li><a href=\"errors/{code}\"><code>{code}</code></a>\
             <span class=\"dim\">{status}</span><span>{title}</span></li>"
        );
    }
    body.push_str("</ul></main>");
    page("Error codes", &body)
}

/// One code.
pub(super) fn one(entry: &Entry) -> String {
    let code = escape(&entry.code);
    let title = escape(&entry.title);
    let reason = escape(&entry.reason);
    let told = escape(&entry.client);
    let retry = retry(&entry.retry.policy);
    let status = entry.status;
    let body = format!(
        "<main><p class=\"dim\"><code>{code}</code></p><h1>{title}</h1><p>{told}</p>\
         <dl><dt>May I try again?</dt><dd>{retry}</dd>\
         <dt>HTTP status</dt><dd>{status}</dd><dt>Reason</dt><dd><code>{reason}</code></dd></dl>\
         <p>If you ask for help, quote the <code>ref</code> of the answer you got.</p>\
         <p><a href=\"../errors\">All error codes</a></p></main>"
    );
    page(&format!("{code} {title}"), &body)
}

fn retry(policy: &str) -> &'static str {
    match policy {
        "never" => "No: the same request fails again. Change it first.",
        "safe" => "Yes: nothing was done, you may send it again.",
        "after" => "Yes: nothing was done. Wait as Retry-After says, then send it again.",
        _ => {
            "It may have been done: send it again only with the same idempotency key, or if the method is idempotent."
        }
    }
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalog, PlmCode};

    #[test]
    fn the_list_links_every_code_and_text_is_escaped() {
        let catalog = Catalog::of(&[]).unwrap();
        let list = list(catalog.entries());
        for code in PlmCode::ALL {
            assert!(list.contains(&format!("href=\"errors/{}\"", code.id)));
        }
        let mut entry = catalog.entries()[0].clone();
        entry.client = "<script>\"&\"</script>".into();
        let page = one(&entry);
        assert!(page.contains("&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;"));
        assert!(!page.contains("<script"));
    }
}
