//! A part of the record, as it stands, for whoever verifies it elsewhere.

use std::io::{self, Write};
use std::path::Path;

use ::audit::{Anchor, Body, Excerpt, Line, Opening};
use model::Timestamp;

use super::files::{self, Segment};
use super::lines::{Lines, LinesBack};
use super::retention::first_line;

/// Why an export ends early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the audit record could not be read: {0}")]
    Read(#[source] io::Error),
    #[error("the export could not be written: {0}")]
    Write(#[source] io::Error),
}

/// Writes lines without a gap between them: from the first at `from` or later, to the last before
/// `until` and on to the head that signs it, if there is one. Says how many lines of
/// the record that are.
///
/// Where it does not begin with the record, an [`Excerpt`] stands before it: the keys, as each
/// introduced the next, and the hash that the first line goes on from. So the part can be verified by
/// itself, by whoever knows one of the keys.
///
/// Lines that cannot be read go along, so that verifying the export finds them.
pub fn export(
    directory: &Path,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let segments = files::segments(directory).map_err(ExportError::Read)?;
    let begun = from.is_none();
    let mut export = Export { from, until, begun, ended: false, count: 0, excerpt: None };
    for (at, segment) in segments.iter().enumerate() {
        if let (Some(from), false) = (from, export.begun)
            && let Some(next) = segments.get(at + 1)
            && first_line(next).map_err(ExportError::Read)?.is_some_and(|line| line.at < from)
        {
            continue; // It ended before.
        }
        if export.count == 0 {
            export.excerpt = introduction(&segments[..=at]).map_err(ExportError::Read)?;
        }
        let mut lines = match Lines::open(&segment.path) {
            // Retention was quicker; nothing may be missing in the middle.
            Err(error) if error.kind() == io::ErrorKind::NotFound && export.count == 0 => continue,
            lines => lines.map_err(ExportError::Read)?,
        };
        while let Some(text) = lines.next().map_err(ExportError::Read)?.map(<[u8]>::to_vec) {
            if !lines.ended() {
                break; // It is still being written.
            }
            export.take(&text, out).map_err(ExportError::Write)?;
            if export.ended {
                return Ok(export.count);
            }
        }
    }
    Ok(export.count)
}

struct Export {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    begun: bool,
    ended: bool,
    count: u64,
    /// The record as it opens, and the keys that were handed over before the present segment.
    excerpt: Option<(Opening, Vec<Vec<u8>>)>,
}

/// What the first of some segments opens, and the lines by which keys were handed over up to the
/// last of them. Only the first line of most is read.
fn introduction(segments: &[Segment]) -> io::Result<Option<(Opening, Vec<Vec<u8>>)>> {
    let mut found: Option<(Opening, Vec<Vec<u8>>)> = None;
    let mut key = None;
    for (at, segment) in segments.iter().enumerate() {
        let body = first_line(segment)?.map(|line| line.body);
        let Some(Body::Record(opening) | Body::Segment(opening)) = body else { continue };
        let (_, handovers) = found.get_or_insert_with(|| (opening.clone(), Vec::new()));
        // A segment ends where another key takes over.
        if key.replace(opening.key.id).is_some_and(|key| key != opening.key.id)
            && let Some(before) = at.checked_sub(1).map(|before| &segments[before])
        {
            let last = LinesBack::open(&before.path)?.next()?;
            handovers.extend(last);
        }
    }
    Ok(found)
}

impl Export {
    fn take(&mut self, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let line = Line::parse(text).ok();
        let at = line.as_ref().map(|line| line.at);
        let reaches = |moment: Option<Timestamp>| {
            moment.is_some_and(|moment| at.is_some_and(|at| moment <= at))
        };
        self.begun = self.begun || reaches(self.from);
        if !self.begun {
            return Ok(());
        }
        let is_after = reaches(self.until);
        if is_after && self.count == 0 {
            self.ended = true;
            return Ok(());
        }
        if let (Some(line), 0) = (&line, self.count) {
            self.introduce(line, out)?;
        }
        out.write_all(text)?;
        out.write_all(b"\n")?;
        self.count += 1;
        let is_signed =
            line.is_some_and(|line| matches!(line.body, Body::Head { .. } | Body::Key { .. }));
        // The head that signs what was asked for may be later than that.
        self.ended = is_after && is_signed;
        Ok(())
    }

    /// What stands before the first line, unless the record begins with it.
    fn introduce(&self, first: &Line, out: &mut dyn Write) -> io::Result<()> {
        let Some((opening, handovers)) = &self.excerpt else { return Ok(()) };
        if matches!(first.body, Body::Record(_)) {
            return Ok(());
        }
        let before = Anchor { seq: first.seq.saturating_sub(1), hash: first.prev };
        out.write_all(&Excerpt::new(opening, handovers, before).print())?;
        out.write_all(b"\n")
    }
}
