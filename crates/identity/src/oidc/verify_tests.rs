//! Tokens good and bad.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use testkit::SigningKey;

use super::*;
use crate::oidc::{IssuerSettings, RefusalKind, TOKEN_BYTES_MAX, is_token};

const NOW: i64 = 1_775_044_800;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(value, name)| ((*value).to_owned(), (*name).to_owned())).collect()
}

fn settings() -> IssuerSettings {
    IssuerSettings {
        name: "city".into(),
        issuer: "https://login.example/city".into(),
        audiences: vec!["comity".into()],
        roles: map(&[("boss", "admin"), ("staff", "writer"), ("public", "reader")]),
        admin_any_sign_in: true,
        ..IssuerSettings::default()
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://login.example/city", "sub": "alice", "aud": "comity",
        "iat": NOW - 10, "exp": NOW + 290, "roles": ["staff"],
    })
}

fn jwks(keys: &[&SigningKey]) -> Jwks {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn now() -> Timestamp {
    Timestamp(NOW * 1_000_000)
}

fn try_token(token: &str, settings: IssuerSettings, jwks: &Jwks) -> Result<Verified, Refusal> {
    verify(&Jws::parse(token)?, &Issuer::new(settings).unwrap(), jwks, now())
}

/// Who comes with these claims, as one line; or what is wrong with them.
fn told(settings: IssuerSettings, claims: &Value) -> String {
    let key = SigningKey::ed25519("k", [1; 32]);
    match try_token(&key.token(claims), settings, &jwks(&[&key])) {
        Ok(Verified { caller, .. }) => {
            let (name, roles, tenant) = (&caller.name, caller.roles_shown(), &caller.tenant);
            let tenant = tenant.as_ref().map_or("all".to_owned(), |tenant| tenant.to_string());
            format!("{name} {roles} {tenant}")
        }
        Err(refusal) => refusal.to_string(),
    }
}

fn check_claims(changes: Value, expected: &str) {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    let told = told(settings(), &all);
    assert!(told.contains(expected), "{changes}: {told}");
}

fn check_without(claim: &str, expected: &str) {
    let mut all = claims();
    all.as_object_mut().unwrap().remove(claim);
    let told = told(settings(), &all);
    assert!(told.contains(expected), "without {claim}: {told}");
}

fn check_settings(change: impl FnOnce(&mut IssuerSettings), more: Value, expected: &str) {
    let mut settings = settings();
    change(&mut settings);
    let mut all = claims();
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    let told = told(settings, &all);
    assert!(told.contains(expected), "{more}: {told}");
}

#[test]
fn a_good_token_makes_a_caller() {
    check_claims(json!({}), "alice@city writer (default)");
    check_claims(json!({"aud": ["other", "comity"]}), "alice@city writer");
    check_claims(json!({"roles": "staff"}), "alice@city writer");
    check_claims(json!({"roles": ["boss", "public"]}), "alice@city admin, reader");
    check_claims(json!({"sub": "alice@home"}), "alice@home@city writer");
    check_claims(json!({"exp": NOW as f64 + 0.5, "nbf": NOW - 5}), "alice@city");
}

#[test]
fn a_token_is_taken_by_each_allowed_algorithm() {
    let keys = [
        SigningKey::rs256("rs"),
        SigningKey::ps256("ps"),
        SigningKey::es256("e2"),
        SigningKey::es384("e3"),
        SigningKey::ed25519("ed", [2; 32]),
    ];
    let jwks = jwks(&keys.each_ref());
    for key in &keys {
        let verified = try_token(&key.token(&claims()), settings(), &jwks).unwrap();
        assert_eq!(verified.caller.name, "alice@city");
        assert_eq!(verified.until, Timestamp((NOW + 290 + 60) * 1_000_000));
        let only = IssuerSettings { algorithms: vec!["RS512".into()], ..settings() };
        let refusal = try_token(&key.token(&claims()), only, &jwks).unwrap_err();
        let expected = format!("signed by `{}`; issuer `city` allows RS512", key.algorithm);
        assert!(refusal.to_string().contains(&expected), "{refusal}");
    }
}

/// The example of RFC 7515 appendix A.2, signed by others than ourselves.
#[test]
fn the_example_of_rfc_7515_has_a_good_signature() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
        eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3X\
        OiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_n\
        ZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e\
        OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp\
        0igcN_IoypGlUPQGe77Rw";
    let settings = IssuerSettings { types: vec!["JWT".into()], ..settings() };
    let refusal = try_token(token, settings, &jwks(&[&SigningKey::rs256("a")])).unwrap_err();
    assert_eq!(refusal, Refusal::Issuer("joe".into()));
}

