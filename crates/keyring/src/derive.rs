//! Keys from keys (HKDF with SHA-256, RFC 5869), and chance.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hkdf, rand};
use zeroize::Zeroizing;

pub const SECRET_BYTES: usize = 32;

/// A key that is wiped when it goes.
pub type Secret = Zeroizing<[u8; SECRET_BYTES]>;

pub fn derive(secret: &[u8], salt: &[u8], info: &[&[u8]]) -> Result<Secret, Unspecified> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let mut derived = Secret::default();
    extracted.expand(info, hkdf::HKDF_SHA256)?.fill(&mut derived[..])?;
    Ok(derived)
}

/// From the chance of the system.
pub fn fresh_secret() -> Result<Secret, Unspecified> {
    let mut secret = Secret::default();
    rand::fill(&mut secret[..])?;
    Ok(secret)
}
