//! The algorithms that seal messages.

use aws_lc_rs::aead;

/// Authenticated encryption with a key of 256 bits, a nonce of 96 and a tag of 128. Further ones,
/// such as SM4-GCM, get the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// NIST SP 800-38D.
    #[default]
    Aes256Gcm,
    /// RFC 8439. Faster where the processor has no instructions for AES.
    ChaCha20Poly1305,
}

impl Algorithm {
    pub const ALL: [Algorithm; 2] = [Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305];

    /// As messages, files and settings write it.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Aes256Gcm => "AES-256-GCM",
            Algorithm::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        }
    }

    /// Upper and lower case are the same.
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Algorithm::Aes256Gcm => 1,
            Algorithm::ChaCha20Poly1305 => 2,
        }
    }

    pub(crate) fn of_code(code: u8) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|one| one.code() == code)
    }

    pub(crate) fn aead(self) -> &'static aead::Algorithm {
        match self {
            Algorithm::Aes256Gcm => &aead::AES_256_GCM,
            Algorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }
}
