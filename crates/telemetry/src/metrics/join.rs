//! Our families on a host's own page.

use std::collections::HashSet;

use super::negotiate::Exposition;

/// The form of a page that somebody else wrote.
pub(crate) fn form_of(page: &str) -> Exposition {
    if page.trim_end().ends_with("# EOF") {
        Exposition::OpenMetrics
    } else {
        Exposition::Text
    }
}

/// Appends the families of `ours` that the page does not have: a family told
/// twice makes the whole page unreadable. What ends an OpenMetrics page stays last.
pub(crate) fn into_page(page: &mut String, ours: &str) {
    let end = form_of(page) == Exposition::OpenMetrics;
    if end {
        page.truncate(page.rfind("# EOF").unwrap_or(page.len()));
    }
    if !page.is_empty() && !page.ends_with('\n') {
        page.push('\n');
    }
    let known: HashSet<String> = page.lines().filter_map(family).map(str::to_owned).collect();
    let mut skip = false;
    for line in ours.lines().filter(|line| !line.is_empty()) {
        if line == "# EOF" {
            continue;
        }
        if let Some(name) = family(line) {
            skip = known.contains(name);
        }
        if !skip {
            page.push_str(line);
            page.push('\n');
        }
    }
    if end {
        page.push_str("# EOF\n");
    }
}

/// The family that a HELP or TYPE line names.
fn family(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("# ")?.split(' ');
    matches!(words.next()?, "HELP" | "TYPE").then(|| words.next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_of_the_host_is_never_told_twice() {
        let ours = "# HELP a A.\n# TYPE a gauge\na 1\n\n# HELP b B.\n# TYPE b gauge\nb 2\n";
        let mut page = String::from("# TYPE a gauge\na 7");
        into_page(&mut page, ours);
        assert_eq!(
            page,
            "# TYPE a gauge\na 7\n# HELP b B.\n# TYPE b gauge\nb 2\n"
        );
        let mut page = String::from("# TYPE c gauge\nc 1\n# EOF\n");
        into_page(&mut page, "# TYPE b gauge\nb 2\n");
        assert_eq!(page, "# TYPE c gauge\nc 1\n# TYPE b gauge\nb 2\n# EOF\n");
    }
}
