//! Identity providers, each a table `[[issuers]]` of the file.

use std::collections::BTreeMap;
use std::time::Duration;

use identity::oidc::{Issuer, IssuerError};

use super::layers::{SettingsError, set_toml, tables};
use super::settings;

/// What the tables stand under.
pub const ISSUERS: &str = "issuers";

/// How many identity providers there may be.
pub const ISSUERS_MAX: usize = 16;

settings! {
    /// An identity provider whose tokens are taken.
    IssuerSettings, ISSUER;

    /// A short name that never changes: callers are `sub@name` in lists and logs.
    name: String = String::new();
    /// The URL of the issuer, letter by letter as its tokens have it (`iss`). Its keys are
    /// found by OpenID Connect Discovery.
    issuer: String = String::new();
    /// What tokens for this platform have as `aud`; one of these must be there.
    audiences: Vec<String> = Vec::new();
    /// How tokens may be signed. RS384, RS512, PS384 and PS512 are known as well; there is no
    /// `none` and no HMAC.
    algorithms: Vec<String> = defaults().algorithms;
    /// What the `typ` of a token may be: that of access tokens (RFC 9068). Some providers write
    /// `JWT` or nothing, which `JWT` allows: then tokens with what ID tokens have are refused.
    types: Vec<String> = defaults().types;
    /// By how much the clocks of provider and platform may differ, 10 minutes at most.
    clock_skew: Duration = defaults().clock_skew;
    /// A token that is valid for longer than this, from `iat` to `exp`, is refused; 7 days at most.
    token_lifetime_max: Duration = defaults().token_lifetime_max;
    /// The claim that names the caller, as a path such as `client.id`, or as a JSON Pointer.
    /// One that people can change, or that is given to somebody else later, lets them become
    /// others.
    name_claim: String = defaults().name_claim;
    /// The claim that lists roles, in the same way. It is a list of texts, or one text; only in
    /// `scope` and `scp` a text is words with spaces between them.
    roles_claim: String = defaults().roles_claim;
    /// Values of that claim, each with a role here, of those that policies know: `admin`,
    /// `security-officer`, `auditor`, `writer`, `reader` and `device` to begin with. A caller has
    /// all that its token gives; a token without any is refused.
    roles: BTreeMap<String, String> = BTreeMap::new();
    /// The only tenant that callers may touch. Empty: the default one. `*`: every tenant.
    tenant: String = String::new();
    /// The claim that tells the tenant of a caller instead. A token without it is refused.
    tenant_claim: String = String::new();
    /// Values of that claim, each with a tenant written as in `tenant`. Empty: the values are
    /// names of tenants.
    tenants: BTreeMap<String, String> = BTreeMap::new();
    /// The `acr` of a token for `admin`, `security-officer` or `auditor` must be one of these.
    /// Empty: any, see `admin_any_sign_in`.
    admin_acr: Vec<String> = Vec::new();
    /// The `amr` of such a token must have all of these.
    admin_amr: Vec<String> = Vec::new();
    /// Lets administrators come however they signed in, with a password alone. Without it, the
    /// roles `admin`, `security-officer` and `auditor` need `admin_acr` or `admin_amr`.
    admin_any_sign_in: bool = false;
    /// Lets the host of the issuer, and no other, be in a private network or on this machine.
    allow_private: bool = false;
    /// How old its keys may become before they are fetched again. Not less than `keys_retry`.
    keys_refresh: Duration = Duration::from_secs(600);
    /// How long it is left alone after its keys were asked for, whatever tokens come. 100ms at
    /// least.
    keys_retry: Duration = Duration::from_secs(5);
    /// How long its last keys stay in use while it cannot be reached or answers with 5xx. Then its
    /// tokens are answered with 503. Not less than `keys_refresh`, 7 days at most.
    keys_outage_max: Duration = Duration::from_secs(24 * 3600);
}

fn defaults() -> identity::oidc::IssuerSettings {
    identity::oidc::IssuerSettings::default()
}

/// A table that was found to be usable.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustedIssuer {
    pub written: IssuerSettings,
    pub issuer: Issuer,
    pub key_times: KeyTimes,
}

/// When keys are fetched and for how long they count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyTimes {
    pub refresh: Duration,
    pub retry: Duration,
    pub outage_max: Duration,
}

/// Made-up tokens must not have a provider asked without end.
const RETRY_LEAST: Duration = Duration::from_millis(100);

/// A key that is taken back during an outage counts for that long.
const OUTAGE_MOST: Duration = Duration::from_secs(7 * 24 * 3600);

impl IssuerSettings {
    /// Finds out whether it can be used.
    pub fn trusted(self) -> Result<TrustedIssuer, IssuerError> {
        let (issuer, key_times) = (self.issuer()?, self.key_times()?);
        Ok(TrustedIssuer { written: self, issuer, key_times })
    }

    fn key_times(&self) -> Result<KeyTimes, IssuerError> {
        let (retry, refresh, outage_max) =
            (self.keys_retry, self.keys_refresh, self.keys_outage_max);
        let wrong = |setting, problem: &str| Err(IssuerError { setting, problem: problem.into() });
        if retry < RETRY_LEAST {
            return wrong("keys_retry", "is less than 100ms");
        }
        if refresh < retry {
            return wrong("keys_refresh", "is less than `keys_retry`, which comes between");
        }
        if outage_max < refresh {
            let problem = "is less than `keys_refresh`, so that keys would end before they are \
                           fetched again";
            return wrong("keys_outage_max", problem);
        }
        if OUTAGE_MOST < outage_max {
            let problem = "is more than 7 days, for which a key that was taken back could count";
            return wrong("keys_outage_max", problem);
        }
        Ok(KeyTimes { refresh, retry, outage_max })
    }

