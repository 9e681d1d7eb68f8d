//! Documents, by key.

use std::collections::BTreeMap;

use model::Tenant;
use store::DocumentKey;

#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<DocumentKey, Vec<u8>>);

impl Documents {
    pub fn put(&mut self, key: DocumentKey, document: Option<Vec<u8>>) {
        match document {
            Some(bytes) => self.0.insert(key, bytes),
            None => self.0.remove(&key),
        };
    }

    pub fn get(&self, key: &DocumentKey) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }

    pub fn all(&self, kind: &str, tenant: &Tenant) -> Vec<(String, Vec<u8>)> {
        let meant = self.0.iter().filter(|(key, _)| key.kind == kind && key.tenant == *tenant);
        meant.map(|(key, bytes)| (key.name.clone(), bytes.clone())).collect()
    }
}
