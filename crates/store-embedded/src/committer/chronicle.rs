//! Changes of evolutions within a group commit.

use std::sync::Arc;

use model::{
    Event, HistoryChange, HistoryOperation, InstanceId, Instances, Moment, Name, Reading, Readings,
    Refused, Timestamp, Uri,
};
use policy::Permitted;
use query::evolution_as_entity;
use store::{Chronicled, CommitError, StoreError};

use super::group::{Group, Pending};
use crate::history::{Axis, Cleared, Entries, Header, SeriesKey, Span, Weave};
use crate::journal::{HeaderWrite, HistoryRecord, put_history};
use crate::keys::EntityNumber;
use crate::names::{NameId, Numbering};
use crate::tables::Table;

/// What goes from an entity and stays in its evolution.
#[derive(Debug)]
pub(super) struct Past {
    id: Uri,
    header: Option<Header>,
    types: Vec<NameId>,
    attributes: Vec<NameId>,
}

/// The entity whose evolution is to change.
struct Subject {
    tenant: NameId,
    id: Uri,
    number: Option<EntityNumber>,
    /// As it is kept, expired or not.
    entity: Option<Arc<model::Entity>>,
    /// As readers see it.
    visible: Option<Arc<model::Entity>>,
    header: Option<Header>,
}

/// By what a change of an evolution is judged: the entity as it is now, or what is left of one that
/// is gone.
fn judged_by(
    visible: Option<&Arc<model::Entity>>,
    header: Option<&Header>,
    expired: Option<&model::Entity>,
) -> Option<policy::Subject> {
    if let Some(visible) = visible {
        return Some(policy::Subject::Now(visible.clone()));
    }
    let header = Header::seen(header.filter(|header| !header.forgotten).cloned(), expired)?;
    Some(policy::Subject::Gone(Box::new(evolution_as_entity(&header, &[]))))
}

