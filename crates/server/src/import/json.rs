//! Cuts JSON values out of a stream, without reading what is inside them.

use super::input::{Input, SourceError};

/// One JSON value as it stands in the source. Whether it is valid inside is not known yet.
pub struct Cut {
    pub line: u64,
    pub bytes: Vec<u8>,
    /// Longer than allowed: `bytes` is only its beginning.
    pub too_long: bool,
}

impl Cut {
    fn push(&mut self, byte: u8, bytes_max: usize) {
        if self.bytes.len() < bytes_max {
            self.bytes.push(byte);
        } else {
            self.too_long = true;
        }
    }
}

/// The value that begins here; white space before it has been skipped.
pub fn cut(input: &mut Input, bytes_max: usize) -> Result<Cut, SourceError> {
    let mut cut = Cut { line: input.place().line, bytes: Vec::new(), too_long: false };
    match input.peek()? {
        Some(b'{' | b'[') => nested(input, &mut cut, bytes_max)?,
        Some(b'"') => string(input, &mut cut, bytes_max)?,
        _ => scalar(input, &mut cut, bytes_max)?,
    }
    Ok(cut)
}

fn nested(input: &mut Input, cut: &mut Cut, bytes_max: usize) -> Result<(), SourceError> {
    let mut depth = 0_u64;
    loop {
        match input.peek()? {
            Some(b'"') => {
                string(input, cut, bytes_max)?;
                continue;
            }
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => depth -= 1,
            Some(_) => {}
            None => return Err(ends_early(cut.line)),
        }
        if let Some(byte) = input.take()? {
            cut.push(byte, bytes_max);
        }
        if depth == 0 {
            return Ok(());
        }
    }
}

fn string(input: &mut Input, cut: &mut Cut, bytes_max: usize) -> Result<(), SourceError> {
    let (mut quotes, mut escaped) = (0, false);
    while quotes < 2 {
        let byte = input.take()?.ok_or_else(|| ends_early(cut.line))?;
        cut.push(byte, bytes_max);
        quotes += u32::from(byte == b'"' && !escaped);
        escaped = byte == b'\\' && !escaped;
    }
    Ok(())
}

fn scalar(input: &mut Input, cut: &mut Cut, bytes_max: usize) -> Result<(), SourceError> {
    while let Some(byte) = input.peek()? {
        if matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace() {
            break;
        }
        input.take()?;
        cut.push(byte, bytes_max);
    }
    if cut.bytes.is_empty() { Err(unexpected(input, "a JSON value")) } else { Ok(()) }
}

/// Steps over white space and the byte that must come next.
pub fn expect(input: &mut Input, wanted: u8) -> Result<(), SourceError> {
    input.skip_space()?;
    if input.peek()? == Some(wanted) {
        input.take()?;
        Ok(())
    } else {
        Err(unexpected(input, &format!("`{}`", char::from(wanted))))
    }
}

pub fn unexpected(input: &mut Input, wanted: &str) -> SourceError {
    let line = input.place().line;
    let problem = match input.peek() {
        Ok(Some(byte)) => format!("`{}` stands where {wanted} is expected", byte.escape_ascii()),
        Ok(None) => format!("the file ends where {wanted} is expected"),
        Err(error) => return SourceError::Io(error),
    };
    SourceError::Broken { line, problem }
}

fn ends_early(line: u64) -> SourceError {
    let problem = "the file ends inside the JSON value that begins here".to_owned();
    SourceError::Broken { line, problem }
}
