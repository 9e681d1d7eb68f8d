//! A walk through one table in key order, over memory and disk.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use super::Table;
use super::layer::{Layer, Written};

type Entry = (Box<[u8]>, Written);

/// Yields keys and values; newer layers hide older ones, and removed keys are left out.
pub struct Scan {
    sources: Vec<LayerSource>,
    disk: fjall::Iter,
    disk_next: Option<Entry>,
    to: Vec<u8>,
}

/// How many entries of a layer are copied under its lock at a time: few at first, since most
/// scans are cut off early.
const COPIED_FIRST: usize = 16;
const COPIED_MAX: usize = 512;

struct LayerSource {
    layer: Arc<Layer>,
    table: Table,
    copied: VecDeque<Entry>,
    from: Bound<Box<[u8]>>,
    at_a_time: usize,
    is_at_end: bool,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("to", &self.to).finish_non_exhaustive()
    }
}

impl Scan {
    pub(super) fn new(
        table: Table,
        layers: Vec<Arc<Layer>>,
        disk: fjall::Iter,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> Scan {
        let source = |layer| LayerSource {
            layer,
            table,
            copied: VecDeque::new(),
            from: Bound::Included(from.clone().into()),
            at_a_time: COPIED_FIRST,
            // An empty range would make the map panic.
            is_at_end: from >= to,
        };
        let sources = layers.into_iter().map(source).collect();
        Scan { sources, disk, disk_next: None, to }
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, fjall::Error> {
        if self.disk_next.is_none()
            && let Some(guard) = self.disk.next()
        {
            let (key, value) = guard.into_inner()?;
            self.disk_next = Some(((&*key).into(), Some((&*value).into())));
        }
        let heads = self.sources.iter_mut().filter_map(|source| source.head(&self.to));
        let lowest = heads.chain(self.disk_next.as_ref().map(|(key, _)| &**key)).min();
        let Some(lowest) = lowest.map(Box::<[u8]>::from) else { return Ok(None) };
        // The newest source that has the key decides; the others only step over it.
        let mut found = None;
        for source in &mut self.sources {
            if source.head(&self.to) == Some(&*lowest) {
                let entry = source.copied.pop_front();
                found = found.or(entry);
            }
        }
        if self.disk_next.as_ref().is_some_and(|(key, _)| *key == lowest) {
            let entry = self.disk_next.take();
            found = found.or(entry);
        }
        Ok(found)
    }
}

impl Iterator for Scan {
    type Item = Result<(Box<[u8]>, Arc<[u8]>), fjall::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_entry() {
                Ok(Some((key, Some(value)))) => return Some(Ok((key, value))),
                Ok(Some((_, None))) => {}
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl LayerSource {
    fn head(&mut self, to: &[u8]) -> Option<&[u8]> {
        if self.copied.is_empty() && !self.is_at_end {
            let from = match &self.from {
                Bound::Included(key) => Bound::Included(&**key),
                Bound::Excluded(key) => Bound::Excluded(&**key),
                Bound::Unbounded => Bound::Unbounded,
            };
            let copied = self.layer.range(self.table, from, to, self.at_a_time);
            self.is_at_end = copied.len() < self.at_a_time;
            if let Some((last, _)) = copied.last() {
                self.from = Bound::Excluded(last.clone());
            }
            self.at_a_time = (self.at_a_time * 4).min(COPIED_MAX);
            self.copied = copied.into();
        }
        self.copied.front().map(|(key, _)| &**key)
    }
}
