//! Versions: which files make up the tables at one moment.

use std::sync::Arc;

use crate::error::Error;
use crate::file::{Bounds, File};

/// Files whose keys do not overlap, in the order of their keys.
#[derive(Debug, Default)]
pub struct Run {
    pub files: Vec<Arc<File>>,
    /// Holds a file of which it is not known where it begins and ends.
    pub has_broken: bool,
}

/// The runs of a table.
#[derive(Clone, Debug, Default)]
pub struct TableVersion {
    /// As they were ingested, the newest first; they overlap.
    pub top: Vec<Arc<Run>>,
    /// Merged ones, the newer above the older. A level may be empty.
    pub levels: Vec<Arc<Run>>,
}

/// All tables at one moment.
#[derive(Clone, Debug, Default)]
pub struct Version {
    pub tables: Vec<Arc<TableVersion>>,
}

impl Run {
    pub fn new(files: Vec<Arc<File>>) -> Run {
        let has_broken = files.iter().any(|file| file.is_broken());
        Run { files, has_broken }
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub fn is_damaged(&self) -> bool {
        self.files.iter().any(|file| file.damage().is_some())
    }

    pub fn is_left_out(&self) -> bool {
        self.files.iter().any(|file| file.is_left_out())
    }

    /// The first file that may hold the key or one after it.
    pub fn seek(&self, key: &[u8]) -> usize {
        if !self.has_broken {
            return self.files.partition_point(|file| last(file) < Some(key));
        }
        // One that is broken may hold the key if it stands after all that end before the key.
        let ends_before =
            |file: &Arc<File>| file.bounds.as_ref().is_some_and(|bounds| *bounds.last < *key);
        let after = self.files.iter().rposition(ends_before).map_or(0, |at| at + 1);
        // Nothing before one that holds the key can hold it.
        let holds = |file: &Arc<File>| file.bounds.as_ref().is_some_and(|it| it.holds(key));
        let at = self.files[after..].iter().position(holds);
        at.map_or(after, |at| after + at)
    }

    /// The number of files that may begin before the key.
    pub fn seek_back(&self, key: &[u8]) -> usize {
        let begins =
            |file: &Arc<File>| file.bounds.as_ref().is_some_and(|bounds| *key <= *bounds.first);
        match self.has_broken {
            false => self.files.partition_point(|file| !begins(file)),
            true => self.files.iter().position(begins).unwrap_or(self.files.len()),
        }
    }

    pub fn get(&self, key: &[u8], hash: u64) -> Result<Option<Option<byteview::ByteView>>, Error> {
        let Some(file) = self.files.get(self.seek(key)) else { return Ok(None) };
        match (&file.bounds, file.damage()) {
            (Some(bounds), _) if bounds.holds(key) => file.get(key, hash),
            (None, Some(damage)) => Err(Error::Damaged(Box::new(damage.clone()))),
            _ => Ok(None),
        }
    }

    pub fn overlaps(&self, bounds: &Bounds) -> bool {
        self.has_broken || !self.overlapping(bounds).is_empty()
    }

    /// The files that overlap, where none is broken.
    pub fn overlapping(&self, bounds: &Bounds) -> &[Arc<File>] {
        let begin = self.files.partition_point(|file| last(file) < Some(&bounds.first));
        let overlaps = |file: &Arc<File>| first(file).is_some_and(|first| *first <= *bounds.last);
        let end = begin + self.files[begin..].partition_point(overlaps);
        &self.files[begin..end]
    }
}

fn first(file: &Arc<File>) -> Option<&[u8]> {
    file.bounds.as_ref().map(|bounds| &*bounds.first)
}

fn last(file: &Arc<File>) -> Option<&[u8]> {
    file.bounds.as_ref().map(|bounds| &*bounds.last)
}

impl Bounds {
    pub fn holds(&self, key: &[u8]) -> bool {
        *self.first <= *key && *key <= *self.last
    }

    /// What all of the files lie in.
    pub fn around<'a>(files: impl IntoIterator<Item = &'a Arc<File>>) -> Option<Bounds> {
        let bounds = files.into_iter().filter_map(|file| file.bounds.clone());
        bounds.reduce(|a, b| Bounds { first: a.first.min(b.first), last: a.last.max(b.last) })
    }
}

impl TableVersion {
    /// The newest first.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &Arc<Run>> {
        self.top.iter().chain(&self.levels)
    }

    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.runs().flat_map(|run| &run.files)
    }

    /// With one run more, which is newer than all.
    pub fn with_run(&self, files: Vec<Arc<File>>) -> TableVersion {
        let mut table = self.clone();
        table.top.insert(0, Arc::new(Run::new(files)));
        table
    }
}

impl Version {
    pub fn with_table(&self, table: usize, changed: TableVersion) -> Version {
        let mut version = self.clone();
        version.tables[table] = Arc::new(changed);
        version
    }
}
