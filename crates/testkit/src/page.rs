//! A page of metrics, as a test reads it.

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Name, `_bucket` and the like included.
    pub name: String,
    /// Labels in the order of the page, unescaped.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

/// The samples of a text page.
///
/// ```
/// use plimsoll_testkit::page::Page;
///
/// let page = Page::read("# TYPE x counter\nx{a=\"1\",b=\"q\\\"\"} 2\nx{a=\"2\"} 3\n");
/// assert_eq!(page.sum("x", &[]), 5.0);
/// assert_eq!(page.sum("x", &[("b", "q\"")]), 2.0);
/// ```
#[derive(Debug, Clone)]
pub struct Page(pub Vec<Sample>);

impl Page {
    /// Reads the text form 0.0.4.
    ///
    /// # Panics
    ///
    /// At a line that is none of it.
    pub fn read(text: &str) -> Self {
        let samples = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(samples.map(sample).collect())
    }

    /// Samples of this name with all of these labels.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let has = |sample: &Sample, (label, text): &(&str, &str)| {
            let mut all = sample.labels.iter();
            all.any(|(known, value)| known == label && value == text)
        };
        self.0
            .iter()
            .filter(|sample| sample.name == name)
            .filter(|sample| labels.iter().all(|label| has(sample, label)))
            .collect()
    }

    /// The sum of [`Page::find`].
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.find(name, labels);
        found.into_iter().map(|sample| sample.value).sum()
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line
        .rsplit_once(' ')
        .unwrap_or_else(|| panic!("no sample: {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, read_labels(labels)),
        None => (series, Vec::new()),
    };
    Sample {
        name: name.into(),
        labels,
        value: value.parse().unwrap_or_else(|_| panic!("no value: {line}")),
    }
}

/// Reads `a="1",b="2"}`.
fn read_labels(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some((label, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut letters = after.chars();
        loop {
            match letters.next() {
                Some('"') => break,
                Some('\\') => match letters.next() {
                    Some('n') => value.push('\n'),
                    Some(letter) => value.push(letter),
                    None => panic!("cut off: {text}"),
                },
                Some(letter) => value.push(letter),
                None => panic!("cut off: {text}"),
            }
        }
        labels.push((label.trim_start_matches(',').into(), value));
        rest = letters.as_str();
    }
    labels
}
