//! A signed token in its compact form (RFC 7515 section 7.1), read and not yet believed.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::key::decode;
use super::refusal::Refusal;

/// How long a token may be.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token whose parts are known. Whether any of it is true is for [`super::verify`] to say.
pub struct Jws<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    /// What the signature is over.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

/// What is read of the header. Keys that it brings along or points to (`jwk`, `jku`, `x5c`, `x5u`)
/// are not: whoever makes up a token would choose them.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub alg: String,
    pub kid: Option<String>,
    pub typ: Option<String>,
    /// Is it there? Whatever it says, `null` included: no extension is known here.
    #[serde(default, deserialize_with = "is_there")]
    pub crit: bool,
}

fn is_there<'a, D: Deserializer<'a>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

impl<'a> Jws<'a> {
    pub fn parse(token: &'a str) -> Result<Jws<'a>, Refusal> {
        check_length(token)?;
        if token.bytes().filter(|byte| *byte == b'.').count() == DOTS_OF_JWE {
            return Err(Refusal::Encrypted);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(NOT_THREE)?;
        let (header, claims) = signed.split_once('.').ok_or(NOT_THREE)?;
        let header = decode(header).ok_or(Refusal::Malformed("its header is not base64url"))?;
        let claims = decode(claims).ok_or(Refusal::Malformed("its claims are not base64url"))?;
        let signature =
            decode(signature).ok_or(Refusal::Malformed("its signature is not base64url"))?;
        let header = serde_json::from_slice(&header)
            .map_err(|_| Refusal::Malformed("its header is not a JSON object with `alg`"))?;
        let claims = serde_json::from_slice(&claims)
            .map_err(|_| Refusal::Malformed("its claims are not a JSON object"))?;
        Ok(Jws { header, claims, signed: signed.as_bytes(), signature })
    }

    /// The issuer it claims to be of (`iss`).
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

/// What is encrypted has five parts (RFC 7516 section 7.1).
const DOTS_OF_JWE: usize = 4;

pub(crate) fn check_length(token: &str) -> Result<(), Refusal> {
    if token.len() <= TOKEN_BYTES_MAX { Ok(()) } else { Err(Refusal::TooLarge(token.len())) }
}

/// Looks this like a token of a provider, signed (two dots) or encrypted? A key has no dots.
pub fn is_token(bearer: &str) -> bool {
    matches!(bearer.bytes().filter(|byte| *byte == b'.').count(), 2 | DOTS_OF_JWE)
}

const NOT_THREE: Refusal = Refusal::Malformed("it has not three parts with dots between them");

/// Claims may be personal, and the signature makes the token.
impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("alg", &self.header.alg).finish_non_exhaustive()
    }
}
