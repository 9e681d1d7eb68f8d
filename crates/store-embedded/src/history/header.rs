//! What is known of an evolution where the entity as it is now does not tell it.

use std::sync::Arc;

use model::{Entity, EntityId, EvolutionHeader, Name, Timestamp, Uri};
use store::StoreError;

use crate::names::{NameId, Names, Numbering};
use crate::record::{BadRecord, RecordReader, RecordWriter};

/// Kept for evolutions of entities that are gone, had other types, or have been made to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub tenant: NameId,
    pub id: EntityId,
    pub types: Vec<Name>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    /// The evolution was deleted while its entity stays: there is one again with its next reading.
    pub forgotten: bool,
}

impl Header {
    pub fn of(entity: &Entity, tenant: NameId) -> Header {
        Header {
            tenant,
            id: entity.id.clone(),
            types: entity.types.clone(),
            created_at: entity.created_at,
            modified_at: entity.modified_at,
            deleted_at: None,
            forgotten: false,
        }
    }

    /// Adds types; tells whether any of them was new.
    pub fn add_types(&mut self, types: &[Name]) -> bool {
        let before = self.types.len();
        for name in types {
            if !self.types.contains(name) {
                self.types.push(name.clone());
            }
        }
        self.types.len() > before
    }

    pub fn encode(&self, names: &mut dyn Numbering) -> String {
        let mut out = RecordWriter::with_capacity(128);
        out.number(self.tenant.0.into());
        out.text(self.id.as_str());
        out.list(&self.types, |out, name| out.number(names.name(name).0.into()));
        out.signed(self.created_at.0);
        out.signed(self.modified_at.0);
        out.list(self.deleted_at.as_slice(), |out, at| out.signed(at.0));
        out.number(u64::from(self.forgotten));
        out.as_str().to_owned()
    }

    pub fn decode(bytes: &[u8], names: &Names) -> Result<Header, StoreError> {
        let damaged = |problem: String| {
            let place = "what is kept of an evolution".to_owned();
            StoreError::Damaged { place, problem }
        };
        let text = std::str::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
        read(&text.into(), names).map_err(|bad| damaged(bad.to_string()))
    }

    /// With what the entity as it is now says: the header that a reader sees.
    pub fn seen(past: Option<Header>, entity: Option<&Entity>) -> Option<EvolutionHeader> {
        let mut header = match (past, entity) {
            (None, None) => return None,
            (None, Some(entity)) => Header::of(entity, NameId(0)),
            (Some(past), None) => past,
            (Some(mut past), Some(entity)) => {
                past.add_types(&entity.types);
                past.modified_at = past.modified_at.max(entity.modified_at);
                past.deleted_at = None;
                past
            }
        };
        Some(EvolutionHeader {
            id: header.id,
            types: std::mem::take(&mut header.types),
            created_at: header.created_at,
            modified_at: header.modified_at,
            deleted_at: header.deleted_at,
        })
    }
}

fn read(text: &Arc<str>, names: &Names) -> Result<Header, BadRecord> {
    let mut reader = RecordReader::new(text, 0);
    let name_id = |reader: &mut RecordReader<'_>| {
        let id = u32::try_from(reader.number()?).map(NameId);
        id.map_err(|_| reader.bad("a name is not in the dictionary"))
    };
    let tenant = name_id(&mut reader)?;
    let id = Uri::from_valid(reader.text()?);
    let mut types = Vec::new();
    for _ in 0..reader.count()? {
        let name = names.name(name_id(&mut reader)?);
        types.push(name.ok_or_else(|| reader.bad("a name is not in the dictionary"))?);
    }
    let created_at = Timestamp(reader.signed()?);
    let modified_at = Timestamp(reader.signed()?);
    let mut deleted_at = None;
    for _ in 0..reader.count()? {
        deleted_at = Some(Timestamp(reader.signed()?));
    }
    let forgotten = reader.number()? != 0;
    Ok(Header { tenant, id, types, created_at, modified_at, deleted_at, forgotten })
}
