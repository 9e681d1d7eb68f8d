//! Small documents that are not entities: contexts that are hosted or cached (clause 5.13).

use model::Tenant;
use policy::Caller;
use store::{DocumentKey, DocumentRange};

use crate::{Broker, BrokerError};

/// A document of a kind, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub tenant: Tenant,
    pub kind: &'static str,
    pub name: String,
}

impl Broker {
    pub async fn document(
        &self,
        caller: &Caller,
        document: Document,
    ) -> Result<Option<Vec<u8>>, BrokerError> {
        self.may_read(caller, &document.tenant)?;
        self.kept(document).await
    }

    /// The documents of a kind, by name.
    pub async fn documents(
        &self,
        caller: &Caller,
        kind: &'static str,
        tenant: &Tenant,
    ) -> Result<Vec<(String, Vec<u8>)>, BrokerError> {
        self.may_read(caller, tenant)?;
        self.all_kept(kind, tenant).await
    }

    /// Keeps a document, or removes it where there is nothing to keep.
    pub async fn put_document(
        &self,
        caller: &Caller,
        document: Document,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), BrokerError> {
        self.may_write(caller, &document.tenant)?;
        self.keep(document, bytes).await
    }

    /// What a door keeps for itself, such as a copy of a remote context: no caller asked for it.
    pub async fn kept(&self, document: Document) -> Result<Option<Vec<u8>>, BrokerError> {
        Ok(self.store.document(&document.into()).await?)
    }

    /// As [`Broker::kept`], for all documents of a kind, by name.
    pub async fn all_kept(
        &self,
        kind: &'static str,
        tenant: &Tenant,
    ) -> Result<Vec<(String, Vec<u8>)>, BrokerError> {
        Ok(self.store.documents(&DocumentRange::all(kind, tenant)).await?)
    }

    /// As [`Broker::kept`], for keeping and removing.
    pub async fn keep(
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
