//! What a commit adds to the history of an entity, as a text.

use std::sync::Arc;

use model::{Event, Instance, Kind, Name, Reading, Readings, SCOPE, Uri, Value};

use super::decimal::Decimal;
use super::row::{Row, Said};
use super::series::{Axis, SeriesKey};
use crate::codec::{self, Wanted};
use crate::names::{NameId, Names, Numbering};
use crate::record::{BadRecord, RecordReader, RecordWriter};

/// The entity was created: each instance of its record is a reading.
const CREATED: u64 = 1;
/// One reading that is an instance.
const INSTANCE: u64 = 2;
/// Many numbers of one series, alike but for number and moment.
const NUMBERS: u64 = 3;
/// The end of an instance.
const DELETED: u64 = 4;
/// A reading is taken out.
const REMOVED: u64 = 5;
/// Series are emptied.
const CLEARED: u64 = 6;

/// A row of a short series.
const ROW: u64 = 7;

/// Which series an entry empties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cleared {
    All,
    Attribute(NameId),
    Dataset(NameId, Option<Uri>),
}

/// One entry, read.
#[derive(Debug)]
pub enum Entry {
    Row(NameId, Option<Uri>, Axis, Row),
    Removed(NameId, Option<Uri>, Axis, i64),
    Cleared(Cleared),
}

/// Entries under construction.
#[derive(Clone, Debug, Default)]
pub struct Entries(RecordWriter);

impl Entries {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What an event adds ([`Event::readings`]); `after` is the record of the entity as it is now.
    pub fn event(&mut self, event: &Event, after: Option<&str>, names: &mut dyn Numbering) {
        match (&event.before, after) {
            (None, Some(record)) => {
                if event.after.as_ref().is_some_and(|entity| !entity.scopes.is_empty()) {
                    // The record does not name it, and who reads it as history needs its number.
                    names.name(&Name::new(SCOPE));
                }
                self.0.number(CREATED);
                self.0.text(record);
            }
            _ => {
                for (name, reading) in event.readings() {
                    self.reading(&name, &reading, names);
                }
            }
        }
    }

    pub fn readings(&mut self, readings: &Readings, names: &mut dyn Numbering) {
        for (name, readings) in &readings.attributes {
            let mut left = readings.as_slice();
            while let Some(first) = left.first() {
                let run = run_of(left);
                if run < RUN_FROM {
                    self.reading(name, first, names);
                    left = &left[1..];
                } else {
                    self.numbers(name, &left[..run], names);
                    left = &left[run..];
                }
            }
        }
    }

    pub fn reading(&mut self, name: &Name, reading: &Reading, names: &mut dyn Numbering) {
        let name = names.name(name);
        match reading {
            Reading::Said(instance) => {
                self.0.number(INSTANCE);
                self.0.measured(|out| {
                    out.number(name.0.into());
                    codec::encode_instance(instance, out, names);
                });
            }
            Reading::Deleted(deletion) => {
                self.0.number(DELETED);
                self.0.measured(|out| {
                    put_series(out, name, deletion.dataset_id.as_ref());
                    out.number(deletion.kind as u64);
                    out.signed(deletion.created_at.0);
                    out.signed(deletion.modified_at.0);
                    out.list(deletion.observed_at.as_slice(), |out, at| {
                        out.number(at.digits().into());
                        out.signed(at.instant().0);
                    });
                });
            }
        }
    }

    /// All of them are plain numbers that differ in number and moment alone.
    fn numbers(&mut self, name: &Name, readings: &[Reading], names: &mut dyn Numbering) {
        let Some(first) = readings.first() else { return };
        let row = Row::of(first, names);
        let Said::Number(template, _) = &row.said else { return };
        let name = names.name(name);
        self.0.number(NUMBERS);
        self.0.measured(|out| {
            put_series(out, name, first.dataset_id());
            out.text(template.as_str());
            out.signed(row.created_at);
            out.signed(row.modified_at);
            out.number(readings.len() as u64);
            let mut last = 0;
            for (observed_at, decimal) in readings.iter().filter_map(dated_number) {
                let at = observed_at.instant().0;
                out.signed(at - last);
                out.number(u64::from(observed_at.digits()) | u64::from(decimal.scale) << 3);
                out.signed(decimal.digits);
                last = at;
            }
        });
    }

    pub fn removed(&mut self, name: NameId, dataset: Option<&Uri>, axis: Axis, at: i64) {
        self.0.number(REMOVED);
        self.0.measured(|out| {
            put_series(out, name, dataset);
            out.number(axis as u64);
            out.signed(at);
        });
    }

    pub fn cleared(&mut self, cleared: &Cleared) {
        self.0.number(CLEARED);
        self.0.measured(|out| match cleared {
            Cleared::All => out.number(0),
            Cleared::Attribute(name) => {
                out.number(1);
                out.number(name.0.into());
            }
            Cleared::Dataset(name, dataset) => {
                out.number(2);
                put_series(out, *name, dataset.as_ref());
            }
        });
    }

