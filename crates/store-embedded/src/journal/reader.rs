//! Followers of the journal: events after a position, in order.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use store::Position;

use super::frame::{self, HEADER_BYTES, Spot};
use super::segment::{self, OPENING_BYTES};
use super::{Frame, Place, segments};

/// Reads the journal for followers, each of which goes on where it stopped.
#[derive(Debug)]
pub struct JournalReader {
    directory: PathBuf,
    /// Where the frame after a position begins: the ends of the latest reads.
    cursors: Mutex<Vec<(Position, Place)>>,
}

/// How many followers find their place again without a search.
const CURSORS_MAX: usize = 64;

impl JournalReader {
    pub fn new(directory: &Path) -> JournalReader {
        JournalReader { directory: directory.to_owned(), cursors: Mutex::default() }
    }

    /// Hands frames that hold events after `after` to `visit`, until it names the position where
    /// it stops, or the journal ends at `end`. Tells where the journal begins when `after` lies
    /// before that.
    pub fn read(
        &self,
        after: Position,
        end: Place,
        mut visit: impl FnMut(&Frame<'_>) -> Result<Option<Position>, String>,
    ) -> Result<Option<Position>, io::Error> {
        let mut place = match self.find(after)? {
            Found::At(place) => place,
            Found::Gone { first } => return Ok(Some(first)),
            Found::Empty => return Ok(None),
        };
        let mut reached = after;
        let mut file = self.open(place.segment)?;
        let mut id = segment::read_file_id(&file)?;
        while place < end {
            if place.segment < end.segment && place.offset >= file.metadata()?.len() {
                place = Place { segment: place.segment + 1, offset: OPENING_BYTES };
                file = self.open(place.segment)?;
                id = segment::read_file_id(&file)?;
                continue;
            }
            let bytes = frame_bytes(&file, place.offset)?;
            let spot = Spot { file: id, offset: place.offset };
            let frame = frame::open(&bytes, spot).map_err(|_| self.damaged(place))?;
            let last = frame.first_position + u64::from(frame.events);
            if last > after.0 + 1
                && let Some(stopped) = visit(&frame).map_err(io::Error::other)?
            {
                // The rest of this frame may still be wanted.
                reached = stopped;
                break;
            }
            place.offset += frame.bytes as u64;
            reached = reached.max(Position(last.saturating_sub(1)));
        }
        self.remember(reached, place);
        Ok(None)
    }

    fn damaged(&self, place: Place) -> io::Error {
        let path = segment::path_of(&self.directory, place.segment);
        let text = format!("{}, byte {}: damaged record", path.display(), place.offset);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    fn open(&self, segment: u64) -> io::Result<File> {
        File::open(segment::path_of(&self.directory, segment))
    }

    fn find(&self, after: Position) -> io::Result<Found> {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        // A segment may have been cut off since.
        let there = |place: &Place| segment::path_of(&self.directory, place.segment).try_exists();
        if let Some((_, place)) = cursors.iter().find(|(position, _)| *position == after)
            && there(place)?
        {
            return Ok(Found::At(*place));
        }
        // The latest of those that stopped before it: who comes back is seldom far from the others.
        let before = cursors.iter().filter(|(position, _)| *position <= after);
        let near = before.map(|(_, place)| *place).max();
        drop(cursors);
        let mut found = Found::Empty;
        for file in segments(&self.directory)? {
            let Some(first) = self.first_position(file.number)? else { continue };
            let place = Place { segment: file.number, offset: OPENING_BYTES };
            match found {
                Found::Empty if first > after.0 + 1 => {
                    return Ok(Found::Gone { first: Position(first - 1) });
                }
                _ if first <= after.0 + 1 => found = Found::At(place),
                _ => break,
            }
        }
        Ok(match (found, near) {
            (Found::At(place), Some(near)) if place < near && there(&near)? => Found::At(near),
            (found, _) => found,
        })
    }

    /// The position of the first event of a segment, if it has a frame.
    fn first_position(&self, segment: u64) -> io::Result<Option<u64>> {
        let file = self.open(segment)?;
        if file.metadata()?.len() < OPENING_BYTES + HEADER_BYTES as u64 {
            return Ok(None);
        }
        let bytes = frame_bytes(&file, OPENING_BYTES)?;
        Ok(frame::open(&bytes, Spot::default()).ok().map(|frame| frame.first_position))
    }

    fn remember(&self, position: Position, place: Place) {
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.retain(|(known, _)| *known != position);
        if cursors.len() >= CURSORS_MAX {
            cursors.remove(0);
        }
        cursors.push((position, place));
    }
}

enum Found {
    At(Place),
    /// The journal begins after this position.
    Gone {
        first: Position,
    },
    Empty,
}

/// The bytes of the frame at an offset.
fn frame_bytes(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER_BYTES];
    file.read_exact_at(&mut bytes, offset)?;
    let length = bytes[4..8].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    // A damaged length must not ask for more memory than the file could fill.
    let left = file.metadata()?.len().saturating_sub(offset);
    bytes.resize((HEADER_BYTES as u64 + length).min(left) as usize, 0);
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
