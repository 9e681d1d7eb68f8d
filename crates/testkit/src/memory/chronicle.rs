//! Changes of an evolution, and what they do to the entity as it is now.

use std::sync::Arc;

use model::{
    Entity, EntityId, Event, HistoryChange, HistoryOperation, Name, Readings, Refused, Tenant,
    Timestamp,
};
use policy::Permitted;
use store::{Chronicled, CommitError};

use super::evolutions::Past;
use super::state::State;

const NOTHING_NEW: Chronicled = Chronicled { created: false, event: None };

impl State {
    pub fn chronicle(
        &mut self,
        change: Permitted<HistoryChange>,
        now: Timestamp,
    ) -> Result<Chronicled, CommitError> {
        let HistoryChange { tenant, id, .. } = change.request().clone();
        let now = now.following(self.last_change(&tenant, &id));
        let visible = self.entity(&tenant, &id).and_then(|entity| entity.alive(now));
        let subject = self.subject(&tenant, &id, now);
        let HistoryChange { operation, .. } = change.on(subject.as_ref(), now)?;
        let outcome = match operation {
            HistoryOperation::Upsert(readings) => {
                return self.add_readings(&tenant, id, visible, readings, now, true);
            }
            HistoryOperation::Add(readings) => {
                return self.add_readings(&tenant, id, visible, readings, now, false);
            }
            HistoryOperation::DeleteAttribute { name, instances } => {
                self.evolutions.get_mut(&tenant, &id)?.delete_attribute(&name, &instances)
            }
            HistoryOperation::ModifyInstance { name, instance_id, reading } => {
                let past = self.evolutions.get_mut(&tenant, &id)?;
                past.modify_instance(&name, &instance_id, *reading, now)
            }
            HistoryOperation::DeleteInstance { name, instance_id } => {
                let past = self.evolutions.get_mut(&tenant, &id)?;
                past.delete_instance(&name, &instance_id).map(drop)
            }
            HistoryOperation::Delete => self.evolutions.delete(&tenant, &id),
        };
        outcome?;
        Ok(NOTHING_NEW)
    }

    fn add_readings(
        &mut self,
        tenant: &Tenant,
        id: EntityId,
        visible: Option<Arc<Entity>>,
        mut readings: Readings,
        now: Timestamp,
        may_create: bool,
    ) -> Result<Chronicled, CommitError> {
        let undated = readings.attributes.iter().filter(|(_, all)| Readings::has_undated(all));
        let names: Vec<Name> = undated.map(|(name, _)| name.clone()).collect();
        let past = self.evolutions.get(tenant, &id);
        let now = now.following(past.and_then(|past| past.last_recorded(&names)));
        let now = readings.stamp(now);
        let known = self.evolutions.get(tenant, &id).is_some();
        let event = match &visible {
            Some(before) => {
                readings.renewed(before, now).map(|after| self.put_entity(tenant, after, now))
            }
            None if known => None,
            None if may_create => {
                let entity = readings.entity(&id, now);
                let entity = entity.ok_or_else(|| Refused::NoTypes(id.clone()))?;
                self.check_quota(tenant, self.entity(tenant, &id).is_none())?;
                Some(self.put_entity(tenant, entity, now))
            }
            None => return Err(Refused::Unknown(id).into()),
        };
        // Nothing was known of an entity whose evolution was deleted: it begins again.
        let mut begun = Past::begun(&id, now);
        if let Some(entity) = &visible {
            begun.add_types(&entity.types);
            begun.header.created_at = entity.created_at;
            begun.header.modified_at = entity.modified_at;
        }
        self.evolutions.add(tenant, &id, readings, begun);
        Ok(Chronicled { created: !known, event })
    }

    fn put_entity(&mut self, tenant: &Tenant, after: Entity, now: Timestamp) -> Arc<Event> {
        let id = after.id.clone();
        let stored = self.entity(tenant, &id);
        self.put(tenant.clone(), id, stored, Some(Arc::new(after)), now)
    }
}
