//! A place in a run, from which one goes on in one direction.

use std::ops::Range;
use std::sync::Arc;

use byteview::ByteView;

use crate::block::Block;
use crate::error::Error;
use crate::file::{Fetch, File, at_or_before, part_with, parts_before};
use crate::frame::Kind;
use crate::version::Run;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    /// The one after `at`, or the first one, of `len`.
    fn next(self, at: Option<usize>, len: usize) -> Option<usize> {
        match (self, at) {
            (Direction::Ascending, None) => Some(0),
            (Direction::Ascending, Some(at)) => Some(at + 1),
            (Direction::Descending, None) => len.checked_sub(1),
            (Direction::Descending, Some(at)) => at.checked_sub(1),
        }
        .filter(|at| *at < len)
    }

    /// Whether `a` comes before `b`.
    pub fn is_before(self, a: &[u8], b: &[u8]) -> bool {
        match self {
            Direction::Ascending => a < b,
            Direction::Descending => b < a,
        }
    }
}

/// Blocks whose keys were destroyed are stepped over. After an error a cursor is not to be used.
#[derive(Debug)]
pub struct Cursor {
    run: Arc<Run>,
    direction: Direction,
    fetch: Fetch,
    /// Where it stands in each of what surrounds the other; nothing for before the first one.
    file: Option<usize>,
    stretch: Option<usize>,
    top: Option<Block>,
    part: Option<usize>,
    index: Option<Block>,
    nth: Option<usize>,
    data: Option<Block>,
    entry: Option<usize>,
    key: Vec<u8>,
    value: Option<Range<usize>>,
}

impl Cursor {
    /// Stands before the first entry, in its direction.
    pub fn new(run: Arc<Run>, direction: Direction, fetch: Fetch) -> Cursor {
        Cursor {
            run,
            direction,
            fetch,
            file: None,
            stretch: None,
            top: None,
            part: None,
            index: None,
            nth: None,
            data: None,
            entry: None,
            key: Vec::new(),
            value: None,
        }
    }

