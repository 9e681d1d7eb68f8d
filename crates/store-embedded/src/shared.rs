//! What the committer and the readers of a store have in common.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::{Entity, EntityId, Event, Tenant, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};
use store::{Position, StoreError};
use tokio::sync::watch;

use crate::codec::{self, Wanted};
use crate::counts::Counts;
use crate::encryption::{Encryption, domain_of_tenant};
use crate::history::Entries;
use crate::index::{self, CellLevels};
use crate::journal::{JournalReader, Place};
use crate::keys::{EVERY_TENANT, EntityNumber, Key, Space, number_of};
use crate::names::{NameId, Names, Numbering};
use crate::record::{BadRecord, RecordReader, RecordWriter};
use crate::settings::EmbeddedSettings;
use crate::tables::{Table, Tables, Writes};
use crate::tenants;

#[derive(Debug)]
pub struct Shared {
    pub settings: EmbeddedSettings,
    pub encryption: Encryption,
    pub names: Names,
    pub tables: Tables,
    pub counts: RwLock<Counts>,
    /// How many entities tenants may have, where that has an end.
    pub entities_max: RwLock<HashMap<Tenant, u64>>,
    pub reader: JournalReader,
    /// Where the journal ends, and the position of its last event.
    end: Mutex<(Place, Position)>,
    /// Tells those who follow the journal.
    pub ended: watch::Sender<Position>,
    entities: Cache<EntityNumber, Stored, StoredWeighter>,
    numbers: Cache<(NameId, EntityId), EntityNumber, NumberWeighter>,
    /// Held while history is merged.
    pub merging: Mutex<()>,
    /// The store is being closed: what fails now is not tried again.
    pub stopping: AtomicBool,
}

/// An entity as it is kept: its record, read when something of it is asked.
///
/// A record is much smaller than the entity in memory, and lies together: a query steps over
/// what does not match without reading more than its filter asks about. Before the entity stand
/// its tenant, and when something of it expires.
#[derive(Clone, Debug)]
pub struct Stored(Arc<str>);

const NEVER: Timestamp = Timestamp(i64::MAX);

impl Stored {
    /// The record of an entity that [`codec::encode`] has written.
    pub fn new(tenant: NameId, next_expiry: Option<Timestamp>, entity: &str) -> Stored {
        let mut record = RecordWriter::with_capacity(entity.len() + 16);
        record.number(tenant.0.into());
        record.signed(next_expiry.unwrap_or(NEVER).0);
        record.record(entity);
        Stored(record.finish())
    }

