//! What stands in a frame: new names, events, documents.

use std::sync::Arc;

use model::{Event, Name, Timestamp, Uri};

use crate::bytes::{Malformed, Reader, put_signed, put_text, put_varint};
use crate::codec;
use crate::names::{NameId, Names};

const NAMES: u8 = 1;
const EVENT: u8 = 2;
const DOCUMENT: u8 = 3;

/// One record, read.
#[derive(Debug)]
pub enum Record<'a> {
    /// Names that take the numbers from `from` on.
    Names {
        from: u32,
        names: Vec<Name>,
    },
    Event(EventRecord<'a>),
    /// A document, or its removal.
    Document {
        key: &'a [u8],
        document: Option<&'a [u8]>,
    },
}

/// An event as it lies in the journal; entities still as their records.
#[derive(Debug)]
pub struct EventRecord<'a> {
    pub tenant: NameId,
    /// The number of the entity within the store.
    pub entity: u64,
    pub at: Timestamp,
    pub id: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub changed: Vec<NameId>,
}

pub fn put_names(out: &mut Vec<u8>, names: &[(NameId, Name)]) {
    let Some((from, _)) = names.first() else { return };
    let mut body = Vec::new();
    put_varint(&mut body, from.0.into());
    put_varint(&mut body, names.len() as u64);
    for (_, name) in names {
        put_text(&mut body, name.as_str());
    }
    put_record(out, NAMES, &body);
}

pub fn put_event(out: &mut Vec<u8>, event: &EventRecord<'_>) {
    let mut body = Vec::new();
    put_varint(&mut body, event.tenant.0.into());
    put_varint(&mut body, event.entity);
    put_signed(&mut body, event.at.0);
    put_text(&mut body, event.id);
    for entity in [event.before, event.after] {
        put_optional(&mut body, entity.map(str::as_bytes));
    }
    put_varint(&mut body, event.changed.len() as u64);
    for name in &event.changed {
        put_varint(&mut body, name.0.into());
    }
    put_record(out, EVENT, &body);
}

pub fn put_document(out: &mut Vec<u8>, key: &[u8], document: Option<&[u8]>) {
    let mut body = Vec::new();
    put_optional(&mut body, Some(key));
    put_optional(&mut body, document);
    put_record(out, DOCUMENT, &body);
}

fn put_record(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    put_varint(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    // A length of 0 means nothing, so lengths are shifted by one.
    put_varint(out, bytes.map_or(0, |bytes| bytes.len() as u64 + 1));
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn optional<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    match reader.varint()? {
        0 => Ok(None),
        length => reader.take((length - 1) as usize).map(Some),
    }
}

fn optional_text<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a str>, Malformed> {
    let text = optional(reader)?.map(std::str::from_utf8).transpose();
    text.map_err(|_| reader.malformed("a record is not UTF-8"))
}

/// Reads the records of a frame, one after the other.
#[derive(Debug)]
pub struct RecordReader<'a>(Reader<'a>);

impl<'a> RecordReader<'a> {
    pub fn new(records: &'a [u8]) -> RecordReader<'a> {
        RecordReader(Reader::new(records))
    }

    fn record(&mut self) -> Result<Record<'a>, Malformed> {
        let kind = self.0.byte()?;
        let length = self.0.count()?;
        let mut body = Reader::new(self.0.take(length)?);
        match kind {
            NAMES => names(&mut body),
            EVENT => event(&mut body).map(Record::Event),
            DOCUMENT => {
                let key = optional(&mut body)?.unwrap_or_default();
                Ok(Record::Document { key, document: optional(&mut body)? })
            }
            _ => Err(self.0.malformed("no such kind of record")),
        }
    }
}

impl<'a> Iterator for RecordReader<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_at_end()).then(|| self.record())
    }
}

fn names<'a>(body: &mut Reader<'a>) -> Result<Record<'a>, Malformed> {
    let from = body.varint()? as u32;
    let count = body.count()?;
    let names = (0..count).map(|_| body.text().map(Name::new)).collect::<Result<_, _>>()?;
    Ok(Record::Names { from, names })
}

fn event<'a>(body: &mut Reader<'a>) -> Result<EventRecord<'a>, Malformed> {
    Ok(EventRecord {
        tenant: NameId(body.varint()? as u32),
        entity: body.varint()?,
        at: Timestamp(body.signed()?),
        id: body.text()?,
        before: optional_text(body)?,
        after: optional_text(body)?,
        changed: (0..body.count()?)
            .map(|_| body.varint().map(|id| NameId(id as u32)))
            .collect::<Result<_, _>>()?,
    })
}

impl EventRecord<'_> {
    /// The event with its entities read.
    pub fn read(&self, names: &Names) -> Result<Event, Malformed> {
        let what = |what| Malformed { what, at: 0 };
        let tenant = crate::tenants::tenant_of(names, self.tenant)
            .ok_or_else(|| what("a tenant is not in the dictionary"))?;
        let entity = |record: Option<&str>| {
            let read = record.map(|record| codec::decode(&record.into(), 0, names).map(Arc::new));
            read.transpose().map_err(|bad| Malformed { what: bad.what, at: bad.at })
        };
        Ok(Event {
            tenant,
            at: self.at,
            id: Uri::parse(self.id).map_err(|_| what("an id is not a URI"))?,
            before: entity(self.before)?,
            after: entity(self.after)?,
            changed: self
                .changed
                .iter()
                .map(|id| names.name(*id).ok_or_else(|| what("a name is not in the dictionary")))
                .collect::<Result<_, _>>()?,
        })
    }
}
