//! One mapping read field by field; what was not asked for is a fault.

use std::cell::RefCell;

use super::sink::Sink;
use super::tree::{Entry, Node, Value};
use crate::fault::Position;

/// The fields of one mapping, taken by name.
///
/// [`Fields::done`] must end the reading: it reports every field nobody took.
pub(crate) struct Fields<'a> {
    pub(crate) at: Position,
    entries: &'a [Entry],
    place: &'static str,
    asked: RefCell<Vec<&'static str>>,
    sink: &'a Sink<'a>,
}

impl<'a> Fields<'a> {
    /// Reports and returns `None` when `node` is no mapping. `place` names it in faults.
    pub(crate) fn of(node: &'a Node, place: &'static str, sink: &'a Sink<'a>) -> Option<Self> {
        let Value::Mapping(entries) = &node.value else {
            sink.report(
                node.at,
                format!("{place} is {}, not a mapping", node.value.kind()),
                "write its fields as `name: value`",
            );
            return None;
        };
        Some(Self {
            at: node.at,
            entries,
            place,
            asked: RefCell::default(),
            sink,
        })
    }

    /// The field's key position and value, unless absent or null.
    pub(crate) fn optional(&self, name: &'static str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(name);
        self.entries
            .iter()
            .find(|entry| entry.key == name && !entry.value.value.is_null())
    }

    /// Like [`Fields::optional`], and absence is a fault.
    pub(crate) fn required(&self, name: &'static str, fix: &str) -> Option<&'a Entry> {
        let entry = self.optional(name);
        if entry.is_none() {
            self.sink
                .report(self.at, format!("{} lacks `{name}`", self.place), fix);
        }
        entry
    }

    /// A mapping that must be there.
    pub(crate) fn mapping(
        &self,
        name: &'static str,
        place: &'static str,
        fix: &str,
    ) -> Option<Fields<'a>> {
        Fields::of(&self.required(name, fix)?.value, place, self.sink)
    }

    /// A scalar that must be there.
    pub(crate) fn text(&self, name: &'static str, fix: &str) -> Option<Text<'a>> {
        self.scalar(self.required(name, fix)?)
    }

    /// A scalar that may be there.
    pub(crate) fn optional_text(&self, name: &'static str) -> Option<Text<'a>> {
        self.scalar(self.optional(name)?)
    }

    /// The items of a list that must be there.
    pub(crate) fn list(&self, name: &'static str, fix: &str) -> Option<&'a [Node]> {
        let entry = self.required(name, fix)?;
        let Value::Sequence(items) = &entry.value.value else {
            self.sink.report(
                entry.value.at,
                format!("`{name}` is {}, not a list", entry.value.value.kind()),
                "begin each item with `- `",
            );
            return None;
        };
        Some(items)
    }

    /// A field of OpenSLO that is known but not read here.
    pub(crate) fn refuse(&self, name: &'static str, why: &str, fix: &str) {
        if let Some(entry) = self.optional(name) {
            self.sink
                .report(entry.at, format!("`{name}` is not supported: {why}"), fix);
        }
    }

    /// Every field, for mappings whose keys are free.
    pub(crate) fn all(&self) -> &'a [Entry] {
        self.entries
    }

    pub(crate) fn scalar(&self, entry: &'a Entry) -> Option<Text<'a>> {
        let Value::Scalar { text, .. } = &entry.value.value else {
            self.sink.report(
                entry.value.at,
                format!(
                    "`{}` is {}, not a scalar",
                    entry.key,
                    entry.value.value.kind()
                ),
                "write one value",
            );
            return None;
        };
        Some(Text {
            at: entry.value.at,
            text,
        })
    }

    /// Reports the fields nobody asked for.
    pub(crate) fn done(self) {
        let asked = self.asked.into_inner();
        for entry in self.entries {
            if !asked.contains(&entry.key.as_str()) {
                let mut known = asked.clone();
                known.sort_unstable();
                known.dedup();
                self.sink.report(
                    entry.at,
                    format!("{} has an unknown field `{}`", self.place, entry.key),
                    format!("remove it, or use one of: {}", known.join(", ")),
                );
            }
        }
    }
}

/// A scalar and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) at: Position,
    pub(crate) text: &'a str,
}