#[test]
fn time_is_told_with_what_is_wrong() {
    check_claims(json!({"exp": NOW - 300, "iat": NOW - 900}), "the token expired 5 min ago");
    check_claims(json!({"exp": NOW - 59}), "alice@city");
    check_claims(json!({"exp": NOW - 60}), "the token expired 60 s ago");
    check_claims(json!({"nbf": NOW + 60}), "alice@city");
    check_claims(json!({"nbf": NOW + 61}), "not valid yet (`nbf`), but in 61 s");
    check_claims(json!({"iat": NOW + 240}), "not valid yet (`iat`), but in 4 min");
    check_claims(json!({"iat": NOW - 100, "exp": NOW + 86_300}), "alice@city");
    check_claims(json!({"iat": NOW - 100, "exp": NOW + 86_301}), "valid for 24 h; 24 h is the");
    check_claims(json!({"exp": 1e300}), "is the longest");
    check_claims(json!({"exp": "2026"}), "claim `exp` of the token is missing");
    check_claims(json!({"nbf": []}), "claim `nbf`");
    check_without("exp", "claim `exp`");
    check_without("iat", "claim `iat`");
}

#[test]
fn tokens_for_others_are_refused() {
    check_claims(json!({"aud": "billing"}), "for audience `billing`, but `comity` is expected");
    check_claims(json!({"aud": ["a", "b\n"]}), "for audience `a`, `b?`, but");
    check_without("aud", "for audience none, but `comity`");
    check_claims(json!({"iss": "https://login.example/city/"}), "which is not known here");
    check_claims(json!({"iss": 7}), "has no issuer");
    check_without("iss", "has no issuer");
}

#[test]
fn names_are_visible() {
    for bad in [
        json!(""),
        json!(" a"),
        json!("a\nb"),
        json!(7),
        json!("x".repeat(256)),
        json!("a\u{202e}b"),
    ] {
        check_claims(json!({"sub": bad}), "names the caller (`sub`)");
    }
    check_without("sub", "names the caller (`sub`)");
    let change = |s: &mut IssuerSettings| s.name_claim = "client.id".into();
    check_settings(change, json!({"client": {"id": "meters"}}), "meters@city");
}

#[test]
fn roles_come_from_their_claim_alone() {
    check_claims(json!({"roles": ["admin", "writer"]}), "`roles` has none of the values");
    check_without("roles", "`roles` has none of the values that issuer `city` maps");
    let nested = |s: &mut IssuerSettings| s.roles_claim = "realm_access.roles".into();
    check_settings(nested, json!({"realm_access": {"roles": ["boss"]}}), "alice@city admin");
    check_settings(nested, json!({}), "`realm_access.roles` has none");
    let scope = |s: &mut IssuerSettings| s.roles_claim = "scope".into();
    check_settings(scope, json!({"scope": "openid public"}), "alice@city reader");
    let scp = |s: &mut IssuerSettings| s.roles_claim = "scp".into();
    check_settings(scp, json!({"scp": ["openid", "public"]}), "alice@city reader");
    // A text that is chosen freely is one value.
    let title = |s: &mut IssuerSettings| s.roles_claim = "title".into();
    check_settings(title, json!({"title": "assistant boss"}), "`title` has none");
    check_settings(title, json!({"title": "boss"}), "alice@city admin");
}

#[test]
fn a_tenant_that_is_not_told_opens_none() {
    let named = |s: &mut IssuerSettings| s.tenant_claim = "org".into();
    check_settings(named, json!({"org": "north"}), "writer north");
    check_settings(named, json!({"org": ["north"]}), "writer north");
    check_settings(named, json!({}), "`org` is missing");
    check_settings(named, json!({"org": ["north", "south"]}), "`org` names several");
    check_settings(named, json!({"org": "*"}), "`org` is not the name of a tenant");
    check_settings(named, json!({"org": ""}), "`org` is not the name of a tenant");
    let mapped = |s: &mut IssuerSettings| {
        s.tenant_claim = "org".into();
        s.tenants = map(&[("n", "north"), ("ops", "*"), ("", "")]);
    };
    check_settings(mapped, json!({"org": "n"}), "writer north");
    check_settings(mapped, json!({"org": "ops"}), "writer all");
    check_settings(mapped, json!({"org": ""}), "writer (default)");
    check_settings(mapped, json!({"org": "north"}), "`org` has a value that stands for no tenant");
    check_settings(|s| s.tenant = "south".into(), json!({}), "writer south");
}

