//! What the record keeps no longer: whole segments, said and signed before they are removed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use ::audit::{Hash, Line};
use model::Timestamp;
use tracing::{info, warn};

use super::aside::torn_before;
use super::files::{self, Segment};
use super::lines::Lines;
use super::scan::{Scan, scan};
use super::settings::LedgerSettings;
use super::tail::Tail;

/// How much is read at a time of what is to be removed: meanwhile nothing is written.
const READ_BYTES_MAX: u64 = 128 << 20;

/// How much later than the segment before the last one began it can be, at most, as far as retention
/// goes. A segment lasts a day; a clock that went wrong must not remove years at once.
const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(2 * 86_400);

/// Removes segments that are older than the longest time, and never one that is younger than the
/// shortest. The last segment stays in any case, and so does whatever does not verify, with all that
/// follows it. Tells whether there may be more at once. Fails where that cannot be said in the
/// record; what cannot be read or removed is left for the next time.
pub fn sweep(tail: &mut Tail, settings: &LedgerSettings, now: Timestamp) -> io::Result<bool> {
    let Some(age_max) = settings.age_max else { return Ok(false) };
    let age = age_max.max(settings.age_min);
    let segments = files::segments(tail.directory());
    let old = match segments.and_then(|segments| old(segments, age, now)) {
        Ok(Some(old)) => old,
        Ok(None) => return Ok(false),
        Err(error) => {
            warn!(%error, "could not look for old segments of the audit record; trying again");
            return Ok(false);
        }
    };
    let Old { segments, first, before, is_more } = old;
    tail.retire(now, first, before)?;
    match remove(tail.directory(), &segments, first) {
        Ok(()) => {
            info!(segments = segments.len(), first, "removed old segments of the audit record");
        }
        Err(error) => {
            warn!(%error, "could not remove old segments of the audit record");
            return Ok(false);
        }
    }
    Ok(is_more)
}

/// Oldest first, so that what is left has no gap at any time. What was torn off them goes with them.
fn remove(directory: &Path, segments: &[Segment], first: u64) -> io::Result<()> {
    for segment in segments {
        fs::remove_file(&segment.path)?;
    }
    for torn in torn_before(directory, first)? {
        fs::remove_file(torn)?;
    }
    files::sync_directory(directory)
}

fn before(now: Timestamp, age: Duration) -> Option<Timestamp> {
    let age = i64::try_from(age.as_micros()).ok()?;
    now.0.checked_sub(age).map(Timestamp)
}

/// Segments that may go.
struct Old {
    segments: Vec<Segment>,
    /// The number of the first line that stays, and the hash of the line before it.
    first: u64,
    before: Hash,
    /// No more was looked at, for the time that would take.
    is_more: bool,
}

/// The oldest segments, as far as they verify, are tied to what follows, and have no line younger
/// than the age. What a clock that went wrong wrote is as young as what was written before it.
fn old(mut segments: Vec<Segment>, age: Duration, now: Timestamp) -> io::Result<Option<Old>> {
    let Some(end) = before(believed(&segments, now)?, age) else { return Ok(None) };
    let (mut newest, mut found): (Option<Timestamp>, _) = (None, None);
    let (mut bytes, mut is_more) = (0, false);
    for (at, next) in segments.iter().enumerate().skip(1) {
        // Most times this alone tells that nothing is to be removed.
        let Some(line) = first_line(next)? else { break };
        newest = newest.max(Some(line.at));
        if newest > Some(end) {
            break;
        }
        is_more = READ_BYTES_MAX <= bytes;
        if is_more {
            break;
        }
        let segment = &segments[at - 1];
        let scan = scan(segment)?;
        bytes += scan.length;
        newest = newest.max(scan.newest);
        if let Some(problem) = problem(segment, &scan, next, &line) {
            let file = segment.path.display();
            warn!(%file, problem, "an old segment of the audit record does not verify; it is kept");
            break;
        }
        if newest > Some(end) {
            break;
        }
        found = Some((at, line.seq, line.prev));
    }
    Ok(found.map(|(at, first, before)| {
        segments.truncate(at);
        Old { segments, first, before, is_more }
    }))
}

/// The time as far as it is believed.
fn believed(segments: &[Segment], now: Timestamp) -> io::Result<Timestamp> {
    let Some(segment) = segments.len().checked_sub(2).and_then(|at| segments.get(at)) else {
        return Ok(now);
    };
    let ahead = i64::try_from(CLOCK_AHEAD_MAX.as_micros()).unwrap_or(i64::MAX);
    let latest = first_line(segment)?.map(|line| Timestamp(line.at.0.saturating_add(ahead)));
    Ok(latest.map_or(now, |latest| now.min(latest)))
}

/// Why a segment is not what the next one goes on from.
fn problem(segment: &Segment, scan: &Scan, next: &Segment, line: &Line) -> Option<String> {
    if let Some(problem) = &scan.problem {
        return Some(problem.clone());
    }
    let last = scan.last?;
    let is_whole = scan.bytes == scan.length && scan.unsigned == 0;
    let is_tied = line.seq == next.first
        && last.seq.checked_add(1) == Some(line.seq)
        && last.hash == line.prev
        && segment.first <= last.seq;
    let problem = "the next segment does not go on from its end";
    (!is_whole || !is_tied).then(|| problem.to_owned())
}

/// The first line of a segment, where it can be read.
pub fn first_line(segment: &Segment) -> io::Result<Option<Line>> {
    let mut lines = match Lines::open(&segment.path) {
        // Retention was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lines => lines?,
    };
    Ok(lines.next()?.and_then(|line| Line::parse(line).ok()))
}
