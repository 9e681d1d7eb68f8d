//! The keys there are, and how they are written down.

use std::collections::{BTreeMap, BTreeSet};

use model::{DateTime, Scope, Tenant, Uri};
use policy::{Caller, role};
use serde::{Deserialize, Serialize};

use crate::key::{Key, NewKey};
use crate::token::{self, Digest, Token};
use crate::visible::{is_hidden, is_visible};

/// All keys, by id.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<String, Key>,
}

/// How long the name of a key may be.
pub const NAME_CHARS_MAX: usize = 100;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error(
        "`{0}` is not a name for a key; it takes 1 to {NAME_CHARS_MAX} visible characters, and no \
         `@`, which is in the names of callers with tokens"
    )]
    InvalidName(String),
    #[error(
        "`{0}` is not a name for a role; it takes 1 to {max} letters, digits, `-`, `_`, `.` and \
         `:`",
        max = role::NAME_CHARS_MAX
    )]
    InvalidRole(String),
    #[error("there is a key named `{0}` already; revoke it, or choose another name")]
    NameTaken(String),
    #[error("no key has the name or id `{0}`; `comity key list` shows those there are")]
    Unknown(String),
    /// So unlikely that it means the random source is broken.
    #[error("the random source gave a key that exists; no key was made")]
    NotRandom,
    #[error("the keys cannot be read: {0}")]
    Malformed(String),
}

impl KeyRing {
    /// Makes a key and hands out its token: the only time it is seen.
    pub fn add(
        &mut self,
        new: NewKey,
        now: DateTime,
        random: [u8; token::RANDOM_BYTES],
    ) -> Result<Token, RingError> {
        let NewKey { caller } = new;
        if !is_name(&caller.name) {
            let visible = |c| if is_hidden(c) { '?' } else { c };
            let name = caller.name.chars().take(NAME_CHARS_MAX).map(visible).collect();
            return Err(RingError::InvalidName(name));
        }
        if let Some(wrong) = caller.roles.iter().find(|name| !role::is_name(name)) {
            return Err(RingError::InvalidRole(wrong.chars().take(NAME_CHARS_MAX).collect()));
        }
        if self.iter().any(|key| key.caller.name == caller.name) {
            return Err(RingError::NameTaken(caller.name));
        }
        let token = Token::from_random(random);
        if self.keys.contains_key(token.id()) {
            return Err(RingError::NotRandom);
        }
        let key =
            Key { id: token.id().to_owned(), caller, created_at: now, digest: token.digest() };
        self.keys.insert(key.id.clone(), key);
        Ok(token)
    }

    /// Takes a key away, by its name or id.
    pub fn revoke(&mut self, named: &str) -> Result<Key, RingError> {
        let found = self.iter().find(|key| key.id == named || key.caller.name == named);
        let id = found.map(|key| key.id.clone());
        let revoked = id.and_then(|id| self.keys.remove(&id));
        revoked.ok_or_else(|| RingError::Unknown(named.chars().take(NAME_CHARS_MAX).collect()))
    }

    /// Who sends this token; nobody where it is not one of ours.
    pub fn caller(&self, token: &str) -> Option<&Caller> {
        let key = self.keys.get(token::id_of(token)?)?;
        key.digest.is_of(token).then_some(&key.caller)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn parse(text: &str) -> Result<KeyRing, RingError> {
        let written: Written =
            toml::from_str(text).map_err(|error| RingError::Malformed(error.to_string()))?;
        let mut keys = BTreeMap::new();
        for entry in written.key {
            let key = entry.read()?;
            keys.insert(key.id.clone(), key);
        }
        Ok(KeyRing { keys })
    }

    pub(crate) fn print(&self) -> Result<String, RingError> {
        let written = Written { key: self.iter().map(Entry::of).collect() };
        let keys = toml::to_string(&written);
        let keys = keys.map_err(|error| RingError::Malformed(error.to_string()))?;
        Ok(format!("{OPENING}\n{keys}"))
    }
}

const OPENING: &str = "\
# The keys of this data directory, made by `comity key add`.
# Only hashes (SHA-256) are kept: a lost key cannot be recovered, only replaced.
";

/// Names of callers with tokens have an `@`: a key must not look like one of them.
fn is_name(name: &str) -> bool {
    let chars = name.chars().count();
    (1..=NAME_CHARS_MAX).contains(&chars) && is_visible(name) && !name.contains('@')
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    key: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    name: String,
    /// Where it has one role; `roles` where it has another number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entities: Vec<String>,
    created: String,
    sha256: String,
}

impl Entry {
    fn of(key: &Key) -> Entry {
        let Caller { name, roles, tenant, scopes, entities } = &key.caller;
        let mut roles: Vec<String> = roles.iter().cloned().collect();
        let role = if roles.len() == 1 { roles.pop() } else { None };
        Entry {
            id: key.id.clone(),
            name: name.clone(),
            role,
            roles,
            tenant: tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
            entities: entities.iter().map(|id| id.as_str().to_owned()).collect(),
            created: key.created_at.to_string(),
            sha256: key.digest.hex(),
        }
    }

