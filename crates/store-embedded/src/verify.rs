//! Checking a data directory: every record, every index entry, every count.

use std::collections::HashSet;
use std::sync::PoisonError;

use model::{Entity, Name};
use sorted::Slice;

use crate::counts::Counts;
use crate::encryption::{Encryption, domain_of};
use crate::error::OpenError;
use crate::history;
use crate::index;
use crate::journal::{Frame, Place, Record, RecordReader, recover, segments};
use crate::keys::{EntityNumber, Space, number_of};
use crate::names::{NameId, Numbering, path_below};
use crate::open::{Opened, open};
use crate::settings::EmbeddedSettings;
use crate::shared::{Shared, Stored, id_key, number_from};
use crate::tables::Table;

/// What a check looked at, and what it found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub entities: u64,
    pub index_entries: u64,
    pub documents: u64,
    /// Readings of history in chunks; what is recent is not counted.
    pub readings: u64,
    pub events: u64,
    /// In the order found; at most [`PROBLEMS_MAX`].
    pub problems: Vec<String>,
}

/// A directory with more problems than this needs a backup, not a longer list.
pub const PROBLEMS_MAX: usize = 100;

/// Checks a directory that no server has open. Reads everything; changes nothing but what any
/// opening does. `progress` is told how many entities are done.
pub fn verify(
    settings: EmbeddedSettings,
    mut progress: impl FnMut(u64),
) -> Result<Verified, OpenError> {
    let mut verified = Verified::default();
    let Opened { shared, lock: _lock, .. } = open(settings)?;
    check_journal(&shared, &mut verified)?;
    let check = Check { shared: &shared, verified: &mut verified };
    check.run(&mut progress)?;
    Ok(verified)
}

/// Every frame of every segment, also those before the checkpoint.
fn check_journal(shared: &Shared, verified: &mut Verified) -> Result<(), OpenError> {
    let directory = &shared.settings.journal_directory();
    let files = segments(directory).map_err(|error| OpenError::io(directory, error))?;
    let Some(first) = files.first() else { return Ok(()) };
    let from = Place { segment: first.number, offset: 0 };
    let mut next_position = None;
    let result = recover(directory, from, None, |frame| {
        next_position.get_or_insert(frame.first_position);
        verified.events += u64::from(frame.events);
        check_frame(frame, &shared.encryption).map_err(|problem| {
            let place = format!("the journal, position {}", frame.first_position);
            OpenError::Damaged { place, problem }
        })
    });
    match result {
        Err(OpenError::Damaged { place, problem }) => {
            verified.note(format!("{place}: {problem}"));
            Ok(())
        }
        other => other.map(drop),
    }
}

fn check_frame(frame: &Frame<'_>, encryption: &Encryption) -> Result<(), String> {
    let mut total = 0;
    for section in frame.sections(encryption) {
        let section = section?;
        total += section.events;
        let Some(records) = section.records else { continue };
        let events = RecordReader::new(&records)
            .filter(|record| matches!(record, Ok(Record::Event(_))))
            .count();
        if events as u64 != u64::from(section.events) {
            return Err("a section does not hold as many events as it says".to_owned());
        }
    }
    if total == frame.events {
        Ok(())
    } else {
        Err("a frame does not hold as many events as it says".to_owned())
    }
}

impl Verified {
    fn note(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

struct Check<'a> {
    shared: &'a Shared,
    verified: &'a mut Verified,
}

impl Check<'_> {
    fn run(mut self, progress: &mut impl FnMut(u64)) -> Result<(), OpenError> {
        self.shared.tables.verify(|damage| self.verified.note(damage.to_string()))?;
        let mut counts = Counts::default();
        for entry in self.kept(Table::Entities) {
            let (key, value) = entry?;
            self.verified.entities += 1;
            let read = Stored::from_table(&value)
                .and_then(|stored| Ok((stored.tenant()?, stored.read(&self.shared.names)?)));
            match read {
                Ok((tenant, entity)) => {
                    self.entity(&key, tenant, &entity)?;
                    counts.count_whole(&entity, tenant, &mut Known::of(self.shared));
                }
                Err(problem) => {
                    let number = number_from(&key).0;
                    self.verified.note(format!("entity number {number}: {problem}"));
                }
            }
            progress(self.verified.entities);
        }
        self.totals()?;
        let verified = &mut *self.verified;
        let readings = history::check(self.shared, |problem| verified.note(problem))?;
        verified.readings = readings;
        let kept = self.shared.counts.read().unwrap_or_else(PoisonError::into_inner);
        if !kept.agree_with(&counts) {
            self.verified.note("the counts by type and attribute are wrong".to_owned());
        }
        Ok(())
    }