    /// Where the cursor stands; [`Cursor::advance`] has said that it is an entry.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    pub fn value(&self) -> Option<ByteView> {
        let (data, range) = (self.data.as_ref()?, self.value.clone()?);
        Some(data.value(range))
    }

    pub fn value_bytes(&self) -> Option<&[u8]> {
        let (data, range) = (self.data.as_ref()?, self.value.clone()?);
        Some(data.value_bytes(range))
    }

    /// Goes to the next entry, if there is one.
    pub fn advance(&mut self) -> Result<bool, Error> {
        loop {
            if let Some(data) = &self.data
                && let Some(at) = self.direction.next(self.entry, data.len())
            {
                self.entry = Some(at);
                let entry = data.entry(at);
                let prefix = data.prefix();
                self.key.clear();
                self.key.extend_from_slice(prefix);
                self.key.extend_from_slice(entry.rest);
                self.value = entry.value;
                return Ok(true);
            }
            if !self.next_data()? {
                return Ok(false);
            }
        }
    }

    fn next_data(&mut self) -> Result<bool, Error> {
        loop {
            (self.data, self.entry) = (None, None);
            if let Some(index) = &self.index
                && let Some(nth) = self.direction.next(self.nth, index.len())
            {
                self.enter_data(nth)?;
            } else if !self.next_part()? {
                return Ok(false);
            }
            if self.data.is_some() {
                return Ok(true);
            }
        }
    }

    fn next_part(&mut self) -> Result<bool, Error> {
        loop {
            (self.index, self.nth) = (None, None);
            // The last entry of a top is not a part.
            if let Some(top) = &self.top
                && let Some(part) = self.direction.next(self.part, top.len() - 1)
            {
                self.enter_part(part)?;
            } else if !self.next_stretch()? {
                return Ok(false);
            }
            if self.index.is_some() {
                return Ok(true);
            }
        }
    }

    fn next_stretch(&mut self) -> Result<bool, Error> {
        loop {
            (self.top, self.part) = (None, None);
            let stretches = self.current_file().map_or(0, |file| file.stretches.len());
            if let Some(stretch) = self.direction.next(self.stretch, stretches) {
                self.enter_stretch(stretch)?;
            } else if let Some(file) = self.direction.next(self.file, self.run.files.len()) {
                self.enter_file(file)?;
            } else {
                return Ok(false);
            }
            if self.top.is_some() {
                return Ok(true);
            }
        }
    }

    fn current_file(&self) -> Option<Arc<File>> {
        self.file.and_then(|file| self.run.files.get(file)).cloned()
    }

    fn enter_file(&mut self, file: usize) -> Result<(), Error> {
        self.file = Some(file);
        (self.stretch, self.top, self.part) = (None, None, None);
        let file = &self.run.files[file];
        match file.damage() {
            Some(damage) if file.is_broken() => Err(Error::Damaged(Box::new(damage.clone()))),
            _ => Ok(()),
        }
    }

    fn enter_stretch(&mut self, stretch: usize) -> Result<(), Error> {
        self.stretch = Some(stretch);
        (self.part, self.index, self.nth) = (None, None, None);
        let Some(file) = self.current_file() else { return Ok(()) };
        let place = file.stretches[stretch];
        self.top = file.block(place.top, Kind::Top, place.domain, &mut self.fetch)?;
        Ok(())
    }

    fn enter_part(&mut self, part: usize) -> Result<(), Error> {
        self.part = Some(part);
        (self.nth, self.data, self.entry) = (None, None, None);
        let (Some(file), Some(top)) = (self.current_file(), &self.top) else { return Ok(()) };
        let place = file.place(top, part, 0)?;
        self.index = file.block(place, Kind::Index, self.domain(&file), &mut self.fetch)?;
        Ok(())
    }

    fn enter_data(&mut self, nth: usize) -> Result<(), Error> {
        self.nth = Some(nth);
        self.entry = None;
        let (Some(file), Some(index)) = (self.current_file(), &self.index) else { return Ok(()) };
        let place = file.place(index, nth, 0)?;
        self.data = file.block(place, Kind::Data, self.domain(&file), &mut self.fetch)?;
        Ok(())
    }

    fn domain(&self, file: &File) -> u32 {
        self.stretch.map_or(0, |stretch| file.stretches[stretch].domain)
    }

    /// Goes to the first entry whose key is not less than `key` (ascending), or to the last one
    /// whose key is less (descending), if there is one. To be called once, before anything else.
    pub fn seek(&mut self, key: &[u8]) -> Result<bool, Error> {
        let is_up = self.direction == Direction::Ascending;
        let file = match is_up {
            true => Some(self.run.seek(key)).filter(|at| *at < self.run.files.len()),
            false => self.run.seek_back(key).checked_sub(1),
        };
        let Some(file) = file else { return Ok(false) };
        self.enter_file(file)?;
        match self.seek_stretch(key)? {
            Some(stretch) => {
                self.enter_stretch(stretch)?;
                self.seek_in_stretch(key)?;
            }
            // What is left of the file lies on the other side: on with the next one.
            None if is_up => self.stretch = Some(self.run.files[file].stretches.len()),
            None => self.stretch = Some(0),
        }
        // Where a block is gone that the key belongs to, what follows is right.
        self.advance()
    }

    /// The first stretch, in the cursor's direction, that may hold what is sought. Those that are
    /// gone are as if they were not there.
    fn seek_stretch(&mut self, key: &[u8]) -> Result<Option<usize>, Error> {
        let Some(file) = self.current_file() else { return Ok(None) };
        let (mut low, mut high, mut found) = (0, file.stretches.len(), None);
        // Ascending: stretches that end before the key. Descending: those that begin before it.
        while low < high {
            let middle = low + (high - low) / 2;
            let Some((probe, top)) = self.live(&file, middle, high)? else {
                high = middle;
                continue;
            };
            let is_below = match self.direction {
                Direction::Ascending => *top.key(top.len() - 1) < *key,
                Direction::Descending => *top.key(0) < *key,
            };
            if is_below == (self.direction == Direction::Descending) {
                found = Some(probe);
            }
            if is_below {
                low = probe + 1;
            } else {
                high = middle;
            }
        }
        Ok(found)
    }

    fn live(
        &mut self,
        file: &File,
        from: usize,
        to: usize,
    ) -> Result<Option<(usize, Block)>, Error> {
        for at in from..to {
            let stretch = file.stretches[at];
            let top = file.block(stretch.top, Kind::Top, stretch.domain, &mut self.fetch)?;
            if let Some(top) = top {
                return Ok(Some((at, top)));
            }
        }
        Ok(None)
    }

    /// Puts the cursor before what is sought in the stretch it stands in.
    fn seek_in_stretch(&mut self, key: &[u8]) -> Result<(), Error> {
        let Some(top) = &self.top else { return Ok(()) };
        let part = match self.direction {
            // Before its first key: from its begin on.
            Direction::Ascending => part_with(top, key),
            Direction::Descending => parts_before(top, key).checked_sub(1),
        };
        let Some(part) = part else { return Ok(()) };
        self.enter_part(part)?;
        let Some(index) = &self.index else { return Ok(()) };
        let nth = match self.direction {
            Direction::Ascending => at_or_before(index.search(key)),
            Direction::Descending => below(index.search(key).0, index.len()),
        };
        let Some(nth) = nth else { return Ok(()) };
        self.enter_data(nth)?;
        let Some(data) = &self.data else { return Ok(()) };
        let (at, _) = data.search(key);
        self.entry = match self.direction {
            Direction::Ascending => at.checked_sub(1),
            Direction::Descending => (at < data.len()).then_some(at),
        };
        Ok(())
    }
}

/// Of `len` that begin something, the last one that begins before what was searched for, where
/// `at` of them do.
fn below(at: usize, len: usize) -> Option<usize> {
    at.min(len).checked_sub(1)
}
