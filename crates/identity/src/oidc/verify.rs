//! From a token to a caller, or to what is wrong with it.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Tenant, Timestamp};
use policy::{Caller, role};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::claims::{texts, words};
use super::issuer::{Issuer, Tenants, media_type};
use super::jwks::Jwks;
use super::jws::Jws;
use super::refusal::{Refusal, listed, shown};
use crate::visible::is_visible;

/// How long the claim that names a caller may be; OpenID Connect Core section 2 sets it for `sub`.
pub const SUBJECT_CHARS_MAX: usize = 255;

/// Who sends a token, and until when it proves that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub caller: Caller,
    /// The end of the token, with what the clocks may differ.
    pub until: Timestamp,
}

/// Finds what is wrong with a token whoever signed it, without any key.
pub fn check_unsigned(jws: &Jws<'_>, issuer: &Issuer) -> Result<(), Refusal> {
    check_type(jws, issuer)?;
    algorithm(jws, issuer).map(|_| ())
}

/// Takes a token that the issuer signed with one of these keys, that is for us, and that is valid
/// now. The signature is checked before any claim is believed.
pub fn verify(
    jws: &Jws<'_>,
    issuer: &Issuer,
    jwks: &Jwks,
    now: Timestamp,
) -> Result<Verified, Refusal> {
    check_type(jws, issuer)?;
    check_signature(jws, issuer, jwks)?;
    match jws.issuer() {
        None => return Err(Refusal::NoIssuer),
        Some(found) if found != issuer.url() => return Err(Refusal::Issuer(shown(found))),
        Some(_) => {}
    }
    check_audience(&jws.claims, issuer)?;
    let until = check_time(&jws.claims, issuer, now)?;
    check_purpose(jws)?;
    let name = name(&jws.claims, issuer)?;
    let roles = roles(&jws.claims, issuer)?;
    if roles.iter().any(|name| role::is_privileged(name)) {
        check_strength(&jws.claims, issuer)?;
    }
    let tenant = tenant(&jws.claims, &issuer.tenants, &issuer.settings.tenant_claim)?;
    let name = format!("{name}@{}", issuer.name());
    let caller = Caller { name, roles, tenant, ..Caller::default() };
    Ok(Verified { caller, until })
}

/// The media type of access tokens (RFC 9068 section 2.1).
pub(crate) const ACCESS_TOKEN: &str = "at+jwt";

/// The type of a token; one that says nothing is a `JWT`.
fn type_of<'a>(jws: &'a Jws<'_>) -> &'a str {
    jws.header.typ.as_deref().unwrap_or("JWT")
}

/// Other tokens of an issuer, such as one that tells of a logout, are not for access (RFC 9068
/// section 4).
fn check_type(jws: &Jws<'_>, issuer: &Issuer) -> Result<(), Refusal> {
    let found = type_of(jws);
    if !issuer.types.contains(&media_type(found)) {
        return Err(Refusal::Type {
            found: shown(found),
            issuer: issuer.name().to_owned(),
            allowed: listed(issuer.types.iter().map(String::as_str)),
        });
    }
    if jws.header.crit { Err(Refusal::Critical) } else { Ok(()) }
}

/// What tells other tokens from access tokens: ID tokens (OpenID Connect Core section 2) and those
/// of events and logouts (RFC 8417, Back-Channel Logout section 2.4).
const NOT_FOR_ACCESS: [&str; 4] = ["events", "at_hash", "c_hash", "nonce"];

/// Refuses what a sender must prove to be theirs (RFC 7800), as long as that is not checked. Where
/// the type does not say that a token is for access, its claims must not say otherwise (RFC 8725
/// section 3.12). Keycloak has a claim `typ` that tells.
fn check_purpose(jws: &Jws<'_>) -> Result<(), Refusal> {
    if jws.claims.contains_key("cnf") {
        return Err(Refusal::Bound);
    }
    if media_type(type_of(jws)) == ACCESS_TOKEN {
        return Ok(());
    }
    if let Some(claim) = NOT_FOR_ACCESS.into_iter().find(|claim| jws.claims.contains_key(*claim)) {
        return Err(Refusal::NotForAccess(claim));
    }
    match jws.claims.get("typ").map(|found| found.as_str().unwrap_or_default()) {
        Some(found) if !found.eq_ignore_ascii_case("Bearer") => Err(Refusal::Purpose(shown(found))),
        _ => Ok(()),
    }
}

fn algorithm(jws: &Jws<'_>, issuer: &Issuer) -> Result<Algorithm, Refusal> {
    let algorithm = Algorithm::from_name(&jws.header.alg);
    let algorithm = algorithm.filter(|one| issuer.algorithms.contains(one));
    algorithm.ok_or_else(|| Refusal::Algorithm {
        found: shown(&jws.header.alg),
        issuer: issuer.name().to_owned(),
        allowed: issuer.algorithms.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
    })
}

fn check_signature(jws: &Jws<'_>, issuer: &Issuer, jwks: &Jwks) -> Result<(), Refusal> {
    let algorithm = algorithm(jws, issuer)?;
    let keys = jwks.find(jws.header.kid.as_deref(), algorithm)?;
    let mut keys = keys.into_iter();
    match keys.any(|key| key.is_signed(algorithm, jws.signed, &jws.signature)) {
        true => Ok(()),
        false => Err(Refusal::Signature),
    }
}

