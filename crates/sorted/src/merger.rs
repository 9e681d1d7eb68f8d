//! The thread that merges, and those who wait for it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cursor::{Cursor, Direction};
use crate::engine::Inner;
use crate::error::Error;
use crate::file::{Fetch, File, ReadAhead};
use crate::merged::Merged;
use crate::plan::{self, Merge};
use crate::version::{Run, TableVersion};
use crate::writer::RunWriter;

/// An ingestion waits where so many runs of its table wait to be merged,
const TOP_RUNS_WAIT: usize = 16;
/// though no longer than this at a time;
const INGESTION_WAIT: Duration = Duration::from_secs(30);
/// and it is refused where there are so many.
const TOP_RUNS_REFUSED: usize = 128;

/// After a failure, such as a full disk, merging tries again this often.
const RETRY_WAIT: Duration = Duration::from_secs(10);

/// Whether merging is to stop is asked after so many entries.
const STOP_ASKED_ENTRIES: u32 = 1024;

#[derive(Debug, Default)]
pub struct Merger {
    state: Mutex<State>,
    /// Something has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// There may be something to merge.
    is_due: bool,
    is_busy: bool,
    is_stopped: bool,
    failure: Option<String>,
}

impl Merger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wake(&self) {
        self.state().is_due = true;
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.state().is_stopped = true;
        self.changed.notify_all();
    }

    /// Has those who wait look again.
    fn tell(&self) {
        // With the lock, so that nobody is between looking and waiting.
        let state = self.state();
        self.changed.notify_all();
        drop(state);
    }

    pub fn is_stopped(&self) -> bool {
        self.state().is_stopped
    }

    /// Waits until nothing is due, or until merging fails.
    pub fn wait(&self) -> Result<(), String> {
        let goes_on =
            |state: &mut State| (state.is_due && state.failure.is_none()) || state.is_busy;
        let state = self.changed.wait_while(self.state(), goes_on);
        match &state.unwrap_or_else(PoisonError::into_inner).failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Waits until something is due; false, when the thread is to end.
    fn next_turn(&self) -> bool {
        let mut state = self.state();
        if state.failure.is_some() {
            let waits = |state: &mut State| !state.is_stopped;
            let waited = self.changed.wait_timeout_while(state, RETRY_WAIT, waits);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        } else {
            let waits = |state: &mut State| !state.is_due && !state.is_stopped;
            state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        }
        (state.is_due, state.is_busy) = (false, true);
        !state.is_stopped
    }

    /// Those who wait for their turn need not wait for the end of what else is merged.
    fn note_failure(&self, failure: &str) {
        self.state().failure.get_or_insert_with(|| failure.to_owned());
        self.changed.notify_all();
    }

    fn end_turn(&self, failure: Option<String>) {
        let mut state = self.state();
        state.is_busy = false;
        // What failed is still due.
        state.is_due |= failure.is_some();
        state.failure = failure;
        drop(state);
        self.changed.notify_all();
    }
}

pub fn start(inner: &Arc<Inner>) -> std::io::Result<std::thread::JoinHandle<()>> {
    inner.merger.wake();
    let inner = inner.clone();
    std::thread::Builder::new().name("sorted-merge".to_owned()).spawn(move || run(&inner))
}

fn run(inner: &Inner) {
    while inner.merger.next_turn() {
        let merged = std::panic::catch_unwind(AssertUnwindSafe(|| merge_all(inner)));
        let panicked = |_| Err("planning a merge has panicked; the log tells where".to_owned());
        let failure = merged.unwrap_or_else(panicked).err();
        if let Some(error) = &failure {
            tracing::error!("could not merge tables, trying again: {error}");
        }
        inner.merger.end_turn(failure);
    }
    inner.merger.end_turn(None);
}