    /// A row of a series, from what was read before.
    pub fn row(&mut self, series: &SeriesKey, row: &Row) {
        self.0.number(ROW);
        self.0.measured(|out| {
            put_series(out, series.attribute(), series.dataset().as_ref());
            out.number(series.axis() as u64);
            out.signed(row.at);
            out.number(row.digits.into());
            out.signed(row.created_at);
            out.signed(row.modified_at);
            match &row.said {
                Said::Number(template, decimal) => {
                    out.number(0);
                    out.text(template.as_str());
                    out.number(decimal.scale.into());
                    out.signed(decimal.digits);
                }
                Said::Whole(record) => {
                    out.number(1);
                    out.text(record.as_str());
                }
                Said::Deleted(kind) => {
                    out.number(2);
                    out.number(*kind as u64);
                }
            }
        });
    }
}

/// Fewer than this are not worth a run.
const RUN_FROM: usize = 2;

fn put_series(out: &mut RecordWriter, name: NameId, dataset: Option<&Uri>) {
    out.number(name.0.into());
    out.text(dataset.map_or("", Uri::as_str));
}

fn dated_number(reading: &Reading) -> Option<(model::DateTime, Decimal)> {
    let Reading::Said(Instance { value: Value::Property(json), observed_at, .. }) = reading else {
        return None;
    };
    Some(((*observed_at)?, Decimal::parse(json.as_str())?))
}

/// How many readings from the first on are plain numbers, alike but for number and moment.
fn run_of(readings: &[Reading]) -> usize {
    let (Some(Reading::Said(first)), true) =
        (readings.first(), readings.first().and_then(dated_number).is_some())
    else {
        return 0;
    };
    let like_first = |reading: &&Reading| match reading {
        Reading::Said(instance) => {
            dated_number(reading).is_some()
                && instance.dataset_id == first.dataset_id
                && instance.unit_code == first.unit_code
                && instance.created_at == first.created_at
                && instance.modified_at == first.modified_at
                && instance.value_type == first.value_type
                && instance.expires_at == first.expires_at
                && instance.extras == first.extras
                && instance.attributes == first.attributes
        }
        Reading::Deleted(_) => false,
    };
    readings.iter().take_while(like_first).count()
}

/// Reads a text of entries. Entries of attributes that are not wanted are passed over, but for
/// what empties series.
pub fn read_entries(
    text: &Arc<str>,
    names: &Names,
    wanted: &Wanted,
    mut visit: impl FnMut(Entry),
) -> Result<(), BadRecord> {
    let scope = names.get(SCOPE);
    let mut reader = RecordReader::new(text, 0);
    let is_wanted = |name: NameId| match wanted {
        Wanted::All => true,
        Wanted::Only(wanted) => wanted.contains(&name),
    };
    while !reader.is_at_end() {
        let tag = reader.number()?;
        let length = reader.count()?;
        let end = reader.at().saturating_add(length);
        if tag == CREATED {
            created(text, reader.at(), names, wanted, scope, &mut visit)?;
            reader.skip(length)?;
            continue;
        }
        if tag == CLEARED {
            visit(Entry::Cleared(cleared(&mut reader)?));
            continue;
        }
        let name = name_id(&mut reader)?;
        if !is_wanted(name) {
            let rest = end.checked_sub(reader.at());
            reader.skip(rest.ok_or_else(|| reader.bad("an entry is shorter than its name"))?)?;
            continue;
        }
        match tag {
            INSTANCE => {
                let (instance, at) = codec::decode_instance_at(text, reader.at(), names)?;
                reader.skip(at - reader.at())?;
                visit(instance_row(name, instance, names));
            }
            NUMBERS => numbers(&mut reader, name, &mut visit)?,
            DELETED => visit(deleted(&mut reader, name)?),
            ROW => visit(row(&mut reader, name)?),
            REMOVED => {
                let dataset = dataset(&mut reader)?;
                let axis = axis(&mut reader)?;
                visit(Entry::Removed(name, dataset, axis, reader.signed()?));
            }
            _ => return Err(reader.bad("no such kind of history entry")),
        }
        if reader.at() != end {
            return Err(reader.bad("a history entry has another length"));
        }
    }
    Ok(())
}

fn name_id(reader: &mut RecordReader<'_>) -> Result<NameId, BadRecord> {
    let id = u32::try_from(reader.number()?).map(NameId);
    id.map_err(|_| reader.bad("a name is not in the dictionary"))
}

fn dataset(reader: &mut RecordReader<'_>) -> Result<Option<Uri>, BadRecord> {
    let text = reader.text()?;
    Ok((!text.as_str().is_empty()).then(|| Uri::from_valid(text)))
}

