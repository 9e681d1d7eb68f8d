//! The temporal evolution of an entity: what was said of it, and when (clauses 4.5.6 to 4.5.8).

use std::fmt;

use crate::attribute::{Attribute, Attributes, Instance, Kind, Value};
use crate::change::Instances;
use crate::entity::{Draft, Entity};
use crate::event::Event;
use crate::identifier::{EntityId, Name, Tenant, Uri};
use crate::json::Json;
use crate::scope::Scope;
use crate::time::{DateTime, Timestamp};

/// The name under which an evolution keeps the scopes of its entity, as a Property (4.5.6).
pub const SCOPE: &str = "https://uri.etsi.org/ngsi-ld/scope";

/// One instance of an attribute, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It had this value.
    Said(Instance),
    /// It was deleted; what is shown as its value is the NGSI-LD Null.
    Deleted(Deletion),
}

/// The end of an attribute instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub kind: Kind,
    pub dataset_id: Option<Uri>,
    pub observed_at: Option<DateTime>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub deleted_at: Timestamp,
}

impl Reading {
    pub fn kind(&self) -> Kind {
        match self {
            Reading::Said(instance) => instance.value.kind(),
            Reading::Deleted(deletion) => deletion.kind,
        }
    }

    pub fn dataset_id(&self) -> Option<&Uri> {
        match self {
            Reading::Said(instance) => instance.dataset_id.as_ref(),
            Reading::Deleted(deletion) => deletion.dataset_id.as_ref(),
        }
    }

    pub fn observed_at(&self) -> Option<DateTime> {
        match self {
            Reading::Said(instance) => instance.observed_at,
            Reading::Deleted(deletion) => deletion.observed_at,
        }
    }

    pub fn created_at(&self) -> Timestamp {
        match self {
            Reading::Said(instance) => instance.created_at,
            Reading::Deleted(deletion) => deletion.created_at,
        }
    }

    pub fn modified_at(&self) -> Timestamp {
        match self {
            Reading::Said(instance) => instance.modified_at,
            Reading::Deleted(deletion) => deletion.modified_at,
        }
    }

    pub fn deleted_at(&self) -> Option<Timestamp> {
        match self {
            Reading::Said(_) => None,
            Reading::Deleted(deletion) => Some(deletion.deleted_at),
        }
    }

    /// Is it to be forgotten (4.22)?
    pub fn is_expired(&self, now: Timestamp) -> bool {
        matches!(self, Reading::Said(instance) if instance.is_expired(now))
    }

    /// What tells it apart from all other readings of its series: a later reading with the same
    /// moment takes its place.
    pub fn moment(&self) -> Moment {
        match self.observed_at() {
            Some(observed_at) => Moment::Observed(observed_at.instant()),
            None => Moment::Recorded(self.modified_at()),
        }
    }

    /// Sets the system times: a reading is new when it is recorded.
    pub fn stamp(&mut self, created_at: Timestamp, now: Timestamp) {
        match self {
            Reading::Said(instance) => instance.stamp(created_at, now),
            Reading::Deleted(deletion) => {
                deletion.created_at = created_at;
                deletion.modified_at = now;
                if deletion.deleted_at == Timestamp::default() {
                    deletion.deleted_at = now;
                }
            }
        }
    }
}

/// When a reading was made: by its own account, or, where it gives none, when it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    Observed(Timestamp),
    Recorded(Timestamp),
}

impl Moment {
    pub fn instant(self) -> Timestamp {
        match self {
            Moment::Observed(at) | Moment::Recorded(at) => at,
        }
    }
}

/// The `instanceId` of a reading (4.5.7). It follows from what the reading belongs to and its
/// moment, so that no store need keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceId {
    series: u64,
    pub moment: Moment,
}

const INSTANCE: &str = "urn:ngsi-ld:instance:";

impl InstanceId {
    pub fn new(
        entity: &EntityId,
        attribute: &Name,
        dataset: Option<&Uri>,
        moment: Moment,
    ) -> InstanceId {
        let dataset = dataset.map_or("", Uri::as_str);
        let parts = [entity.as_str(), attribute.as_str(), dataset];
        InstanceId { series: fnv(&parts.join("\0")), moment }
    }

