//! Tokens of identity providers: JWTs (RFC 7519), signed by the keys that their issuer publishes
//! (RFC 7517), as access tokens are (RFC 9068).
//!
//! Nothing here fetches keys or looks at a clock. Signatures are checked with `ring`, the library
//! that TLS uses as well; there is no HMAC, so a public key cannot be taken for a shared secret.

mod algorithm;
mod claims;
mod discovery;
mod issuer;
mod jwks;
mod jws;
mod key;
mod refusal;
mod verified;
mod verify;

pub use algorithm::Algorithm;
pub use claims::{CLAIM_PATH_BYTES_MAX, ClaimPath};
pub use discovery::{Discovery, DiscoveryError, shown_url};
pub use issuer::{
    CLOCK_SKEW_MAX, ISSUER_NAME_BYTES_MAX, Issuer, IssuerError, IssuerSettings, TOKEN_LIFETIME_MAX,
};
pub use jwks::{JWKS_BYTES_MAX, Jwks, JwksError, KEYS_MAX};
pub use jws::{Jws, TOKEN_BYTES_MAX, is_token};
pub use refusal::{Refusal, RefusalKind};
pub use verified::{TokenDigest, VERIFIED_TOKENS_MAX, VerifiedTokens};
pub use verify::{SUBJECT_CHARS_MAX, Verified, check_unsigned, verify};