    /// What was not shredded of a table.
    fn kept(
        &self,
        table: Table,
    ) -> impl Iterator<Item = Result<(Slice, Slice), sorted::Error>> + use<> {
        let encryption = self.shared.encryption.clone();
        self.shared.tables.scan_prefix(table, &[]).filter(move |entry| match entry {
            Ok((key, _)) => !encryption.is_gone(domain_of(table, key)),
            Err(_) => true,
        })
    }

    fn entity(&mut self, key: &[u8], tenant: NameId, entity: &Entity) -> Result<(), OpenError> {
        let number = number_from(key);
        let id = self.shared.tables.get(Table::Ids, &id_key(tenant, &entity.id))?;
        if id.as_deref().map(number_from) != Some(number) {
            self.verified.note(format!("entity `{}` cannot be found by its id", entity.id));
        }
        let mut names = Known::of(self.shared);
        for (key, expected) in index::entries_of(entity, tenant, number, &mut names) {
            self.verified.index_entries += 1;
            if self.shared.tables.get(Table::Index, &key)?.as_ref() != Some(&expected) {
                let space = key.first().copied().unwrap_or_default();
                let id = &entity.id;
                self.verified.note(format!(
                    "entity `{id}` lacks an entry of index {space}, or has a wrong one"
                ));
            }
        }
        for name in names.unknown {
            self.verified.note(format!("`{name}` of `{}` is not in the dictionary", entity.id));
        }
        Ok(())
    }

    /// All expected entries are there; so any further one is dangling.
    fn totals(&mut self) -> Result<(), OpenError> {
        let (mut entries, mut past) = (0, 0);
        for entry in self.kept(Table::Index) {
            let (key, _) = entry?;
            if matches!(key.first(), Some(space) if *space >= Space::PastType as u8) {
                past += u64::from(!self.is_known(number_of(&key))?);
            } else {
                entries += 1;
            }
        }
        for entry in self.kept(Table::Documents) {
            entry?;
            self.verified.documents += 1;
        }
        let (mut alive, mut unknown) = (0, 0);
        for entry in self.kept(Table::Ids) {
            let number = number_from(&entry?.1);
            let is_alive = self.shared.tables.get(Table::Entities, &number.0.to_be_bytes())?;
            alive += u64::from(is_alive.is_some());
            unknown += u64::from(is_alive.is_none() && !self.is_known(number)?);
        }
        if alive != self.verified.entities {
            let entities = self.verified.entities;
            self.verified.note(format!("{alive} ids are known, but {entities} entities are kept"));
        }
        for (count, what) in [(unknown, "ids"), (past, "index entries of evolutions")] {
            if count > 0 {
                self.verified.note(format!("{count} {what} lead nowhere"));
            }
        }
        if entries != self.verified.index_entries {
            let expected = self.verified.index_entries;
            self.verified
                .note(format!("the index has {entries} entries; the entities ask for {expected}"));
        }
        Ok(())
    }

    /// Is there an entity with this number, or was there one that has an evolution?
    fn is_known(&self, number: EntityNumber) -> Result<bool, OpenError> {
        let key = number.0.to_be_bytes();
        for table in [Table::Entities, Table::Evolutions] {
            if self.shared.tables.get(table, &key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Numbers of names, without giving any: a name that has none should have one.
struct Known<'a> {
    shared: &'a Shared,
    unknown: HashSet<String>,
}

impl Known<'_> {
    fn of(shared: &Shared) -> Known<'_> {
        Known { shared, unknown: HashSet::new() }
    }

    fn get(&mut self, name: &str) -> NameId {
        self.shared.names.get(name).unwrap_or_else(|| {
            self.unknown.insert(name.to_owned());
            NameId(u32::MAX)
        })
    }
}

impl Numbering for Known<'_> {
    fn name(&mut self, name: &Name) -> NameId {
        self.get(name.as_str())
    }

    fn below(&mut self, path: NameId, mark: char, name: &str) -> NameId {
        let above = self.shared.names.name(path);
        self.get(&path_below(above.as_ref().map_or("", Name::as_str), mark, name))
    }
}
