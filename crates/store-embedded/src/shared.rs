//! What the committer and the readers of a store have in common.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::{Entity, EntityId, Event, Name, Tenant, Timestamp};
use quick_cache::Weighter;
use quick_cache::sync::{Cache, GuardResult};
use store::{Position, StoreError};

use crate::codec;
use crate::counts::Counts;
use crate::index;
use crate::journal::{JournalReader, Place};
use crate::keys::EntityNumber;
use crate::names::{NameId, Names};
use crate::settings::EmbeddedSettings;
use crate::tables::{Table, Tables, Writes};
use crate::tenants;

#[derive(Debug)]
pub struct Shared {
    pub settings: EmbeddedSettings,
    pub names: Names,
    pub tables: Tables,
    pub counts: RwLock<Counts>,
    pub reader: JournalReader,
    /// Where the journal ends, and the position of its last event.
    end: Mutex<(Place, Position)>,
    entities: Cache<EntityNumber, CachedEntity, EntityWeighter>,
    numbers: Cache<(NameId, EntityId), EntityNumber>,
    /// The store is being closed: what fails now is not tried again.
    pub stopping: AtomicBool,
}

#[derive(Clone, Debug)]
struct CachedEntity {
    stored: Arc<Stored>,
    bytes: usize,
}

/// An entity as it is kept.
#[derive(Debug)]
pub struct Stored {
    pub tenant: NameId,
    pub entity: Arc<Entity>,
    /// The first moment at which something of it expires: until then nobody need look.
    next_expiry: Option<Timestamp>,
}

impl Stored {
    fn new(tenant: NameId, entity: Arc<Entity>) -> Stored {
        Stored { tenant, next_expiry: entity.next_expiry(), entity }
    }

    /// The entity as readers see it at a moment.
    pub fn alive(&self, now: Timestamp) -> Option<Arc<Entity>> {
        match self.next_expiry {
            Some(expiry) if expiry <= now => self.entity.clone().alive(now),
            _ => Some(self.entity.clone()),
        }
    }
}

#[derive(Clone, Debug)]
struct EntityWeighter;

impl Weighter<EntityNumber, CachedEntity> for EntityWeighter {
    /// About what an entity takes in memory: its parts are several times their bytes on disk.
    fn weight(&self, _: &EntityNumber, cached: &CachedEntity) -> u64 {
        500 + 6 * cached.bytes as u64
    }
}

/// About what one entry of the cache of numbers takes.
const NUMBER_CACHE_ENTRY_BYTES: u64 = 200;

impl Shared {
    pub fn new(
        settings: EmbeddedSettings,
        names: Names,
        tables: Tables,
        reader: JournalReader,
    ) -> Shared {
        let bytes = settings.entity_cache_bytes();
        let entities = Cache::with_weighter((bytes / 4_000) as usize, bytes, EntityWeighter);
        let numbers = Cache::new((bytes / 4 / NUMBER_CACHE_ENTRY_BYTES) as usize);
        Shared {
            settings,
            names,
            tables,
            counts: RwLock::default(),
            reader,
            end: Mutex::default(),
            entities,
            numbers,
            stopping: AtomicBool::new(false),
        }
    }

