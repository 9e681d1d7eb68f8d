//! The temporal evolution of an entity: what was said of it over time (clauses 4.5.6 to 4.5.8).

use serde_json::value::RawValue;

use model::{
    Deletion, EntityId, Field, Instance, InstancePatch, Json, Kind, Name, Reading, Readings, SCOPE,
    Scope, Timestamp, Uri, Value, ValuePatch, scope_value,
};

use super::attribute::{Level, Reader};
use super::concise;
use super::entity::entity_id;
use super::error::{InvalidEntity, Problem};
use super::members::{Members, elements, is_removal};
use super::series::is_series;
use super::value::wanted;
use super::word::{Key, Word};

impl Reader<'_> {
    pub(super) fn evolution(
        &mut self,
        members: Members<'_>,
    ) -> Result<(Option<EntityId>, Readings), InvalidEntity> {
        let mut id = None;
        let mut evolution = Readings::default();
        for (member, raw) in members.0 {
            let twice = || Problem::Twice(member.to_string());
            let name = match Key::read(&member, self.context)? {
                Key::Word(Word::Id) if id.is_some() => return Err(twice().into()),
                Key::Word(Word::Id) => {
                    id = Some(entity_id(raw)?);
                    continue;
                }
                Key::Word(Word::Type) if !evolution.types.is_empty() => return Err(twice().into()),
                Key::Word(Word::Type) => {
                    evolution.types = self.types(raw)?;
                    continue;
                }
                Key::Word(Word::ExpiresAt) => {
                    // It ends the entity as it is; what was said of it stays (4.22).
                    self.date_time("expiresAt", raw)?;
                    continue;
                }
                Key::Word(Word::Context | Word::Generated) => continue,
                Key::Word(Word::Scope) => Name::new(SCOPE),
                // What holds the value of an attribute is a name like any other on an entity.
                Key::Word(Word::Holder(_)) => Name::new(self.context.expand_term(&member)),
                Key::Word(_) => return Err(Problem::Reserved(member.into_owned()).into()),
                Key::Attribute(name) => name,
            };
            let readings = self.readings(&name, raw).map_err(|error| error.inside(&member))?;
            if !readings.is_empty() {
                evolution.attributes.push((name, readings));
            }
        }
        self.check_names(&evolution.attributes)?;
        Ok((id, evolution))
    }

    /// One attribute: an instance, or an array of them. An empty array has nothing to tell.
    fn readings(&mut self, name: &Name, raw: &RawValue) -> Result<Vec<Reading>, InvalidEntity> {
        self.count_attribute()?;
        if is_removal(raw) {
            // As a member it could only remove something, and this adds (5.5.4).
            return Err(Problem::Removal.into());
        }
        let elements = match elements(raw) {
            Some(elements) if elements.is_empty() => return Ok(Vec::new()),
            Some(elements) if concise::is_instances(&elements) => elements,
            _ => {
                return match is_series(raw) {
                    true => self.series(name, raw),
                    false => Ok(vec![self.reading(name, raw, Level::Entity)?]),
                };
            }
        };
        let is_series = elements.first().is_some_and(|first| is_series(first));
        let mut readings = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            match is_series {
                true => self.series(name, element).map(|series| readings.extend(series)),
                false => self.reading(name, element, Level::Entity).map(|one| readings.push(one)),
            }
            .map_err(|error| error.at_instance(index))?;
        }
        Ok(readings)
    }

    /// The one reading in a body: alone, in an array, or in an evolution with nothing else.
    pub(super) fn only_reading(
        &mut self,
        name: &Name,
        raw: &RawValue,
    ) -> Result<Reading, InvalidEntity> {
        let alone = sole(raw)?;
        let members = Members::of(alone).ok_or(Problem::NotOneReading)?;
        match self.within_evolution(name, &members)? {
            Some(within) => self.reading(name, sole(within)?, Level::Entity),
            None if concise::is_instance(alone, &members) => {
                self.reading(name, alone, Level::Payload)
            }
            None => Err(Problem::NotOneReading.into()),
        }
    }

    /// What an evolution says of its only attribute, which must be `name`; nothing where the
    /// members are those of an instance.
    fn within_evolution<'m>(
        &self,
        name: &Name,
        members: &Members<'m>,
    ) -> Result<Option<&'m RawValue>, Problem> {
        let mut found = None;
        let mut others = false;
        for (member, raw) in &members.0 {
            match Key::read(member, self.context)? {
                Key::Word(Word::Holder(_)) => return Ok(None),
                Key::Word(Word::Scope) if name.as_str() == SCOPE => found = Some(*raw),
                Key::Attribute(other) if other == *name => found = Some(*raw),
                Key::Attribute(_) | Key::Word(Word::Scope) => others = true,
                Key::Word(_) => {}
            }
        }
        match found {
            Some(_) if others => Err(Problem::NotOneReading),
            found => Ok(found),
        }
    }

    fn reading(
        &mut self,
        name: &Name,
        raw: &RawValue,
        level: Level,
    ) -> Result<Reading, InvalidEntity> {
        self.count_reading()?;
        if is_removal(raw) {
            return Err(Problem::Removal.into());
        }
        // Each instance may have as many attributes of its own as an entity.
        let attributes = self.attributes;
        let (patch, kind) = self.instance_and_kind(name, raw, level)?;
        self.attributes = attributes;
        Ok(whole(name, patch, kind)?)
    }

    pub(super) fn count_reading(&mut self) -> Result<(), Problem> {
        self.readings += 1;
        if self.limits.readings_max < self.readings {
            return Err(Problem::TooManyReadings(self.limits.readings_max));
        }
        Ok(())
    }
}

