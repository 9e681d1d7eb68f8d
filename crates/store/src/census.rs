//! A census by counting: of the entities that a caller sees, where it does not see all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::answers::{AttributeCount, Census};
use model::{Entity, Kind, Name};

impl Census {
    /// Of these entities, and no others.
    pub fn of<'a>(entities: impl IntoIterator<Item = &'a Arc<Entity>>) -> Census {
        let mut types: BTreeMap<Name, u64> = BTreeMap::new();
        let mut attributes: BTreeMap<(Name, Name, Kind), u64> = BTreeMap::new();
        let mut all = 0;
        for entity in entities {
            all += 1;
            let has = kinds(entity);
            for entity_type in &entity.types {
                *types.entry(entity_type.clone()).or_default() += 1;
                for (attribute, kind) in &has {
                    let key = (attribute.clone(), entity_type.clone(), *kind);
                    *attributes.entry(key).or_default() += 1;
                }
            }
        }
        let attributes =
            attributes.into_iter().map(|((attribute, entity_type, kind), entities)| {
                AttributeCount { attribute, entity_type, kind, entities }
            });
        let types = types.into_iter().collect();
        Census { entities: all, types, attributes: attributes.collect() }
    }
}

/// Each attribute once for each kind that its instances have.
fn kinds(entity: &Entity) -> BTreeSet<(Name, Kind)> {
    let attributes = entity.attributes.iter();
    let instances =
        attributes.flat_map(|attribute| attribute.instances.iter().map(|i| (&attribute.name, i)));
    instances.map(|(name, instance)| (name.clone(), instance.value.kind())).collect()
}
