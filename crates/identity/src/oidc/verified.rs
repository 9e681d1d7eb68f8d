//! Tokens that were verified a moment ago, so that a busy caller does not cost a signature check
//! for each request.

use std::fmt;

use model::Timestamp;
use policy::Caller;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::jws::check_length;
use super::refusal::Refusal;
use super::verify::Verified;

/// How many tokens are remembered for each issuer; those asked for least give way.
pub const VERIFIED_TOKENS_MAX: usize = 10_000;

/// What a token is remembered by. Nobody can make a token from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

/// Tokens verified with one set of keys, and not for longer than each is valid. Another set of keys
/// needs another one of these: a key that was taken back must not live on here.
pub struct VerifiedTokens(Cache<TokenDigest, Verified>);

impl TokenDigest {
    /// Refuses what is too long to be a token, before any work is done for it.
    pub fn of(token: &str) -> Result<TokenDigest, Refusal> {
        check_length(token)?;
        Ok(TokenDigest(Sha256::digest(token).into()))
    }
}

impl Default for VerifiedTokens {
    fn default() -> VerifiedTokens {
        VerifiedTokens(Cache::new(VERIFIED_TOKENS_MAX))
    }
}

impl VerifiedTokens {
    /// Who sends this token, where that was found before and the token has not expired since.
    pub fn caller(&self, token: &TokenDigest, now: Timestamp) -> Option<Caller> {
        let verified = self.0.get(token)?;
        if verified.until <= now {
            self.0.remove(token);
            return None;
        }
        Some(verified.caller)
    }

    pub fn insert(&self, token: TokenDigest, verified: Verified) {
        self.0.insert(token, verified);
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").field("count", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use policy::role;

    use super::*;
    use crate::oidc::TOKEN_BYTES_MAX;

    fn verified(until: i64) -> Verified {
        let caller = Caller::with_role("a@city".to_owned(), role::READER);
        Verified { caller, until: Timestamp(until) }
    }

    #[test]
    fn a_token_is_known_until_it_expires() {
        let tokens = VerifiedTokens::default();
        let digest = TokenDigest::of("a.b.c").unwrap();
        tokens.insert(digest, verified(10));
        assert_eq!(tokens.caller(&digest, Timestamp(9)).unwrap().name, "a@city");
        assert_eq!(tokens.caller(&TokenDigest::of("a.b.d").unwrap(), Timestamp(9)), None);
        assert_eq!(tokens.caller(&digest, Timestamp(10)), None);
        assert_eq!(tokens.0.len(), 0);
    }

    #[test]
    fn what_is_too_long_is_not_worth_a_digest() {
        let refused = TokenDigest::of(&"x".repeat(TOKEN_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(refused, Refusal::TooLarge(TOKEN_BYTES_MAX + 1));
        assert!(TokenDigest::of(&"x".repeat(TOKEN_BYTES_MAX)).is_ok());
    }

    #[test]
    fn memory_does_not_grow_with_tokens() {
        let tokens = VerifiedTokens::default();
        for number in 0..2 * VERIFIED_TOKENS_MAX {
            tokens.insert(TokenDigest::of(&number.to_string()).unwrap(), verified(10));
        }
        assert!(tokens.0.len() <= VERIFIED_TOKENS_MAX, "{tokens:?}");
    }
}