/// Merges until nothing is due.
fn merge_all(inner: &Inner) -> Result<(), String> {
    let mut set_aside = SetAside::default();
    let mut failure = None;
    while let Some((table, merge)) = next(inner) {
        match caught(|| merge_files(inner, table, &merge)) {
            Ok(()) => {}
            Err(_) if inner.merger.is_stopped() => return Ok(()),
            // The file has noted it, and is left out from now on.
            Err(_) if merge.files().any(|file| file.damage().is_some()) => {}
            Err(problem) => {
                set_aside.add(&merge);
                inner.merger.note_failure(&problem);
                failure.get_or_insert(problem);
            }
        }
        inner.merger.tell();
        if inner.merger.is_stopped() {
            return Ok(());
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Files whose merges have failed, until all others were merged.
#[derive(Default)]
struct SetAside(Vec<Arc<File>>);

impl SetAside {
    fn add(&mut self, merge: &Merge) {
        merge.files().for_each(|file| file.set_aside(true));
        self.0.extend(merge.files().cloned());
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        self.0.iter().for_each(|file| file.set_aside(false));
    }
}

/// A panic is a failure like others: those who wait for merging must learn of it.
fn caught(work: impl FnOnce() -> Result<(), Error>) -> Result<(), String> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("merging has panicked; the log tells where".to_owned()),
    }
}

/// What is due of the table with the most runs.
fn next(inner: &Inner) -> Option<(usize, Merge)> {
    let version = inner.current();
    let due =
        |(at, table): (usize, &Arc<TableVersion>)| Some((at, plan::next(table, inner.sizes)?));
    let due = version.tables.iter().enumerate().filter_map(due);
    due.max_by_key(|(at, _)| version.tables[*at].top.len())
}

fn merge_files(inner: &Inner, table: usize, merge: &Merge) -> Result<(), Error> {
    if merge.is_move() {
        let files: Vec<Arc<File>> = merge.files().cloned().collect();
        return inner.install(&[], |version| {
            let moved = plan::after(&version.tables[table], merge, files);
            version.with_table(table, moved)
        });
    }
    let output = write_merged(inner, table, merge)?;
    inner.install(&output, |version| {
        let merged = plan::after(&version.tables[table], merge, output.clone());
        version.with_table(table, merged)
    })?;
    // They go as soon as no snapshot needs them.
    merge.files().for_each(|file| file.note_obsolete());
    Ok(())
}

fn write_merged(inner: &Inner, table: usize, merge: &Merge) -> Result<Vec<Arc<File>>, Error> {
    let mut cursors = Vec::with_capacity(merge.inputs.len());
    for files in &merge.inputs {
        let run = Arc::new(Run::new(files.clone()));
        let fetch = Fetch::Stream(ReadAhead::default());
        let mut cursor = Cursor::new(run, Direction::Ascending, fetch);
        if cursor.advance()? {
            cursors.push(cursor);
        }
    }
    let mut merged = Merged::new(Direction::Ascending, cursors);
    let mut writer = RunWriter::new(&inner.shared, table, &inner.ids, inner.sizes.file_bytes);
    let mut entries = 0_u32;
    while let Some(key) = merged.key() {
        let value = merged.value_bytes();
        if value.is_some() || !merge.is_lowest {
            writer.push(key, value)?;
        }
        entries = entries.wrapping_add(1);
        if entries.is_multiple_of(STOP_ASKED_ENTRIES) && inner.merger.is_stopped() {
            return Err(Error::Closed);
        }
        merged.advance()?;
    }
    writer.finish()
}

impl Inner {
    /// Waits where merging has fallen behind with one of the tables, once for all of them, and not
    /// where it has failed or is to stop.
    pub fn wait_for_turn(&self, tables: &[usize]) -> Result<(), Error> {
        let runs = |table: usize| {
            let version = self.current();
            version.tables[table].top.iter().filter(|run| !run.is_damaged()).count()
        };
        let is_behind = || tables.iter().any(|table| runs(*table) >= TOP_RUNS_WAIT);
        let waits = |state: &mut State| state.failure.is_none() && !state.is_stopped && is_behind();
        let state = self.merger.state();
        let waited = self.merger.changed.wait_timeout_while(state, INGESTION_WAIT, waits);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let (is_stopped, failure) = (state.is_stopped, state.failure.clone());
        drop(state);
        if is_stopped {
            return Err(Error::Closed);
        }
        let refused = tables.iter().map(|table| (*table, runs(*table)));
        let Some((table, runs)) = refused.into_iter().find(|it| it.1 >= TOP_RUNS_REFUSED) else {
            return Ok(());
        };
        let problem = failure.unwrap_or_else(|| "it is slower than what comes in".to_owned());
        Err(Error::Behind { table: self.shared.table_name(table), runs, problem })
    }
}
