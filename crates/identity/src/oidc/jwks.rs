//! The keys of an issuer (RFC 7517).

use serde::Deserialize;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key::{Material, PublicKey};
use super::refusal::{Refusal, shown, told};

/// How large a set of keys may be, as it arrives.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;

/// How many keys a set may have, those counted that are of no use here.
pub const KEYS_MAX: usize = 100;

/// How many keys of one id are tried, each at the cost of a check: ids are to be distinct (RFC 7517
/// section 4.5), but one that is reused must not lock everybody out.
const SAME_ID_MAX: usize = 2;

/// Keys that check signatures. Two sets are equal where they hold the same keys in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Jwk {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    key: PublicKey,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    #[error("the key set has {0} bytes; {JWKS_BYTES_MAX} are the most")]
    TooLarge(usize),
    #[error("the key set is not a JSON object with `keys`: {0}")]
    Malformed(String),
    #[error("the key set has {0} keys; {KEYS_MAX} are the most")]
    TooMany(usize),
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Written {
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    #[serde(flatten)]
    material: Material,
}

impl Jwks {
    /// Reads a set. Keys of unknown kinds, for other purposes, or not well-formed are left out, as
    /// RFC 7517 section 5 has it. Nothing may be left: so an issuer takes all its keys back.
    pub fn parse(bytes: &[u8]) -> Result<Jwks, JwksError> {
        if JWKS_BYTES_MAX < bytes.len() {
            return Err(JwksError::TooLarge(bytes.len()));
        }
        let set: Result<WrittenSet, _> = serde_json::from_slice(bytes);
        let written = set.map_err(|error| JwksError::Malformed(told(&error)))?.keys;
        let count = written.len();
        if KEYS_MAX < count {
            return Err(JwksError::TooMany(count));
        }
        Ok(Jwks { keys: written.into_iter().filter_map(Jwk::read).collect() })
    }

    /// How many keys can check signatures.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that may have signed: those with this id, all where none is named, and of these
    /// those that the algorithm can use.
    pub(crate) fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<&PublicKey>, Refusal> {
        let named = |jwk: &&Jwk| id.is_none() || jwk.id.as_deref() == id;
        if !self.keys.iter().any(|jwk| named(&jwk)) {
            return Err(Refusal::UnknownKey(shown(id.unwrap_or_default())));
        }
        let fits = |jwk: &&Jwk| {
            jwk.key.fits(algorithm) && jwk.algorithm.is_none_or(|only| only == algorithm)
        };
        let fitting = self.keys.iter().filter(named).filter(fits).map(|jwk| &jwk.key);
        let found: Vec<&PublicKey> = fitting.take(SAME_ID_MAX).collect();
        match (found.len(), id) {
            (0, Some(_)) => Err(Refusal::KeyDoesNotFit(algorithm)),
            // A key that came since may be the one.
            (0, None) => Err(Refusal::UnknownKey(String::new())),
            // To try one after the other would let a token cost as many checks as there are keys.
            (2.., None) => Err(Refusal::NoKeyId),
            _ => Ok(found),
        }
    }
}

impl Jwk {
    fn read(value: Value) -> Option<Jwk> {
        let written = Written::deserialize(value).ok()?;
        let signs = written.purpose.is_none_or(|purpose| purpose == "sig")
            && written.key_ops.is_none_or(|all| all.iter().any(|one| one == "verify"));
        if !signs {
            return None;
        }
        let algorithm = match &written.alg {
            None => None,
            Some(name) => Some(Algorithm::from_name(name)?),
        };
        let key = PublicKey::from_jwk(&written.material)?;
        if algorithm.is_some_and(|algorithm| !key.fits(algorithm)) {
            return None;
        }
        Some(Jwk { id: written.kid, algorithm, key })
    }
}

#[cfg(test)]
#[path = "jwks_tests.rs"]
mod tests;