#[test]
fn administrators_prove_more() {
    let acr = |s: &mut IssuerSettings| s.admin_acr = vec!["mfa".into(), "phr".into()];
    check_settings(acr, json!({"roles": "boss", "acr": "phr"}), "alice@city admin");
    check_settings(acr, json!({"roles": "staff"}), "alice@city writer");
    check_settings(
        acr,
        json!({"roles": ["boss", "staff"], "acr": "pwd"}),
        "for role `admin`, which asks for a stronger sign-in: `acr` one of `mfa`, `phr`; it has \
         `pwd`",
    );
    check_settings(acr, json!({"roles": "boss"}), "it has none");
    let amr = |s: &mut IssuerSettings| s.admin_amr = vec!["pwd".into(), "hwk".into()];
    check_settings(amr, json!({"roles": "boss", "amr": ["hwk", "user", "pwd"]}), "city admin");
    check_settings(amr, json!({"roles": "boss", "amr": ["pwd"]}), "`amr` with `pwd`, `hwk`; it");
    check_settings(amr, json!({"roles": "boss", "amr": "hwk pwd"}), "it has `hwk pwd`");
    let both = |s: &mut IssuerSettings| {
        acr(s);
        amr(s);
    };
    check_settings(both, json!({"roles": "boss", "acr": "phr"}), "`amr` with");
}

/// Takes a token of this type with more claims, where types are as given.
fn check_type(types: &[&str], header: Value, more: Value, expected: &str) {
    let key = SigningKey::ed25519("k", [1; 32]);
    let mut all = claims();
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    let types = types.iter().map(|one| (*one).to_owned()).collect();
    let token = key.sign(&header.to_string(), &all.to_string());
    let told = match try_token(&token, IssuerSettings { types, ..settings() }, &jwks(&[&key])) {
        Ok(verified) => verified.caller.name,
        Err(refusal) => refusal.to_string(),
    };
    assert!(told.contains(expected), "{header} {more}: {told}");
}

#[test]
fn tokens_that_are_not_for_access_are_refused() {
    let (at, both) = (&["at+jwt"][..], &["at+jwt", "JWT"][..]);
    let of = |typ: &str| json!({"alg": "EdDSA", "kid": "k", "typ": typ});
    let none = json!({"alg": "EdDSA", "kid": "k"});
    assert_eq!(IssuerSettings::default().types, at);
    check_type(at, of("at+jwt"), json!({"nonce": "n"}), "alice@city");
    check_type(at, of("JWT"), json!({}), "is of type `JWT`; issuer `city` allows `at+jwt`");
    check_type(at, none.clone(), json!({}), "is of type `JWT`");
    check_type(both, of("JWT"), json!({}), "alice@city");
    check_type(both, none.clone(), json!({"typ": "Bearer"}), "alice@city");
    check_type(both, of("jwt"), json!({"typ": "ID"}), "its claim `typ` is `ID`, not `Bearer`");
    check_type(both, of("JWT"), json!({"typ": 1}), "its claim `typ` is ``");
    for claim in ["events", "at_hash", "c_hash", "nonce"] {
        check_type(both, none.clone(), json!({claim: "x"}), &format!("it has claim `{claim}`"));
    }
}

/// Whoever finds one must not get in with it (RFC 8705 section 3, RFC 9449 section 7).
#[test]
fn tokens_bound_to_a_key_of_their_sender_are_refused() {
    check_claims(json!({"cnf": {"jkt": "x"}}), "bound to a key of its sender (`cnf`)");
    check_claims(json!({"cnf": null}), "bound to a key of its sender (`cnf`)");
}

fn check_header(header: Value, expected: &str) {
    check_header_text(&header.to_string(), expected);
}

fn check_header_text(header: &str, expected: &str) {
    let key = SigningKey::ed25519("k", [1; 32]);
    let token = key.sign(header, &claims().to_string());
    let told = match try_token(&token, settings(), &jwks(&[&key])) {
        Ok(verified) => verified.caller.name,
        Err(refusal) => refusal.to_string(),
    };
    assert!(told.contains(expected), "{header}: {told}");
}