impl Group<'_> {
    pub(super) fn chronicle(
        &mut self,
        permitted: Permitted<HistoryChange>,
        now: Timestamp,
    ) -> Result<Chronicled, CommitError> {
        self.check_size()?;
        let request = permitted.request();
        let tenant = self.shared.known_tenant(&request.tenant);
        match (tenant, &request.operation) {
            (None, HistoryOperation::Upsert(readings)) if readings.types.is_empty() => {
                return Err(Refused::NoTypes(request.id.clone()).into());
            }
            (Some(_), _) | (None, HistoryOperation::Upsert(_)) => {}
            (None, _) => return Err(Refused::Unknown(request.id.clone()).into()),
        }
        let Pending { number, entity } = self.current_of(tenant, &request.id)?;
        let now = now.following(self.last_change(number, entity.as_deref())?);
        let visible = entity.clone().and_then(|entity| entity.alive(now));
        let header = number.map(|number| self.header(number)).transpose()?.flatten();
        let judged = judged_by(visible.as_ref(), header.as_ref(), entity.as_deref());
        let HistoryChange { id, operation, tenant: owner } = permitted.on(judged.as_ref(), now)?;
        // What is refused creates no tenant.
        let tenant = tenant.map_or_else(|| self.intern_known(&owner), Ok)?;
        let subject = Subject { tenant, id, number, entity, visible, header };
        let known = self.has_evolution(&subject)?;
        let may_begin = match &operation {
            HistoryOperation::Upsert(_) => true,
            HistoryOperation::Add(_) => subject.visible.is_some(),
            _ => false,
        };
        if !known && !may_begin {
            return Err(Refused::Unknown(subject.id).into());
        }
        match operation {
            HistoryOperation::Upsert(readings) | HistoryOperation::Add(readings) => {
                let event = self.add(&owner, subject, known, readings, now)?;
                return Ok(Chronicled { created: !known, event });
            }
            HistoryOperation::DeleteAttribute { name, instances } => {
                self.delete_attribute(&subject, &name, instances)?;
            }
            HistoryOperation::ModifyInstance { name, instance_id, reading } => {
                self.modify(&subject, &name, &instance_id, *reading, now)?;
            }
            HistoryOperation::DeleteInstance { name, instance_id } => {
                let (series, row, _) = self.find(&subject, &name, &instance_id)?;
                let mut entries = Entries::default();
                let dataset = series.dataset();
                entries.removed(series.attribute(), dataset.as_ref(), series.axis(), row);
                self.put_entries(&subject, &entries)?;
            }
            HistoryOperation::Delete => self.forget(&subject)?,
        }
        Ok(Chronicled { created: false, event: None })
    }

    pub(super) fn header(&self, number: EntityNumber) -> Result<Option<Header>, StoreError> {
        match self.headers.get(&number) {
            Some(header) => Ok(header.clone()),
            None => self.shared.header(number),
        }
    }

    /// The history of an entity, with what the group has added to it.
    fn weave(
        &self,
        number: EntityNumber,
        attribute: Option<&Name>,
    ) -> Result<Weave<'_>, StoreError> {
        let pending = self.writes.history(number);
        Weave::load(self.shared, number, attribute.map(std::slice::from_ref), Span::ALL, pending)
    }

    fn has_evolution(&self, subject: &Subject) -> Result<bool, StoreError> {
        match (&subject.header, subject.number) {
            (Some(header), Some(number)) if header.forgotten => {
                Ok(!self.weave(number, None)?.series()?.is_empty())
            }
            (Some(_), _) => Ok(true),
            (None, _) => Ok(subject.entity.is_some()),
        }
    }

    /// Adds readings, and makes the entity what the newest of them say of it.
    fn add(
        &mut self,
        owner: &model::Tenant,
        subject: Subject,
        known: bool,
        mut readings: Readings,
        now: Timestamp,
    ) -> Result<Option<Arc<Event>>, CommitError> {
        let undated = readings.attributes.iter().filter(|(_, all)| Readings::has_undated(all));
        let names: Vec<Name> = undated.map(|(name, _)| name.clone()).collect();
        let now = now.following(self.last_recorded(subject.number, &names)?);
        let now = readings.stamp(now);
        let before = subject.visible.as_deref();
        let after = match before {
            Some(before) => readings.renewed(before, now),
            None if known => None,
            None => {
                let entity = readings.entity(&subject.id, now);
                Some(entity.ok_or_else(|| Refused::NoTypes(subject.id.clone()))?)
            }
        };
        self.check_limits(before, after.as_ref())?;
        if subject.entity.is_none() && after.is_some() {
            self.check_quota(subject.tenant, owner)?;
        }
        let mut number = subject.number;
        let mut event = None;
        if let Some(after) = after {
            let kept = subject.entity.as_deref();
            let change =
                Event::between(owner.clone(), subject.id.clone(), now, kept, Some(Arc::new(after)));
            let (given, recorded) = self.record(subject.tenant, number, change)?;
            (number, event) = (Some(given), Some(recorded));
        }
        let Some(number) = number else { return Ok(event) };
        let entity = event.as_ref().and_then(|event| event.after.clone()).or(subject.entity);
        let header =
            self.header_after(self.header(number)?, entity.as_deref(), subject.tenant, &readings);
        let has = |name: &Name| match &entity {
            Some(entity) => entity.attributes.get(name).is_some(),
            None => false,
        };
        let past = readings.attributes.iter().map(|(name, _)| name).filter(|name| !has(name));
        let attributes = past.map(|name| self.names.name(name)).collect();
        let types = match &header {
            Some(header) => header.types.iter().map(|name| self.names.name(name)).collect(),
            None => Vec::new(),
        };
        let mut entries = Entries::default();
        entries.readings(&readings, &mut self.names);
        let past = Past { id: subject.id, header, types, attributes };
        self.put_history(subject.tenant, number, entries.as_str(), past);
        Ok(event)
    }

    /// When something was last recorded of these attributes that tells no moment of its own: what is
    /// recorded next comes after it.
    fn last_recorded(
        &self,
        number: Option<EntityNumber>,
        names: &[Name],
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some(number) = number.filter(|_| !names.is_empty()) else { return Ok(None) };
        let pending = self.writes.history(number);
        Weave::load(self.shared, number, Some(names), Span::ALL, pending)?.last_recorded()
    }

    /// What has to be kept of an evolution now that it has these types too.
    fn header_after(
        &self,
        header: Option<Header>,
        entity: Option<&model::Entity>,
        tenant: NameId,
        readings: &Readings,
    ) -> Option<Header> {
        let mut new = match (header, entity) {
            (Some(header), _) => header,
            (None, Some(entity)) => Header::of(entity, tenant),
            (None, None) => return None,
        };
        let was_forgotten = std::mem::take(&mut new.forgotten);
        if was_forgotten && let Some(entity) = entity {
            new.add_types(&entity.types);
        }
        (new.add_types(&readings.types) || was_forgotten).then_some(new)
    }

    fn delete_attribute(
        &mut self,
        subject: &Subject,
        name: &Name,
        instances: Instances,
    ) -> Result<(), CommitError> {
        let all = self.series(subject, name)?;
        if all.is_empty() {
            return Err(Refused::NoAttribute(name.clone()).into());
        }
        let id = self.names.name(name);
        let cleared = match instances {
            Instances::All => Cleared::Attribute(id),
            Instances::One(dataset) => {
                if !all.iter().any(|series| series.dataset() == dataset) {
                    let refused = match dataset {
                        Some(dataset) => Refused::NoInstance(name.clone(), dataset),
                        None => Refused::NoDefaultInstance(name.clone()),
                    };
                    return Err(refused.into());
                }
                Cleared::Dataset(id, dataset)
            }
        };
        let mut entries = Entries::default();
        entries.cleared(&cleared);
        Ok(self.put_entries(subject, &entries)?)
    }

    fn series(&self, subject: &Subject, name: &Name) -> Result<Vec<SeriesKey>, StoreError> {
        let Some(number) = subject.number else { return Ok(Vec::new()) };
        self.weave(number, Some(name))?.series()
    }

    /// The reading with an `instanceId`: its series, its moment, and itself.
    fn find(
        &self,
        subject: &Subject,
        name: &Name,
        instance_id: &Uri,
    ) -> Result<(SeriesKey, i64, Reading), CommitError> {
        let all = self.series(subject, name)?;
        if all.is_empty() {
            return Err(Refused::NoAttribute(name.clone()).into());
        }
        let none = || Refused::NoReading(name.clone(), instance_id.clone());
        let id = InstanceId::parse(instance_id).ok_or_else(none)?;
        let (axis, at) = match id.moment {
            Moment::Observed(at) => (Axis::Observed, at.0),
            Moment::Recorded(at) => (Axis::Recorded, at.0),
        };
        let is_it = |series: &&SeriesKey| {
            series.axis() == axis && id.is_of(&subject.id, name, series.dataset().as_ref())
        };
        let series = all.iter().find(is_it).ok_or_else(none)?;
        let number = subject.number.ok_or_else(none)?;
        let span = Span { from: at, until: at.saturating_add(1) };
        let reading = self.weave(number, Some(name))?.readings(series, span)?.pop();
        Ok((series.clone(), at, reading.ok_or_else(none)?))
    }

    /// 5.6.14: everything is replaced but the moment of creation; a reading that gives no moment
    /// and no dataset of its own keeps those it had.
    fn modify(
        &mut self,
        subject: &Subject,
        name: &Name,
        instance_id: &Uri,
        mut reading: Reading,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let (series, at, old) = self.find(subject, name, instance_id)?;
        match &mut reading {
            Reading::Said(instance) => {
                instance.dataset_id = instance.dataset_id.take().or_else(|| series.dataset());
                instance.observed_at = instance.observed_at.or(old.observed_at());
            }
            Reading::Deleted(deletion) => {
                deletion.dataset_id = deletion.dataset_id.take().or_else(|| series.dataset());
                deletion.observed_at = deletion.observed_at.or(old.observed_at());
            }
        }
        let now = match reading.observed_at() {
            Some(_) => now,
            None => {
                let name = std::slice::from_ref(name);
                now.following(self.last_recorded(subject.number, name)?)
            }
        };
        reading.stamp(old.created_at(), now);
        let mut entries = Entries::default();
        if reading.moment() != old.moment() || reading.dataset_id() != old.dataset_id() {
            let dataset = series.dataset();
            entries.removed(series.attribute(), dataset.as_ref(), series.axis(), at);
        }
        entries.reading(name, &reading, &mut self.names);
        Ok(self.put_entries(subject, &entries)?)
    }

    /// Removes an evolution with all that is kept of it.
    fn forget(&mut self, subject: &Subject) -> Result<(), CommitError> {
        let Some(number) = subject.number else { return Ok(()) };
        let mut entries = Entries::default();
        entries.cleared(&Cleared::All);
        let past = match &subject.entity {
            Some(entity) => {
                let header = Header {
                    types: Vec::new(),
                    forgotten: true,
                    ..Header::of(entity, subject.tenant)
                };
                let (types, attributes) = (Vec::new(), Vec::new());
                Past { id: subject.id.clone(), header: Some(header), types, attributes }
            }
            None => {
                let types = subject.header.iter().flat_map(|header| &header.types);
                let types = types.map(|name| self.names.name(name)).collect();
                let series = self.weave(number, None)?.series()?;
                let mut attributes: Vec<NameId> = series.iter().map(|s| s.attribute()).collect();
                attributes.dedup();
                Past { id: subject.id.clone(), header: None, types, attributes }
            }
        };
        let remove = past.header.is_none();
        self.put_history_with(subject.tenant, number, entries.as_str(), past, remove);
        Ok(())
    }

    fn put_entries(&mut self, subject: &Subject, entries: &Entries) -> Result<(), StoreError> {
        let Some(number) = subject.number else { return Ok(()) };
        let (types, attributes) = (Vec::new(), Vec::new());
        let past = Past { id: subject.id.clone(), header: None, types, attributes };
        self.put_history(subject.tenant, number, entries.as_str(), past);
        Ok(())
    }

    /// What an event takes from an entity, and its evolution keeps.
    pub(super) fn past_of(
        &mut self,
        tenant: NameId,
        number: EntityNumber,
        event: &Event,
    ) -> Result<Option<Past>, StoreError> {
        let after = event.after.as_deref();
        let Some(before) = &event.before else { return self.begun_anew(tenant, number, event) };
        let has_type = |name: &&Name| after.is_none_or(|after| !after.types.contains(name));
        let gone_types: Vec<&Name> = before.types.iter().filter(has_type).collect();
        let is_gone = |name: &&Name| {
            before.attributes.get(name).is_some()
                && after.is_none_or(|after| after.attributes.get(name).is_none())
        };
        let gone: Vec<&Name> = event.changed.iter().filter(is_gone).collect();
        // One that had expired, and was created anew before it was swept.
        let anew = after.is_some_and(|after| after.created_at != before.created_at);
        if gone_types.is_empty() && gone.is_empty() && !anew {
            return Ok(None);
        }
        let mut header = None;
        if !gone_types.is_empty() || anew {
            let mut kept = self.header(number)?.unwrap_or_else(|| Header::of(before, tenant));
            kept.add_types(&before.types);
            kept.modified_at = event.at;
            if after.is_none() {
                kept.deleted_at = Some(event.at);
                kept.forgotten = kept.forgotten && event.readings().is_empty();
            }
            header = Some(kept);
        }
        Ok(Some(Past {
            id: event.id.clone(),
            header,
            types: gone_types.into_iter().map(|name| self.names.name(name)).collect(),
            attributes: gone.into_iter().map(|name| self.names.name(name)).collect(),
        }))
    }

    /// An entity that comes back whose evolution was deleted has one again, whatever it says.
    fn begun_anew(
        &self,
        tenant: NameId,
        number: EntityNumber,
        event: &Event,
    ) -> Result<Option<Past>, StoreError> {
        let header = self.header(number)?.filter(|header| header.forgotten);
        let (Some(_), Some(after)) = (header, &event.after) else { return Ok(None) };
        let header = Some(Header::of(after, tenant));
        let (types, attributes) = (Vec::new(), Vec::new());
        Ok(Some(Past { id: event.id.clone(), header, types, attributes }))
    }

    pub(super) fn keep_past(&mut self, tenant: NameId, number: EntityNumber, past: Past) {
        self.put_history(tenant, number, "", past);
    }

    fn put_history(&mut self, tenant: NameId, number: EntityNumber, entries: &str, past: Past) {
        self.put_history_with(tenant, number, entries, past, false);
    }

    fn put_history_with(
        &mut self,
        tenant: NameId,
        number: EntityNumber,
        entries: &str,
        past: Past,
        remove: bool,
    ) {
        let encoded = past.header.as_ref().map(|header| header.encode(&mut self.names));
        let header = match &encoded {
            Some(header) => HeaderWrite::Put(header),
            None if remove => HeaderWrite::Remove,
            None => HeaderWrite::Keep,
        };
        let record = HistoryRecord {
            tenant,
            entity: number.0,
            id: past.id.as_str(),
            entries,
            header,
            types: past.types,
            attributes: past.attributes,
        };
        put_history(&mut self.records, &record);
        crate::history::write_history(&record, &mut self.writes);
        if past.header.is_some() || remove {
            self.headers.insert(number, past.header);
        }
    }
}

impl crate::shared::Shared {
    /// What is kept of an evolution beside its readings.
    pub fn header(&self, number: EntityNumber) -> Result<Option<Header>, StoreError> {
        let key = number.0.to_be_bytes();
        let value = self.tables.get(Table::Evolutions, &key).map_err(crate::shared::unreadable)?;
        value.map(|value| Header::decode(&value, &self.names)).transpose()
    }
}