    pub fn end(&self) -> (Place, Position) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_end(&self, place: Place, position: Position) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = (place, position);
    }

    pub fn intern(&self, name: &Name) -> NameId {
        self.names.intern(name)
    }

    pub fn tenant(&self, tenant: &Tenant) -> Option<NameId> {
        tenants::tenant_id(&self.names, tenant)
    }

    /// The number of an entity, expired or not.
    pub fn number(
        &self,
        tenant: NameId,
        id: &EntityId,
    ) -> Result<Option<EntityNumber>, StoreError> {
        match self.numbers.get_value_or_guard(&(tenant, id.clone()), None) {
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
    pub fn stored(&self, number: EntityNumber) -> Result<Option<Arc<Stored>>, StoreError> {
        match self.entities.get_value_or_guard(&number, None) {
            GuardResult::Value(cached) => Ok(Some(cached.stored)),
            GuardResult::Guard(guard) => {
                let found = self.stored_in_table(number)?;
                if let Some(cached) = &found {
                    let _ = guard.insert(cached.clone());
                }
                Ok(found.map(|cached| cached.stored))
            }
            GuardResult::Timeout => Ok(self.stored_in_table(number)?.map(|cached| cached.stored)),
        }
    }

    fn stored_in_table(&self, number: EntityNumber) -> Result<Option<CachedEntity>, StoreError> {
        let key = number.0.to_be_bytes();
        let Some(value) = self.tables.get(Table::Entities, &key).map_err(unreadable)? else {
            return Ok(None);
        };
        let (tenant, entity) = read_entity(&value, &self.names).map_err(|problem| {
            StoreError::Damaged { place: format!("entity number {}", number.0), problem }
        })?;
        let stored = Arc::new(Stored::new(tenant, Arc::new(entity)));
        Ok(Some(CachedEntity { stored, bytes: value.len() }))
    }

    /// Lets readers see what a commit wrote. The tables come first: see [`Shared::number`].
    pub fn publish(&self, writes: Writes, events: Vec<Published>) {
        self.tables.publish(writes);
        let mut counts = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        for Published { event, tenant, number, bytes } in events {
            counts.count(&event, tenant, &mut |name| self.names.intern(name));
            match &event.after {
                Some(entity) => {
                    let stored = Arc::new(Stored::new(tenant, entity.clone()));
                    self.entities.insert(number, CachedEntity { stored, bytes });
                    self.numbers.insert((tenant, event.id.clone()), number);
                }
                None => {
                    self.entities.remove(&number);
                    self.numbers.remove(&(tenant, event.id.clone()));
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
    /// The length of the entity's bytes.
    pub bytes: usize,
}

/// Everything that an event writes to the tables.
pub fn write_event(
    event: &Event,
    tenant: NameId,
    number: EntityNumber,
    entity: Option<Arc<[u8]>>,
    intern: &mut dyn FnMut(&Name) -> NameId,
    writes: &mut Writes,
) {
    let key = number.0.to_be_bytes().to_vec();
    match entity {
        Some(bytes) => {
            writes.put(Table::Entities, key, bytes);
            if event.before.is_none() {
                writes.put(Table::Ids, id_key(tenant, &event.id), number.0.to_be_bytes());
            }
        }
        None => {
            writes.remove(Table::Entities, key);
            writes.remove(Table::Ids, id_key(tenant, &event.id));
        }
    }
    index::write_changes(event, tenant, number, intern, writes);
}

pub fn id_key(tenant: NameId, id: &EntityId) -> Vec<u8> {
    [&tenant.0.to_be_bytes(), id.as_str().as_bytes()].concat()
}

pub fn number_from(value: &[u8]) -> EntityNumber {
    EntityNumber(value.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// The bytes of an entity in its table: its tenant, then itself.
pub fn entity_bytes(
    tenant: NameId,
    entity: &Entity,
    intern: &mut dyn FnMut(&Name) -> NameId,
) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(&tenant.0.to_be_bytes());
    codec::encode(entity, &mut bytes, intern);
    bytes.into()
}

/// How many bytes stand before the entity's own.
pub const TENANT_BYTES: usize = 4;

pub fn read_entity(value: &[u8], names: &Names) -> Result<(NameId, Entity), String> {
    let Some((tenant, bytes)) = value.split_first_chunk::<TENANT_BYTES>() else {
        return Err("the record is too short".to_owned());
    };
    let entity = codec::decode(bytes, names).map_err(|malformed| malformed.to_string())?;
    Ok((NameId(u32::from_be_bytes(*tenant)), entity))
}

/// What an error of the tables means to a caller.
pub fn unreadable(error: fjall::Error) -> StoreError {
    StoreError::Unavailable(Arc::new(std::io::Error::other(error)))
}