#[test]
fn headers_are_held_to_what_is_known() {
    let with = |more: Value| {
        let mut header = json!({"alg": "EdDSA", "kid": "k", "typ": "at+jwt"});
        for (name, value) in more.as_object().unwrap() {
            header[name] = value.clone();
        }
        header
    };
    check_header(with(json!({})), "alice@city");
    check_header(with(json!({"alg": "Ed25519"})), "alice@city");
    check_header(with(json!({"kid": null})), "alice@city");
    check_header(with(json!({"typ": "application/at+JWT"})), "alice@city");
    check_header(with(json!({"typ": "logout+jwt"})), "is of type `logout+jwt`");
    check_header(with(json!({"kid": "other"})), "does not publish (key id `other`)");
    check_header(with(json!({"crit": ["b64"], "b64": false})), "critical extensions");
    check_header(with(json!({"crit": null})), "critical extensions");
    check_header_text(r#"{"alg":"EdDSA","alg":"none"}"#, "not a JSON object");
    check_header_text(r#"{"kid":"k"}"#, "not a JSON object with `alg`");
    check_header_text(r#"[]"#, "not a JSON object");
}

#[test]
fn what_needs_no_key_is_found_without() {
    let check = |header: Value, expected: Option<&str>| {
        let token = SigningKey::ed25519("k", [1; 32]).sign(&header.to_string(), "{}");
        let issuer = Issuer::new(settings()).unwrap();
        let told = check_unsigned(&Jws::parse(&token).unwrap(), &issuer).err();
        let told = told.map(|refusal| refusal.to_string());
        match expected {
            None => assert_eq!(told, None),
            Some(part) => assert!(told.unwrap().contains(part), "{header}"),
        }
    };
    check(json!({"alg": "EdDSA", "typ": "at+jwt"}), None);
    check(json!({"alg": "HS256", "typ": "at+jwt"}), Some("signed by `HS256`"));
    check(json!({"alg": "EdDSA", "typ": "JWT"}), Some("of type `JWT`"));
    check(json!({"alg": "EdDSA", "typ": "at+jwt", "crit": []}), Some("critical"));
}

/// A header that brings its own key does not get it believed.
#[test]
fn keys_inside_a_token_are_not_used() {
    let (ours, theirs) = (SigningKey::ed25519("k", [1; 32]), SigningKey::ed25519("k", [9; 32]));
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "jwk": theirs.jwk(), "jku": "https://evil.example/"});
    let token = theirs.sign(&header.to_string(), &claims().to_string());
    assert_eq!(try_token(&token, settings(), &jwks(&[&ours])), Err(Refusal::Signature));
}

#[test]
fn algorithms_are_not_confused() {
    let key = SigningKey::rs256("k");
    let jwks = jwks(&[&key]);
    let good = key.token(&claims());
    let (_, rest) = good.split_once('.').unwrap();
    let encode = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    for algorithm in ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "", "RS256 "] {
        let header = encode(&json!({"alg": algorithm, "kid": "k", "typ": "at+jwt"}).to_string());
        let (claims, _) = rest.split_once('.').unwrap();
        for token in [format!("{header}.{rest}"), format!("{header}.{claims}.")] {
            let refusal = try_token(&token, settings(), &jwks).unwrap_err();
            assert!(matches!(refusal, Refusal::Algorithm { .. }), "{algorithm}: {refusal}");
        }
    }
    // A public key taken for the secret of an HMAC, by a setting that allows it: there is none.
    let hmac = IssuerSettings { algorithms: vec!["HS256".into()], ..settings() };
    assert_eq!(Issuer::new(hmac).unwrap_err().setting, "algorithms");
    // Another algorithm of the same key.
    let header = encode(r#"{"alg":"PS256","kid":"k","typ":"at+jwt"}"#);
    let refusal = try_token(&format!("{header}.{rest}"), settings(), &jwks).unwrap_err();
    assert_eq!(refusal, Refusal::KeyDoesNotFit(Algorithm::Ps256));
}

#[test]
fn refusals_tell_what_to_do() {
    let kind = |claims: Value| {
        let key = SigningKey::ed25519("k", [1; 32]);
        let settings = IssuerSettings { admin_acr: vec!["mfa".into()], ..settings() };
        try_token(&key.token(&claims), settings, &jwks(&[&key])).unwrap_err().kind()
    };
    let with = |name: &str, value: Value| {
        let mut all = claims();
        all[name] = value;
        all
    };
    assert_eq!(kind(with("exp", json!(0))), RefusalKind::Invalid);
    assert_eq!(kind(with("roles", json!([]))), RefusalKind::NotEntitled);
    assert_eq!(kind(with("roles", json!("boss"))), RefusalKind::Weak);
    // Any of them may be a key that has come since.
    for refusal in [
        Refusal::UnknownKey(String::new()),
        Refusal::Signature,
        Refusal::NoKeyId,
        Refusal::KeyDoesNotFit(Algorithm::Es256),
    ] {
        assert_eq!(refusal.kind(), RefusalKind::UnknownKey);
    }
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", ".", "..", "a.b", "a.b.c.d", "a.b.c.d.e.f", "e30.e30.", "e30=.e30.e30"] {
        let refusal = Jws::parse(text).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed(_)), "{text}: {refusal}");
    }
    assert_eq!(Jws::parse("a.b.c.d.e").unwrap_err(), Refusal::Encrypted);
    assert!(
        is_token("a.b.c.d.e") && is_token("a.b.c") && !is_token("comity_1") && !is_token("a.b")
    );
    let long = "x".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(Jws::parse(&long).unwrap_err(), Refusal::TooLarge(TOKEN_BYTES_MAX + 1));
    let deep = SigningKey::ed25519("k", [1; 32]).sign(r#"{"alg":"EdDSA"}"#, &"[".repeat(9_000));
    assert!(matches!(Jws::parse(&deep).unwrap_err(), Refusal::Malformed(_)));
}

