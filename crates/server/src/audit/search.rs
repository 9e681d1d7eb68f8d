//! Looking for entries: newest first, page by page, reading no more than a bounded part.

use std::io;
use std::path::Path;

use ::audit::{Body, Entry, Event, Line};
use model::Timestamp;

use super::files::{self, Segment};
use super::lines::LinesBack;
use super::retention::first_line;

/// How many entries a page holds at most.
pub const SEARCH_LIMIT_MAX: usize = 1_000;
/// How much is read for one page. Where that does not suffice, the page is not full, and the next
/// one goes on.
pub const SEARCH_BYTES_MAX: u64 = 64 << 20;

/// How many damaged files a page names.
pub const DAMAGED_MAX: usize = 16;

/// Which entries; all conditions hold for each.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// The name of the caller, whole.
    pub caller: Option<String>,
    pub tenant: Option<String>,
    /// One of these; any, where there is none.
    pub events: Vec<Event>,
    /// `allowed`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// What the target begins with.
    pub target: Option<String>,
    pub request: Option<String>,
    /// Only lines before the one of this number: the `next` of the page before.
    pub before: Option<u64>,
    /// How many; [`SEARCH_LIMIT_MAX`] is the most.
    pub limit: usize,
}

/// Entries, newest first.
#[derive(Debug, Default)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Where the next page begins. Nothing where the beginning of the record was reached.
    pub next: Option<u64>,
    /// Lines that could not be read and were passed over, and the files they are in: the record is
    /// damaged, and verifying it tells more.
    pub unreadable: u64,
    pub damaged: Vec<String>,
}

impl Search {
    fn is_timed(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }

    fn takes(&self, at: Timestamp, entry: &Entry) -> bool {
        let is = |asked: &Option<String>, found: Option<&str>| {
            asked.as_deref().is_none_or(|asked| found == Some(asked))
        };
        let target = entry.target.as_ref().map_or("", |target| target.as_str());
        self.from.is_none_or(|from| from <= at)
            && self.until.is_none_or(|until| at < until)
            && (self.events.is_empty() || self.events.contains(&entry.event))
            && is(&self.caller, Some(entry.who.name.as_str()))
            && is(&self.tenant, entry.who.tenant.as_ref().map(|tenant| tenant.as_str()))
            && is(&self.outcome, Some(entry.outcome.name()))
            && is(&self.request, entry.request.as_ref().map(|id| id.as_str()))
            && self.target.as_deref().is_none_or(|prefix| target.starts_with(prefix))
    }
}

/// Searches the record in a directory, also while a server writes it. It waits for the disk: from
/// a task, call it where that is allowed.
pub fn search(directory: &Path, asked: &Search) -> io::Result<Page> {
    search_within(directory, asked, SEARCH_BYTES_MAX)
}

fn search_within(directory: &Path, asked: &Search, bytes_max: u64) -> io::Result<Page> {
    let mut segments = files::segments(directory)?;
    if let Some(before) = asked.before {
        // The pages before went through these, and need not be opened again.
        segments.truncate(segments.partition_point(|segment| segment.first < before));
    }
    let mut looking = Looking { asked, page: Page::default(), bytes_left: bytes_max };
    let mut later: Option<Line> = None;
    for segment in segments.iter().rev() {
        let ended_before = |from: Timestamp| later.as_ref().is_some_and(|line| line.at < from);
        let first = if asked.is_timed() { first_line(segment)? } else { None };
        let began_after = |until: Timestamp| first.as_ref().is_some_and(|line| until <= line.at);
        let old = asked.from.is_some_and(ended_before);
        let young = asked.until.is_some_and(began_after);
        if !old && !young && looking.through(segment)? {
            return Ok(looking.page);
        }
        later = first.or(later);
    }
    looking.page.next = None;
    Ok(looking.page)
}

struct Looking<'a> {
    asked: &'a Search,
    page: Page,
    bytes_left: u64,
}

impl Looking<'_> {
    /// True once the page ends within the segment.
    fn through(&mut self, segment: &Segment) -> io::Result<bool> {
        let limit = self.asked.limit.clamp(1, SEARCH_LIMIT_MAX);
        let lines = match self.asked.before {
            Some(before) => LinesBack::open_before(&segment.path, before),
            None => LinesBack::open(&segment.path),
        };
        let mut lines = match lines {
            // Retention was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            lines => lines?,
        };
        let mut seen = 0;
        while let Some(text) = lines.next()? {
            self.bytes_left = self.bytes_left.saturating_sub(lines.bytes_read - seen);
            seen = lines.bytes_read;
            self.look(&text, segment);
            let is_full = self.page.lines.len() == limit;
            if self.page.next.is_some() && (is_full || self.bytes_left == 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look(&mut self, text: &[u8], segment: &Segment) {
        let Ok(line) = Line::parse(text) else {
            return self.tell_damage(segment);
        };
        if self.asked.before.is_some_and(|before| before <= line.seq) {
            return;
        }
        self.page.next = Some(line.seq);
        if let Body::Entry(entry) = &line.body
            && self.asked.takes(line.at, entry)
        {
            self.page.lines.push(line);
        }
    }

    fn tell_damage(&mut self, segment: &Segment) {
        self.page.unreadable += 1;
        let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
        let is_told = self.page.damaged.last().is_some_and(|told| *told == name);
        if !is_told && self.page.damaged.len() < DAMAGED_MAX {
            self.page.damaged.push(name.into_owned());
        }
    }
}
