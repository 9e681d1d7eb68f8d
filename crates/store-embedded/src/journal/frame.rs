//! One frame: what one commit wrote, with its length, checksum and place in the order.
//!
//! Behind its header stand sections, each sealed for the domain to which its records belong:
//!
//! ```text
//! 0 = plain, 1 = sealed; domain; how many events it holds; length (varints); the records
//! ```
//!
//! The checksum is over what lies on disk. Where the key of a domain was destroyed, its sections still
//! tell how many events they held, so that positions stay right.

use std::borrow::Cow;
use std::io;

use keyring::{Domain, FileId};

use super::record::Sections;
use crate::bytes::{Malformed, Reader, put_varint};
use crate::encryption::Encryption;

/// Marks the start of a frame, so that frames after a damaged one can be found.
const MARK: [u8; 4] = *b"CmyF";
pub const HEADER_BYTES: usize = 24;

/// A frame that has passed its checksum.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The position of its first event.
    pub first_position: u64,
    /// How many events it holds.
    pub events: u32,
    /// Its length with the header.
    pub bytes: usize,
    sections: &'a [u8],
    spot: Spot,
}

/// Where a frame lies: what is sealed opens there only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spot {
    pub file: FileId,
    pub offset: u64,
}

impl Spot {
    fn context(&self, section: u32) -> [u8; 12] {
        let mut context = [0; 12];
        context[..8].copy_from_slice(&self.offset.to_le_bytes());
        context[8..].copy_from_slice(&section.to_le_bytes());
        context
    }
}

/// A section, opened.
#[derive(Debug)]
pub struct Opened<'a> {
    pub events: u32,
    /// Nothing where its tenant was shredded.
    pub records: Option<Cow<'a, [u8]>>,
}

const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// Sections as they lie on disk.
pub fn seal_sections(
    sections: &Sections,
    encryption: &Encryption,
    spot: Spot,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(sections.bytes() + 64);
    for (number, section) in (0..).zip(sections.iter()) {
        out.push(if encryption.is_on() { SEALED } else { PLAIN });
        put_varint(&mut out, section.domain.into());
        put_varint(&mut out, section.events.into());
        put_varint(&mut out, encryption.sealed_bytes(section.records.len()) as u64);
        let context = spot.context(number);
        encryption.seal(section.domain, &spot.file, &context, &section.records, &mut out)?;
    }
    Ok(out)
}

impl<'a> Frame<'a> {
    /// What it holds, in order.
    pub fn sections(
        &self,
        encryption: &Encryption,
    ) -> impl Iterator<Item = Result<Opened<'a>, String>> {
        let (mut reader, spot) = (Reader::new(self.sections), self.spot);
        let mut number = 0;
        std::iter::from_fn(move || {
            (!reader.is_at_end()).then(|| {
                number += 1;
                let context = spot.context(number - 1);
                section(&mut reader, encryption, &spot.file, &context)
            })
        })
    }
}

fn section<'a>(
    reader: &mut Reader<'a>,
    encryption: &Encryption,
    file: &FileId,
    context: &[u8],
) -> Result<Opened<'a>, String> {
    let mut parts = || {
        let (kind, domain, events) = (reader.byte()?, reader.varint()?, reader.varint()?);
        let length = reader.count()?;
        Ok::<_, Malformed>((kind, domain as Domain, events as u32, reader.take(length)?))
    };
    let (kind, domain, events, bytes) = parts().map_err(|malformed| malformed.to_string())?;
    let records = match kind {
        PLAIN => (!encryption.is_gone(domain)).then_some(Cow::Borrowed(bytes)),
        SEALED => encryption.open(domain, file, context, bytes)?.map(Cow::Owned),
        _ => return Err("there is no such kind of section".to_owned()),
    };
    Ok(Opened { events, records })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The bytes end before the frame does.
    Short,
    /// These bytes are no frame, or not the one that was written.
    Damaged,
}

/// The bytes of a frame around its sections.
pub fn seal(first_position: u64, events: u32, sections: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + sections.len());
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&first_position.to_le_bytes());
    bytes.extend_from_slice(&events.to_le_bytes());
    bytes.extend_from_slice(sections);
    let sum = checksum(&bytes);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Over everything but the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..8]), &frame[12..])
}

/// The frame that these bytes begin with, and that lies in this spot.
pub fn open(bytes: &[u8], spot: Spot) -> Result<Frame<'_>, FrameError> {
    let header = bytes.get(..HEADER_BYTES).ok_or(FrameError::Short)?;
    if header[..4] != MARK {
        return Err(FrameError::Damaged);
    }
    let length = HEADER_BYTES + number(&header[4..8]) as usize;
    let frame = bytes.get(..length).ok_or(FrameError::Short)?;
    if u64::from(checksum(frame)) != number(&header[8..12]) {
        return Err(FrameError::Damaged);
    }
    Ok(Frame {
        first_position: number(&header[12..20]),
        events: number(&header[20..24]) as u32,
        sections: &frame[HEADER_BYTES..],
        bytes: length,
        spot,
    })
}

/// Is there a whole frame anywhere in these bytes?
pub fn any_frame_in(bytes: &[u8]) -> bool {
    let starts = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    starts.into_iter().any(|(at, _)| open(&bytes[at..], Spot::default()).is_ok())
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_any_flipped_bit_shows() {
        let spot = Spot::default();
        let sealed = seal(7, 2, b"records");
        let frame = open(&sealed, spot).unwrap();
        assert_eq!((frame.first_position, frame.events, frame.sections), (7, 2, &b"records"[..]));
        for at in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(open(&damaged, spot).is_err(), "bit {at}");
        }
        assert_eq!(open(&sealed[..20], spot).unwrap_err(), FrameError::Short);
        assert!(any_frame_in(&[b"noise", &sealed[..]].concat()));
        assert!(!any_frame_in(&sealed[1..]));
    }
}
