//! The manifest: which files make up the tables, as of the last change.
//!
//! ```text
//! "CMTYMANI"   u32 version   u64 next number of a file   u32 tables
//! for each table: u8 length, name, u32 runs
//! for each run: u32 level (0 for those as they were ingested, the newest first), u32 files
//! for each file: u64 number, u64 bytes
//! u64 checksum of all before
//! ```
//!
//! It names no keys. It is written anew for each change and takes the place of the last one at
//! once.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Damage, Error};
use crate::file::File;
use crate::shared::Shared;
use crate::version::{Run, TableVersion, Version};

pub const NAME: &str = "MANIFEST";
pub const NEW_NAME: &str = "MANIFEST.new";
const MAGIC: &[u8; 8] = b"CMTYMANI";
const VERSION: u32 = 1;

/// What a manifest says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub next_file: u64,
    pub tables: Vec<(String, Vec<RunRow>)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRow {
    pub level: u32,
    /// Number and length of each file.
    pub files: Vec<(u64, u64)>,
}

impl Manifest {
    pub fn of(shared: &Shared, version: &Version, next_file: u64) -> Manifest {
        let row = |level: usize, run: &Arc<Run>| RunRow {
            level: level as u32,
            files: run.files.iter().map(|file| (file.id, file.bytes)).collect(),
        };
        let rows = |table: &Arc<TableVersion>| {
            let top = table.top.iter().map(|run| row(0, run));
            let levels = table.levels.iter().enumerate().map(|(at, run)| row(at + 1, run));
            top.chain(levels).collect()
        };
        let names = shared.tables.iter().map(|table| table.name.to_owned());
        Manifest { next_file, tables: names.zip(version.tables.iter().map(rows)).collect() }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.next_file.to_le_bytes());
        bytes.extend_from_slice(&(self.tables.len() as u32).to_le_bytes());
        for (name, runs) in &self.tables {
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(&(runs.len() as u32).to_le_bytes());
            for run in runs {
                bytes.extend_from_slice(&run.level.to_le_bytes());
                bytes.extend_from_slice(&(run.files.len() as u32).to_le_bytes());
                for (id, len) in &run.files {
                    bytes.extend_from_slice(&id.to_le_bytes());
                    bytes.extend_from_slice(&len.to_le_bytes());
                }
            }
        }
        let sum = xxh3_64(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Manifest> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*sum) != xxh3_64(body) {
            return None;
        }
        let mut rest = body.get(MAGIC.len() + 4..)?;
        let rest = &mut rest;
        let mut manifest = Manifest { next_file: take_u64(rest)?, tables: Vec::new() };
        for _ in 0..take_u32(rest)? {
            let len = usize::from(take(rest, 1)?[0]);
            let name = String::from_utf8(take(rest, len)?.to_vec()).ok()?;
            let mut runs = Vec::new();
            for _ in 0..take_u32(rest)? {
                let mut run = RunRow { level: take_u32(rest)?, files: Vec::new() };
                for _ in 0..take_u32(rest)? {
                    run.files.push((take_u64(rest)?, take_u64(rest)?));
                }
                runs.push(run);
            }
            manifest.tables.push((name, runs));
        }
        rest.is_empty().then_some(manifest)
    }

    /// What the directory's manifest says; nothing, where there is none.
    pub fn read(directory: &Path) -> Result<Option<Manifest>, Error> {
        let path = directory.join(NAME);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| Error::io(&path, error))?,
        };
        if let Some(found) = other_version(&bytes) {
            return Err(Error::OtherFormat { path, found, known: VERSION });
        }
        let manifest = Some(&bytes).filter(|bytes| bytes.starts_with(MAGIC));
        let manifest = manifest.and_then(|bytes| Manifest::parse(bytes)).ok_or_else(|| {
            let (table, file) = ("all of them".to_owned(), NAME.to_owned());
            let problem = "the checksum does not fit; restore the directory from a backup";
            Error::Damaged(Box::new(Damage { table, file, offset: 0, problem }))
        })?;
        Ok(Some(manifest))
    }

    /// Takes the place of the directory's manifest, at once and for good.
    pub fn write(&self, directory: &Path, mut step: impl FnMut(&str)) -> Result<(), WriteError> {
        let (path, new) = (directory.join(NAME), directory.join(NEW_NAME));
        let write = || -> std::io::Result<fs::File> {
            let mut file = fs::File::create(&new)?;
            file.write_all(&self.to_bytes())?;
            Ok(file)
        };
        let before = |error| WriteError::Before(Error::io(&new, error));
        let file = write().map_err(before)?;
        step("manifest written");
        file.sync_all().map_err(before)?;
        step("manifest synced");
        fs::rename(&new, &path).map_err(before)?;
        step("manifest renamed");
        sync_directory(directory).map_err(WriteError::After)
    }
}

