//! One group commit: changes of several callers, applied one after the other in memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use foldhash::fast::RandomState;
use model::{Applied, Change, Entity, EntityId, Event, Operation, Refused, Tenant, Timestamp};
use policy::Permitted;
use rustc_hash::FxHashMap;
use store::{CommitError, Committed, DocumentKey, StoreError};

use super::{Answer, Job};
use crate::codec;
use crate::history::Header;
use crate::journal::{EventRecord, Sections, put_document, put_event, put_names};
use crate::keys::{ENTITIES_MADE_MAX, EntityNumber};
use crate::names::{InternMemo, Interner, NameId, Numbering};
use crate::record::RecordWriter;
use crate::shared::{Published, Shared, Stored, document_key, write_event};
use crate::tables::{Table, Writes};
use crate::tenants;

/// An entity as the group has left it so far. Its number stays with its id when it goes, for its
/// history stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub number: Option<EntityNumber>,
    pub entity: Option<Arc<Entity>>,
}

/// What the records of one group may take, but for the last change: many changes of one large entity
/// write it as often. Frames have room for more.
pub const GROUP_BYTES_MAX: usize = 256 * 1024 * 1024;

pub struct Group<'a> {
    pub(super) shared: &'a Shared,
    pub(super) names: Interner<'a>,
    next_entity: u64,
    /// Users choose the ids, so the hash is keyed by chance.
    pending: HashMap<(NameId, EntityId), Pending, RandomState>,
    pub(super) headers: FxHashMap<EntityNumber, Option<Header>>,
    pub(super) records: Sections,
    pub(super) writes: Writes,
    events: Vec<Published>,
    /// How many entities each tenant has more than is counted, or less.
    entities: FxHashMap<NameId, i64>,
}

/// What is to be appended, and then shown.
pub struct Finished {
    pub records: Sections,
    pub writes: Writes,
    pub events: Vec<Published>,
    pub next_entity: u64,
}

