//! Small documents that are not entities: contexts that are hosted or cached (clause 5.13).
//!
//! The platform keeps them for itself; whether a caller may ask for what leads to them is decided
//! by [`Broker::may_read`] and [`Broker::may_write`].

use model::Tenant;
use store::DocumentKey;

use crate::{Broker, BrokerError};

/// A document of a kind, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub tenant: Tenant,
    pub kind: &'static str,
    pub name: String,
}

impl Broker {
    pub async fn document(&self, document: Document) -> Result<Option<Vec<u8>>, BrokerError> {
        Ok(self.store.document(&document.into()).await?)
    }

    /// The documents of a kind, by name.
    pub async fn documents(
        &self,
        kind: &'static str,
        tenant: &Tenant,
    ) -> Result<Vec<(String, Vec<u8>)>, BrokerError> {
        Ok(self.store.documents(kind, tenant).await?)
    }

    /// Keeps a document, or removes it where there is nothing to keep.
    pub async fn put_document(
        &self,
        document: Document,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), BrokerError> {
        Ok(self.store.put_document(document.into(), bytes).await?)
    }
}

impl From<Document> for DocumentKey {
    fn from(Document { tenant, kind, name }: Document) -> DocumentKey {
        DocumentKey { kind, tenant, name }
    }
}
