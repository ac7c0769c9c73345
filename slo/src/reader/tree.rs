//! YAML text to a tree of nodes that know where they stand.
//!
//! Built on the parser's events rather than on a ready-made tree, because a tree
//! of values has lost what the reader needs: duplicate keys and the exact text
//! of a number.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::sink::Sink;
use crate::fault::Position;

/// Deeper nesting than any OpenSLO document has.
const MAX_DEPTH: usize = 32;

pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    /// The text as written; `plain` tells `null` from `"null"`.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

impl Value {
    /// The word a fault uses for it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            _ if self.is_null() => "nothing",
            Self::Scalar { .. } => "a scalar",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

/// The documents of a text; empty ones are left out.
pub(crate) fn documents(text: &str, sink: &Sink<'_>) -> Vec<Node> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        sink,
    };
    let mut documents = Vec::new();
    while let Some((event, _)) = builder.next() {
        if matches!(event, Event::DocumentStart(_)) {
            let Some((event, span)) = builder.next() else {
                break;
            };
            let Some(node) = builder.node(&event, span, 0) else {
                break;
            };
            if !node.value.is_null() {
                documents.push(node);
            }
        }
    }
    documents
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    sink: &'a Sink<'a>,
}

impl<'a> Builder<'a> {
    /// The next event; `None` at the end or after a syntax fault, which is reported.
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        match self.parser.next_event()? {
            Ok(event) => Some(event),
            Err(error) => {
                let mark = error.marker();
                self.sink.report(
                    Position {
                        line: mark.line(),
                        column: mark.col() + 1,
                    },
                    format!("not valid YAML: {}", error.info()),
                    "correct the syntax here or just above",
                );
                None
            }
        }
    }

    fn node(&mut self, event: &Event<'a>, span: Span, depth: usize) -> Option<Node> {
        let at = position(span);
        if depth > MAX_DEPTH {
            self.sink.report(
                at,
                format!("nested deeper than {MAX_DEPTH} levels"),
                "an OpenSLO document needs fewer than ten",
            );
            return None;
        }
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                self.refuse_tag(at, tag.is_some());
                Value::Scalar {
                    text: text.to_string(),
                    plain: matches!(style, ScalarStyle::Plain),
                }
            }
            Event::SequenceStart(_, tag) => {
                self.refuse_tag(at, tag.is_some());
                self.sequence(depth)?
            }
            Event::MappingStart(_, tag) => {
                self.refuse_tag(at, tag.is_some());
                self.mapping(depth)?
            }
            Event::Alias(_) => {
                self.sink
                    .report(at, "aliases are not read", "write the value out");
                Value::Scalar {
                    text: String::new(),
                    plain: true,
                }
            }
            _ => return None,
        };
        Some(Node { at, value })
    }

    fn sequence(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Some(Value::Sequence(items));
            }
            items.push(self.node(&event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Option<Value> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Some(Value::Mapping(entries));
            }
            let key = self.node(&event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(&event, span, depth + 1)?;
            let Value::Scalar { text, .. } = key.value else {
                self.sink
                    .report(key.at, "a key that is not a word", "write a field name");
                continue;
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                self.sink.report(
                    key.at,
                    format!("`{text}` is given twice, first on line {}", first.at.line),
                    "keep one of them",
                );
                continue;
            }
            entries.push(Entry {
                key: text,
                at: key.at,
                value,
            });
        }
    }

    fn refuse_tag(&self, at: Position, tagged: bool) {
        if tagged {
            self.sink
                .report(at, "YAML tags are not read", "remove the tag");
        }
    }
}

fn position(span: Span) -> Position {
    Position {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}
