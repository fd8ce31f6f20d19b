//! Records: what a frame's payload says, in the log and in snapshots.

use std::sync::Arc;

use bytes::Bytes;

use crate::entry::{Change, Entry, Event};

/// The version of the files; another one is refused.
pub(crate) const FORMAT: u32 = 1;

const HEAD: u8 = 0;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const END: u8 = 3;

/// One record as read back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// First in every file: the format, and the revision that the file builds on.
    Head {
        format: u32,
        revision: u64,
    },
    Put(Entry),
    /// The entry is the last state under the revision of the deletion.
    Delete(Entry),
    /// Last in a snapshot: how many entries it has.
    End {
        n_entries: u64,
    },
}

pub(crate) fn push_head(out: &mut Vec<u8>, revision: u64) {
    out.push(HEAD);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&revision.to_le_bytes());
}

pub(crate) fn push_end(out: &mut Vec<u8>, n_entries: u64) {
    out.push(END);
    out.extend_from_slice(&n_entries.to_le_bytes());
}

pub(crate) fn push_event(out: &mut Vec<u8>, event: &Event) {
    match &event.change {
        Change::Put { now, .. } => push_put(out, now),
        Change::Delete { last, .. } => push_entry(out, DELETE, last),
    }
}

pub(crate) fn push_put(out: &mut Vec<u8>, entry: &Entry) {
    push_entry(out, PUT, entry);
}

fn push_entry(out: &mut Vec<u8>, kind: u8, entry: &Entry) {
    out.push(kind);
    out.extend_from_slice(&entry.create_revision.to_le_bytes());
    out.extend_from_slice(&entry.mod_revision.to_le_bytes());
    push_bytes(out, entry.key.as_bytes());
    push_bytes(out, &entry.value);
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("an object is far below 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Reads all records of a payload; `None` when they do not fill it exactly.
pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader { rest: payload };
    let mut records = Vec::new();
    while !reader.rest.is_empty() {
        records.push(reader.record()?);
    }
    Some(records)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<Record> {
        match self.take(1)?[0] {
            HEAD => Some(Record::Head { format: self.word()?, revision: self.long()? }),
            PUT => self.entry().map(Record::Put),
            DELETE => self.entry().map(Record::Delete),
            END => Some(Record::End { n_entries: self.long()? }),
            _ => None,
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        let create_revision = self.long()?;
        let mod_revision = self.long()?;
        let key: Arc<str> = str::from_utf8(self.bytes()?).ok()?.into();
        let value = Bytes::copy_from_slice(self.bytes()?);
        Some(Entry { key, value, create_revision, mod_revision })
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.word()?).ok()?;
        self.take(length)
    }

    fn word(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn long(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn take(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n_bytes)?;
        self.rest = rest;
        Some(taken)
    }
}
