//! Import files: any file comes to an end, and reading goes on where it stopped.

use std::io::Cursor;

use ngsi_ld::read;
use serde_json::Value;
use server::import::{Format, Input, Mapping, Place, Records, Shape};

use crate::sample::{CONTEXT, LIMITS, is_shallow};

const RECORD_BYTES_MAX: usize = 512;

/// A format, and perhaps a type of entity, or `history`, on the first line; a mapping up to a line `---`, or
/// none; then the file.
pub fn import(data: &[u8]) {
    let line_end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(first) = std::str::from_utf8(&data[..line_end]) else { return };
    let rest = data.get(line_end + 1..).unwrap_or_default();
    let (format, entity_type) = first.split_once(' ').unwrap_or((first, ""));
    let Some(format) = Format::of(format!("file.{format}").as_ref()) else { return };
    let (mapping, file) = mapped(rest);
    let entity_type = Some(entity_type).filter(|name| !name.is_empty()).map(str::to_owned);
    let history = entity_type.as_deref() == Some("history");
    let shape = Shape { mapping, entity_type, history, record_bytes_max: RECORD_BYTES_MAX };
    let open = || Records::open(Input::new(Cursor::new(file.to_vec())), format, shape.clone()).ok();
    let Some(records) = open() else { return };
    let (found, places) = all(records, file.len());
    for text in found.iter().flatten() {
        if is_shallow(text) && history {
            let _ = read::evolution(text, &CONTEXT, &LIMITS);
        } else if is_shallow(text) {
            let _ = read::entity(text, &CONTEXT, &LIMITS);
        }
    }
    // From each place, what is left is the same.
    for (at, place) in places.iter().enumerate() {
        let Some(mut records) = open() else { panic!("the file opens once only") };
        assert!(records.seek(*place).is_ok(), "no way to {place:?}");
        let (left, _) = all(records, file.len());
        assert_eq!(left, found[at..], "from {place:?}");
    }
    if format == Format::Json {
        elements(&shape, file, &found);
    }
}

fn mapped(rest: &[u8]) -> (Option<Mapping>, &[u8]) {
    const END: &[u8] = b"\n---\n";
    let Some(at) = rest.windows(END.len()).position(|window| window == END) else {
        return (None, rest);
    };
    let mapping = std::str::from_utf8(&rest[..at]).ok().and_then(|text| Mapping::parse(text).ok());
    (mapping, &rest[at + END.len()..])
}

/// All records up to the end or to what breaks the file, and where each began.
fn all(mut records: Records, bytes: usize) -> (Vec<Result<String, String>>, Vec<Place>) {
    let (mut found, mut places) = (Vec::new(), Vec::new());
    loop {
        let place = records.place();
        let Ok(Some(record)) = records.read() else { return (found, places) };
        assert!(records.place().offset > place.offset, "{place:?} is read for ever");
        places.push(place);
        found.push(record.entity);
        assert!(found.len() <= bytes, "more records than bytes");
    }
}

/// The elements of a plain array are those that `serde_json` sees in it.
fn elements(shape: &Shape, file: &[u8], found: &[Result<String, String>]) {
    let Ok(Value::Array(trees)) = serde_json::from_slice(file) else { return };
    if shape.mapping.is_some() {
        return;
    }
    assert_eq!(found.len(), trees.len());
    for (found, tree) in found.iter().zip(&trees) {
        let is_feature = tree.get("properties").is_some();
        if let (Ok(text), false) = (found, is_feature) {
            assert_eq!(serde_json::from_str::<Value>(text).ok().as_ref(), Some(tree));
        }
    }
}
