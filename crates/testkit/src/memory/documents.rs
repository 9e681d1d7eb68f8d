//! Documents, by key.

use std::collections::BTreeMap;

use store::{DocumentKey, DocumentRange};

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

    pub fn within(&self, range: &DocumentRange) -> Vec<(String, Vec<u8>)> {
        let meant = self.0.iter().filter(|(key, _)| {
            key.kind == range.kind
                && key.tenant == range.tenant
                && key.name.starts_with(&range.prefix)
                && range.after.as_ref().is_none_or(|after| *after < key.name)
        });
        let meant = meant.take(range.limit);
        meant.map(|(key, bytes)| (key.name.clone(), bytes.clone())).collect()
    }
}
