//! Opening a data directory: its lock, its format, its tables, and the end of its journal.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use model::Name;
use store::Position;

use crate::checkpoint::Checkpoint;
use crate::encryption::{Encryption, domain_of_tenant};
use crate::error::OpenError;
use crate::history::write_history;
use crate::journal::{
    EventRecord, Frame, JournalReader, JournalWriter, Record, RecordReader, recover,
};
use crate::keys::EntityNumber;
use crate::names::{InternMemo, Interner, NameId, Names, Numbering};
use crate::settings::EmbeddedSettings;
use crate::shared::{Published, Shared, Stored, write_event};
use crate::tables::{Table, Tables, Writes};

/// What opening a directory came to, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// Events read from the journal because the tables did not have them yet.
    pub events_recovered: u64,
    /// Bytes of a half-written last record, never acknowledged, that were cut off.
    pub torn_bytes: u64,
}

pub struct Opened {
    pub shared: Arc<Shared>,
    pub journal: JournalWriter,
    pub checkpoint: Checkpoint,
    pub lock: File,
    pub opening: Opening,
}

/// The format of the directory as a whole.
pub const FORMAT: u32 = 5;
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_OPENING: &str = "comity data directory, format ";

pub fn open(settings: EmbeddedSettings) -> Result<Opened, OpenError> {
    let directory = settings.directory.clone();
    let io = |error| OpenError::io(&directory, error);
    let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
    private(&directory).and_then(|()| private(&settings.journal_directory())).map_err(io)?;
    let lock = lock(&directory)?;
    check_format(&directory)?;
    let encryption = Encryption::of(&settings.encryption, &directory)?;
    let tables =
        Tables::open(&settings.tables_directory(), settings.block_cache_bytes(), &encryption)?;
    let checkpoint = Checkpoint::read(&directory, &encryption).map_err(io)?.unwrap_or_default();
    let names = read_names(&tables)?;
    let reader = JournalReader::new(&settings.journal_directory());
    let shared = Arc::new(Shared::new(settings, encryption, names, tables, reader));
    let (checkpoint, opening) = replay(&shared, checkpoint)?;
    let journal = JournalWriter::open(
        &shared.settings.journal_directory(),
        &shared.encryption,
        checkpoint.place,
        shared.settings.journal_segment_bytes,
    );
    let journal = journal.map_err(io)?;
    shared.set_end(journal.end(), Position(checkpoint.next_position - 1));
    if opening.torn_bytes > 0 {
        tracing::warn!(
            bytes = opening.torn_bytes,
            "cut off the last record of the journal, which was half written and never acknowledged"
        );
    }
    Ok(Opened { shared, journal, checkpoint, lock, opening })
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join("LOCK");
    let lock = File::create(&path).map_err(|error| OpenError::io(&path, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::io(&path, error)),
    }
}

fn check_format(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(FORMAT_FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim() == format!("{FORMAT_OPENING}{FORMAT}") => Ok(()),
        Ok(text) => {
            let found = text.trim().trim_start_matches(FORMAT_OPENING).to_owned();
            Err(OpenError::OtherFormat { path: directory.to_owned(), found, known: FORMAT })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let written = fs::write(&path, format!("{FORMAT_OPENING}{FORMAT}\n"));
            written.map_err(|error| OpenError::io(&path, error))
        }
        Err(error) => Err(OpenError::io(&path, error)),
    }
}

fn read_names(tables: &Tables) -> Result<Names, OpenError> {
    let names = Names::default();
    for entry in tables.scan_prefix(Table::Names, &[]) {
        let (_, text) = entry?;
        names.intern(&Name::new(String::from_utf8_lossy(&text)));
    }
    Ok(names)
}

/// Reads what the journal has after the checkpoint into memory.
fn replay(
    shared: &Arc<Shared>,
    mut checkpoint: Checkpoint,
) -> Result<(Checkpoint, Opening), OpenError> {
    let directory = shared.settings.journal_directory();
    // A stop may have come between the end of a tenant's key and the next checkpoint.
    let encryption = &shared.encryption;
    checkpoint.counts.retain(|tenant| !encryption.is_gone(domain_of_tenant(tenant)));
    *shared.counts.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
        checkpoint.counts.clone();
    let mut next_entity = checkpoint.next_entity;
    let mut memo = InternMemo::default();
    let recovered =
        recover(&directory, checkpoint.place, Some(checkpoint.next_position), |frame| {
            replay_frame(shared, frame, &mut memo, &mut next_entity).map_err(|problem| {
                OpenError::Damaged {
                    place: format!("the journal, position {}", frame.first_position),
                    problem,
                }
            })
        })?;
    checkpoint.place = recovered.end;
    checkpoint.next_position = recovered.next_position.unwrap_or(checkpoint.next_position);
    checkpoint.next_entity = next_entity;
    let opening = Opening { events_recovered: recovered.events, torn_bytes: recovered.torn_bytes };
    Ok((checkpoint, opening))
}

fn replay_frame(
    shared: &Shared,
    frame: &Frame<'_>,
    memo: &mut InternMemo,
    next_entity: &mut u64,
) -> Result<(), String> {
    let mut interner = Interner::new(&shared.names, memo);
    let mut writes = Writes::default();
    let mut events = Vec::new();
    for section in frame.sections(&shared.encryption) {
        // What was of a shredded tenant is as if it had never been.
        let Some(records) = section?.records else { continue };
        for record in RecordReader::new(&records) {
            match record.map_err(|malformed| malformed.to_string())? {
                Record::Names { from, names } => replay_names(shared, from, &names, &mut writes)?,
                Record::Event(event) => {
                    let count = EntityNumber(event.entity).count();
                    *next_entity = (*next_entity).max(count + 1);
                    events.push(replay_event(shared, &event, &mut interner, &mut writes)?);
                }
                Record::History(record) => write_history(&record, &mut writes),
                Record::Document { key, document: Some(document) } => {
                    writes.put(Table::Documents, key.to_vec(), document);
                }
                Record::Document { key, document: None } => {
                    writes.remove(Table::Documents, key.to_vec());
                }
            }
        }
    }
    shared.publish(writes, events, &mut interner);
    Ok(())
}

/// Names may be in the tables already, when the stop came while they were written out.
fn replay_names(
    shared: &Shared,
    from: u32,
    names: &[Name],
    writes: &mut Writes,
) -> Result<(), String> {
    for (id, name) in (from..).zip(names) {
        if shared.names.intern(name) != NameId(id) {
            return Err(format!("the name `{name}` has another number in the dictionary"));
        }
        writes.put(Table::Names, id.to_be_bytes(), name.as_str());
    }
    Ok(())
}

fn replay_event(
    shared: &Shared,
    record: &EventRecord<'_>,
    names: &mut dyn Numbering,
    writes: &mut Writes,
) -> Result<Published, String> {
    let event = record.read(&shared.names).map_err(|malformed| malformed.to_string())?;
    let number = EntityNumber(record.entity);
    let next_expiry = event.after.as_ref().and_then(|entity| entity.next_expiry());
    let stored = record.after.map(|after| Stored::new(record.tenant, next_expiry, after));
    let kept = stored.as_ref();
    let levels = write_event(&event, record.tenant, number, record.after, kept, names, writes);
    Ok(Published { event: Arc::new(event), tenant: record.tenant, number, stored, levels })
}
