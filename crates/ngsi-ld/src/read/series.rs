//! The values of one attribute over time in the simplified form (clause 4.5.9).

use serde_json::value::RawValue;

use model::{DateTime, Field, InstancePatch, Kind, Name, Reading, Uri};

use super::attribute::Reader;
use super::error::{InvalidEntity, Problem};
use super::evolution::whole;
use super::instance::{check_special, dataset_id};
use super::members::{Members, elements, text};
use super::value::wanted;
use super::word::{Holder, Word};

/// Does it hold values over time, rather than one?
pub(super) fn is_series(raw: &RawValue) -> bool {
    let Some(members) = Members::of(raw) else { return false };
    let mut typed = false;
    let mut plural = false;
    for (member, _) in &members.0 {
        match Word::named(member) {
            Some(Word::Holder(_)) => return false,
            Some(Word::Type) => typed = true,
            _ => plural |= Holder::ALL.iter().any(|holder| holder.plural() == member),
        }
    }
    typed && plural
}

impl Reader<'_> {
    /// The readings of one dataset.
    pub(super) fn series(
        &mut self,
        name: &Name,
        raw: &RawValue,
    ) -> Result<Vec<Reading>, InvalidEntity> {
        let members = Members::of(raw).ok_or_else(|| wanted("value", "an object"))?;
        let find = |wanted: &str| members.0.iter().find(|(member, _)| member == wanted);
        let written = find("type").or_else(|| find("@type"));
        let (_, written) = written.ok_or_else(|| wanted("type", "the name of a kind"))?;
        let kind = self.kind(written)?;
        let holder = Holder::of(kind);
        let mut dataset = None;
        let mut pairs = None;
        for (member, raw) in &members.0 {
            match Word::named(member) {
                Some(Word::Type) => {}
                Some(Word::DatasetId) => dataset = dataset_id(raw)?,
                _ if member == holder.plural() => pairs = elements(raw),
                _ => return Err(Problem::Misplaced { member: member.to_string(), kind }.into()),
            }
        }
        let pairs = pairs.ok_or(Problem::NotPairs(holder.plural()))?;
        let mut readings = Vec::with_capacity(pairs.len());
        for (index, pair) in pairs.into_iter().enumerate() {
            self.count_reading()?;
            let reading = self.pair(name, kind, &dataset, pair);
            let reading =
                reading.map_err(|problem| InvalidEntity::from(problem).at_instance(index));
            readings.push(reading?);
        }
        Ok(readings)
    }

    /// A value and its moment.
    fn pair(
        &self,
        name: &Name,
        kind: Kind,
        dataset: &Option<Uri>,
        pair: &RawValue,
    ) -> Result<Reading, Problem> {
        let holder = Holder::of(kind);
        let wrong = || Problem::NotPairs(holder.plural());
        let elements = elements(pair).ok_or_else(wrong)?;
        let [value, at] = *elements else { return Err(wrong()) };
        let member = "observedAt";
        let at = DateTime::parse(&text(at).ok_or_else(wrong)?)
            .map_err(|problem| Problem::DateTime { member, problem })?;
        let inner = Members::of(value);
        let value = match inner.as_ref().map(|members| &*members.0) {
            Some([(only, inner)]) if holder.is_wrapped() && only == holder.term() => inner,
            _ => value,
        };
        let value = self.value(kind, value)?;
        check_special(name, kind, &value)?;
        let observed_at = Field::Set(at);
        let dataset_id = dataset.clone();
        let patch = InstancePatch { dataset_id, value, observed_at, ..InstancePatch::default() };
        whole(name, patch, Some(kind))
    }
}
