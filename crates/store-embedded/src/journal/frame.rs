//! One frame: what one commit wrote, with its length, checksum and place in the order.

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
    pub records: &'a [u8],
    /// Its length with the header.
    pub bytes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The bytes end before the frame does.
    Short,
    /// These bytes are no frame, or not the one that was written.
    Damaged,
}

/// The bytes of a frame around its records.
pub fn seal(first_position: u64, events: u32, records: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + records.len());
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&(records.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&first_position.to_le_bytes());
    bytes.extend_from_slice(&events.to_le_bytes());
    bytes.extend_from_slice(records);
    let sum = checksum(&bytes);
    bytes[8..12].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Over everything but the checksum itself.
fn checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..8]), &frame[12..])
}

/// The frame that these bytes begin with.
pub fn open(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
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
        records: &frame[HEADER_BYTES..],
        bytes: length,
    })
}

/// Is there a whole frame anywhere in these bytes?
pub fn any_frame_in(bytes: &[u8]) -> bool {
    let starts = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    starts.into_iter().any(|(at, _)| open(&bytes[at..]).is_ok())
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_any_flipped_bit_shows() {
        let sealed = seal(7, 2, b"records");
        let frame = open(&sealed).unwrap();
        assert_eq!((frame.first_position, frame.events, frame.records), (7, 2, &b"records"[..]));
        for at in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(open(&damaged).is_err(), "bit {at}");
        }
        assert_eq!(open(&sealed[..20]).unwrap_err(), FrameError::Short);
        assert!(any_frame_in(&[b"noise", &sealed[..]].concat()));
        assert!(!any_frame_in(&sealed[1..]));
    }
}
