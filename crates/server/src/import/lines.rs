//! NDJSON: a JSON value on each line.

use super::input::{Input, SourceError};
use super::json::Cut;

/// The next line that is not empty; nothing after the last one.
pub fn read(input: &mut Input, bytes_max: usize) -> Result<Option<Cut>, SourceError> {
    loop {
        input.skip_space()?;
        if input.peek()?.is_none() {
            return Ok(None);
        }
        let line = input.place().line;
        let (mut bytes, too_long) = input.line(bytes_max)?;
        while bytes.last().is_some_and(u8::is_ascii_whitespace) {
            bytes.pop();
        }
        if !bytes.is_empty() {
            return Ok(Some(Cut { line, bytes, too_long }));
        }
    }
}