    /// Reads what [`fmt::Display`] writes; nothing where it is no id of ours.
    pub fn parse(id: &Uri) -> Option<InstanceId> {
        let (series, moment) = id.as_str().strip_prefix(INSTANCE)?.split_once(':')?;
        let (kind, at) = moment.split_at_checked(1)?;
        let hexadecimal = |text: &str| {
            let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            lower.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let at = Timestamp(hexadecimal(at)? as i64);
        let moment = match kind {
            "o" => Moment::Observed(at),
            "r" => Moment::Recorded(at),
            _ => return None,
        };
        Some(InstanceId { series: hexadecimal(series)?, moment })
    }

    /// Is it of a reading of this dataset?
    pub fn is_of(&self, entity: &EntityId, attribute: &Name, dataset: Option<&Uri>) -> bool {
        *self == InstanceId::new(entity, attribute, dataset, self.moment)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.moment {
            Moment::Observed(_) => 'o',
            Moment::Recorded(_) => 'r',
        };
        write!(f, "{INSTANCE}{:016x}:{kind}{:x}", self.series, self.moment.instant().0 as u64)
    }
}

/// FNV-1a: the same on every machine and in every version, for ids that are given away.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// One intent to change the evolution of one entity (clauses 5.6.11 to 5.6.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryChange {
    pub tenant: Tenant,
    pub id: EntityId,
    pub operation: HistoryOperation,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryOperation {
    /// Create or Update Temporal Evolution (5.6.11): adds to what there is.
    Upsert(Readings),
    /// Add Attributes (5.6.12): needs an evolution.
    Add(Readings),
    /// Delete Attribute (5.6.13).
    DeleteAttribute { name: Name, instances: Instances },
    /// Modify Attribute Instance (5.6.14): the reading takes the place of the one with this id.
    ModifyInstance { name: Name, instance_id: Uri, reading: Box<Reading> },
    /// Delete Attribute Instance (5.6.15).
    DeleteInstance { name: Name, instance_id: Uri },
    /// Delete Temporal Evolution (5.6.16).
    Delete,
}

/// Readings as a client gives them: without system times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// At least one where an evolution is to be created.
    pub types: Vec<Name>,
    /// By attribute; scopes stand under [`SCOPE`].
    pub attributes: Vec<(Name, Vec<Reading>)>,
}

impl Readings {
    /// Adds what was said elsewhere of the same entity.
    pub fn extend(&mut self, more: Readings) {
        for name in more.types {
            if !self.types.contains(&name) {
                self.types.push(name);
            }
        }
        for (name, readings) in more.attributes {
            match self.attributes.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.extend(readings),
                None => self.attributes.push((name, readings)),
            }
        }
    }

    /// How many readings there are, of all attributes.
    pub fn count(&self) -> usize {
        self.attributes.iter().map(|(_, readings)| readings.len()).sum()
    }

    /// Has any of an attribute's readings no moment of its own?
    pub fn has_undated(readings: &[Reading]) -> bool {
        readings.iter().any(|reading| reading.observed_at().is_none())
    }

    /// Gives every reading its system times. Readings without a moment of their own get
    /// different ones, in their order. Tells the last that was given.
    pub fn stamp(&mut self, now: Timestamp) -> Timestamp {
        let mut last = now;
        for (_, readings) in &mut self.attributes {
            let mut undated = 0;
            for reading in readings {
                let dated = reading.observed_at().is_some();
                let at = if dated { now } else { Timestamp(now.0 + undated) };
                undated += i64::from(!dated);
                last = last.max(at);
                reading.stamp(at, at);
            }
        }
        last
    }

    /// What these readings, stamped, make of an entity that has no evolution yet: the last that
    /// was said of each attribute up to now. Nothing where no types are given.
    pub fn entity(&self, id: &EntityId, now: Timestamp) -> Option<Entity> {
        let draft = Draft {
            types: self.types.clone(),
            scopes: Vec::new(),
            expires_at: None,
            attributes: Attributes::default(),
        };
        if draft.types.is_empty() {
            return None;
        }
        let mut entity = draft.into_entity(id.clone(), now, now);
        self.each_newest(now, |name, instance| put(&mut entity, name, instance));
        Some(entity)
    }

    /// What these readings, stamped, make of an entity that exists: what is newer than what it
    /// says of itself takes its place. Nothing where all of it is old.
    ///
    /// An attribute that the entity lacks may have been deleted: a reading from before its last
    /// change does not bring it back.
    pub fn renewed(&self, before: &Entity, now: Timestamp) -> Option<Entity> {
        let mut after: Option<Entity> = None;
        self.each_newest(now, |name, instance| {
            let known = before.attributes.get(name);
            let known = known.and_then(|known| known.instance(instance.dataset_id.as_ref()));
            let last = match known {
                Some(known) => known.observed_at.map_or(known.modified_at, |at| at.instant()),
                None => before.modified_at,
            };
            if instance.observed_at.is_some_and(|at| at.instant() > last) {
                let created_at = known.map_or(now, |known| known.created_at);
                let instance = Instance { created_at, ..instance.clone() };
                put(after.get_or_insert_with(|| before.clone()), name, &instance);
            }
        });
        after.map(|after| Entity { modified_at: now, ..after })
    }

    /// Of each attribute and dataset, the last value up to now.
    fn each_newest(&self, now: Timestamp, mut visit: impl FnMut(&Name, &Instance)) {
        for (name, readings) in &self.attributes {
            let mut newest: Vec<&Instance> = Vec::new();
            for reading in readings {
                let Reading::Said(instance) = reading else { continue };
                if instance.observed_at.is_some_and(|at| at.instant() > now) {
                    continue;
                }
                let same = |known: &&mut &Instance| known.dataset_id == instance.dataset_id;
                match newest.iter_mut().find(same) {
                    Some(known) if known.observed_at <= instance.observed_at => *known = instance,
                    Some(_) => {}
                    None => newest.push(instance),
                }
            }
            newest.into_iter().for_each(|instance| visit(name, instance));
        }
    }
}

