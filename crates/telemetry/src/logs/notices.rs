//! Lines about lines that were not written.

use std::collections::HashMap;
use std::sync::Arc;

use plimsoll_core::names::key;
use tracing::Level;

use super::callsite::{Callsite, Callsites};
use super::style::Style;
use super::{Format, pretty};

/// Nanoseconds after which a callsite that goes on being suppressed is told.
const TELL: u64 = 10_000_000_000;

/// Nanoseconds without a suppressed line after which it has ended.
const ENDED: u64 = 1_000_000_000;

/// What the writer may have to tell beside the lines it was given.
pub(crate) struct Notices {
    style: Arc<Style>,
    callsites: Arc<Callsites>,
    /// Callsites with something to tell, by their place.
    open: HashMap<usize, Open>,
    /// Lines suppressed when last looked at.
    seen: u64,
}

struct Open {
    since: u64,
    /// When there were last more of them, and how many.
    grew: u64,
    lines: u64,
}

impl Notices {
    pub(crate) fn new(style: Arc<Style>, callsites: Arc<Callsites>) -> Self {
        Self {
            style,
            callsites,
            open: HashMap::new(),
            seen: 0,
        }
    }

    /// Whether something is left to be told later.
    pub(super) fn waiting(&self) -> bool {
        !self.open.is_empty() || self.callsites.suppressed() != self.seen
    }

    /// Tells of each callsite how many lines were suppressed: when that has
    /// ended, every ten seconds until then, or now. Returns the lines appended.
    pub(super) fn suppressed(&mut self, out: &mut Vec<u8>, now: bool) -> u64 {
        let mut appended = 0;
        if !self.waiting() {
            return appended;
        }
        let time = self.style.clock.now();
        self.seen = self.callsites.suppressed();
        for (place, callsite) in self.callsites.all() {
            let lines = callsite.suppressed();
            if lines == 0 {
                continue;
            }
            let open = self.open.entry(place).or_insert(Open {
                since: time,
                grew: time,
                lines,
            });
            if lines != open.lines {
                open.lines = lines;
                open.grew = time;
            }
            if now || time - open.grew >= ENDED || time - open.since >= TELL {
                callsite.told(lines);
                self.open.remove(&place);
                tell(out, &self.style, callsite, lines);
                appended += 1;
            }
        }
        appended
    }

    /// Tells how many lines were lost.
    pub(super) fn lost(&self, out: &mut Vec<u8>, lines: u64) {
        let message = format!("lost {lines} lines");
        match self.style.format {
            Format::Json => {
                let mut line = self.style.own_line(out, Level::WARN, &message);
                line.number(key::LOST, lines);
                line.end();
            }
            Format::Pretty => pretty::own(out, &self.style, Level::WARN, &message, &[]),
        }
    }
}

fn tell(out: &mut Vec<u8>, style: &Style, callsite: &Callsite, lines: u64) {
    let metadata = callsite.metadata();
    let message = format!("suppressed {lines} lines");
    let file = metadata.file().map(|file| {
        let line = metadata.line().unwrap_or(0);
        format!("{file}:{line}")
    });
    let file = file.as_deref().unwrap_or("unknown");
    let target = metadata.target();
    match style.format {
        Format::Json => {
            let mut line = style.own_line(out, Level::WARN, &message);
            line.number(key::SUPPRESSED, lines);
            line.text(key::CALLSITE, target);
            line.text(key::CALLSITE_FILE, file);
            line.end();
        }
        Format::Pretty => {
            let fields = [(key::CALLSITE, target), (key::CALLSITE_FILE, file)];
            pretty::own(out, style, Level::WARN, &message, &fields);
        }
    }
}
