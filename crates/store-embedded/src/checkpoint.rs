//! The checkpoint: from where the journal must be read again, with the counts as of there.
//!
//! ```text
//! CRC-32C of the rest; 0 = plain, 1 = sealed for the system; id of the file; the body
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use keyring::FileId;

use crate::bytes::{Malformed, Reader, put_varint};
use crate::counts::Counts;
use crate::encryption::Encryption;
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

/// What is sealed as a checkpoint opens as one only.
const CONTEXT: &[u8] = b"checkpoint";

impl Checkpoint {
    /// Replaces the checkpoint of a directory, and waits for the disk.
    pub fn write(&self, directory: &Path, encryption: &Encryption) -> io::Result<()> {
        let mut body = Vec::new();
        let Place { segment, offset } = self.place;
        let numbers = [segment, offset, self.next_position, self.next_entity, self.names.into()];
        numbers.into_iter().for_each(|number| put_varint(&mut body, number));
        self.counts.put(&mut body);
        let id = keyring::fresh_file_id().map_err(io::Error::other)?;
        let mut sealed = vec![u8::from(encryption.is_on())];
        sealed.extend_from_slice(&id);
        encryption.seal(keyring::SYSTEM, &id, CONTEXT, &body, &mut sealed)?;
        let fresh = directory.join("checkpoint.new");
        let mut file = File::create(&fresh)?;
        file.write_all(&crc32c::crc32c(&sealed).to_le_bytes())?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&fresh, directory.join(FILE))?;
        File::open(directory)?.sync_all()
    }

    /// The checkpoint of a directory, if one was ever written.
    pub fn read(directory: &Path, encryption: &Encryption) -> io::Result<Option<Checkpoint>> {
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
        let (head, body) = body
            .split_first_chunk::<{ 1 + size_of::<FileId>() }>()
            .ok_or_else(|| invalid("the checkpoint is too short".to_owned()))?;
        let [kind, id @ ..] = head;
        let body = match kind {
            0 => body.to_vec(),
            _ => {
                let opened = encryption.open(keyring::SYSTEM, id, CONTEXT, body);
                opened.map_err(invalid)?.unwrap_or_default()
            }
        };
        parse(&body).map(Some).map_err(|malformed| invalid(malformed.to_string()))
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
