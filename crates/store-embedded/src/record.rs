//! Writing and reading of records: numbers and texts, in one text.

use std::sync::Arc;

use model::Text;

/// A record does not hold what its reader expects where it expects it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct BadRecord {
    pub what: &'static str,
    pub at: usize,
}

/// A record under construction.
#[derive(Clone, Debug, Default)]
pub struct RecordWriter(String);

/// Each character of a number holds this many bits of it, lowest first; a further bit tells
/// whether more follow. All of them are ASCII.
const BITS: u32 = 6;
const MORE: u8 = 1 << BITS;

impl RecordWriter {
    pub fn with_capacity(bytes: usize) -> RecordWriter {
        RecordWriter(String::with_capacity(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn number(&mut self, mut number: u64) {
        while number >= u64::from(MORE) {
            self.0.push(char::from(number as u8 & (MORE - 1) | MORE));
            number >>= BITS;
        }
        self.0.push(char::from(number as u8));
    }

    /// Small numbers of either sign take few characters.
    pub fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.push_str(text);
    }

    pub fn list<T>(&mut self, items: &[T], mut put: impl FnMut(&mut RecordWriter, &T)) {
        self.number(items.len() as u64);
        for item in items {
            put(self, item);
        }
    }

    /// What `put` writes, with its length before it.
    pub fn measured(&mut self, put: impl FnOnce(&mut RecordWriter)) {
        let start = self.0.len();
        put(self);
        let mut length = RecordWriter::default();
        length.number((self.0.len() - start) as u64);
        self.0.insert_str(start, &length.0);
    }

    /// A record that was written before, to follow what is there.
    pub fn record(&mut self, record: &str) {
        self.0.push_str(record);
    }

    pub fn finish(self) -> Arc<str> {
        self.0.into()
    }
}

#[derive(Debug)]
pub struct RecordReader<'a> {
    record: &'a Arc<str>,
    at: usize,
}

impl<'a> RecordReader<'a> {
    pub fn new(record: &'a Arc<str>, from: usize) -> RecordReader<'a> {
        RecordReader { record, at: from }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.record.len()
    }

    pub fn bad(&self, what: &'static str) -> BadRecord {
        BadRecord { what, at: self.at }
    }

    pub fn number(&mut self) -> Result<u64, BadRecord> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(BITS as usize) {
            let byte = self.record.as_bytes().get(self.at).copied();
            let byte = byte.ok_or_else(|| self.bad("the record ends early"))?;
            self.at += 1;
            number |= u64::from(byte & (MORE - 1)) << shift;
            if byte < MORE {
                return Ok(number);
            }
        }
        Err(self.bad("a number is too long"))
    }

    pub fn signed(&mut self) -> Result<i64, BadRecord> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that each take at least one byte, so that it cannot ask for more memory
    /// than there are bytes.
    pub fn count(&mut self) -> Result<usize, BadRecord> {
        let count = self.number()?;
        let left = self.record.len().saturating_sub(self.at) as u64;
        if count <= left { Ok(count as usize) } else { Err(self.bad("a count is too large")) }
    }

    pub fn text(&mut self) -> Result<Text, BadRecord> {
        let length = self.count()?;
        let text = Text::part_of(self.record, self.at..self.at + length);
        let text = text.ok_or_else(|| self.bad("a text ends inside a character"))?;
        self.at += length;
        Ok(text)
    }

    pub fn skip(&mut self, bytes: usize) -> Result<(), BadRecord> {
        if self.record.len() - self.at < bytes {
            return Err(self.bad("the record ends early"));
        }
        self.at += bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(number: u64, signed: i64, text: String) {
            let mut writer = RecordWriter::default();
            writer.number(number);
            writer.measured(|writer| {
                writer.signed(signed);
                writer.text(&text);
            });
            let record = writer.finish();
            let mut reader = RecordReader::new(&record, 0);
            prop_assert_eq!(reader.number().unwrap(), number);
            let (length, start) = (reader.count().unwrap(), reader.at());
            prop_assert_eq!(reader.signed().unwrap(), signed);
            prop_assert_eq!(reader.text().unwrap(), Text::from(text));
            prop_assert!(reader.is_at_end());
            let mut reader = RecordReader::new(&record, start);
            reader.skip(length).unwrap();
            prop_assert!(reader.is_at_end() && reader.number().is_err() && reader.skip(1).is_err());
        }

        #[test]
        fn any_text_is_read_or_refused(record: String, from in 0..20_usize) {
            let record: Arc<str> = record.into();
            let mut reader = RecordReader::new(&record, from.min(record.len()));
            while reader.text().is_ok() && !reader.is_at_end() {}
        }
    }
}
