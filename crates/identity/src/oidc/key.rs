//! Public keys, and the check of a signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use super::algorithm::Algorithm;

/// A key that an issuer publishes, of a kind that is understood here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point: 4, x, y.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// What of a JWK makes the key itself (RFC 7518 section 6, RFC 8037 section 2).
#[derive(Deserialize)]
pub(crate) struct Material {
    kty: String,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Smaller moduli are not safe, and larger ones cost too much to check.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

impl PublicKey {
    /// Nothing where it is of another kind, or not well-formed.
    pub fn from_jwk(jwk: &Material) -> Option<PublicKey> {
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (number(jwk.n.as_ref()?)?, number(jwk.e.as_ref()?)?);
                RSA_BYTES.contains(&n.len()).then_some(PublicKey::Rsa { n, e })
            }
            ("EC", Some("P-256")) => jwk.point(32).map(PublicKey::P256),
            ("EC", Some("P-384")) => jwk.point(48).map(PublicKey::P384),
            ("OKP", Some("Ed25519")) => {
                let x = decode(jwk.x.as_ref()?)?;
                (x.len() == 32).then_some(PublicKey::Ed25519(x))
            }
            _ => None,
        }
    }

    /// Can a signature by this algorithm be checked with this key?
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            PublicKey::Rsa { .. } => {
                matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512)
            }
            PublicKey::P256(_) => algorithm == Es256,
            PublicKey::P384(_) => algorithm == Es384,
            PublicKey::Ed25519(_) => algorithm == EdDsa,
        }
    }

    /// Did the holder of the private key sign these bytes, by this algorithm?
    pub fn is_signed(&self, algorithm: Algorithm, bytes: &[u8], signature: &[u8]) -> bool {
        let checked = match self {
            PublicKey::Rsa { n, e } => {
                let Some(parameters) = rsa(algorithm) else { return false };
                RsaPublicKeyComponents { n, e }.verify(parameters, bytes, signature)
            }
            _ if !self.fits(algorithm) => return false,
            PublicKey::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(bytes, signature)
            }
            PublicKey::P384(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                    .verify(bytes, signature)
            }
            PublicKey::Ed25519(x) => {
                UnparsedPublicKey::new(&signature::ED25519, x).verify(bytes, signature)
            }
        };
        checked.is_ok()
    }
}

impl Material {
    fn point(&self, bytes: usize) -> Option<Vec<u8>> {
        let (x, y) = (decode(self.x.as_ref()?)?, decode(self.y.as_ref()?)?);
        let whole = x.len() == bytes && y.len() == bytes;
        whole.then(|| [&[4], x.as_slice(), &y].concat())
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

/// Base64url as JOSE writes it: no padding, and no second way to write the same bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number, most significant byte first; some write zeros before it.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decode(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}
