//! Rule groups as text. Written by hand, because a rule file is read by people:
//! queries stand in block scalars as they were written, with no escapes.

const HEADER: &str = "\
# Made by `plimsoll slo rules`. Do not edit: change the SLO file and generate again.
# One document, because Prometheus reads only the first of several.
groups:
";

pub(super) struct Group {
    pub(super) name: String,
    pub(super) comments: Vec<String>,
    pub(super) rules: Vec<Rule>,
}

pub(super) struct Rule {
    /// `record` or `alert`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) expr: String,
    /// `for` and `keep_firing_for`.
    pub(super) hold: Vec<(&'static str, &'static str)>,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) annotations: Vec<(&'static str, String)>,
}

pub(super) fn render(groups: &[Group]) -> String {
    groups
        .iter()
        .fold(HEADER.to_owned(), |text, group| text + &group.render())
}

impl Group {
    fn render(&self) -> String {
        let mut text = format!("  - name: {}\n", self.name);
        for comment in &self.comments {
            text = text + "    # " + comment + "\n";
        }
        text += "    rules:\n";
        self.rules
            .iter()
            .fold(text, |text, rule| text + &rule.render())
    }
}

impl Rule {
    fn render(&self) -> String {
        let mut text = format!("      - {}: {}\n        expr: |-\n", self.kind, self.name);
        for line in self.expr.lines() {
            text = text + "          " + line + "\n";
        }
        for (key, value) in &self.hold {
            text = text + "        " + key + ": " + value + "\n";
        }
        text + &mapping("labels", &self.labels) + &mapping("annotations", &self.annotations)
    }
}

fn mapping(name: &str, entries: &[(&str, String)]) -> String {
    if entries.is_empty() {
        return String::new();
    }
    entries
        .iter()
        .fold(format!("        {name}:\n"), |text, (key, value)| {
            text + "          " + key + ": " + &quoted(value) + "\n"
        })
}

/// In double quotes; every JSON string is one of YAML too.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
