//! What is to be merged next: plain decisions on the shape of a table.
//!
//! Runs as they were ingested stand at the top. When there are [`TOP_RUNS`] of them, they go into
//! the first level with what they overlap there; unless they are small beside that, then the
//! smaller of them become one first. A level that has become too large gives one file at a time
//! to the next. What is damaged stays where it is, and nothing is merged past it: it would be
//! hidden by what is older, or hide what is newer.

use std::sync::Arc;

use crate::file::{Bounds, File};
use crate::options::Sizes;
use crate::version::{Run, TableVersion};

/// So many runs at the top are merged.
pub const TOP_RUNS: usize = 4;

/// The top goes into the first level when that is no more than so many times as large.
const TOP_RATIO: u64 = 4;

/// With so many runs at the top, the newest are made one whatever their sizes are.
const TOP_RUNS_MAX: usize = 7;

/// Files that become others.
#[derive(Debug)]
pub struct Merge {
    /// Runs, or what is to be taken of them; the newest first.
    pub inputs: Vec<Vec<Arc<File>>>,
    pub output: Output,
    /// Nothing older lies below: removed keys need no tombstones any more.
    pub is_lowest: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A run at the top, in the place of the inputs.
    Top,
    /// Among the files of a level; 1 is the first.
    Level(usize),
    /// In the place of the one file that was read.
    Same,
}

impl Merge {
    /// Whether files only change their place.
    pub fn is_move(&self) -> bool {
        let [only] = &*self.inputs else { return false };
        let has_nothing_to_drop =
            |file: &Arc<File>| !file.is_stale() && (file.tombstones == 0 || !self.is_lowest);
        self.output != Output::Same && only.iter().all(has_nothing_to_drop)
    }

    pub fn files(&self) -> impl Iterator<Item = &Arc<File>> {
        self.inputs.iter().flatten()
    }
}

/// What is to be done next with a table, if anything is.
pub fn next(table: &TableVersion, sizes: Sizes) -> Option<Merge> {
    // Those who write wait for the top; what is to be written anew may be much.
    top(table).or_else(|| stale(table)).or_else(|| level(table, sizes))
}

/// A file that is to be written anew.
fn stale(table: &TableVersion) -> Option<Merge> {
    let runs: Vec<&Arc<Run>> = table.runs().collect();
    for (at, run) in runs.iter().enumerate() {
        let stale = run.files.iter().find(|file| file.is_stale() && !file.is_left_out());
        let Some(file) = stale else { continue };
        let below = &runs[at + 1..];
        let is_lowest = is_clear(below, file.bounds.as_ref());
        return Some(Merge { inputs: vec![vec![file.clone()]], output: Output::Same, is_lowest });
    }
    None
}

fn is_clear(below: &[&Arc<Run>], bounds: Option<&Bounds>) -> bool {
    let Some(bounds) = bounds else { return false };
    below.iter().all(|run| !run.overlaps(bounds))
}

fn top(table: &TableVersion) -> Option<Merge> {
    if table.top.len() < TOP_RUNS {
        return None;
    }
    into_first_level(table).or_else(|| within_top(table))
}

/// The oldest runs at the top, down to a damaged one.
fn into_first_level(table: &TableVersion) -> Option<Merge> {
    let damaged = table.top.iter().rposition(|run| run.is_left_out());
    let begin = damaged.map_or(0, |at| at + 1);
    let oldest = &table.top[begin..];
    let bounds = Bounds::around(oldest.iter().flat_map(|run| &run.files))?;
    let overlapped: &[Arc<File>] = match table.levels.first() {
        Some(first) if first.has_broken => return None,
        Some(first) => first.overlapping(&bounds),
        None => &[],
    };
    let overlapped_bytes: u64 = overlapped.iter().map(|file| file.bytes).sum();
    let bytes: u64 = oldest.iter().map(|run| run.bytes()).sum();
    if bytes * TOP_RATIO < overlapped_bytes || overlapped.iter().any(|it| it.is_left_out()) {
        return None;
    }
    let mut inputs: Vec<_> = oldest.iter().map(|run| run.files.clone()).collect();
    if !overlapped.is_empty() {
        inputs.push(overlapped.to_vec());
    }
    let below: Vec<_> = table.levels.iter().skip(1).collect();
    // Of what is overlapped too: it reaches further, and may hide something there.
    let is_lowest = is_clear(&below, Bounds::around(inputs.iter().flatten()).as_ref());
    Some(Merge { inputs, output: Output::Level(1), is_lowest })
}

/// Neighbours at the top of which none is much larger than the newer ones together.
fn within_top(table: &TableVersion) -> Option<Merge> {
    let top = &table.top;
    let is_free = |at: usize| top.get(at).is_some_and(|run| !run.is_left_out());
    for begin in 0..top.len() {
        if !is_free(begin) {
            continue;
        }
        let (mut bytes, mut end) = (top[begin].bytes(), begin + 1);
        while is_free(end) && top[end].bytes() <= bytes.saturating_mul(2) {
            bytes += top[end].bytes();
            end += 1;
        }
        if 2 <= end - begin {
            return Some(within(table, begin, end));
        }
    }
    if top.len() < TOP_RUNS_MAX {
        return None;
    }
    let begin = (0..top.len()).find(|at| is_free(*at) && is_free(at + 1))?;
    Some(within(table, begin, begin + 2))
}

