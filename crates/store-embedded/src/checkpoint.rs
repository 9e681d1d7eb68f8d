//! The checkpoint: from where the journal must be read again, with the counts as of there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::bytes::{Malformed, Reader, put_varint};
use crate::counts::Counts;
use crate::journal::Place;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything before it is in the tables.
    pub place: Place,
    pub next_position: u64,
    pub next_entity: u64,
    pub names: u32,
    pub counts: Counts,
}

impl Default for Checkpoint {
    fn default() -> Checkpoint {
        Checkpoint {
            place: Place { segment: 1, offset: 0 },
            next_position: 1,
            next_entity: 1,
            names: 0,
            counts: Counts::default(),
        }
    }
}

const FILE: &str = "checkpoint";

impl Checkpoint {
    /// Replaces the checkpoint of a directory, and waits for the disk.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let mut body = Vec::new();
        let Place { segment, offset } = self.place;
        let numbers = [segment, offset, self.next_position, self.next_entity, self.names.into()];
        numbers.into_iter().for_each(|number| put_varint(&mut body, number));
        self.counts.put(&mut body);
        let fresh = directory.join("checkpoint.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&crc32c::crc32c(&body).to_le_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&fresh, directory.join(FILE))?;
        File::open(directory)?.sync_all()
    }

    /// The checkpoint of a directory, if one was ever written.
    pub fn read(directory: &Path) -> io::Result<Option<Checkpoint>> {
        let bytes = match fs::read(directory.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let invalid = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        let Some((sum, body)) = bytes.split_first_chunk::<4>() else {
            return Err(invalid("the checkpoint is too short".to_owned()));
        };
        if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
            return Err(invalid("the checkpoint does not match its checksum".to_owned()));
        }
        parse(body).map(Some).map_err(|malformed| invalid(malformed.to_string()))
    }
}

fn parse(body: &[u8]) -> Result<Checkpoint, Malformed> {
    let mut reader = Reader::new(body);
    Ok(Checkpoint {
        place: Place { segment: reader.varint()?, offset: reader.varint()? },
        next_position: reader.varint()?,
        next_entity: reader.varint()?,
        names: reader.varint()? as u32,
        counts: Counts::read(&mut reader)?,
    })
}
