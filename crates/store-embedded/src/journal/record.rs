//! What stands in a frame: new names, events, documents.

use std::sync::Arc;

use model::{Event, Name, Timestamp, Uri};

use keyring::Domain;

use crate::bytes::{Malformed, Reader, put_signed, put_text, put_varint};
use crate::codec;
use crate::encryption::{domain_of, domain_of_tenant};
use crate::names::{NameId, Names};
use crate::tables::Table;

const NAMES: u8 = 1;
const EVENT: u8 = 2;
const DOCUMENT: u8 = 3;
const HISTORY: u8 = 4;

/// One record, read.
#[derive(Debug)]
pub enum Record<'a> {
    /// Names that take the numbers from `from` on.
    Names {
        from: u32,
        names: Vec<Name>,
    },
    Event(EventRecord<'a>),
    History(HistoryRecord<'a>),
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

/// A change of an evolution beside what events tell of it.
#[derive(Debug)]
pub struct HistoryRecord<'a> {
    pub tenant: NameId,
    /// The number of the entity within the store.
    pub entity: u64,
    pub id: &'a str,
    /// What is added to the history of the entity.
    pub entries: &'a str,
    pub header: HeaderWrite<'a>,
    /// Types and attributes by which the evolution is to be found, and the entity is not; where
    /// the header is removed, no more.
    pub types: Vec<NameId>,
    pub attributes: Vec<NameId>,
}

/// What becomes of what is kept of an evolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderWrite<'a> {
    Keep,
    Put(&'a str),
    /// With it goes the number of the id.
    Remove,
}

/// Records of one domain that follow each other.
#[derive(Debug)]
pub struct Section {
    pub domain: Domain,
    pub events: u32,
    pub records: Vec<u8>,
}

/// What one frame is to hold.
#[derive(Debug, Default)]
pub struct Sections(Vec<Section>);

impl Sections {
    fn of(&mut self, domain: Domain) -> &mut Section {
        if self.0.last().is_none_or(|last| last.domain != domain) {
            self.0.push(Section { domain, events: 0, records: Vec::new() });
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.0.iter().map(|section| section.records.len()).sum()
    }

    pub fn append(&mut self, mut others: Sections) {
        self.0.append(&mut others.0);
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Section> {
        self.0.iter()
    }
}

pub fn put_names(out: &mut Sections, names: &[(NameId, Name)]) {
    let Some((from, _)) = names.first() else { return };
    let mut body = Vec::new();
    put_varint(&mut body, from.0.into());
    put_varint(&mut body, names.len() as u64);
    for (_, name) in names {
        put_text(&mut body, name.as_str());
    }
    put_record(out.of(keyring::SYSTEM), NAMES, &body);
}

pub fn put_event(out: &mut Sections, event: &EventRecord<'_>) {
    let mut body = Vec::new();
    put_varint(&mut body, event.tenant.0.into());
    put_varint(&mut body, event.entity);
    put_signed(&mut body, event.at.0);
    put_text(&mut body, event.id);
    for entity in [event.before, event.after] {
        put_optional(&mut body, entity.map(str::as_bytes));
    }
    put_name_ids(&mut body, &event.changed);
    let section = out.of(domain_of_tenant(event.tenant));
    section.events += 1;
    put_record(section, EVENT, &body);
}

pub fn put_history(out: &mut Sections, record: &HistoryRecord<'_>) {
    let mut body = Vec::with_capacity(record.entries.len() + 64);
    put_varint(&mut body, record.tenant.0.into());
    put_varint(&mut body, record.entity);
    put_text(&mut body, record.id);
    put_text(&mut body, record.entries);
    match record.header {
        HeaderWrite::Keep => body.push(KEEP),
        HeaderWrite::Put(header) => {
            body.push(PUT);
            put_text(&mut body, header);
        }
        HeaderWrite::Remove => body.push(REMOVE),
    }
    for names in [&record.types, &record.attributes] {
        put_name_ids(&mut body, names);
    }
    put_record(out.of(domain_of_tenant(record.tenant)), HISTORY, &body);
}

const KEEP: u8 = 0;
const PUT: u8 = 1;
const REMOVE: u8 = 2;

fn put_name_ids(out: &mut Vec<u8>, names: &[NameId]) {
    put_varint(out, names.len() as u64);
    names.iter().for_each(|name| put_varint(out, name.0.into()));
}

fn name_ids(body: &mut Reader<'_>) -> Result<Vec<NameId>, Malformed> {
    (0..body.count()?).map(|_| body.varint().map(|id| NameId(id as u32))).collect()
}

fn history<'a>(body: &mut Reader<'a>) -> Result<HistoryRecord<'a>, Malformed> {
    Ok(HistoryRecord {
        tenant: NameId(body.varint()? as u32),
        entity: body.varint()?,
        id: body.text()?,
        entries: body.text()?,
        header: match body.byte()? {
            KEEP => HeaderWrite::Keep,
            PUT => HeaderWrite::Put(body.text()?),
            REMOVE => HeaderWrite::Remove,
            _ => return Err(body.malformed("no such change of an evolution")),
        },
        types: name_ids(body)?,
        attributes: name_ids(body)?,
    })
}

pub fn put_document(out: &mut Sections, key: &[u8], document: Option<&[u8]>) {
    let mut body = Vec::new();
    put_optional(&mut body, Some(key));
    put_optional(&mut body, document);
    put_record(out.of(domain_of(Table::Documents, key)), DOCUMENT, &body);
}

fn put_record(section: &mut Section, kind: u8, body: &[u8]) {
    let out = &mut section.records;
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
            HISTORY => history(&mut body).map(Record::History),
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
        changed: name_ids(body)?,
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
