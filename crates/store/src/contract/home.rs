//! Where a store under test lives.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Store;

/// A place for one store, empty at first.
#[async_trait]
pub trait Home: Send + Sync {
    /// Opens the store that lives here, with all that was ever written to it. A second call comes
    /// only after everyone has let go of the store that the first one gave.
    async fn open(&self) -> Arc<dyn Store>;
}
