//! Keys that were made or taken away while the server runs, as their file tells.

use ::audit::{Details, Entry, Event, Outcome};
use identity::{Key, KeyRing};

use super::operator;

/// What is recorded where the keys changed: who changes them holds the data directory.
pub fn key_changes(before: &KeyRing, after: &KeyRing) -> Vec<Entry> {
    let in_ring = |ring: &KeyRing, id: &str| ring.iter().find(|key| key.id == id).cloned();
    let mut entries = Vec::new();
    for key in before.iter().filter(|key| in_ring(after, &key.id).is_none()) {
        entries.push(entry("revoke", key));
    }
    for key in after.iter() {
        match in_ring(before, &key.id) {
            None => entries.push(entry("add", key)),
            Some(old) if old.caller != key.caller => entries.push(entry("change", key)),
            Some(_) => {}
        }
    }
    entries
}

fn entry(action: &str, key: &Key) -> Entry {
    let mut entry = Entry::new(Event::KeyUse, operator(), Outcome::Allowed);
    entry = entry.target(&format!("key {}", key.caller.name)).detail("action", action);
    add_to(&mut entry.details, key);
    entry
}

/// Everything about a key but its secret.
pub(super) fn add_to(details: &mut Details, key: &Key) {
    details.add("id", &key.id);
    details.add("roles", &key.caller.roles_shown());
    if let Some(tenant) = &key.caller.tenant {
        details.add("tenant", tenant.as_str());
    }
}

#[cfg(test)]
mod tests {
    use identity::{NewKey, RANDOM_BYTES};
    use model::DateTime;
    use policy::{Caller, role};

    use super::*;

    #[test]
    fn made_and_revoked_keys_are_told_without_their_secret() {
        let mut before = KeyRing::default();
        let now = DateTime::parse("2026-04-01T12:00:00Z").unwrap();
        let new = |name: &str| NewKey { caller: Caller::with_role(name, role::WRITER) };
        before.add(new("stays"), now, [1; RANDOM_BYTES]).unwrap();
        before.add(new("goes"), now, [2; RANDOM_BYTES]).unwrap();
        let mut after = before.clone();
        after.revoke("goes").unwrap();
        after.add(new("comes"), now, [3; RANDOM_BYTES]).unwrap();
        let told: Vec<String> =
            key_changes(&before, &after).iter().map(|entry| format!("{entry:?}")).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("key goes") && told[0].contains("revoke"), "{told:?}");
        assert!(told[1].contains("key comes") && told[1].contains("030303030303"), "{told:?}");
        assert!(!told.concat().contains(&"03".repeat(32)), "{told:?}");
        assert!(key_changes(&after, &after).is_empty());
    }
}
