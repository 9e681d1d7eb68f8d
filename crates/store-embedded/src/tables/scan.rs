//! A walk through one table in key order, over memory and disk.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use sorted::Slice;

use super::Table;
use super::layer::{Layer, Written};

type Entry = (Slice, Written);

/// Yields keys and values; newer layers hide older ones, and removed keys are left out.
pub struct Scan {
    sources: Vec<LayerSource>,
    disk: sorted::Range,
    disk_next: Option<Entry>,
    /// Nothing further is to be had from the disk.
    disk_ended: bool,
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
    from: Bound<Slice>,
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
        disk: sorted::Range,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> Scan {
        let source = |layer| LayerSource {
            layer,
            table,
            copied: VecDeque::new(),
            from: Bound::Included(from.as_slice().into()),
            at_a_time: COPIED_FIRST,
            // An empty range would make the map panic.
            is_at_end: from >= to,
        };
        let sources = layers.into_iter().map(source).collect();
        Scan { sources, disk, disk_next: None, disk_ended: false, to }
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, sorted::Error> {
        if self.disk_next.is_none() && !self.disk_ended {
            match self.disk.next() {
                Some(entry) => {
                    let (key, value) = entry?;
                    self.disk_next = Some((key, Some(value)));
                }
                None => self.disk_ended = true,
            }
        }
        let Scan { sources, disk_next, to, .. } = self;
        // Of equal keys the newest source has the first one, and `min_by` keeps the first.
        let heads = sources.iter_mut().enumerate();
        let heads = heads.filter_map(|(at, source)| Some((at, source.head(to)?)));
        let lowest = heads.min_by(|(_, a), (_, b)| a.cmp(b));
        let from_disk = match (&lowest, &*disk_next) {
            (None, _) => true,
            (Some((_, key)), Some((disk_key, _))) => *disk_key < **key,
            (Some(_), None) => false,
        };
        let Some((newest, _)) = lowest.filter(|_| !from_disk) else { return Ok(disk_next.take()) };
        let Some(found) = sources[newest].copied.pop_front() else { return Ok(None) };
        // Older ones of the same key are stepped over.
        for source in &mut sources[newest + 1..] {
            if source.head(to) == Some(&found.0) {
                source.copied.pop_front();
            }
        }
        if disk_next.as_ref().is_some_and(|(key, _)| *key == found.0) {
            *disk_next = None;
        }
        Ok(Some(found))
    }
}

impl Iterator for Scan {
    type Item = Result<(Slice, Slice), sorted::Error>;

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
    fn head(&mut self, to: &[u8]) -> Option<&Slice> {
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
        self.copied.front().map(|(key, _)| key)
    }
}
