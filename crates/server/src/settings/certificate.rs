//! Who comes with which client certificate, each a table `[[certificates]]` of the file.

use std::collections::{BTreeSet, HashSet};

use model::{Scope, Tenant, Uri};
use policy::{Caller, role};

use super::layers::{SettingsError, set_toml, tables};
use super::settings;

/// What the tables stand under.
pub const CERTIFICATES: &str = "certificates";

/// How many there may be.
pub const CERTIFICATES_MAX: usize = 10_000;

/// How long the name of a subject may be.
const SUBJECT_BYTES_MAX: usize = 512;

/// The kinds of names that a certificate may have, in the order in which they are looked for.
pub const KINDS: [&str; 4] = ["URI", "DNS", "email", "CN"];

/// Written where callers may touch every tenant.
const EVERY_TENANT: &str = "*";

settings! {
    /// The holder of a certificate, and what is theirs to do.
    CertificateSettings, CERTIFICATE;

    /// A name in the certificate, after its kind: `URI:urn:example:gateway-7`,
    /// `DNS:gateway-7.city.example`, `email:ops@city.example`, or `CN:gateway-7`. `CN` counts only
    /// where there is none of the other kinds. It names the caller in lists and logs.
    subject: String = String::new();
    /// A role that policies know: `device`, `reader`, `writer`, `admin`, `security-officer` and
    /// `auditor` to begin with.
    role: String = String::new();
    /// More of them.
    roles: Vec<String> = Vec::new();
    /// Scopes that the holder is bound to, such as `/Madrid/Gardens`.
    scopes: Vec<String> = Vec::new();
    /// The entities of a device, by their ids.
    entities: Vec<String> = Vec::new();
    /// The only tenant that the holder may touch. Empty: the default one. `*`: every tenant.
    tenant: String = String::new();
}

impl CertificateSettings {
    /// Who that is, or which setting is wrong, and why.
    pub fn caller(&self) -> Result<Caller, (&'static str, String)> {
        let named = self.subject.split_once(':');
        let named = named.is_some_and(|(kind, name)| KINDS.contains(&kind) && !name.is_empty());
        if !named || SUBJECT_BYTES_MAX < self.subject.len() {
            let kinds = KINDS.map(|kind| format!("{kind}:")).join(", ");
            let problem = format!(
                "takes a name after its kind, one of {kinds}; {SUBJECT_BYTES_MAX} bytes at most"
            );
            return Err(("subject", problem));
        }
        let roles: BTreeSet<String> = Some(&self.role)
            .filter(|one| !one.is_empty())
            .into_iter()
            .chain(&self.roles)
            .cloned()
            .collect();
        if roles.is_empty() {
            return Err(("role", "is missing; without one, nothing is permitted".to_owned()));
        }
        if let Some(bad) = roles.iter().find(|name| !role::is_name(name)) {
            let max = role::NAME_CHARS_MAX;
            let takes =
                format!("takes 1 to {max} letters, digits, `-`, `_`, `.` and `:`, not `{bad}`");
            return Err(("role", takes));
        }
        let scopes =
            each("scopes", &self.scopes, |text| Scope::parse(text).map_err(|e| e.to_string()))?;
        let entities =
            each("entities", &self.entities, |text| Uri::parse(text).map_err(|e| e.to_string()))?;
        let tenant = match self.tenant.as_str() {
            EVERY_TENANT => None,
            "" => Some(Tenant::default()),
            name => Some(Tenant::parse(name).map_err(|error| ("tenant", error.to_string()))?),
        };
        Ok(Caller { name: self.subject.clone(), roles, tenant, scopes, entities })
    }
}

fn each<T>(
    setting: &'static str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, (&'static str, String)> {
    texts.iter().map(|text| read(text).map_err(|error| (setting, error))).collect()
}

/// Reads all tables. Each must be usable, and no two may be of one subject.
pub fn read_all(
    place: &str,
    value: &toml::Value,
) -> Result<Vec<CertificateSettings>, SettingsError> {
    let mut read = Vec::new();
    let mut subjects = HashSet::new();
    for (place, table) in tables(place, CERTIFICATES, value, CERTIFICATES_MAX)? {
        let mut one = CertificateSettings::default();
        for (name, value) in table {
            set_toml(&mut one, CERTIFICATE, &place, name, value)?;
        }
        let new = subjects.insert(one.subject.clone());
        let twice = || ("subject", format!("`{}` stands in another table as well", one.subject));
        let usable = one.caller().and_then(|_| new.then_some(()).ok_or_else(twice));
        usable.map_err(|(name, problem)| SettingsError::Invalid {
            place,
            name: name.to_owned(),
            problem,
        })?;
        read.push(one);
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let table: toml::Table = toml::from_str(text).unwrap();
        let told = match read_all("comity.toml", &table[CERTIFICATES]) {
            Ok(read) => format!("{:?}", read.iter().map(|one| one.caller()).collect::<Vec<_>>()),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(expected), "{told}");
    }

    fn one(subject: &str, more: &str) -> String {
        format!("[[certificates]]\nsubject = \"{subject}\"\n{more}\n")
    }

    #[test]
    fn a_subject_has_a_role_and_a_tenant() {
        check(&one("DNS:a.example", "role = \"writer\""), r#"roles: {"writer"}, tenant: Some("#);
        check(
            &one("CN:a b", "role = \"admin\"\ntenant = \"*\""),
            r#"roles: {"admin"}, tenant: None"#,
        );
        check(&one("URI:urn:a:b", "role = \"reader\"\ntenant = \"north\""), "north");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let place = "comity.toml, [[certificates]] number 1: setting";
        for subject in ["a.example", "DNS:", "IP:10.0.0.1", "dns:a"] {
            check(&one(subject, "role = \"writer\""), &format!("{place} `subject`: takes a name"));
        }
        check(&one("CN:a", ""), &format!("{place} `role`: is missing"));
        check(&one("CN:a", "role = \"a b\""), &format!("{place} `role`: takes 1 to"));
        let scope = "role = \"device\"\nscopes = [\"a b\"]";
        check(&one("CN:a", scope), &format!("{place} `scopes`: "));
        check(&one("CN:a", "role = \"admin\"\ntenant = \"a b\""), &format!("{place} `tenant`: "));
        let twice = one("CN:a", "role = \"admin\"").repeat(2);
        check(&twice, "number 2: setting `subject`: `CN:a` stands in another table as well");
        check("certificates = 1", "write [[certificates]] above");
    }
}
