//! Counts by type and attribute, kept up with every change.

use std::sync::Arc;

use model::{Attribute, Entity, Event, Kind, Name};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use store::{AttributeCount, Census};

use crate::bytes::{Malformed, Reader, put_varint};
use crate::index::CellLevels;
use crate::names::{NameId, Names, Numbering};

/// Grows with the vocabulary, not with the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    entities: FxHashMap<NameId, u64>,
    types: FxHashMap<(NameId, NameId), u64>,
    attributes: FxHashMap<AttributeKey, u64>,
    /// At which levels a GeoProperty of a tenant was ever indexed, as bits: a query has to look
    /// for larger cells around its own at these levels only.
    levels: FxHashMap<(NameId, NameId), u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct AttributeKey {
    tenant: NameId,
    entity_type: NameId,
    attribute: NameId,
    kind: Kind,
}

/// Levels of cells.
#[derive(Clone, Copy, Debug)]
pub struct Levels(u32);

impl Levels {
    pub fn contains(self, level: u32) -> bool {
        self.0 & 1 << level != 0
    }
}

impl Counts {
    /// Takes in one event. Not to be done twice.
    pub fn count(&mut self, event: &Event, tenant: NameId, names: &mut dyn Numbering) {
        let mut types_of = |entity: Option<&Arc<Entity>>| -> SmallVec<[NameId; 2]> {
            let types = entity.into_iter().flat_map(|entity| &entity.types);
            types.map(|name| names.name(name)).collect()
        };
        let (old, new) = (types_of(event.before.as_ref()), types_of(event.after.as_ref()));
        for id in old.iter().filter(|id| !new.contains(id)) {
            subtract(&mut self.types, (tenant, *id));
        }
        for id in new.iter().filter(|id| !old.contains(id)) {
            *self.types.entry((tenant, *id)).or_default() += 1;
        }
        match (&event.before, &event.after) {
            (None, Some(_)) => *self.entities.entry(tenant).or_default() += 1,
            (Some(_), None) => subtract(&mut self.entities, tenant),
            _ => {}
        }
        // Of a type that the entity keeps, only what the event changed counts anew.
        let sides = [(&event.before, &old, &new, false), (&event.after, &new, &old, true)];
        for (entity, types, others, added) in sides {
            for attribute in entity.iter().flat_map(|entity| &entity.attributes) {
                let changed = event.changed.contains(&attribute.name);
                let counted = types.iter().filter(|id| changed || !others.contains(id));
                for key in counted.flat_map(|id| keys_of(attribute, tenant, *id, names)) {
                    match added {
                        true => *self.attributes.entry(key).or_default() += 1,
                        false => subtract(&mut self.attributes, key),
                    }
                }
            }
        }
    }

    /// Takes in a whole entity, as when counting from scratch.
    pub fn count_whole(&mut self, entity: &Entity, tenant: NameId, names: &mut dyn Numbering) {
        *self.entities.entry(tenant).or_default() += 1;
        for name in &entity.types {
            let id = names.name(name);
            *self.types.entry((tenant, id)).or_default() += 1;
            for attribute in &entity.attributes {
                for key in keys_of(attribute, tenant, id, names) {
                    *self.attributes.entry(key).or_default() += 1;
                }
            }
        }
    }

    /// Notes at which levels a GeoProperty is indexed.
    pub fn note_levels(&mut self, tenant: NameId, levels: &CellLevels) {
        *self.levels.entry((tenant, levels.property)).or_default() |= levels.bits;
    }

    /// At which levels the GeoProperty has ever been indexed.
    pub fn levels(&self, tenant: NameId, property: NameId) -> Levels {
        Levels(self.levels.get(&(tenant, property)).copied().unwrap_or_default())
    }

    /// Forgets a tenant.
    pub fn forget(&mut self, tenant: NameId) {
        self.retain(|owner| owner != tenant);
    }

    /// Keeps the tenants that are to be kept.
    pub fn retain(&mut self, keep: impl Fn(NameId) -> bool) {
        self.entities.retain(|owner, _| keep(*owner));
        self.types.retain(|(owner, _), _| keep(*owner));
        self.attributes.retain(|key, _| keep(key.tenant));
        self.levels.retain(|(owner, _), _| keep(*owner));
    }

    /// Are the counts the same? Levels are only ever added, so that they may differ; so may entities
    /// where the counts were read from an older checkpoint.
    pub fn agree_with(&self, other: &Counts) -> bool {
        self.types == other.types && self.attributes == other.attributes
    }

