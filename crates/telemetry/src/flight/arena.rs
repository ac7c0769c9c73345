//! A bounded place for the events of one request: its beginning is pinned, of
//! the rest the latest stay.

use tracing::Metadata;

use super::value::{MARK, Writer};

/// An event as it was captured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) metadata: &'static Metadata<'static>,
    /// Clock reading.
    pub(crate) time: u64,
    /// Fields of the spans around it: [`super::value::around`] reads them.
    pub(crate) around: &'a [u8],
    /// Its own fields: [`super::value::fields`] reads them.
    pub(crate) fields: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    metadata: &'static Metadata<'static>,
    time: u64,
    around: (u32, u32),
    fields: (u32, u32),
}

/// What an event takes beside its bytes.
const ENTRY: usize = size_of::<Entry>();

/// Events in order, their bytes one after the other.
#[derive(Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Segment {
    fn used(&self) -> usize {
        self.bytes.len() + self.entries.len() * ENTRY
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    fn slice(&self, (from, to): (u32, u32)) -> &[u8] {
        self.bytes.get(from as usize..to as usize).unwrap_or(&[])
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.entries.iter().map(|entry| Event {
            metadata: entry.metadata,
            time: entry.time,
            around: self.slice(entry.around),
            fields: self.slice(entry.fields),
        })
    }
}

/// The fewest bytes that are of any use.
pub(crate) const LEAST: usize = 1_024;

/// The most bytes: a text's length has two bytes.
pub(crate) const MOST: usize = 512 << 10;

/// The events of one request. A quarter of its bytes is for the first events;
/// the rest are two halves, of which the older is emptied when the newer is full.
#[derive(Debug)]
pub(crate) struct Arena {
    head: Segment,
    older: Segment,
    newer: Segment,
    head_full: bool,
    bytes: usize,
    left_out: u64,
}

impl Arena {
    /// An arena that never holds more than `bytes`, from [`LEAST`] to [`MOST`].
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            head: Segment::default(),
            older: Segment::default(),
            newer: Segment::default(),
            head_full: false,
            bytes: bytes.clamp(LEAST, MOST),
            left_out: 0,
        }
    }

    /// Most bytes of one event; longer values are cut.
    fn largest(&self) -> usize {
        self.bytes / 8 - ENTRY
    }

    /// Takes an event; `around` writes the fields of the spans about it, `own` its own.
    pub(crate) fn push(
        &mut self,
        metadata: &'static Metadata<'static>,
        time: u64,
        around: impl FnOnce(&mut Writer<'_>),
        own: impl FnOnce(&mut Writer<'_>),
    ) {
        let largest = self.largest();
        let segment = self.room(largest + ENTRY);
        let start = segment.bytes.len();
        let limit = start + largest;
        around(&mut Writer::new(&mut segment.bytes, start + largest / 2));
        let mut spans = (start as u32, segment.bytes.len() as u32);
        // Events mostly stand in the same spans as the one before.
        if let Some(last) = segment.entries.last()
            && segment.slice(last.around) == segment.slice(spans)
        {
            spans = last.around;
            segment.bytes.truncate(start);
        }
        let from = segment.bytes.len() as u32;
        let mut writer = Writer::new(&mut segment.bytes, limit - MARK);
        own(&mut writer);
        writer.end();
        segment.entries.push(Entry {
            metadata,
            time,
            around: spans,
            fields: (from, segment.bytes.len() as u32),
        });
    }

    /// The segment in which there is room for an event of any size.
    fn room(&mut self, needed: usize) -> &mut Segment {
        if !self.head_full {
            let share = self.bytes / 4;
            if self.head.used() + needed <= share {
                reserve(&mut self.head, share);
                return &mut self.head;
            }
            self.head_full = true;
        }
        let share = self.bytes / 8 * 3;
        if self.newer.used() + needed > share {
            self.left_out += self.older.entries.len() as u64;
            self.older.clear();
            std::mem::swap(&mut self.older, &mut self.newer);
        }
        reserve(&mut self.newer, share);
        &mut self.newer
    }

    /// Whether it was made for so many bytes.
    pub(crate) fn holds(&self, bytes: usize) -> bool {
        self.bytes == bytes.clamp(LEAST, MOST)
    }

    /// Whether there is no event.
    pub(crate) fn is_empty(&self) -> bool {
        self.head.entries.is_empty()
    }

    /// Empties it for another request, keeping its memory.
    pub(crate) fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        self.head.clear();
        self.older.clear();
        self.newer.clear();
        self.head_full = false;
        self.left_out = 0;
    }

    /// The pinned events, oldest first.
    pub(crate) fn beginning(&self) -> impl Iterator<Item = Event<'_>> {
        self.head.events()
    }

    /// How many came after these and before [`Arena::end`] and had no room.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The latest events, oldest first.
    pub(crate) fn end(&self) -> impl Iterator<Item = Event<'_>> {
        self.older.events().chain(self.newer.events())
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> u64 {
        let segments = [&self.head, &self.older, &self.newer];
        segments
            .map(|segment| segment.entries.len() as u64)
            .iter()
            .sum()
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        [&self.head, &self.older, &self.newer]
            .map(Segment::used)
            .iter()
            .sum()
    }
}

/// The whole share at once, so that no later event makes the buffer grow.
fn reserve(segment: &mut Segment, share: usize) {
    if segment.bytes.capacity() == 0 {
        segment.bytes.reserve_exact(share);
        segment.entries.reserve_exact(share / (ENTRY * 2));
    }
}
