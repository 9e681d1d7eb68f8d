//! A part of the record, as it stands, for whoever verifies it elsewhere.

use std::io::{self, Write};
use std::path::Path;

use ::audit::{Body, Line};
use model::Timestamp;

use super::files;
use super::lines::Lines;
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
/// `until` and on to the head that signs it, if there is one. Says how many lines that are.
///
/// Lines that cannot be read go along, so that verifying the export finds them.
pub fn export(
    directory: &Path,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    out: &mut dyn Write,
) -> Result<u64, ExportError> {
    let segments = files::segments(directory).map_err(ExportError::Read)?;
    let mut export = Export { from, until, begun: from.is_none(), ended: false, count: 0 };
    for (at, segment) in segments.iter().enumerate() {
        if let (Some(from), false) = (from, export.begun)
            && let Some(next) = segments.get(at + 1)
            && first_line(next).map_err(ExportError::Read)?.is_some_and(|line| line.at < from)
        {
            continue; // It ended before.
        }
        let mut lines = Lines::open(&segment.path).map_err(ExportError::Read)?;
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
        out.write_all(text)?;
        out.write_all(b"\n")?;
        self.count += 1;
        let is_signed =
            line.is_some_and(|line| matches!(line.body, Body::Head { .. } | Body::Key { .. }));
        // The head that signs what was asked for may be later than that.
        self.ended = is_after && is_signed;
        Ok(())
    }
}