/// Which manifest counts after an error.
#[derive(Debug)]
pub enum WriteError {
    /// The one that was there.
    Before(Error),
    /// The one or the other, should the machine stop now; the new one's files must stay.
    After(Error),
}

impl WriteError {
    pub fn into_error(self) -> Error {
        match self {
            WriteError::Before(error) | WriteError::After(error) => error,
        }
    }
}

/// The version in which something else than we wrote it, if it is whole.
fn other_version(bytes: &[u8]) -> Option<u32> {
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    let version = u32::from_le_bytes(body.strip_prefix(MAGIC)?.get(..4)?.try_into().ok()?);
    (version != VERSION && u64::from_le_bytes(*sum) == xxh3_64(body)).then_some(version)
}

pub fn sync_directory(directory: &Path) -> Result<(), Error> {
    let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| Error::io(directory, error))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?))
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

/// No table has more levels: the last one could hold more than any disk.
const LEVELS_MAX: u32 = 16;

impl RunRow {
    fn open(&self, shared: &Arc<Shared>, table: usize) -> Result<Arc<Run>, Error> {
        let mut files = Vec::with_capacity(self.files.len());
        for &(id, bytes) in &self.files {
            let file = File::open(shared, table, id, bytes)?;
            // Of what is wholly gone there is nothing to read.
            if file.bounds.is_some() || file.is_broken() {
                files.push(Arc::new(file));
            }
        }
        Ok(Arc::new(Run::new(files)))
    }
}

impl Manifest {
    /// Opens the files of a table.
    pub fn open_table(&self, shared: &Arc<Shared>, table: usize) -> Result<TableVersion, Error> {
        let mut version = TableVersion::default();
        let name = shared.tables[table].name;
        let Some((_, rows)) = self.tables.iter().find(|(other, _)| other == name) else {
            return Ok(version);
        };
        for row in rows {
            let run = row.open(shared, table)?;
            match row.level.min(LEVELS_MAX) as usize {
                0 if run.files.is_empty() => {}
                0 => version.top.push(run),
                level => {
                    let levels = version.levels.len().max(level);
                    version.levels.resize_with(levels, Arc::default);
                    version.levels[level - 1] = run;
                }
            }
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(directory.path()).unwrap(), None);
        let runs = vec![
            RunRow { level: 0, files: vec![(7, 100)] },
            RunRow { level: 2, files: vec![(3, 10), (4, 20)] },
        ];
        let tables = vec![("one".to_owned(), runs), ("two".to_owned(), Vec::new())];
        let manifest = Manifest { next_file: 8, tables };
        manifest.write(directory.path(), |_| {}).unwrap();
        let path = directory.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        assert_eq!(Manifest::read(directory.path()).unwrap(), Some(manifest));
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(matches!(Manifest::read(directory.path()), Err(Error::Damaged(_))), "{at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(matches!(Manifest::read(directory.path()), Err(Error::Damaged(_))), "{at}");
        }
    }
}
