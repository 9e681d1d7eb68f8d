//! Ranges: the entries between two keys, from both ends.

use std::sync::Arc;

use byteview::ByteView;

use crate::cursor::{Cursor, Direction};
use crate::error::Error;
use crate::file::Fetch;
use crate::merged::Merged;
use crate::version::TableVersion;

/// Entries in the order of their keys, as they were when the range was made. Ends after an error,
/// which is all that a range of an unknown table gives.
#[derive(Debug)]
pub struct Range {
    table: Arc<TableVersion>,
    /// What is left: from `from`, without it if it was given out, to before `to`, or to the end.
    from: Vec<u8>,
    from_is_out: bool,
    to: Option<Vec<u8>>,
    front: Option<Merged>,
    back: Option<Merged>,
    /// The entry at which each stands has been given out. Going on waits until one more is asked
    /// for: it may not be, and it may fail.
    front_is_given: bool,
    back_is_given: bool,
    is_over: bool,
    /// Is told first.
    failure: Option<Error>,
}

impl Range {
    pub(crate) fn new(
        table: Result<&Arc<TableVersion>, Error>,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Range {
        let (table, failure) = match table {
            Ok(table) => (table.clone(), None),
            Err(error) => (Arc::default(), Some(error)),
        };
        Range {
            table,
            from: from.to_vec(),
            from_is_out: false,
            to: to.map(<[u8]>::to_vec),
            front: None,
            back: None,
            front_is_given: false,
            back_is_given: false,
            is_over: to.is_some_and(|to| to <= from) && failure.is_none(),
            failure,
        }
    }

    fn merged(&self, direction: Direction) -> Result<Merged, Error> {
        let mut cursors = Vec::new();
        for run in self.table.runs() {
            let mut cursor = Cursor::new(run.clone(), direction, Fetch::Cached);
            let is_there = match (direction, &self.to) {
                (Direction::Ascending, _) => {
                    // Nothing is read of a run that begins after the range.
                    let first = run.files.get(run.seek(&self.from));
                    let first = first.and_then(|file| file.bounds.as_ref());
                    let begins_after = first
                        .zip(self.to.as_deref())
                        .is_some_and(|(first, to)| to <= &*first.first);
                    !begins_after && cursor.seek(&self.from)?
                }
                (Direction::Descending, Some(to)) => cursor.seek(to)?,
                (Direction::Descending, None) => cursor.advance()?,
            };
            if is_there {
                cursors.push(cursor);
            }
        }
        Ok(Merged::new(direction, cursors))
    }

    fn step(&mut self) -> Result<Option<(ByteView, ByteView)>, Error> {
        if self.front.is_none() {
            self.front = Some(self.merged(Direction::Ascending)?);
        }
        let Some(front) = &mut self.front else { return Ok(None) };
        if std::mem::take(&mut self.front_is_given) {
            front.advance()?;
        }
        while let Some(key) = front.key() {
            if self.to.as_deref().is_some_and(|to| to <= key) {
                return Ok(None);
            }
            // Whatever cursors say, nothing before the range is given out.
            let is_out = *key < *self.from || (self.from_is_out && key == self.from);
            if let Some(value) = front.value().filter(|_| !is_out) {
                self.from.clear();
                self.from.extend_from_slice(key);
                self.from_is_out = true;
                self.front_is_given = true;
                return Ok(Some((ByteView::from(key), value)));
            }
            front.advance()?;
        }
        Ok(None)
    }

    fn step_back(&mut self) -> Result<Option<(ByteView, ByteView)>, Error> {
        if self.back.is_none() {
            self.back = Some(self.merged(Direction::Descending)?);
        }
        let Some(back) = &mut self.back else { return Ok(None) };
        if std::mem::take(&mut self.back_is_given) {
            back.advance()?;
        }
        while let Some(key) = back.key() {
            if key < &*self.from || (self.from_is_out && key == self.from) {
                return Ok(None);
            }
            let is_out = self.to.as_deref().is_some_and(|to| to <= key);
            if let Some(value) = back.value().filter(|_| !is_out) {
                let to = self.to.get_or_insert_default();
                to.clear();
                to.extend_from_slice(key);
                self.back_is_given = true;
                return Ok(Some((ByteView::from(key), value)));
            }
            back.advance()?;
        }
        Ok(None)
    }

    fn give(
        &mut self,
        found: Result<Option<(ByteView, ByteView)>, Error>,
    ) -> Option<Result<(ByteView, ByteView), Error>> {
        let found = found.transpose();
        if !matches!(found, Some(Ok(_))) {
            self.is_over = true;
            (self.front, self.back) = (None, None);
        }
        found
    }
}

impl Iterator for Range {
    type Item = Result<(ByteView, ByteView), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let found = self.failure.take().map_or_else(|| self.step(), Err);
        self.give(found)
    }
}

impl DoubleEndedIterator for Range {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let found = self.failure.take().map_or_else(|| self.step_back(), Err);
        self.give(found)
    }
}
