//! Keys that sign tokens, as an identity provider does.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{self, KeyPairComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use serde_json::{Value, json};

/// A private key with its id and the algorithm it signs by.
pub struct SigningKey {
    pub id: String,
    /// As `alg` has it.
    pub algorithm: &'static str,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(rsa::KeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Another key each time.
    pub fn es256(id: &str) -> SigningKey {
        SigningKey::ecdsa(id, "ES256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    /// Another key each time.
    pub fn es384(id: &str) -> SigningKey {
        SigningKey::ecdsa(id, "ES384", &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    /// The key of this seed.
    pub fn ed25519(id: &str, seed: [u8; 32]) -> SigningKey {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("every seed is one");
        SigningKey { id: id.to_owned(), algorithm: "EdDSA", pair: Pair::Ed25519(pair) }
    }

    /// The key that RFC 7515 publishes in appendix A.2: making one of RSA takes too long.
    pub fn rs256(id: &str) -> SigningKey {
        SigningKey::rsa(id, "RS256", &RSA_PKCS1_SHA256)
    }

    /// The same key, for signatures of the newer kind.
    pub fn ps256(id: &str) -> SigningKey {
        SigningKey::rsa(id, "PS256", &RSA_PSS_SHA256)
    }

    fn ecdsa(
        id: &str,
        algorithm: &'static str,
        signing: &'static EcdsaSigningAlgorithm,
    ) -> SigningKey {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(signing, &random).expect("random bytes");
        let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random);
        let pair = Pair::Ecdsa(pair.expect("what was just made"));
        SigningKey { id: id.to_owned(), algorithm, pair }
    }

    fn rsa(id: &str, algorithm: &'static str, encoding: &'static dyn RsaEncoding) -> SigningKey {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
        let components = KeyPairComponents {
            public_key: rsa::PublicKeyComponents { n: bytes(N), e: bytes("AQAB") },
            d: bytes(D),
            p: bytes(P),
            q: bytes(Q),
            dP: bytes(DP),
            dQ: bytes(DQ),
            qInv: bytes(QI),
        };
        let pair = rsa::KeyPair::from_components(&components).expect("the key of RFC 7515");
        SigningKey { id: id.to_owned(), algorithm, pair: Pair::Rsa(pair, encoding) }
    }

    /// The public half, as a key set has it (RFC 7517).
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Ecdsa(pair) => {
                // 4, x, y.
                let (x, y) =
                    pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
            Pair::Rsa(..) => json!({"kty": "RSA", "n": N, "e": "AQAB"}),
        };
        jwk["kid"] = json!(self.id);
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm, "kid": self.id, "typ": "at+jwt"});
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// A token with whatever header and claims.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let (bytes, random) = (signed.as_bytes(), SystemRandom::new());
        let signature = match &self.pair {
            Pair::Ecdsa(pair) => encode(pair.sign(&random, bytes).expect("random bytes").as_ref()),
            Pair::Ed25519(pair) => encode(pair.sign(bytes).as_ref()),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let signing = pair.sign(*encoding, &random, bytes, &mut signature);
                signing.expect("room for the signature");
                encode(&signature)
            }
        };
        format!("{signed}.{signature}")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

const N: &str = "\
    ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0B\
    m4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5\
    z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
    aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const D: &str = "\
    Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2N\
    XOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M\
    _V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x\
    _jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ";
const P: &str = "\
    4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py\
    5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc";
const Q: &str = "\
    uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQ\
    eZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc";
const DP: &str = "\
    BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu\
    1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0";
const DQ: &str = "\
    h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0a\
    jaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU";
const QI: &str = "\
    IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY\
    7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U";