fn check_audience(claims: &Map<String, Value>, issuer: &Issuer) -> Result<(), Refusal> {
    let found = claims.get("aud").map(texts).unwrap_or_default();
    let ours = &issuer.settings.audiences;
    if found.iter().any(|one| ours.iter().any(|our| our == one)) {
        return Ok(());
    }
    let expected = ours.iter().map(String::as_str);
    Err(Refusal::Audience { found: listed(found), expected: listed(expected) })
}

/// Is the token valid now, and for no longer than tokens may be? Tells until when.
fn check_time(
    claims: &Map<String, Value>,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    let skew = micros(issuer.settings.clock_skew);
    let lifetime_max = micros(issuer.settings.token_lifetime_max);
    let expires = moment(claims, "exp")?.ok_or(Refusal::NoMoment("exp"))?;
    let until = expires.saturating_add(skew);
    if until <= now.0 {
        return Err(Refusal::Expired(span(now.0, expires)));
    }
    let issued = moment(claims, "iat")?.ok_or(Refusal::NoMoment("iat"))?;
    for (claim, at) in [("nbf", moment(claims, "nbf")?), ("iat", Some(issued))] {
        if let Some(at) = at.filter(|at| now.0.saturating_add(skew) < *at) {
            return Err(Refusal::NotYet { claim, ahead: span(at, now.0) });
        }
    }
    if lifetime_max < expires.saturating_sub(issued) {
        let max = issuer.settings.token_lifetime_max;
        return Err(Refusal::Lifetime { found: span(expires, issued), max });
    }
    Ok(Timestamp(until))
}

/// A moment in microseconds; claims have seconds, with fractions at times (RFC 7519 section 2).
fn moment(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite());
    let seconds = seconds.ok_or(Refusal::NoMoment(name))?;
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range is at its end")]
    Ok(Some((seconds * 1e6) as i64))
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn span(later: i64, earlier: i64) -> Duration {
    Duration::from_micros(u64::try_from(later.saturating_sub(earlier)).unwrap_or(0))
}

/// Who the issuer says it is. Names stand in lists and log lines, so they must be visible.
fn name<'a>(claims: &'a Map<String, Value>, issuer: &Issuer) -> Result<&'a str, Refusal> {
    let found = issuer.name_claim.find(claims).and_then(Value::as_str);
    let visible =
        |name: &&str| (1..=SUBJECT_CHARS_MAX).contains(&name.chars().count()) && is_visible(name);
    found.filter(visible).ok_or_else(|| Refusal::NoName(issuer.settings.name_claim.clone()))
}

/// All roles that its claim gives; a token without any is refused.
fn roles(claims: &Map<String, Value>, issuer: &Issuer) -> Result<BTreeSet<String>, Refusal> {
    // Only scopes are words in one text (RFC 8693 section 4.2): elsewhere a text is one value, or
    // whoever chooses their own `title` would choose their role.
    let values = if issuer.roles_claim.is_scope() { words } else { texts };
    let found = issuer.roles_claim.find(claims).map(values).unwrap_or_default();
    let roles: BTreeSet<String> =
        found.into_iter().filter_map(|word| issuer.roles.get(word)).cloned().collect();
    if roles.is_empty() {
        return Err(Refusal::NoRole {
            claim: issuer.settings.roles_claim.clone(),
            issuer: issuer.name().to_owned(),
        });
    }
    Ok(roles)
}

/// Whoever administers must have proven more than others, where the issuer's settings say so. The
/// token is then refused as a whole: to take it for less would hide why something is not allowed.
fn check_strength(claims: &Map<String, Value>, issuer: &Issuer) -> Result<(), Refusal> {
    let (acr, amr) = (&issuer.settings.admin_acr, &issuer.settings.admin_amr);
    let found_acr = claims.get("acr").and_then(Value::as_str);
    if !acr.is_empty() && !found_acr.is_some_and(|found| acr.iter().any(|one| one == found)) {
        return Err(Refusal::Weak {
            required: format!("`acr` one of {}", listed(acr.iter().map(String::as_str))),
            found: listed(found_acr),
            acr_values: acr.clone(),
        });
    }
    let found_amr = claims.get("amr").map(texts).unwrap_or_default();
    if amr.iter().any(|needed| !found_amr.contains(&needed.as_str())) {
        return Err(Refusal::Weak {
            required: format!("`amr` with {}", listed(amr.iter().map(String::as_str))),
            found: listed(found_amr),
            acr_values: acr.clone(),
        });
    }
    Ok(())
}

/// The only tenant of the caller; nothing for every one. A claim that does not tell refuses: it
/// must not open all tenants.
fn tenant(
    claims: &Map<String, Value>,
    tenants: &Tenants,
    written: &str,
) -> Result<Option<Tenant>, Refusal> {
    let refuse = |problem| Refusal::NoTenant { claim: written.to_owned(), problem };
    let only = |claim: &super::ClaimPath| {
        let found = claim.find(claims).map(texts).unwrap_or_default();
        match found[..] {
            [one] => Ok(one.to_owned()),
            [] => Err(refuse("is missing, or is not a text")),
            _ => Err(refuse("names several, and a caller has one")),
        }
    };
    match tenants {
        Tenants::Fixed(tenant) => Ok(tenant.clone()),
        Tenants::Named { claim } => {
            let named = Tenant::parse(&only(claim)?);
            named.map(Some).map_err(|_| refuse("is not the name of a tenant"))
        }
        Tenants::Mapped { claim, names } => {
            let mapped = names.get(&only(claim)?).cloned();
            mapped.ok_or_else(|| refuse("has a value that stands for no tenant"))
        }
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