fn put(entity: &mut Entity, name: &Name, instance: &Instance) {
    if name.as_str() == SCOPE {
        entity.scopes = scopes_of(&instance.value);
    } else {
        entity.attributes.put(name, instance.clone());
    }
}

/// The scopes that a reading under [`SCOPE`] tells of.
pub fn scopes_of(value: &Value) -> Vec<Scope> {
    let Value::Property(json) = value else { return Vec::new() };
    let one = |json: &Json| json.as_text().and_then(|text| Scope::parse(&text).ok());
    match json.elements() {
        Some(elements) => elements.iter().filter_map(one).collect(),
        None => one(json).into_iter().collect(),
    }
}

/// The value of a reading under [`SCOPE`].
pub fn scope_value(scopes: &[Scope]) -> Value {
    let quoted = |scope: &Scope| Json::text(scope.as_str());
    Value::Property(match scopes {
        [one] => quoted(one),
        many => Json::array(&many.iter().map(quoted).collect::<Vec<_>>()),
    })
}

impl Event {
    /// What the event adds to the evolution of its entity: each instance that is new or other
    /// than before, and the end of each that is gone, unless it has expired: nobody deleted it.
    pub fn readings(&self) -> Vec<(Name, Reading)> {
        let mut readings = Vec::new();
        let expired = self.before.as_ref().is_some_and(|entity| entity.is_expired(self.at));
        let old = self.before.as_deref().map(|entity| &entity.attributes);
        let new = self.after.as_deref().map(|entity| &entity.attributes);
        for name in &self.changed {
            let before = old.and_then(|attributes| attributes.get(name));
            let after = new.and_then(|attributes| attributes.get(name));
            for instance in after.iter().flat_map(|attribute| &attribute.instances) {
                let same = before.and_then(|b| b.instance(instance.dataset_id.as_ref()));
                if same != Some(instance) {
                    readings.push((name.clone(), Reading::Said(instance.clone())));
                }
            }
            let ended = before.iter().flat_map(|attribute| &attribute.instances);
            for instance in ended.filter(|instance| !expired && !instance.is_expired(self.at)) {
                let dataset = instance.dataset_id.as_ref();
                if after.and_then(|after: &Attribute| after.instance(dataset)).is_none() {
                    readings.push((name.clone(), Reading::Deleted(self.deletion(instance))));
                }
            }
        }
        readings.extend(self.scope_reading(expired).map(|reading| (Name::new(SCOPE), reading)));
        readings
    }

    fn deletion(&self, instance: &Instance) -> Deletion {
        Deletion {
            kind: instance.value.kind(),
            dataset_id: instance.dataset_id.clone(),
            observed_at: None,
            created_at: instance.created_at,
            modified_at: self.at,
            deleted_at: self.at,
        }
    }

    /// 4.5.6: the moment of a scope is that of its change.
    fn scope_reading(&self, expired: bool) -> Option<Reading> {
        let scopes = |entity: &Option<std::sync::Arc<Entity>>| {
            entity.as_ref().map(|entity| entity.scopes.clone()).unwrap_or_default()
        };
        let (before, after) = (scopes(&self.before), scopes(&self.after));
        if before == after {
            return None;
        }
        let mut instance =
            Instance::new(scope_value(if after.is_empty() { &before } else { &after }));
        instance.created_at = self.at;
        instance.modified_at = self.at;
        if after.is_empty() {
            let deleted = Reading::Deleted(self.deletion(&instance));
            return (!expired).then_some(deleted);
        }
        instance.observed_at = Some(self.at.date_time());
        Some(Reading::Said(instance))
    }
}

/// What the temporal evolution of an entity is, without its readings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvolutionHeader {
    pub id: EntityId,
    /// All it has had (5.6.12).
    pub types: Vec<Name>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// The entity is gone; its evolution stays.
    pub deleted_at: Option<Timestamp>,
}
