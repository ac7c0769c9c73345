//! OpenSLO v1 text to the model, collecting every fault on the way.

use std::collections::BTreeMap;
use std::path::Path;

use crate::fault::{Fault, Faults, Source};
use crate::model::{Objective, SloFile};

mod document;
mod fields;
mod scalars;
mod sink;
mod sli;
mod slo;
mod tree;

use document::{Document, Kind};
use sink::Sink;
use tree::Node;

/// Larger files are refused unread.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads OpenSLO v1 documents; an `indicatorRef` may point into another source.
///
/// ```
/// use plimsoll_slo::{EXAMPLE, Source, read};
/// let file = read(&[Source { name: "slo.yaml".into(), text: EXAMPLE.into() }]).unwrap();
/// assert_eq!(file.objectives[0].name, "checkout-availability");
///
/// let typo = EXAMPLE.replace("budgetingMethod", "budgetMethod");
/// let faults = read(&[Source { name: "slo.yaml".into(), text: typo }]).unwrap_err();
/// assert!(faults.to_string().contains("slo.yaml:26:3: SLO spec has an unknown field `budgetMethod`"), "{faults}");
/// ```
///
/// # Errors
/// Every fault of every source at once.
pub fn read(sources: &[Source]) -> Result<SloFile, Faults> {
    let sinks: Vec<Sink<'_>> = sources.iter().map(|s| Sink::new(&s.name)).collect();
    let trees: Vec<_> = sources
        .iter()
        .zip(&sinks)
        .map(|(source, sink)| tree::documents(&source.text, sink))
        .collect();
    let objectives = objectives(&trees, &sinks);
    drop(trees);
    let mut faults: Vec<Fault> = sinks.into_iter().flat_map(Sink::into_sorted).collect();
    if objectives.is_empty() && faults.is_empty() {
        faults.push(Fault {
            file: sources.first().map_or_else(String::new, |s| s.name.clone()),
            at: None,
            what: "no SLO in the input".to_owned(),
            fix: "add a document with `apiVersion: openslo/v1` and `kind: SLO`".to_owned(),
        });
    }
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    Ok(SloFile { objectives })
}

/// The objectives that could be read; whatever else there is goes to the sinks.
fn objectives(trees: &[Vec<Node>], sinks: &[Sink<'_>]) -> Vec<Objective> {
    let documents: Vec<Document<'_>> = trees
        .iter()
        .zip(sinks)
        .flat_map(|(nodes, sink)| nodes.iter().map(move |node| (node, sink)))
        .filter_map(|(node, sink)| Document::read(node, sink))
        .collect();
    refuse_duplicates(&documents);
    let indicators = sli::Indicators::read(&documents);
    documents
        .iter()
        .filter(|document| document.kind == Kind::Slo)
        .filter_map(|document| slo::read(document, &indicators))
        .collect()
}

/// Reads files from disk.
///
/// # Errors
/// Files that cannot be read are faults like any other; all are reported at once.
pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<SloFile, Faults> {
    let (mut sources, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.as_ref().display().to_string();
        match text_of(path.as_ref()) {
            Ok(text) => sources.push(Source { name, text }),
            Err(what) => faults.push(Fault {
                file: name,
                at: None,
                what,
                fix: "check the path; it must be a readable UTF-8 file".to_owned(),
            }),
        }
    }
    if faults.is_empty() {
        return read(&sources);
    }
    if !sources.is_empty() {
        faults.extend(read(&sources).err().iter().flatten().cloned());
    }
    Err(Faults(faults))
}

fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err(format!(
            "has {length} bytes, more than the {MAX_BYTES} allowed"
        ));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn refuse_duplicates(documents: &[Document<'_>]) {
    let mut seen: BTreeMap<(Kind, &str), &Document<'_>> = BTreeMap::new();
    for document in documents {
        if let Some(first) = seen.get(&(document.kind, document.name.text)) {
            document.sink.report(
                document.name.at,
                format!(
                    "the {} `{}` is defined twice, first at {}",
                    document.kind.as_str(),
                    document.name.text,
                    first.sink.place(first.name.at)
                ),
                "give each its own name",
            );
        } else {
            seen.insert((document.kind, document.name.text), document);
        }
    }
}