#[test]
fn nothing_secret_is_printed() {
    let key = SigningKey::ed25519("k", [1; 32]);
    let token = key.token(&claims());
    let printed = format!("{:?}", Jws::parse(&token).unwrap());
    assert_eq!(printed, r#"Jws { alg: "EdDSA", .. }"#);
    let refusal = try_token(&token, settings(), &jwks(&[&SigningKey::ed25519("k", [2; 32])]));
    let (_, signature) = token.rsplit_once('.').unwrap();
    let told = format!("{:?}", refusal.unwrap_err());
    assert!(!told.contains(signature), "{told}");
}

proptest! {
    /// No text makes the reader panic, whether it looks like a token or not.
    #[test]
    fn any_text_is_read(
        text in "\\PC*|[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,90}",
    ) {
        let key = SigningKey::ed25519("k", [1; 32]);
        prop_assert!(try_token(&text, settings(), &jwks(&[&key])).is_err());
    }

    /// No claims make it panic either, well signed as they are.
    #[test]
    fn any_claims_are_read(
        name in "iss|aud|exp|nbf|iat|sub|roles|acr|amr|org",
        number in any::<f64>(),
        text in "\\PC*",
    ) {
        for value in [json!(number), json!(text), json!([text, number]), json!({"a": text})] {
            let mut all = claims();
            all[&name] = value;
            told(settings(), &all);
        }
    }

    /// A token with one character changed, added or left out is another token.
    #[test]
    fn an_altered_token_is_refused(
        at in any::<prop::sample::Index>(),
        to in "[A-Za-z0-9_.=+/-]|\u{e9}",
        how in 0..3_u8,
    ) {
        let key = SigningKey::ed25519("k", [1; 32]);
        let good = key.token(&claims());
        let at = at.index(good.len());
        let altered = match how {
            0 => format!("{}{to}{}", &good[..at], &good[at + 1..]),
            1 => format!("{}{to}{}", &good[..at], &good[at..]),
            _ => format!("{}{}", &good[..at], &good[at + 1..]),
        };
        prop_assume!(altered != good);
        prop_assert!(try_token(&altered, settings(), &jwks(&[&key])).is_err());
        prop_assert!(try_token(&good, settings(), &jwks(&[&key])).is_ok());
    }

    /// Any bytes are read as a set of keys.
    #[test]
    fn any_bytes_are_read_as_keys(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        kty in "RSA|EC|OKP|oct",
        part in "[A-Za-z0-9_-]{0,90}",
    ) {
        let _ = Jwks::parse(&bytes);
        for curve in ["P-256", "P-384", "Ed25519"] {
            let key = json!({"kty": kty, "crv": curve, "x": part, "y": part, "n": part, "e": part});
            let _ = Jwks::parse(json!({"keys": [key]}).to_string().as_bytes());
        }
    }
}
