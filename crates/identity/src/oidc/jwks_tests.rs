//! Sets of keys of all kinds.

use serde_json::json;
use testkit::SigningKey;

use super::*;

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

/// Finds among a key of each kind.
fn check(id: Option<&str>, algorithm: Algorithm, expected: &str) {
    let keys = [
        SigningKey::rs256("r").jwk(),
        SigningKey::es256("e").jwk(),
        SigningKey::es384("f").jwk(),
        SigningKey::ed25519("d", [1; 32]).jwk(),
    ];
    let jwks = Jwks::parse(&set(&keys)).unwrap();
    let told = match jwks.find(id, algorithm) {
        Ok(found) => format!("{} found", found.len()),
        Err(refusal) => refusal.to_string(),
    };
    assert!(told.contains(expected), "{told}");
}

#[test]
fn keys_are_found_by_id_and_algorithm() {
    check(Some("r"), Algorithm::Rs256, "1 found");
    check(Some("e"), Algorithm::Es256, "1 found");
    check(Some("f"), Algorithm::Es384, "1 found");
    check(Some("d"), Algorithm::EdDsa, "1 found");
    check(Some("g"), Algorithm::Es256, "does not publish (key id `g`)");
    check(Some("d"), Algorithm::Es256, "not for signatures by ES256");
    // The key says by which algorithm alone it signs.
    check(Some("r"), Algorithm::Ps256, "not for signatures by PS256");
}

#[test]
fn without_an_id_there_must_be_one_key_that_fits() {
    check(None, Algorithm::Es384, "1 found");
    check(None, Algorithm::Rs512, "does not publish");
    let jwks = set(&[SigningKey::es256("a").jwk(), SigningKey::es256("b").jwk()]);
    let found = Jwks::parse(&jwks).unwrap().find(None, Algorithm::Es256).map(|keys| keys.len());
    assert_eq!(found, Err(Refusal::NoKeyId));
}

/// How many keys are left of a set of a good one and a changed one.
fn check_left(change: impl FnOnce(&mut Value), expected: usize) {
    let mut changed = SigningKey::es256("a").jwk();
    change(&mut changed);
    let jwks = Jwks::parse(&set(&[changed.clone(), SigningKey::es256("b").jwk()])).unwrap();
    assert_eq!(jwks.keys.len(), expected, "{changed}");
}

#[test]
fn keys_of_no_use_are_left_out() {
    check_left(|_| {}, 2);
    check_left(|jwk| jwk["use"] = json!("enc"), 1);
    check_left(|jwk| jwk["key_ops"] = json!(["verify"]), 2);
    check_left(|jwk| jwk["key_ops"] = json!(["encrypt"]), 1);
    check_left(|jwk| jwk["alg"] = json!("ECDH-ES"), 1);
    check_left(|jwk| jwk["alg"] = json!("ES384"), 1);
    check_left(|jwk| jwk["alg"] = json!("HS256"), 1);
    check_left(|jwk| jwk["crv"] = json!("secp256k1"), 1);
    check_left(|jwk| jwk["x"] = json!("AAAA"), 1);
    check_left(|jwk| jwk["x"] = json!("not base64!"), 1);
    check_left(|jwk| jwk["kty"] = json!(7), 1);
    check_left(|jwk| *jwk = json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}), 1);
    check_left(|jwk| *jwk = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), 1);
    check_left(|jwk| *jwk = json!("key"), 1);
}

/// So an issuer takes everything back.
#[test]
fn a_set_without_usable_keys_is_a_set() {
    for keys in [&[][..], &[json!({"kty": "oct", "k": "c2VjcmV0"})]] {
        let jwks = Jwks::parse(&set(keys)).unwrap();
        assert!(jwks.is_empty());
        let told = jwks.find(Some("a"), Algorithm::Es256).unwrap_err();
        assert_eq!(told, Refusal::UnknownKey("a".to_owned()));
    }
}

#[test]
fn of_one_id_two_keys_are_tried() {
    let keys: Vec<Value> = (0..4).map(|_| SigningKey::es256("a").jwk()).collect();
    let jwks = Jwks::parse(&set(&keys)).unwrap();
    assert_eq!(jwks.find(Some("a"), Algorithm::Es256).unwrap().len(), 2);
}

#[test]
fn what_is_no_set_of_keys_is_told() {
    let check = |bytes: &[u8], expected: &str| {
        let error = Jwks::parse(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"", "not a JSON object with `keys`");
    check(b"{\"keys\":1}", "not a JSON object with `keys`");
    check(&set(&vec![SigningKey::ed25519("a", [1; 32]).jwk(); KEYS_MAX + 1]), "has 101 keys");
    check(&vec![b' '; JWKS_BYTES_MAX + 1], "262145 bytes");
}

#[test]
fn sets_are_the_same_where_their_keys_are() {
    let (a, b) = (SigningKey::es256("a").jwk(), SigningKey::es256("b").jwk());
    let parse = |keys: &[Value]| Jwks::parse(&set(keys)).unwrap();
    let mut commented = a.clone();
    commented["x5t"] = json!("abc");
    assert_eq!(parse(&[a.clone(), b.clone()]), parse(&[commented, b.clone()]));
    assert_ne!(parse(&[a.clone(), b.clone()]), parse(&[a]));
}
