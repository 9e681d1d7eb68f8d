//! The keys that sign heads.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::{hex, unhex};

/// How heads are signed. The first line of a record names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// RFC 8032, without a pre-hash.
    #[default]
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// What goes before the bytes that are signed, so that the signature fits nothing else.
const DOMAIN: &[u8] = b"comity audit line\n";

/// The secret half. It shows itself to nobody.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    pub const BYTES: usize = 32;

    /// From 32 bytes of chance.
    pub fn of_secret(secret: &[u8; SigningKey::BYTES]) -> SigningKey {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        Signature(self.0.sign(&[DOMAIN, text].concat()).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

/// The half that anyone may have: it tells whether a head is genuine.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a public key of Ed25519: 64 of the digits 0-9 and a-f")]
pub struct NotAKey(String);

/// SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

impl PublicKey {
    /// The first 64 bits of its SHA-256.
    pub fn id(&self) -> KeyId {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        KeyId(id)
    }

    /// As other tools take it: DER of SubjectPublicKeyInfo (RFC 8410).
    pub fn spki(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], self.0.as_bytes()].concat()
    }

    /// Strictly: there is one signature of a text by a key, and no other that also passes.
    pub(crate) fn verifies(&self, text: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(&[DOMAIN, text].concat(), &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<PublicKey, NotAKey> {
        let key = unhex(text).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        // A weak key would let one signature pass for many texts.
        let key = key.filter(|key| !key.is_weak());
        key.map(PublicKey).ok_or_else(|| NotAKey(text.chars().take(100).collect()))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<PublicKey, NotAKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

macro_rules! hex_text {
    ($name:ident, $bytes:literal, $what:literal) => {
        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<$name, &'static str> {
                unhex(&text).map($name).ok_or(concat!("not ", $what))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                hex(&value.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Tells keys apart: the first 64 bits of the SHA-256 of the public key.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 8]);

hex_text!(KeyId, 8, "the id of a key: 16 of the digits 0-9 and a-f");

/// Of one line, by one key.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature([u8; 64]);

impl Signature {
    /// What stands in a line until it is signed.
    pub(crate) const PLACE: Signature = Signature([0; 64]);
}

hex_text!(Signature, 64, "a signature: 128 of the digits 0-9 and a-f");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_read_back_and_secrets_stay_hidden() {
        // RFC 8032, section 7.1, test 1.
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let key = SigningKey::of_secret(&unhex(secret).unwrap());
        let public = key.public();
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(public.to_string(), expected);
        assert_eq!(expected.parse(), Ok(public));
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", public.id()));
        assert_eq!(public.spki().len(), 44);
        // The neutral element, for which anything is signed; and what is no point at all.
        for bad in [format!("01{}", "00".repeat(31)), "02".repeat(32), "d7".into()] {
            assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signature_fits_one_text_and_one_key() {
        let (one, other) = (SigningKey::of_secret(&[1; 32]), SigningKey::of_secret(&[2; 32]));
        let signature = one.sign(b"text");
        assert!(one.public().verifies(b"text", &signature));
        assert!(!one.public().verifies(b"test", &signature));
        assert!(!other.public().verifies(b"text", &signature));
        let written = String::from(signature);
        assert_eq!(Signature::try_from(written), Ok(signature));
    }
}
