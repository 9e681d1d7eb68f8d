//! What was said of entities, and when: every reading in one map, by attribute, dataset, moment.

use std::collections::BTreeMap;

use model::{
    EntityId, Event, EvolutionHeader, InstanceId, Instances, Moment, Name, Reading, Readings,
    Refused, Tenant, Timestamp, Uri,
};

/// By what readings are told apart: two with the same key are one, and the later one counts.
pub(super) type Key = (Name, Option<Uri>, Moment);

#[derive(Debug, Default)]
pub(super) struct Evolutions(BTreeMap<(Tenant, EntityId), Past>);

/// What is known of one entity.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Readings that are told whatever the window: scopes that held when it began.
    pub told_anyway: Vec<Key>,
    pub header: EvolutionHeader,
    pub readings: BTreeMap<Key, Reading>,
}

impl Evolutions {
    pub fn get(&self, tenant: &Tenant, id: &EntityId) -> Option<&Past> {
        self.0.get(&(tenant.clone(), id.clone()))
    }

    pub fn get_mut(&mut self, tenant: &Tenant, id: &EntityId) -> Result<&mut Past, Refused> {
        let past = self.0.get_mut(&(tenant.clone(), id.clone()));
        past.ok_or_else(|| Refused::Unknown(id.clone()))
    }

    /// Those of one tenant, by id.
    pub fn of<'a>(&'a self, tenant: &'a Tenant) -> impl Iterator<Item = &'a Past> {
        let ours = self.0.iter().filter(move |((of, _), _)| of == tenant);
        ours.map(|(_, past)| past)
    }

    pub fn delete(&mut self, tenant: &Tenant, id: &EntityId) -> Result<(), Refused> {
        let past = self.0.remove(&(tenant.clone(), id.clone()));
        past.map(drop).ok_or_else(|| Refused::Unknown(id.clone()))
    }

    /// Every change of an entity adds to its evolution. An evolution that was deleted begins
    /// again where there is something to tell.
    pub fn record(&mut self, event: &Event) {
        let key = (event.tenant.clone(), event.id.clone());
        let readings = event.readings();
        if !self.0.contains_key(&key) && event.before.is_some() && readings.is_empty() {
            return;
        }
        let created_at = event.before.as_ref().map_or(event.at, |entity| entity.created_at);
        let past = self.0.entry(key).or_insert_with(|| Past::begun(&event.id, created_at));
        for entity in [&event.before, &event.after].into_iter().flatten() {
            past.add_types(&entity.types);
        }
        past.header.modified_at = event.at;
        past.header.deleted_at = event.after.is_none().then_some(event.at);
        for (name, reading) in readings {
            past.put(name, reading);
        }
    }

    /// Adds readings that were stamped.
    pub fn add(&mut self, tenant: &Tenant, id: &EntityId, readings: Readings, begun: Past) {
        let past = self.0.entry((tenant.clone(), id.clone())).or_insert(begun);
        past.add_types(&readings.types);
        for (name, readings) in readings.attributes {
            for reading in readings {
                past.put(name.clone(), reading);
            }
        }
    }
}

impl Past {
    pub fn begun(id: &EntityId, at: Timestamp) -> Past {
        let header = EvolutionHeader {
            id: id.clone(),
            types: Vec::new(),
            created_at: at,
            modified_at: at,
            deleted_at: None,
        };
        Past { header, readings: BTreeMap::new(), told_anyway: Vec::new() }
    }

    pub fn add_types(&mut self, types: &[Name]) {
        for name in types {
            if !self.header.types.contains(name) {
                self.header.types.push(name.clone());
            }
        }
    }

    fn put(&mut self, name: Name, reading: Reading) {
        let key = (name, reading.dataset_id().cloned(), reading.moment());
        self.readings.insert(key, reading);
    }

    pub fn delete_attribute(&mut self, name: &Name, instances: &Instances) -> Result<(), Refused> {
        self.has_attribute(name)?;
        let meant = |dataset: &Option<Uri>| match instances {
            Instances::All => true,
            Instances::One(one) => dataset == one,
        };
        let before = self.readings.len();
        self.readings.retain(|(of, dataset, _), _| !(of == name && meant(dataset)));
        match instances {
            _ if self.readings.len() < before => Ok(()),
            Instances::One(Some(dataset)) => {
                Err(Refused::NoInstance(name.clone(), dataset.clone()))
            }
            Instances::One(None) | Instances::All => Err(Refused::NoDefaultInstance(name.clone())),
        }
    }

    pub fn delete_instance(&mut self, name: &Name, instance_id: &Uri) -> Result<Reading, Refused> {
        self.has_attribute(name)?;
        let wanted = InstanceId::parse(instance_id);
        let id = |dataset: &Option<Uri>, moment: Moment| {
            InstanceId::new(&self.header.id, name, dataset.as_ref(), moment)
        };
        let meant = |key: &&Key| key.0 == *name && Some(id(&key.1, key.2)) == wanted;
        let key = self.readings.keys().find(meant).cloned();
        let reading = key.and_then(|key| self.readings.remove(&key));
        reading.ok_or_else(|| Refused::NoReading(name.clone(), instance_id.clone()))
    }

    /// The reading takes the place of another, and what that one says where it says nothing:
    /// which dataset it is of, and when it was observed.
    pub fn modify_instance(
        &mut self,
        name: &Name,
        instance_id: &Uri,
        reading: Reading,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let last = self.last_recorded(std::slice::from_ref(name));
        let old = self.delete_instance(name, instance_id)?;
        let mut reading = following(reading, &old);
        let dated = reading.observed_at().is_some();
        reading.stamp(old.created_at(), if dated { now } else { now.following(last) });
        self.put(name.clone(), reading);
        Ok(())
    }

    /// When something was last recorded of these attributes that tells no moment of its own.
    pub fn last_recorded(&self, names: &[Name]) -> Option<Timestamp> {
        let meant = self.readings.keys().filter(|(name, ..)| names.contains(name));
        let moments = meant.filter_map(|(.., moment)| match moment {
            Moment::Recorded(at) => Some(*at),
            Moment::Observed(_) => None,
        });
        moments.max()
    }

    fn has_attribute(&self, name: &Name) -> Result<(), Refused> {
        let has = self.readings.keys().any(|(of, ..)| of == name);
        has.then_some(()).ok_or_else(|| Refused::NoAttribute(name.clone()))
    }
}

fn following(mut reading: Reading, old: &Reading) -> Reading {
    let (dataset_id, observed_at) = match &mut reading {
        Reading::Said(instance) => (&mut instance.dataset_id, &mut instance.observed_at),
        Reading::Deleted(deletion) => (&mut deletion.dataset_id, &mut deletion.observed_at),
    };
    if dataset_id.is_none() {
        *dataset_id = old.dataset_id().cloned();
    }
    *observed_at = observed_at.or(old.observed_at());
    reading
}