    /// What of this makes callers of tokens.
    fn issuer(&self) -> Result<Issuer, IssuerError> {
        Issuer::new(identity::oidc::IssuerSettings {
            name: self.name.clone(),
            issuer: self.issuer.clone(),
            audiences: self.audiences.clone(),
            algorithms: self.algorithms.clone(),
            types: self.types.clone(),
            clock_skew: self.clock_skew,
            token_lifetime_max: self.token_lifetime_max,
            name_claim: self.name_claim.clone(),
            roles_claim: self.roles_claim.clone(),
            roles: self.roles.clone(),
            tenant: self.tenant.clone(),
            tenant_claim: self.tenant_claim.clone(),
            tenants: self.tenants.clone(),
            admin_acr: self.admin_acr.clone(),
            admin_amr: self.admin_amr.clone(),
            admin_any_sign_in: self.admin_any_sign_in,
        })
    }
}

/// Reads all tables. Each must be usable, and no two may be of one name or of one issuer.
pub fn read_all(place: &str, value: &toml::Value) -> Result<Vec<TrustedIssuer>, SettingsError> {
    let wrong = |problem: String| SettingsError::Invalid {
        place: place.to_owned(),
        name: ISSUERS.to_owned(),
        problem,
    };
    let mut read: Vec<TrustedIssuer> = Vec::new();
    for (place, table) in tables(place, ISSUERS, value, ISSUERS_MAX)? {
        let one = read_one(&place, table)?;
        // Callers are told apart by the name of their issuer, and people do not see capitals.
        let same = |other: &TrustedIssuer| {
            let (other, one) = (&other.issuer, &one.issuer);
            other.name().eq_ignore_ascii_case(one.name()) || other.url() == one.url()
        };
        if read.iter().any(same) {
            let name = one.issuer.name();
            let problem = format!("`{name}` has the name or the issuer of another");
            return Err(wrong(problem));
        }
        read.push(one);
    }
    Ok(read)
}

fn read_one(place: &str, table: &toml::Table) -> Result<TrustedIssuer, SettingsError> {
    let mut one = IssuerSettings::default();
    for (name, value) in table {
        set_toml(&mut one, ISSUER, place, name, value)?;
    }
    one.trusted().map_err(|error| SettingsError::Invalid {
        place: place.to_owned(),
        name: error.setting.to_owned(),
        problem: error.problem,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[issuers]]\nname = \"city\"\nissuer = \"https://login.example\"\n\
        audiences = [\"comity\"]\nroles = { boss = \"admin\" }\n\
        admin_acr = [\"phr\"]\n";

    fn check(text: &str, expected: &str) {
        let table: toml::Table = toml::from_str(text).unwrap();
        let told = match read_all("comity.toml", &table[ISSUERS]) {
            Ok(read) => format!("{read:?}"),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    #[test]
    fn tables_are_read() {
        check(GOOD, "name: \"city\"");
        check(&format!("{GOOD}keys_retry = \"1s\"\nallow_private = true\n"), "keys_retry: 1s");
        check(&format!("{GOOD}[issuers.tenants]\n"), "tenants: {}");
        let other = GOOD.replace("city", "b").replace("login", "b");
        check(&format!("{GOOD}{other}"), "name: \"b\"");
    }

    #[test]
    fn times_of_keys_fit_together() {
        let check = |times: &str, expected: &str| check(&format!("{GOOD}{times}\n"), expected);
        check("keys_retry = \"99ms\"", "setting `keys_retry`: is less than 100ms");
        check("keys_retry = \"11min\"", "setting `keys_refresh`: is less than `keys_retry`");
        check("keys_outage_max = 0", "setting `keys_outage_max`: is less than `keys_refresh`");
        check("keys_outage_max = \"8d\"", "setting `keys_outage_max`: is more than 7 days");
        check("keys_retry = \"100ms\"\nkeys_refresh = \"100ms\"", "refresh: 100ms");
        check("token_lifetime_max = \"8d\"", "setting `token_lifetime_max`: takes 1 s to 7 d");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check("issuers = 1", "comity.toml: setting `issuers`: lists tables; write [[issuers]]");
        check("issuers = [1]", "lists tables");
        check("issuers = { name = 1 }", "lists tables");
        let place = "comity.toml, [[issuers]] number 1: ";
        let told = format!("{place}there is no setting `audience`; did you mean `audiences`?");
        check(&format!("{GOOD}audience = \"x\"\n"), &told);
        check("[[issuers]]\n", &format!("{place}setting `name`: takes 1 to 50"));
        let told = format!("{place}setting `roles`: takes a table of texts");
        check("[[issuers]]\nroles = \"admin\"\n", &told);
        check(&format!("{GOOD}algorithms = [\"HS256\"]\n"), "setting `algorithms`: `HS256` is not");
        check(&format!("{GOOD}{GOOD}"), "`city` has the name or the issuer of another");
        let capitals = GOOD.replace("city", "City").replace("login", "other");
        check(&format!("{GOOD}{capitals}"), "`City` has the name or the issuer of another");
        let weak = GOOD.replace("admin_acr", "admin_amr").replace("\"phr\"", "");
        check(&weak, "setting `roles`: maps a value to `admin`");
        check(&format!("{weak}admin_any_sign_in = true\n"), "admin_any_sign_in: true");
        check(&GOOD.repeat(17), "has 17 tables; 16 are the most");
    }
}
