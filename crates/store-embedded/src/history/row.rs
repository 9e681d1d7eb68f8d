//! One reading, apart from what it has in common with others of its series.

use std::sync::Arc;

use model::{DateTime, Deletion, Instance, Json, Kind, Reading, Text, Timestamp, Uri, Value};
use rustc_hash::FxHashMap;

use super::decimal::Decimal;
use crate::codec;
use crate::names::{Names, Numbering};
use crate::record::{BadRecord, RecordWriter};

/// A reading in its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its moment, in microseconds; what stands at the same moment of a series it replaces.
    pub at: i64,
    /// Digits of the fraction with which the moment was written, where it was observed.
    pub digits: u8,
    pub created_at: i64,
    pub modified_at: i64,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A plain number, and an instance that says everything else.
    Number(Text, Decimal),
    /// A whole instance, but for its times.
    Whole(Text),
    Deleted(Kind),
}

impl Row {
    /// The row of a reading, and nothing of the series that it belongs to.
    pub fn of(reading: &Reading, names: &mut dyn Numbering) -> Row {
        let said = match reading {
            Reading::Said(instance) => said(instance, names),
            Reading::Deleted(deletion) => Said::Deleted(deletion.kind),
        };
        Row {
            at: reading.moment().instant().0,
            digits: reading.observed_at().map_or(0, |at| at.digits()),
            created_at: reading.created_at().0,
            modified_at: reading.modified_at().0,
            said,
        }
    }

    /// Is it to be forgotten?
    pub fn is_expired(&self, now: Timestamp, names: &Names) -> Result<bool, BadRecord> {
        match &self.said {
            Said::Number(record, _) | Said::Whole(record) => {
                Ok(codec::expiry_of(record.as_str(), names)?.is_some_and(|at| at <= now))
            }
            Said::Deleted(_) => Ok(false),
        }
    }

    /// The number it tells, if it is a Property with a plain one.
    pub fn number(&self) -> Option<Decimal> {
        match &self.said {
            Said::Number(_, decimal) => Some(*decimal),
            Said::Whole(_) | Said::Deleted(_) => None,
        }
    }
}

fn said(instance: &Instance, names: &mut dyn Numbering) -> Said {
    let bare = Instance {
        dataset_id: None,
        observed_at: None,
        created_at: Timestamp(0),
        modified_at: Timestamp(0),
        ..instance.clone()
    };
    if let Value::Property(json) = &instance.value
        && let Some(decimal) = Decimal::parse(json.as_str())
    {
        let bare = Instance { value: Value::Property(Json::from_compact("0")), ..bare };
        return Said::Number(record_of(&bare, names), decimal);
    }
    Said::Whole(record_of(&bare, names))
}

fn record_of(instance: &Instance, names: &mut dyn Numbering) -> Text {
    let mut out = RecordWriter::with_capacity(64);
    codec::encode_instance(instance, &mut out, names);
    Text::from(out.finish())
}

/// Makes readings of rows; rows of one series have most in common, which is read once.
#[derive(Debug)]
pub struct Revival<'a> {
    names: &'a Names,
    dataset_id: Option<Uri>,
    observed: bool,
    /// The one that was needed last is nearly always needed next.
    last: Option<(Text, Instance)>,
    known: FxHashMap<Text, Instance>,
}

/// Templates that are remembered; beyond that, values differ from row to row.
const KNOWN_MAX: usize = 64;

impl<'a> Revival<'a> {
    /// For the rows of one series.
    pub fn new(names: &'a Names, dataset_id: Option<Uri>, observed: bool) -> Revival<'a> {
        Revival { names, dataset_id, observed, last: None, known: FxHashMap::default() }
    }

    /// Appends the readings of rows to `out`.
    pub fn readings(&mut self, rows: &[Row], out: &mut Vec<Reading>) -> Result<(), BadRecord> {
        // Their numbers share one text, which saves an allocation for each.
        let mut numbers = String::with_capacity(rows.len() * 8);
        let mut ends = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(decimal) = row.number() {
                decimal.put(&mut numbers);
            }
            ends.push(numbers.len());
        }
        let (numbers, mut start) = (Arc::from(numbers), 0);
        out.reserve(rows.len());
        for (row, end) in rows.iter().zip(ends) {
            let number = Text::part_of(&numbers, start..end).unwrap_or_else(|| "".into());
            out.push(self.revive(row, number)?);
            start = end;
        }
        Ok(())
    }

    pub fn reading(&mut self, row: &Row) -> Result<Reading, BadRecord> {
        let number = row.number().map(Decimal::text).unwrap_or_default();
        self.revive(row, number.into())
    }

    /// `number` is that of the row, if it has one.
    fn revive(&mut self, row: &Row, number: Text) -> Result<Reading, BadRecord> {
        let at = Timestamp(row.at);
        let observed_at = self.observed.then(|| DateTime::new(at, row.digits));
        let (created_at, modified_at) = (Timestamp(row.created_at), Timestamp(row.modified_at));
        let mut instance = match &row.said {
            Said::Deleted(kind) => {
                return Ok(Reading::Deleted(Deletion {
                    kind: *kind,
                    dataset_id: self.dataset_id.clone(),
                    observed_at,
                    created_at,
                    modified_at,
                    deleted_at: modified_at,
                }));
            }
            Said::Number(template, _) => {
                let mut instance = self.instance(template)?;
                instance.value = Value::Property(Json::from_compact(number));
                instance
            }
            Said::Whole(record) => self.instance(record)?,
        };
        instance.dataset_id = self.dataset_id.clone();
        instance.observed_at = observed_at;
        (instance.created_at, instance.modified_at) = (created_at, modified_at);
        Ok(Reading::Said(instance))
    }

    fn instance(&mut self, record: &Text) -> Result<Instance, BadRecord> {
        if let Some((last, instance)) = &self.last
            && last == record
        {
            return Ok(instance.clone());
        }
        let instance = self.known_instance(record)?;
        self.last = Some((record.clone(), instance.clone()));
        Ok(instance)
    }

    fn known_instance(&mut self, record: &Text) -> Result<Instance, BadRecord> {
        if let Some(known) = self.known.get(record) {
            return Ok(known.clone());
        }
        let whole: Arc<str> = record.as_str().into();
        let instance = codec::decode_instance(&whole, self.names)?;
        if self.known.len() < KNOWN_MAX {
            self.known.insert(record.clone(), instance.clone());
        }
        Ok(instance)
    }
}
