//! Reading the journal again after a stop: what was committed, and where it ends.

use std::fs;
use std::path::Path;

use super::frame::Spot;
use super::segment::{self, OPENING_BYTES, SegmentFile};
use super::{Frame, FrameError, Place, frame, segments};
use crate::error::OpenError;

/// What reading the journal came to.
#[derive(Debug, Default)]
pub struct Recovered {
    pub frames: u64,
    pub events: u64,
    /// Where the next frame goes.
    pub end: Place,
    /// The position after the last event; nothing where it was not known and no frame told it.
    pub next_position: Option<u64>,
    /// Bytes of a half-written last frame, which was never acknowledged; they are to be cut off.
    pub torn_bytes: u64,
}

/// Hands every frame from `from` on to `visit`, in order. The first must begin at
/// `next_position`, where that is known.
///
/// A half-written last frame ends the journal; damage anywhere else is an error that names the
/// place, for what follows it was acknowledged and must not be lost silently.
pub fn recover(
    directory: &Path,
    from: Place,
    next_position: Option<u64>,
    mut visit: impl FnMut(&Frame<'_>) -> Result<(), OpenError>,
) -> Result<Recovered, OpenError> {
    let mut recovered = Recovered { end: from, next_position, ..Recovered::default() };
    let files = segments(directory).map_err(|error| OpenError::io(directory, error))?;
    let files: Vec<_> = files.into_iter().filter(|file| file.number >= from.segment).collect();
    check_none_missing(&files, from)?;
    for (at, file) in files.iter().enumerate() {
        let offset = if file.number == from.segment { from.offset } else { 0 };
        let is_last = at + 1 == files.len();
        read_segment(file, offset, is_last, &mut recovered, &mut visit)?;
    }
    Ok(recovered)
}

fn check_none_missing(files: &[SegmentFile], from: Place) -> Result<(), OpenError> {
    let expected = from.segment..;
    match files.iter().zip(expected).find(|(file, expected)| file.number != *expected) {
        Some((_, missing)) => Err(OpenError::MissingSegment(missing)),
        None if files.is_empty() && from.offset > 0 => Err(OpenError::MissingSegment(from.segment)),
        None => Ok(()),
    }
}

fn read_segment(
    file: &SegmentFile,
    from: u64,
    is_last: bool,
    recovered: &mut Recovered,
    visit: &mut impl FnMut(&Frame<'_>) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let bytes = fs::read(&file.path).map_err(|error| OpenError::io(&file.path, error))?;
    let damaged = |offset: usize, problem: &str| OpenError::Damaged {
        place: format!("{}, byte {offset}", file.path.display()),
        problem: problem.to_owned(),
    };
    if bytes.len() < OPENING_BYTES as usize && is_last {
        // The file was being made when the machine stopped.
        recovered.end = Place { segment: file.number, offset: 0 };
        return Ok(());
    }
    let Some(id) = segment::file_id(&bytes) else {
        return Err(damaged(0, "this is not a journal of a format this version knows"));
    };
    let mut at = from.max(OPENING_BYTES) as usize;
    // Zeros are room that was made for frames to come.
    while at < bytes.len() && bytes[at..].iter().any(|byte| *byte != 0) {
        let spot = Spot { file: id, offset: at as u64 };
        let frame = match frame::open(&bytes[at..], spot) {
            Ok(frame) => frame,
            Err(error) => {
                let torn = is_last && !frame::any_frame_in(&bytes[at + 1..]);
                if !torn {
                    let problem = match error {
                        FrameError::Short => "a record ends early, and records follow it",
                        FrameError::Damaged => "a record does not match its checksum",
                    };
                    return Err(damaged(at, problem));
                }
                let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                recovered.torn_bytes = (written - at) as u64;
                break;
            }
        };
        if recovered.next_position.is_some_and(|expected| frame.first_position != expected) {
            return Err(damaged(at, "the positions of events have a gap"));
        }
        visit(&frame)?;
        recovered.frames += 1;
        recovered.events += u64::from(frame.events);
        recovered.next_position = Some(frame.first_position + u64::from(frame.events));
        at += frame.bytes;
    }
    recovered.end = Place { segment: file.number, offset: at as u64 };
    Ok(())
}
