//! Identity providers, each a table `[[issuers]]` of the file.

use std::collections::BTreeMap;
use std::time::Duration;

use identity::oidc::{Issuer, IssuerError};

use super::layers::{SettingsError, set_toml};
use super::settings;

/// What the tables stand under.
pub const ISSUERS: &str = "issuers";

/// How many identity providers there may be.
pub const ISSUERS_MAX: usize = 16;

settings! {
    /// An identity provider whose tokens are taken.
    IssuerSettings, ISSUER {
        /// A short name that never changes: callers are `sub@name` in lists and logs.
        name: String = String::new();
        /// The URL of the issuer, letter by letter as its tokens have it (`iss`). Its keys are found
        /// by OpenID Connect Discovery.
        issuer: String = String::new();
        /// What tokens for this platform have as `aud`; one of these must be there.
        audiences: Vec<String> = Vec::new();
        /// How tokens may be signed. RS384, RS512, PS384 and PS512 are known as well; there is no
        /// `none` and no HMAC.
        algorithms: Vec<String> = defaults().algorithms;
        /// What the `typ` of a token may be; one without is a `JWT`.
        types: Vec<String> = defaults().types;
        /// By how much the clocks of provider and platform may differ, 10 minutes at most.
        clock_skew: Duration = defaults().clock_skew;
        /// A token that is valid for longer than this, from `iat` to `exp`, is refused.
        token_lifetime_max: Duration = defaults().token_lifetime_max;
        /// The claim that names the caller, as a path such as `client.id`, or as a JSON Pointer. One
        /// that people can change, or that is given to somebody else later, lets them become
        /// others.
        name_claim: String = defaults().name_claim;
        /// The claim that lists roles, in the same way. It is a list of texts, or one text with
        /// spaces between words (`scope`).
        roles_claim: String = defaults().roles_claim;
        /// Values of that claim, each with a role here: `admin`, `writer` or `reader`. The highest
        /// counts. A token without any is refused.
        roles: BTreeMap<String, String> = BTreeMap::new();
        /// The only tenant that callers may touch. Empty: the default one. `*`: every tenant.
        tenant: String = String::new();
        /// The claim that tells the tenant of a caller instead. A token without it is refused.
        tenant_claim: String = String::new();
        /// Values of that claim, each with a tenant written as in `tenant`. Empty: the values are
        /// names of tenants.
        tenants: BTreeMap<String, String> = BTreeMap::new();
        /// The `acr` of an administrator's token must be one of these. Empty: any.
        admin_acr: Vec<String> = Vec::new();
        /// The `amr` of an administrator's token must have all of these.
        admin_amr: Vec<String> = Vec::new();
        /// Lets this provider, and nothing else, be in a private network or on this machine.
        allow_private: bool = false;
        /// How old its keys may become before they are fetched again.
        keys_refresh: Duration = Duration::from_secs(600);
        /// How long it is left alone after its keys were asked for, whatever tokens come.
        keys_retry: Duration = Duration::from_secs(5);
        /// How long its last keys stay in use while it cannot be reached. Then its tokens are
        /// answered with 503.
        keys_outage_max: Duration = Duration::from_secs(24 * 3600);
    }
}

fn defaults() -> identity::oidc::IssuerSettings {
    identity::oidc::IssuerSettings::default()
}

impl IssuerSettings {
    /// What of this makes callers of tokens.
    pub fn issuer(&self) -> Result<Issuer, IssuerError> {
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
        })
    }
}

/// Reads all tables. Each must be usable, and no two may be of one name or of one issuer.
pub fn read_all(place: &str, value: &toml::Value) -> Result<Vec<IssuerSettings>, SettingsError> {
    let wrong = |problem: String| SettingsError::Invalid {
        place: place.to_owned(),
        name: ISSUERS.to_owned(),
        problem,
    };
    let tables = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let tables: Vec<&toml::Table> = tables.iter().filter_map(toml::Value::as_table).collect();
    if value.as_array().is_none_or(|all| all.len() != tables.len()) {
        return Err(wrong("lists tables; write [[issuers]] above the settings of each".to_owned()));
    }
    if ISSUERS_MAX < tables.len() {
        return Err(wrong(format!("has {} tables; {ISSUERS_MAX} are the most", tables.len())));
    }
    let mut read: Vec<IssuerSettings> = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let place = format!("{place}, [[issuers]] number {}", index + 1);
        let one = read_one(&place, table)?;
        if read.iter().any(|other| other.name == one.name || other.issuer == one.issuer) {
            let problem = format!("`{}` has the name or the issuer of another", one.name);
            return Err(wrong(problem));
        }
        read.push(one);
    }
    Ok(read)
}

fn read_one(place: &str, table: &toml::Table) -> Result<IssuerSettings, SettingsError> {
    let mut one = IssuerSettings::default();
    for (name, value) in table {
        set_toml(&mut one, ISSUER, place, name, value)?;
    }
    one.issuer().map_err(|error| SettingsError::Invalid {
        place: place.to_owned(),
        name: error.setting.to_owned(),
        problem: error.problem,
    })?;
    Ok(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[issuers]]\nname = \"city\"\nissuer = \"https://login.example\"\n\
        audiences = [\"comity\"]\nroles = { boss = \"admin\" }\n";

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
        check(&GOOD.repeat(17), "has 17 tables; 16 are the most");
    }
}