fn within(table: &TableVersion, begin: usize, end: usize) -> Merge {
    let runs = &table.top[begin..end];
    let inputs: Vec<_> = runs.iter().map(|run| run.files.clone()).collect();
    let below: Vec<_> = table.top[end..].iter().chain(&table.levels).collect();
    let is_lowest = is_clear(&below, Bounds::around(inputs.iter().flatten()).as_ref());
    Merge { inputs, output: Output::Top, is_lowest }
}

/// The file of a level that is too large which overlaps least of the next.
fn level(table: &TableVersion, sizes: Sizes) -> Option<Merge> {
    let mut may_hold = sizes.level_bytes;
    for (at, run) in table.levels.iter().enumerate() {
        if may_hold < run.bytes()
            && let Some(merge) = down(table, at)
        {
            return Some(merge);
        }
        may_hold = may_hold.saturating_mul(sizes.level_ratio);
    }
    None
}

fn down(table: &TableVersion, at: usize) -> Option<Merge> {
    let run = &table.levels[at];
    let next = table.levels.get(at + 1);
    // Without its neighbours it could not be told what a broken file may hold.
    if run.has_broken || next.is_some_and(|next| next.has_broken) {
        return None;
    }
    let overlapped = |file: &Arc<File>| -> &[Arc<File>] {
        match (next, &file.bounds) {
            (Some(next), Some(bounds)) => next.overlapping(bounds),
            _ => &[],
        }
    };
    let is_free = |file: &&Arc<File>| {
        !file.is_left_out() && overlapped(file).iter().all(|it| !it.is_left_out())
    };
    let cost = |file: &&Arc<File>| {
        let bytes: u64 = overlapped(file).iter().map(|it| it.bytes).sum();
        bytes.saturating_mul(1024) / file.bytes.max(1)
    };
    let file = run.files.iter().filter(is_free).min_by_key(cost)?;
    let mut inputs = vec![vec![file.clone()]];
    let overlapped = overlapped(file);
    if !overlapped.is_empty() {
        inputs.push(overlapped.to_vec());
    }
    let below: Vec<_> = table.levels.iter().skip(at + 2).collect();
    let bounds = Bounds::around(inputs.iter().flatten());
    let is_lowest = is_clear(&below, bounds.as_ref());
    Some(Merge { inputs, output: Output::Level(at + 2), is_lowest })
}

/// The table after a merge; runs that came to the top meanwhile stay there.
pub fn after(table: &TableVersion, merge: &Merge, output: Vec<Arc<File>>) -> TableVersion {
    let is_input = |file: &Arc<File>| merge.files().any(|input| input.id == file.id);
    let mut after = TableVersion::default();
    let mut place = None;
    for run in &table.top {
        let left: Vec<_> = run.files.iter().filter(|file| !is_input(file)).cloned().collect();
        if left.len() == run.files.len() {
            after.top.push(run.clone());
            continue;
        }
        if merge.output == Output::Same {
            let replaced = replaced(run, merge, &output);
            if !replaced.is_empty() {
                after.top.push(Arc::new(Run::new(replaced)));
            }
            continue;
        }
        place.get_or_insert(after.top.len());
    }
    if merge.output == Output::Top && !output.is_empty() {
        after.top.insert(place.unwrap_or(0), Arc::new(Run::new(output.clone())));
    }
    for run in &table.levels {
        if !run.files.iter().any(is_input) {
            after.levels.push(run.clone());
        } else if merge.output == Output::Same {
            after.levels.push(Arc::new(Run::new(replaced(run, merge, &output))));
        } else {
            let left = run.files.iter().filter(|file| !is_input(file)).cloned().collect();
            after.levels.push(Arc::new(Run::new(left)));
        }
    }
    if let Output::Level(level) = merge.output {
        after.levels.resize_with(after.levels.len().max(level), Arc::default);
        let mut files = after.levels[level - 1].files.clone();
        files.extend(output);
        files.sort_by(|a, b| a.bounds.as_ref().map(first).cmp(&b.bounds.as_ref().map(first)));
        after.levels[level - 1] = Arc::new(Run::new(files));
    }
    after
}

fn first(bounds: &Bounds) -> &[u8] {
    &bounds.first
}

/// The files of a run, with the output in the place of the input.
fn replaced(run: &Run, merge: &Merge, output: &[Arc<File>]) -> Vec<Arc<File>> {
    let mut files = Vec::with_capacity(run.files.len() + output.len());
    for file in &run.files {
        match merge.files().any(|input| input.id == file.id) {
            true => files.extend_from_slice(output),
            false => files.push(file.clone()),
        }
    }
    files
}
