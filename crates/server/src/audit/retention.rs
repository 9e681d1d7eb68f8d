//! What the record keeps no longer: whole segments, said and signed before they are removed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use ::audit::Line;
use model::Timestamp;
use tracing::{info, warn};

use super::files::{self, Segment};
use super::ledger::LedgerSettings;
use super::lines::Lines;
use super::tail::Tail;

/// How many segments are removed at a time.
const REMOVED_MAX: usize = 1_000;

/// Removes segments that are older than the longest time, and never one that is younger than the
/// shortest. The last segment stays in any case. Fails where that cannot be said in the record;
/// what cannot be read or removed is left for the next time.
pub fn sweep(tail: &mut Tail, settings: &LedgerSettings, now: Timestamp) -> io::Result<()> {
    let Some(age_max) = settings.age_max else { return Ok(()) };
    let Some(end) = before(now, age_max.max(settings.age_min)) else { return Ok(()) };
    let segments = files::segments(tail.directory());
    let (segments, first) = match segments.and_then(|segments| old(segments, end)) {
        Ok(Some(old)) => old,
        Ok(None) => return Ok(()),
        Err(error) => {
            warn!(%error, "could not look for old segments of the audit record; trying again");
            return Ok(());
        }
    };
    tail.retire(now, first.seq, first.prev)?;
    match remove(tail.directory(), &segments) {
        Ok(()) => info!(
            segments = segments.len(),
            first = first.seq,
            "removed old segments of the audit record"
        ),
        Err(error) => warn!(%error, "could not remove old segments of the audit record"),
    }
    Ok(())
}

/// Oldest first, so that what is left has no gap at any time.
fn remove(directory: &Path, segments: &[Segment]) -> io::Result<()> {
    for segment in segments {
        fs::remove_file(&segment.path)?;
    }
    files::sync_directory(directory)
}

fn before(now: Timestamp, age: Duration) -> Option<Timestamp> {
    let age = i64::try_from(age.as_micros()).ok()?;
    now.0.checked_sub(age).map(Timestamp)
}

/// The segments that ended before a moment, and the first line of the one that follows them.
fn old(mut segments: Vec<Segment>, end: Timestamp) -> io::Result<Option<(Vec<Segment>, Line)>> {
    let mut found = None;
    for (at, next) in segments.iter().enumerate().skip(1).take(REMOVED_MAX) {
        // A segment ends where the next begins. One that cannot be read is no reason to remove
        // anything.
        match first_line(next)? {
            Some(line) if line.at <= end => found = Some((at, line)),
            _ => break,
        }
    }
    Ok(found.map(|(at, line)| {
        segments.truncate(at);
        (segments, line)
    }))
}

/// The first line of a segment, where it can be read.
pub fn first_line(segment: &Segment) -> io::Result<Option<Line>> {
    let mut lines = Lines::open(&segment.path)?;
    Ok(lines.next()?.and_then(|line| Line::parse(line).ok()))
}
