//! One sample line: `name{label="value",..} value [timestamp] [# exemplar]`.

use super::Labels;

pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) value: f64,
}

pub(super) fn parse(line: &str) -> Result<Sample, String> {
    let mut rest = Cursor(line);
    let name = rest.name(true).ok_or("does not begin with a metric name")?;
    let labels = if rest.eat('{') {
        labels(&mut rest)?
    } else {
        Labels::new()
    };
    let tail = rest.0.split(" # ").next().unwrap_or_default();
    let mut words = tail.split_whitespace();
    let value = words.next().ok_or("the value is missing")?;
    let value: f64 = value
        .parse()
        .map_err(|_| format!("`{value}` is not a number"))?;
    if let Some(timestamp) = words.next()
        && timestamp.parse::<f64>().is_err()
    {
        return Err(format!("`{timestamp}` is not a timestamp"));
    }
    if let Some(word) = words.next() {
        return Err(format!("`{word}` after the timestamp"));
    }
    Ok(Sample {
        name,
        labels,
        value,
    })
}

fn labels(rest: &mut Cursor<'_>) -> Result<Labels, String> {
    let mut labels = Labels::new();
    loop {
        rest.spaces();
        if rest.eat('}') {
            return Ok(labels);
        }
        let name = rest.name(false).ok_or("a label name is missing")?;
        rest.spaces();
        if !rest.eat('=') {
            return Err(format!("no = after label {name}"));
        }
        rest.spaces();
        let value = rest
            .quoted()
            .ok_or_else(|| format!("the value of label {name} is not a quoted string"))?;
        if labels.insert(name.clone(), value).is_some() {
            return Err(format!("label {name} stands there twice"));
        }
        rest.spaces();
        if !rest.eat(',') && !rest.0.starts_with('}') {
            return Err(format!("no , or }} after label {name}"));
        }
    }
}

/// The part of the line not yet read.
struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn eat(&mut self, wanted: char) -> bool {
        let stripped = self.0.strip_prefix(wanted);
        self.0 = stripped.unwrap_or(self.0);
        stripped.is_some()
    }

    fn spaces(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`, with colons in metric names.
    fn name(&mut self, colons: bool) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
        let end = self.0.find(|c| !allowed(c)).unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        Some(name.to_owned())
    }

    /// A string in double quotes with `\\`, `\"` and `\n`.
    fn quoted(&mut self) -> Option<String> {
        let mut chars = self.0.strip_prefix('"')?.chars();
        let mut value = String::new();
        loop {
            match chars.next()? {
                '"' => {
                    self.0 = chars.as_str();
                    return Some(value);
                }
                '\\' => match chars.next()? {
                    'n' => value.push('\n'),
                    escaped @ ('\\' | '"') => value.push(escaped),
                    // The format asks readers to keep unknown escapes as they are.
                    other => value.extend(['\\', other]),
                },
                plain => value.push(plain),
            }
        }
    }
}