    fn read(self) -> Result<Key, RingError> {
        let wrong = |what: &str| RingError::Malformed(format!("key `{}`: {what}", self.id));
        if !token::is_id(&self.id) {
            return Err(wrong("the id is not twelve hexadecimal digits"));
        }
        let roles: BTreeSet<String> = self.role.iter().chain(&self.roles).cloned().collect();
        if !roles.iter().all(|name| role::is_name(name)) {
            return Err(wrong("a role has a name that no role can have"));
        }
        let scopes = self.scopes.iter().map(|text| Scope::parse(text));
        let scopes = scopes.collect::<Result<_, _>>().map_err(|error| wrong(&error.to_string()))?;
        let entities = self.entities.iter().map(|text| Uri::parse(text));
        let entities =
            entities.collect::<Result<_, _>>().map_err(|error| wrong(&error.to_string()))?;
        let tenant = match &self.tenant {
            None => None,
            Some(name) if name.is_empty() => Some(Tenant::default()),
            Some(name) => Some(Tenant::parse(name).map_err(|error| wrong(&error.to_string()))?),
        };
        let created_at = DateTime::parse(&self.created);
        let created_at = created_at.map_err(|error| wrong(&error.to_string()))?;
        let digest = Digest::from_hex(&self.sha256);
        let digest = digest.ok_or_else(|| wrong("sha256 is not 64 hexadecimal digits"))?;
        let caller = Caller { name: self.name, roles, tenant, scopes, entities };
        Ok(Key { id: self.id, caller, created_at, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime {
        DateTime::parse("2026-04-01T12:00:00Z").unwrap()
    }

    fn key(name: &str) -> NewKey {
        NewKey { caller: Caller::with_role(name, role::WRITER) }
    }

    #[test]
    fn a_key_opens_until_it_is_revoked() {
        let mut ring = KeyRing::default();
        let token = ring.add(key("meter"), now(), [1; 38]).unwrap();
        assert_eq!(ring.caller(token.as_str()).unwrap().name, "meter");
        assert_eq!(ring.caller(&token.as_str().replace("_01", "_02")), None);
        assert_eq!(ring.caller(&token.as_str()[..70]), None);
        assert_eq!(ring.caller("anything"), None);
        ring.revoke("meter").unwrap();
        assert_eq!(ring.caller(token.as_str()), None);
        assert_eq!(ring.revoke("meter").unwrap_err(), RingError::Unknown("meter".into()));
    }

    #[test]
    fn a_name_stands_for_one_key() {
        let mut ring = KeyRing::default();
        ring.add(key("meter"), now(), [1; 38]).unwrap();
        assert!(matches!(ring.add(key("meter"), now(), [2; 38]), Err(RingError::NameTaken(_))));
        assert!(matches!(ring.add(key("other"), now(), [1; 38]), Err(RingError::NotRandom)));
        for bad in ["", " x", "a\nb", "a\u{202e}b", "alice@city", &"x".repeat(101)] {
            let made = ring.add(key(bad), now(), [3; 38]);
            assert!(matches!(made, Err(RingError::InvalidName(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_ring_reads_back_without_the_secret() {
        let mut ring = KeyRing::default();
        let tenant = Some(Tenant::parse("north").unwrap());
        let caller = Caller {
            tenant,
            roles: [role::ADMIN, "night-shift"].map(str::to_owned).into(),
            scopes: vec![Scope::parse("/Park").unwrap()],
            entities: vec![Uri::parse("urn:lamp:1").unwrap()],
            name: "A \"b\" = 1".into(),
        };
        let new = NewKey { caller };
        let token = ring.add(new, now(), [5; 38]).unwrap();
        let text = ring.print().unwrap();
        assert!(!text.contains(&"05".repeat(32)), "{text}");
        let again = KeyRing::parse(&text).unwrap();
        assert_eq!(again.caller(token.as_str()), ring.caller(token.as_str()));
        assert_eq!(again.iter().next().unwrap().created_at.to_string(), "2026-04-01T12:00:00Z");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let check = |text: &str, expected: &str| {
            let error = KeyRing::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("key = 1", "key");
        check("keys = []", "unknown field `keys`");
        let entry = |role: &str, sha256: &str| {
            format!(
                "[[key]]\nid = \"010101010101\"\nname = \"x\"\nrole = \"{role}\"\n\
                 created = \"2026-04-01T12:00:00Z\"\nsha256 = \"{sha256}\"\n"
            )
        };
        check(&entry("a b", &"0".repeat(64)), "a role has a name that no role can have");
        check(&entry("admin", "00"), "sha256 is not 64 hexadecimal digits");
        assert!(KeyRing::parse(&entry("admin", &"0".repeat(64))).is_ok());
    }
}