impl<'a> Group<'a> {
    pub fn new(shared: &'a Shared, memo: &'a mut InternMemo, next_entity: u64) -> Group<'a> {
        Group {
            shared,
            names: Interner::new(&shared.names, memo),
            next_entity,
            pending: HashMap::default(),
            headers: FxHashMap::default(),
            records: Sections::default(),
            writes: Writes::default(),
            events: Vec::new(),
            entities: FxHashMap::default(),
        }
    }

    pub fn apply(&mut self, job: Job) -> Answer {
        match job {
            Job::Commit { changes, now, answer } => {
                let outcomes = changes.into_iter().map(|change| self.change(change, now)).collect();
                Answer::Commit(answer, outcomes)
            }
            Job::Chronicle { changes, now, answer } => {
                let outcomes =
                    changes.into_iter().map(|change| self.chronicle(change, now)).collect();
                Answer::Chronicle(answer, outcomes)
            }
            Job::Document { key, document, answer } => {
                Answer::Document(answer, self.document(&key, document))
            }
            // There is nothing to apply; the committer sees to them.
            Job::WriteOut { answer } => Answer::Document(answer, Ok(())),
            Job::Shred { answer, .. } => Answer::Shred(answer),
            Job::Expire { entities, now, answer } => {
                let touched = entities.into_iter().filter(|(tenant, id)| {
                    self.expire(*tenant, id, now).unwrap_or_else(|error| {
                        tracing::error!(%error, entity = %id, "could not remove what has expired");
                        false
                    })
                });
                Answer::Expire(answer, touched.count())
            }
        }
    }

    fn document(&mut self, key: &DocumentKey, document: Option<Vec<u8>>) -> Result<(), StoreError> {
        let tenant = match (self.shared.tenant(&key.tenant), &document) {
            (Some(tenant), _) => tenant,
            (None, Some(_)) => self.intern_tenant(&key.tenant)?,
            (None, None) => return Ok(()),
        };
        let key = document_key(tenant, key.kind, &key.name);
        put_document(&mut self.records, &key, document.as_deref());
        match document {
            Some(document) => self.writes.put(Table::Documents, key, document),
            None => self.writes.remove(Table::Documents, key),
        }
        Ok(())
    }

    /// Names that the group introduced come before the records that use them.
    pub fn finish(self, names_before: u32) -> Finished {
        let mut records = Sections::default();
        let fresh = self.shared.names.since(names_before);
        let mut writes = self.writes;
        for (id, name) in &fresh {
            writes.put(Table::Names, id.0.to_be_bytes(), name.as_str());
        }
        put_names(&mut records, &fresh);
        records.append(self.records);
        Finished { records, writes, events: self.events, next_entity: self.next_entity }
    }

    pub(super) fn current(&self, tenant: NameId, id: &EntityId) -> Result<Pending, StoreError> {
        if let Some(pending) = self.pending.get(&(tenant, id.clone())) {
            return Ok(pending.clone());
        }
        let number = self.shared.number(tenant, id)?;
        let stored = number.map(|number| self.shared.stored(number)).transpose()?.flatten();
        let entity = stored.map(|stored| stored.read(&self.shared.names)).transpose()?;
        Ok(Pending { number, entity: entity.map(Arc::new) })
    }

    /// When an entity changed, or went: changes of one entity have moments that ascend, so that each
    /// has its own reading in history, those of one batch too.
    pub(super) fn last_change(
        &self,
        number: Option<EntityNumber>,
        entity: Option<&Entity>,
    ) -> Result<Option<Timestamp>, StoreError> {
        match (entity, number) {
            (Some(entity), _) => Ok(Some(entity.modified_at)),
            (None, Some(number)) => {
                let header = self.header(number)?.filter(|header| !header.forgotten);
                Ok(header.map(|header| header.modified_at))
            }
            (None, None) => Ok(None),
        }
    }

    pub(super) fn check_size(&self) -> Result<(), CommitError> {
        if self.records.bytes() > GROUP_BYTES_MAX {
            let problem = format!(
                "the changes of one commit take more than {GROUP_BYTES_MAX} bytes; send fewer at once"
            );
            return Err(CommitError::Store(std::io::Error::other(problem).into()));
        }
        Ok(())
    }

    fn change(
        &mut self,
        permitted: Permitted<Change>,
        now: Timestamp,
    ) -> Result<Committed, CommitError> {
        self.check_size()?;
        let request = permitted.request();
        let id = request.id.clone();
        let known = self.shared.known_tenant(&request.tenant);
        if known.is_none() && !creates(&request.operation) {
            return Err(Refused::Unknown(id).into());
        }
        let Pending { number, entity: before } = self.current_of(known, &id)?;
        let now = now.following(self.last_change(number, before.as_deref())?);
        // What has expired is gone for every caller, swept or not.
        let visible = before.clone().and_then(|entity| entity.alive(now));
        let owner = request.tenant.clone();
        let applied = permitted.apply(visible.as_ref(), now)?;
        self.check_limits(visible.as_deref(), applied.after.as_ref())?;
        let Applied { after, updated, not_updated } = applied;
        let after = after.map(Arc::new);
        // What is refused creates no tenant.
        let tenant = known.map_or_else(|| self.intern_known(&owner), Ok)?;
        if before.is_none() && after.is_some() {
            self.check_quota(tenant, &owner)?;
        }
        let created = visible.is_none();
        let event = Event::between(owner, id, now, before.as_deref(), after);
        let (_, event) = self.record(tenant, number, event)?;
        Ok(Committed { created, event, updated, not_updated })
    }

    /// What there is of an entity of a tenant, which may not be known yet.
    pub(super) fn current_of(
        &self,
        tenant: Option<NameId>,
        id: &EntityId,
    ) -> Result<Pending, StoreError> {
        match tenant {
            Some(tenant) => self.current(tenant, id),
            None => Ok(Pending { number: None, entity: None }),
        }
    }

    /// May the tenant have one entity more?
    pub(super) fn check_quota(&self, tenant: NameId, owner: &Tenant) -> Result<(), CommitError> {
        let limits = self.shared.entities_max.read().unwrap_or_else(PoisonError::into_inner);
        let Some(&max) = limits.get(owner) else { return Ok(()) };
        let counts = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        let here = self.entities.get(&tenant).copied().unwrap_or_default();
        let entities = counts.entities(tenant).saturating_add_signed(here);
        if max <= entities {
            return Err(CommitError::OverQuota { entities, max });
        }
        Ok(())
    }

    pub(super) fn check_limits(
        &self,
        before: Option<&Entity>,
        after: Option<&Entity>,
    ) -> Result<(), Refused> {
        let count = |entity: Option<&Entity>| entity.map_or(0, |entity| entity.attributes.len());
        let (old, new) = (count(before), count(after));
        let limit = self.shared.settings.attributes_max;
        if new > limit && new > old {
            return Err(Refused::TooManyAttributes(new, limit));
        }
        Ok(())
    }

    /// Removes what has expired of one entity; tells whether there was anything.
    fn expire(
        &mut self,
        tenant: NameId,
        id: &EntityId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Pending { number, entity: Some(before) } = self.current(tenant, id)? else {
            return Ok(false);
        };
        let expired = before.attributes.next_expiry().is_some_and(|expiry| expiry <= now);
        if !before.is_expired(now) && !expired {
            return Ok(false);
        }
        let Some(owner) = tenants::tenant_of(&self.shared.names, tenant) else { return Ok(false) };
        let now = now.following(Some(before.modified_at));
        let alive = before.clone().alive(now);
        let after = alive.map(|entity| Arc::new(Entity { modified_at: now, ..(*entity).clone() }));
        let event = Event::between(owner, id.clone(), now, Some(&before), after);
        self.record(tenant, number, event)?;
        Ok(true)
    }

    fn intern_tenant(&self, tenant: &Tenant) -> Result<NameId, StoreError> {
        tenants::intern_tenant(&self.shared.names, &self.shared.encryption, tenant)
    }

    pub(super) fn intern_known(&self, tenant: &Tenant) -> Result<NameId, StoreError> {
        tenants::intern_known(&self.shared.names, &self.shared.encryption, tenant)
    }

    fn next_number(&mut self, tenant: NameId) -> Result<EntityNumber, StoreError> {
        if self.next_entity > ENTITIES_MADE_MAX {
            return Err(std::io::Error::other("the store has no numbers for new entities").into());
        }
        self.next_entity += 1;
        Ok(EntityNumber::new(tenant, self.next_entity - 1))
    }

    /// Takes an event into the group: its record, its writes, its state for what follows.
    pub(super) fn record(
        &mut self,
        tenant: NameId,
        number: Option<EntityNumber>,
        event: Event,
    ) -> Result<(EntityNumber, Arc<Event>), StoreError> {
        let past = number.map(|number| self.past_of(tenant, number, &event)).transpose()?;
        let number = number.map_or_else(|| self.next_number(tenant), Ok)?;
        let names = &mut self.names;
        let mut encoded = |entity: &Arc<Entity>| {
            let mut record = RecordWriter::with_capacity(1024);
            codec::encode(entity, &mut record, names);
            record
        };
        let before = event.before.as_ref().map(&mut encoded);
        let after = event.after.as_ref().map(&mut encoded);
        let changed = event.changed.iter().map(|name| self.names.name(name)).collect();
        let record = EventRecord {
            tenant,
            entity: number.0,
            at: event.at,
            id: event.id.as_str(),
            before: before.as_ref().map(RecordWriter::as_str),
            after: after.as_ref().map(RecordWriter::as_str),
            changed,
        };
        put_event(&mut self.records, &record);
        let next_expiry = event.after.as_ref().and_then(|entity| entity.next_expiry());
        let stored = after.as_ref().map(|entity| Stored::new(tenant, next_expiry, entity.as_str()));
        let kept = stored.as_ref();
        let record = after.as_ref().map(RecordWriter::as_str);
        let levels =
            write_event(&event, tenant, number, record, kept, &mut self.names, &mut self.writes);
        if let Some(past) = past.flatten() {
            self.keep_past(tenant, number, past);
        }
        match (&event.before, &event.after) {
            (None, Some(_)) => *self.entities.entry(tenant).or_default() += 1,
            (Some(_), None) => *self.entities.entry(tenant).or_default() -= 1,
            _ => {}
        }
        let event = Arc::new(event);
        let state = Pending { number: Some(number), entity: event.after.clone() };
        self.pending.insert((tenant, event.id.clone()), state);
        self.events.push(Published { event: event.clone(), tenant, number, stored, levels });
        Ok((number, event))
    }
}

fn creates(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Create(_) | Operation::CreateOrReplace(_) | Operation::CreateOrAppend(_)
    )
}
