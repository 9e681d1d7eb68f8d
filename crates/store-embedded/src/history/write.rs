//! What a change of an evolution writes to the tables.

use model::Uri;

use crate::journal::{HeaderWrite, HistoryRecord};
use crate::keys::{EntityNumber, Key, Space};
use crate::shared::id_key;
use crate::tables::{Table, Writes};

/// Everything that a record of history writes. Done twice, it comes to the same.
pub fn write_history(record: &HistoryRecord<'_>, writes: &mut Writes) {
    let number = EntityNumber(record.entity);
    if !record.entries.is_empty() {
        writes.add_history(number, record.entries);
    }
    let key = number.0.to_be_bytes();
    match record.header {
        HeaderWrite::Keep => {}
        HeaderWrite::Put(header) => writes.put(Table::Evolutions, key, header),
        HeaderWrite::Remove => {
            writes.remove(Table::Evolutions, key);
            writes.remove(Table::Ids, id_key(record.tenant, &Uri::from_valid(record.id)));
        }
    }
    let spaces = [(Space::PastType, &record.types), (Space::PastAttribute, &record.attributes)];
    for (space, names) in spaces {
        for name in names {
            let key = Key::new(space, record.tenant).name(*name).number(number);
            match record.header {
                HeaderWrite::Remove => writes.remove(Table::Index, key),
                _ => writes.put(Table::Index, key, ""),
            }
        }
    }
}