fn cleared(reader: &mut RecordReader<'_>) -> Result<Cleared, BadRecord> {
    Ok(match reader.number()? {
        0 => Cleared::All,
        1 => Cleared::Attribute(name_id(reader)?),
        2 => Cleared::Dataset(name_id(reader)?, dataset(reader)?),
        _ => return Err(reader.bad("no such kind of clearance")),
    })
}

fn created(
    text: &Arc<str>,
    from: usize,
    names: &Names,
    wanted: &Wanted,
    scope: Option<NameId>,
    visit: &mut impl FnMut(Entry),
) -> Result<(), BadRecord> {
    let entity = codec::decode_part(text, from, names, wanted)?;
    if let Some(scope) = scope
        && !entity.scopes.is_empty()
        && matches!(wanted, Wanted::All) | matches!(wanted, Wanted::Only(w) if w.contains(&scope))
    {
        let now = entity.modified_at;
        let mut instance = Instance::new(model::scope_value(&entity.scopes));
        (instance.created_at, instance.modified_at) = (now, now);
        instance.observed_at = Some(now.date_time());
        visit(instance_row(scope, instance, names));
    }
    for attribute in entity.attributes {
        let Some(name) = names.get(attribute.name.as_str()) else { continue };
        for instance in attribute.instances {
            visit(instance_row(name, instance, names));
        }
    }
    Ok(())
}

fn instance_row(name: NameId, instance: Instance, names: &Names) -> Entry {
    let axis = if instance.observed_at.is_some() { Axis::Observed } else { Axis::Recorded };
    let dataset = instance.dataset_id.clone();
    let row = Row::of(&Reading::Said(instance), &mut Known(names));
    Entry::Row(name, dataset, axis, row)
}

fn numbers(
    reader: &mut RecordReader<'_>,
    name: NameId,
    visit: &mut impl FnMut(Entry),
) -> Result<(), BadRecord> {
    let dataset = dataset(reader)?;
    let template = reader.text()?;
    let (created_at, modified_at) = (reader.signed()?, reader.signed()?);
    let mut at = 0_i64;
    for _ in 0..reader.count()? {
        at = at.wrapping_add(reader.signed()?);
        let form = reader.number()?;
        let decimal = Decimal { digits: reader.signed()?, scale: (form >> 3) as u8 };
        let said = Said::Number(template.clone(), decimal);
        let row = Row { at, digits: (form & 7) as u8, created_at, modified_at, said };
        visit(Entry::Row(name, dataset.clone(), Axis::Observed, row));
    }
    Ok(())
}

fn axis(reader: &mut RecordReader<'_>) -> Result<Axis, BadRecord> {
    Axis::from_number(reader.number()?).ok_or_else(|| reader.bad("no such axis"))
}

fn kind(reader: &mut RecordReader<'_>) -> Result<Kind, BadRecord> {
    let kind = usize::try_from(reader.number()?).ok().and_then(|kind| Kind::ALL.get(kind));
    kind.copied().ok_or_else(|| reader.bad("no such attribute kind"))
}

fn small(reader: &mut RecordReader<'_>) -> Result<u8, BadRecord> {
    u8::try_from(reader.number()?).map_err(|_| reader.bad("a number is too large"))
}

fn row(reader: &mut RecordReader<'_>, name: NameId) -> Result<Entry, BadRecord> {
    let (dataset, axis) = (dataset(reader)?, axis(reader)?);
    let (at, digits) = (reader.signed()?, small(reader)?);
    let (created_at, modified_at) = (reader.signed()?, reader.signed()?);
    let said = match reader.number()? {
        0 => {
            let template = reader.text()?;
            let (scale, digits) = (small(reader)?, reader.signed()?);
            Said::Number(template, Decimal { digits, scale })
        }
        1 => Said::Whole(reader.text()?),
        2 => Said::Deleted(kind(reader)?),
        _ => return Err(reader.bad("no such form of a reading")),
    };
    Ok(Entry::Row(name, dataset, axis, Row { at, digits, created_at, modified_at, said }))
}

fn deleted(reader: &mut RecordReader<'_>, name: NameId) -> Result<Entry, BadRecord> {
    let dataset = dataset(reader)?;
    let kind = kind(reader)?;
    let (created_at, modified_at) = (reader.signed()?, reader.signed()?);
    let (mut axis, mut at, mut digits) = (Axis::Recorded, modified_at, 0);
    for _ in 0..reader.count()? {
        digits = small(reader)?;
        (axis, at) = (Axis::Observed, reader.signed()?);
    }
    let row = Row { at, digits, created_at, modified_at, said: Said::Deleted(kind) };
    Ok(Entry::Row(name, dataset, axis, row))
}

/// Names that have numbers: everything that was kept before has.
pub struct Known<'a>(pub &'a Names);

impl Numbering for Known<'_> {
    fn name(&mut self, name: &Name) -> NameId {
        self.0.get(name.as_str()).unwrap_or(NameId(u32::MAX))
    }

    fn below(&mut self, _: NameId, _: char, _: &str) -> NameId {
        NameId(u32::MAX)
    }
}