/// The one element of an array, or what is no array.
fn sole(raw: &RawValue) -> Result<&RawValue, Problem> {
    match elements(raw).as_deref() {
        None => Ok(raw),
        Some([one]) => Ok(one),
        Some(_) => Err(Problem::NotOneReading),
    }
}

/// What a patch says that leaves nothing out, of a value or of its end.
pub(super) fn whole(
    name: &Name,
    patch: InstancePatch,
    kind: Option<Kind>,
) -> Result<Reading, Problem> {
    let reading = match (patch.value, kind) {
        (ValuePatch::Remove, Some(kind)) => {
            let observed_at = match patch.observed_at {
                Field::Set(at) => Some(at),
                Field::Keep | Field::Remove => None,
            };
            deletion(kind, patch.dataset_id, observed_at)
        }
        (value, _) => Reading::Said(InstancePatch { value, ..patch }.into_instance(name)?),
    };
    if name.as_str() == SCOPE { scope(reading) } else { Ok(reading) }
}

fn deletion(kind: Kind, dataset_id: Option<Uri>, observed_at: Option<model::DateTime>) -> Reading {
    let never = Timestamp::default();
    let (created_at, modified_at, deleted_at) = (never, never, never);
    Reading::Deleted(Deletion {
        kind,
        dataset_id,
        observed_at,
        created_at,
        modified_at,
        deleted_at,
    })
}

/// A scope is a Property here, with temporal properties and nothing else (4.5.6).
fn scope(reading: Reading) -> Result<Reading, Problem> {
    let instance = match reading {
        Reading::Said(instance) => instance,
        Reading::Deleted(deletion) => {
            let plain = deletion.kind == Kind::Property && deletion.dataset_id.is_none();
            return if plain {
                Ok(Reading::Deleted(deletion))
            } else {
                Err(Problem::NotPlainScope)
            };
        }
    };
    let Value::Property(json) = &instance.value else { return Err(Problem::NotPlainScope) };
    let written = json.elements().unwrap_or_else(|| vec![json.clone()]);
    let texts = written.iter().map(Json::as_text).collect::<Option<Vec<_>>>();
    let texts = texts.ok_or_else(|| wanted("value", "a text or an array of texts"))?;
    if texts.is_empty() {
        return Ok(deletion(Kind::Property, None, instance.observed_at));
    }
    let scopes = texts.iter().map(|text| Scope::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let plain =
        Instance { observed_at: instance.observed_at, ..Instance::new(scope_value(&scopes)) };
    let same = Instance { value: plain.value.clone(), ..instance };
    if same == plain { Ok(Reading::Said(plain)) } else { Err(Problem::NotPlainScope) }
}