    /// How many entities a tenant has, expired ones that are not swept yet among them.
    pub fn entities(&self, tenant: NameId) -> u64 {
        self.entities.get(&tenant).copied().unwrap_or_default()
    }

    pub fn of_type(&self, tenant: NameId, entity_type: NameId) -> u64 {
        self.types.get(&(tenant, entity_type)).copied().unwrap_or_default()
    }

    /// About how many entities have the attribute; those of several types count for each.
    pub fn of_attribute(&self, tenant: NameId, attribute: NameId) -> u64 {
        let of_it =
            |(key, _): &(&AttributeKey, &u64)| key.tenant == tenant && key.attribute == attribute;
        self.attributes.iter().filter(of_it).map(|(_, count)| count).sum()
    }

    pub fn census(&self, tenant: NameId, names: &Names) -> Census {
        let name = |id| names.name(id).unwrap_or_else(|| Name::new(""));
        let types = self.types.iter().filter(|((owner, _), _)| *owner == tenant);
        let mut types: Vec<_> = types.map(|((_, id), count)| (name(*id), *count)).collect();
        types.sort();
        let attributes = self.attributes.iter().filter(|(key, _)| key.tenant == tenant);
        let attributes = attributes.map(|(key, count)| AttributeCount {
            attribute: name(key.attribute),
            entity_type: name(key.entity_type),
            kind: key.kind,
            entities: *count,
        });
        let mut attributes: Vec<AttributeCount> = attributes.collect();
        attributes.sort_by(|a, b| {
            let key = |count: &AttributeCount| {
                (count.attribute.clone(), count.entity_type.clone(), count.kind)
            };
            key(a).cmp(&key(b))
        });
        Census { entities: self.entities(tenant), types, attributes }
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.types.len() as u64);
        for ((tenant, entity_type), count) in &self.types {
            for number in [u64::from(tenant.0), u64::from(entity_type.0), *count] {
                put_varint(out, number);
            }
        }
        put_varint(out, self.attributes.len() as u64);
        for (key, count) in &self.attributes {
            for id in [key.tenant, key.entity_type, key.attribute] {
                put_varint(out, id.0.into());
            }
            out.push(key.kind as u8);
            put_varint(out, *count);
        }
        put_varint(out, self.levels.len() as u64);
        for ((tenant, property), bits) in &self.levels {
            for number in [tenant.0, property.0, *bits] {
                put_varint(out, number.into());
            }
        }
        put_varint(out, self.entities.len() as u64);
        for (tenant, count) in &self.entities {
            put_varint(out, tenant.0.into());
            put_varint(out, *count);
        }
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Counts, Malformed> {
        let mut counts = Counts::default();
        let id = |reader: &mut Reader<'_>| reader.varint().map(|id| NameId(id as u32));
        for _ in 0..reader.count()? {
            let key = (id(reader)?, id(reader)?);
            counts.types.insert(key, reader.varint()?);
        }
        for _ in 0..reader.count()? {
            let (tenant, entity_type, attribute) = (id(reader)?, id(reader)?, id(reader)?);
            let kind = Kind::ALL.get(usize::from(reader.byte()?)).copied();
            let kind = kind.ok_or_else(|| reader.malformed("no such attribute kind"))?;
            let key = AttributeKey { tenant, entity_type, attribute, kind };
            counts.attributes.insert(key, reader.varint()?);
        }
        for _ in 0..reader.count()? {
            let key = (id(reader)?, id(reader)?);
            counts.levels.insert(key, reader.varint()? as u32);
        }
        if reader.is_at_end() {
            counts.estimate_entities();
            return Ok(counts);
        }
        for _ in 0..reader.count()? {
            counts.entities.insert(id(reader)?, reader.varint()?);
        }
        Ok(counts)
    }

    /// Checkpoints did not always have the entities of tenants. Those of several types are counted
    /// once for each then: rather too many than too few.
    fn estimate_entities(&mut self) {
        for ((tenant, _), count) in &self.types {
            *self.entities.entry(*tenant).or_default() += count;
        }
    }
}

fn subtract<K: std::hash::Hash + Eq>(counts: &mut FxHashMap<K, u64>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// What an attribute adds to the counts of one type of its entity: one for each kind it has.
fn keys_of(
    attribute: &Attribute,
    tenant: NameId,
    entity_type: NameId,
    names: &mut dyn Numbering,
) -> SmallVec<[AttributeKey; 2]> {
    let id = names.name(&attribute.name);
    let mut keys: SmallVec<[AttributeKey; 2]> = SmallVec::new();
    for instance in &attribute.instances {
        let kind = instance.value.kind();
        let key = AttributeKey { tenant, entity_type, attribute: id, kind };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