    /// As the table of entities has it.
    pub fn from_table(value: &[u8]) -> Result<Stored, StoreError> {
        match std::str::from_utf8(value) {
            Ok(record) => Ok(Stored(record.into())),
            Err(error) => Err(damaged(&error)),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn header(&self) -> Result<Header, StoreError> {
        let mut reader = RecordReader::new(&self.0, 0);
        let mut header = || {
            let tenant = u32::try_from(reader.number()?);
            let tenant = tenant.map(NameId).map_err(|_| reader.bad("there is no such tenant"))?;
            let next_expiry = Timestamp(reader.signed()?);
            Ok::<_, BadRecord>(Header { tenant, next_expiry, bytes: reader.at() })
        };
        header().map_err(|error| damaged(&error))
    }

    pub fn tenant(&self) -> Result<NameId, StoreError> {
        Ok(self.header()?.tenant)
    }

    /// The whole entity, expired or not.
    pub fn read(&self, names: &Names) -> Result<Entity, StoreError> {
        self.entity(&self.header()?, names, &Wanted::All)
    }

    /// The entity with some of its attributes, expired or not.
    pub fn part(&self, names: &Names, wanted: &Wanted) -> Result<Entity, StoreError> {
        self.entity(&self.header()?, names, wanted)
    }

    /// The entity as readers see it at a moment.
    pub fn alive(&self, now: Timestamp, names: &Names) -> Result<Option<Arc<Entity>>, StoreError> {
        let header = self.header()?;
        let entity = Arc::new(self.entity(&header, names, &Wanted::All)?);
        Ok(if header.next_expiry <= now { entity.alive(now) } else { Some(entity) })
    }

    /// The same of a tenant's entity, but not all of its attributes where few are wanted.
    pub fn glimpse(
        &self,
        tenant: NameId,
        now: Timestamp,
        names: &Names,
        wanted: &Wanted,
    ) -> Result<Option<Entity>, StoreError> {
        let header = self.header()?;
        if header.tenant != tenant {
            return Ok(None);
        }
        if header.next_expiry <= now {
            return Ok(self.alive(now, names)?.map(Arc::unwrap_or_clone));
        }
        self.entity(&header, names, wanted).map(Some)
    }

    fn entity(
        &self,
        header: &Header,
        names: &Names,
        wanted: &Wanted,
    ) -> Result<Entity, StoreError> {
        let entity = codec::decode_wanted(&self.0, header.bytes, names, wanted);
        entity.map_err(|error| damaged(&error))
    }
}

/// What stands before the entity.
struct Header {
    tenant: NameId,
    /// The first moment at which something of it expires: until then nobody need look.
    next_expiry: Timestamp,
    /// Its own length.
    bytes: usize,
}

fn damaged(error: &dyn std::error::Error) -> StoreError {
    let place = "the record of an entity".to_owned();
    StoreError::Damaged { place, problem: error.to_string() }
}

#[derive(Clone, Debug)]
struct StoredWeighter;

/// About what an entry of the cache of entities takes beside its bytes.
const ENTITY_CACHE_ENTRY_BYTES: u64 = 100;

impl Weighter<EntityNumber, Stored> for StoredWeighter {
    fn weight(&self, _: &EntityNumber, stored: &Stored) -> u64 {
        ENTITY_CACHE_ENTRY_BYTES + stored.0.len() as u64
    }
}

#[derive(Clone, Debug)]
struct NumberWeighter;

/// About what an entry of the cache of numbers takes beside the id.
const NUMBER_CACHE_ENTRY_BYTES: u64 = 150;

impl Weighter<(NameId, EntityId), EntityNumber> for NumberWeighter {
    fn weight(&self, (_, id): &(NameId, EntityId), _: &EntityNumber) -> u64 {
        NUMBER_CACHE_ENTRY_BYTES + id.as_str().len() as u64
    }
}

impl Shared {
    pub fn new(
        settings: EmbeddedSettings,
        encryption: Encryption,
        names: Names,
        tables: Tables,
        reader: JournalReader,
    ) -> Shared {
        let bytes = settings.entity_cache_bytes();
        let entities = Cache::with_weighter((bytes / 1_000) as usize, bytes, StoredWeighter);
        let bytes = bytes / 4;
        let numbers = Cache::with_weighter((bytes / 200) as usize, bytes, NumberWeighter);
        Shared {
            settings,
            encryption,
            names,
            tables,
            counts: RwLock::default(),
            entities_max: RwLock::default(),
            reader,
            end: Mutex::default(),
            ended: watch::Sender::default(),
            entities,
            numbers,
            merging: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    pub fn end(&self) -> (Place, Position) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_end(&self, place: Place, position: Position) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = (place, position);
        // A commit of documents alone moves the place, and concerns no follower.
        self.ended.send_if_modified(|known| std::mem::replace(known, position) != position);
    }

    pub fn tenant(&self, tenant: &Tenant) -> Option<NameId> {
        tenants::tenant_id(&self.names, &self.encryption, tenant)
    }

    pub fn known_tenant(&self, tenant: &Tenant) -> Option<NameId> {
        tenants::known_tenant(&self.names, &self.encryption, tenant)
    }

    /// The number of an entity, expired or not.
    pub fn number(
        &self,
        tenant: NameId,
        id: &EntityId,
    ) -> Result<Option<EntityNumber>, StoreError> {
        match self.numbers.get_value_or_guard(&(tenant, id.detached()), None) {
            GuardResult::Value(number) => Ok(Some(number)),
            // The guard is taken before the table is read: should a commit come between, its
            // value stays, and this one is not kept.
            GuardResult::Guard(guard) => {
                let number = self.number_in_table(tenant, id)?;
                if let Some(number) = number {
                    let _ = guard.insert(number);
                }
                Ok(number)
            }
            GuardResult::Timeout => self.number_in_table(tenant, id),
        }
    }

    fn number_in_table(
        &self,
        tenant: NameId,
        id: &EntityId,
    ) -> Result<Option<EntityNumber>, StoreError> {
        let value = self.tables.get(Table::Ids, &id_key(tenant, id)).map_err(unreadable)?;
        Ok(value.map(|value| number_from(&value)))
    }

    /// The entity of a number, expired or not.
    pub fn stored(&self, number: EntityNumber) -> Result<Option<Stored>, StoreError> {
        match self.entities.get_value_or_guard(&number, None) {
            GuardResult::Value(stored) => Ok(Some(stored)),
            GuardResult::Guard(guard) => {
                let found = self.stored_in_table(number)?;
                if let Some(stored) = &found {
                    let _ = guard.insert(stored.clone());
                }
                Ok(found)
            }
            GuardResult::Timeout => self.stored_in_table(number),
        }
    }

    fn stored_in_table(&self, number: EntityNumber) -> Result<Option<Stored>, StoreError> {
        let key = number.0.to_be_bytes();
        let value = self.tables.get(Table::Entities, &key).map_err(unreadable)?;
        value.map(|value| Stored::from_table(&value)).transpose()
    }

    /// Forgets a tenant whose key was destroyed: what is in memory of it, and what the system keeps
    /// of it.
    pub fn forget(&self, tenant: NameId) -> Result<(), StoreError> {
        let domain = domain_of_tenant(tenant);
        let mut writes = Writes::default();
        let expiries = Key::new(Space::Expiry, EVERY_TENANT).into_bytes();
        for entry in self.tables.scan_prefix(Table::Index, &expiries) {
            let (key, _) = entry.map_err(unreadable)?;
            if number_of(&key).domain() == domain {
                writes.remove(Table::Index, key);
            }
        }
        self.tables.publish(writes);
        self.tables.forget(domain);
        self.counts.write().unwrap_or_else(PoisonError::into_inner).forget(tenant);
        self.entities.clear();
        self.numbers.clear();
        Ok(())
    }

    /// Lets readers see what a commit wrote. The tables come first: see [`Shared::number`].
    pub fn publish(&self, writes: Writes, events: Vec<Published>, names: &mut dyn Numbering) {
        self.tables.publish(writes);
        let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        for Published { event, tenant, number, stored, levels } in events {
            counts.count(&event, tenant, names);
            levels.iter().for_each(|levels| counts.note_levels(tenant, levels));
            match stored {
                Some(stored) => {
                    // A reader may be about to put in what it has read before. Where the new value
                    // is too large to be kept, only removing tells the reader not to.
                    self.entities.remove(&number);
                    self.entities.insert(number, stored);
                    self.numbers.insert((tenant, event.id.detached()), number);
                }
                None => {
                    self.entities.remove(&number);
                }
            }
        }
    }
}

/// An event on its way to the readers.
#[derive(Debug)]
pub struct Published {
    pub event: Arc<Event>,
    pub tenant: NameId,
    pub number: EntityNumber,
    /// What is kept of the entity from now on.
    pub stored: Option<Stored>,
    pub levels: Vec<CellLevels>,
}

/// Everything that an event writes to the tables; `record` is that of the entity as it is now.
/// Tells at which levels it added cells.
pub fn write_event(
    event: &Event,
    tenant: NameId,
    number: EntityNumber,
    record: Option<&str>,
    entity: Option<&Stored>,
    names: &mut dyn Numbering,
    writes: &mut Writes,
) -> Vec<CellLevels> {
    let key = number.0.to_be_bytes().to_vec();
    match entity {
        Some(stored) => {
            writes.put(Table::Entities, key, stored.as_bytes());
            if event.before.is_none() {
                writes.put(Table::Ids, id_key(tenant, &event.id), number.0.to_be_bytes());
            }
        }
        // The number stays with the id, for the history of the entity stays.
        None => writes.remove(Table::Entities, key),
    }
    let mut entries = Entries::default();
    entries.event(event, record, names);
    writes.add_history(number, entries.as_str());
    index::write_changes(event, tenant, number, names, writes)
}

pub fn id_key(tenant: NameId, id: &EntityId) -> Vec<u8> {
    [&tenant.0.to_be_bytes(), id.as_str().as_bytes()].concat()
}

/// The kind ends with a zero, which it cannot hold.
pub fn document_key(tenant: NameId, kind: &str, name: &str) -> Vec<u8> {
    [&tenant.0.to_be_bytes()[..], kind.as_bytes(), b"\0", name.as_bytes()].concat()
}

pub fn number_from(value: &[u8]) -> EntityNumber {
    EntityNumber(value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// What an error of the tables means to a caller.
pub fn unreadable(error: sorted::Error) -> StoreError {
    match error {
        sorted::Error::Damaged(damage) => {
            let place = format!("table `{}`", damage.table);
            StoreError::Damaged { place, problem: damage.to_string() }
        }
        error => StoreError::Unavailable(Arc::new(std::io::Error::other(error))),
    }
}
