//! Entities and the journal of their changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Change, Entity, EntityId, Event, Operation, Tenant, Timestamp, apply};
use policy::{Permitted, Rights, Subject};
use query::evolution_as_entity;
use store::{CommitError, Committed, Position, Recorded};
use tokio::sync::watch;

use super::evolutions::{Evolutions, Past};

pub(super) type Entities = BTreeMap<EntityId, Arc<Entity>>;

#[derive(Debug, Default)]
pub(super) struct State {
    /// What is stored, expired or not. A tenant stays when its last entity goes.
    tenants: BTreeMap<Tenant, Entities>,
    /// The event at position 1 first.
    journal: Vec<Arc<Event>>,
    journal_end: watch::Sender<Position>,
    pub evolutions: Evolutions,
    entities_max: BTreeMap<Tenant, u64>,
}

impl State {
    pub fn commit(
        &mut self,
        change: Permitted<Change>,
        now: Timestamp,
    ) -> Result<Committed, CommitError> {
        let Change { tenant, id, .. } = change.request().clone();
        let stored = self.entity(&tenant, &id);
        let now = now.following(self.last_change(&tenant, &id));
        let before = stored.clone().and_then(|entity| entity.alive(now));
        let applied = change.apply(before.as_ref(), now)?;
        self.check_quota(&tenant, stored.is_none() && applied.after.is_some())?;
        let created = before.is_none();
        let event = self.put(tenant, id, stored, applied.after.map(Arc::new), now);
        let (updated, not_updated) = (applied.updated, applied.not_updated);
        Ok(Committed { created, event, updated, not_updated })
    }

    pub fn limit_entities(&mut self, tenant: &Tenant, max: Option<u64>) {
        match max {
            Some(max) => self.entities_max.insert(tenant.clone(), max),
            None => self.entities_max.remove(tenant),
        };
    }

    /// May the tenant have one entity more, where there would be one?
    pub fn check_quota(&self, tenant: &Tenant, creates: bool) -> Result<(), CommitError> {
        let entities = self.tenants.get(tenant).map_or(0, |entities| entities.len() as u64);
        match self.entities_max.get(tenant) {
            Some(&max) if creates && max <= entities => {
                Err(CommitError::OverQuota { entities, max })
            }
            _ => Ok(()),
        }
    }

    /// Puts one entity in its place, or takes it away, and writes that down. `before` is what was
    /// stored, expired or not, so that whoever follows the journal misses nothing.
    pub fn put(
        &mut self,
        tenant: Tenant,
        id: EntityId,
        before: Option<Arc<Entity>>,
        after: Option<Arc<Entity>>,
        at: Timestamp,
    ) -> Arc<Event> {
        let entities = self.tenants.entry(tenant.clone()).or_default();
        match &after {
            Some(entity) => entities.insert(id.clone(), entity.clone()),
            None => entities.remove(&id),
        };
        let event = Arc::new(Event::between(tenant, id, at, before.as_deref(), after));
        self.journal.push(event.clone());
        self.journal_end.send_replace(Position(self.journal.len() as u64));
        self.evolutions.record(&event);
        event
    }

    /// What a reader with these rights sees.
    pub fn seen(&self, tenant: &Tenant, rights: &Rights, now: Timestamp) -> Entities {
        let entities = self.stored(tenant).filter_map(|entity| entity.clone().alive(now));
        let seen = entities.filter_map(|entity| rights.view(entity));
        seen.map(|entity| (entity.id.clone(), entity)).collect()
    }

    /// When an entity changed, or went.
    pub fn last_change(&self, tenant: &Tenant, id: &EntityId) -> Option<Timestamp> {
        match self.entity(tenant, id) {
            Some(entity) => Some(entity.modified_at),
            None => self.evolutions.get(tenant, id).map(|past| past.header.modified_at),
        }
    }

    /// What is stored under an id, expired or not.
    pub fn entity(&self, tenant: &Tenant, id: &EntityId) -> Option<Arc<Entity>> {
        self.tenants.get(tenant).and_then(|entities| entities.get(id)).cloned()
    }

    /// What a reader with these rights sees of evolutions: judged by the entity as it is now.
    pub fn pasts<'a>(
        &'a self,
        tenant: &'a Tenant,
        rights: &'a Rights,
        now: Timestamp,
    ) -> impl Iterator<Item = Past> {
        let alive = self.evolutions.of(tenant).map(move |past| past.alive(now));
        alive.filter_map(move |past| {
            let subject = self.subject(tenant, &past.header.id, now)?;
            Some(past.without(&rights.withheld_of(&subject)?))
        })
    }

    /// By what an evolution is judged: the entity as it is now, or what is left of one that is
    /// gone. Nothing where nothing is known of it.
    pub fn subject(&self, tenant: &Tenant, id: &EntityId, now: Timestamp) -> Option<Subject> {
        let visible = self.entity(tenant, id).and_then(|entity| entity.alive(now));
        visible.map(Subject::Now).or_else(|| {
            let past = self.evolutions.get(tenant, id)?;
            Some(Subject::Gone(Box::new(evolution_as_entity(&past.header, &[]))))
        })
    }

    pub fn stored(&self, tenant: &Tenant) -> impl Iterator<Item = &Arc<Entity>> {
        self.tenants.get(tenant).into_iter().flat_map(Entities::values)
    }

    pub fn has_tenant(&self, tenant: &Tenant) -> bool {
        self.tenants.contains_key(tenant)
    }

    pub fn journal(&self, after: Position, limit: usize) -> Vec<Recorded> {
        let places = (1..).map(Position).zip(&self.journal);
        let later = places.filter(|(position, _)| after < *position).take(limit);
        later.map(|(position, event)| Recorded { position, event: event.clone() }).collect()
    }

    pub fn journal_end(&self) -> watch::Receiver<Position> {
        self.journal_end.subscribe()
    }

    pub fn sweep(&mut self, now: Timestamp, limit: usize) -> usize {
        let mut expired = Vec::new();
        for (tenant, entities) in &self.tenants {
            let due = entities.values().filter(|entity| is_due(entity, now));
            expired.extend(due.map(|entity| (tenant.clone(), entity.clone())));
        }
        expired.truncate(limit);
        for (tenant, entity) in &expired {
            let now = now.following(Some(entity.modified_at));
            let after = swept(entity, now).map(Arc::new);
            self.put(tenant.clone(), entity.id.clone(), Some(entity.clone()), after, now);
        }
        expired.len()
    }
}

/// Is there anything to sweep?
fn is_due(entity: &Entity, now: Timestamp) -> bool {
    entity.is_expired(now) || entity.attributes.next_expiry().is_some_and(|at| at <= now)
}

fn swept(entity: &Entity, now: Timestamp) -> Option<Entity> {
    if entity.is_expired(now) {
        return None;
    }
    let expire = apply(&entity.id, Some(entity), Operation::Expire, now);
    expire.expect("what has expired can always go").after
}
