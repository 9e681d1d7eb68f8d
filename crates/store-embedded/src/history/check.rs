//! Checking all of history: every chunk and every fragment reads, and stands where it should.

use super::chunk::Chunk;
use super::fragments::Fragments;
use super::rollup;
use super::series::{NUMBER_BYTES, SeriesKey, Span, entity_of};
use crate::codec::Wanted;
use crate::shared::Shared;
use crate::tables::{Table, fragment_text};

/// Reads everything; tells how many readings lie in chunks. What is recent and not yet on disk
/// was read from the journal.
pub fn check(shared: &Shared, mut note: impl FnMut(String)) -> Result<u64, sorted::Error> {
    let mut readings = 0;
    let view = shared.tables.view();
    let all = |table| view.range(table, &[], &[0xff; 32]);
    for entry in all(Table::Chunks) {
        let (key, value) = entry?;
        let checked = if key.len() == NUMBER_BYTES {
            check_fragment(shared, &value)
        } else {
            check_chunk(&key, &value).map(|rows| readings += rows)
        };
        if let Err(problem) = checked {
            note(format!("history of entity number {}: {problem}", entity_of(&key).0));
        }
    }
    for entry in all(Table::Recent) {
        let (key, value) = entry?;
        if let Err(problem) = check_fragment(shared, &value) {
            note(format!("recent history of entity number {}: {problem}", entity_of(&key).0));
        }
    }
    for entry in all(Table::Rollups) {
        let (key, value) = entry?;
        if let Err(problem) = rollup::check(&key, &value) {
            note(format!("roll-ups of entity number {}: {problem}", entity_of(&key).0));
        }
    }
    Ok(readings)
}

fn check_chunk(key: &[u8], value: &[u8]) -> Result<u64, String> {
    let bad = |malformed: crate::bytes::Malformed| malformed.to_string();
    let (_, first) = SeriesKey::of_chunk(key).map_err(bad)?;
    let chunk = Chunk::open(value).map_err(bad)?;
    let overview = chunk.overview.clone();
    let rows = chunk.rows(Span::ALL).map_err(bad)?;
    let in_order = rows.windows(2).all(|pair| pair[0].at < pair[1].at);
    let ends = (rows.first().map(|row| row.at), rows.last().map(|row| row.at));
    if !in_order || overview.first != first || ends != (Some(first), Some(overview.last)) {
        return Err("a chunk does not hold the readings that its key tells of".to_owned());
    }
    Ok(rows.len() as u64)
}

fn check_fragment(shared: &Shared, value: &[u8]) -> Result<(), String> {
    let text = fragment_text(value).map_err(|error| error.to_string())?;
    let added = Fragments::default().add(&text, &shared.names, &Wanted::All, Span::ALL);
    added.map_err(|bad| bad.to_string())
}
