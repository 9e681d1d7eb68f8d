//! The embedded store keeps every promise of the contract, with layers that are written out all
//! the time and with one that never is.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::sync::Arc;

use async_trait::async_trait;
use keyring::{Algorithm, KeyringSettings, MasterKeySource};
use store::Store;
use store::contract::Home;
use store_embedded::{EmbeddedSettings, EmbeddedStore, EncryptionSettings};
use testkit::model_based::{self, Cases};

struct Directory {
    directory: tempfile::TempDir,
    memory_bytes: usize,
    is_sealed: bool,
}

impl Directory {
    fn new(memory_bytes: usize) -> Directory {
        Directory { directory: tempfile::tempdir().unwrap(), memory_bytes, is_sealed: false }
    }

    fn sealed(memory_bytes: usize) -> Directory {
        Directory { is_sealed: true, ..Directory::new(memory_bytes) }
    }

    fn encryption(&self) -> EncryptionSettings {
        if !self.is_sealed {
            return EncryptionSettings::Off(None);
        }
        let directory = self.directory.path().to_owned();
        EncryptionSettings::On(KeyringSettings {
            source: MasterKeySource::File(directory.join("master.key")),
            directory,
            algorithm: Algorithm::default(),
            now: 0,
        })
    }
}

#[async_trait]
impl Home for Directory {
    async fn open(&self) -> Arc<dyn Store> {
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_test_writer()
            .try_init();
        let settings = EmbeddedSettings {
            memory_bytes: self.memory_bytes,
            disk_reserve_bytes: 0,
            encryption: self.encryption(),
            ..EmbeddedSettings::new(self.directory.path())
        };
        Arc::new(EmbeddedStore::open(settings).unwrap().0)
    }
}

/// So little that nearly every commit closes a layer.
const TIGHT: usize = 6_000;
const ROOMY: usize = 64 * 1024 * 1024;

mod in_memory {
    async fn roomy() -> super::Directory {
        super::Directory::new(super::ROOMY)
    }

    store::contract_tests!(roomy);
}

mod written_out {
    async fn tight() -> super::Directory {
        super::Directory::new(super::TIGHT)
    }

    store::contract_tests!(tight);
}

mod sealed {
    async fn tight() -> super::Directory {
        super::Directory::sealed(super::TIGHT)
    }

    store::contract_tests!(tight);
}

/// `COMITY_SEED` and `COMITY_CASES` ask for other or more random work than every run does.
fn cases(default: Cases) -> Cases {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    Cases {
        seed: asked("COMITY_SEED").unwrap_or(default.seed),
        cases: asked("COMITY_CASES").unwrap_or(default.cases),
        ..default
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_work_agrees_with_the_reference() {
    let make = async || Directory::new(ROOMY);
    model_based::check(make, cases(Cases { seed: 1, cases: 60, steps: 80 })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_work_agrees_with_the_reference_when_layers_are_written_out() {
    let make = async || Directory::sealed(TIGHT);
    model_based::check(make, cases(Cases { seed: 1_000, cases: 12, steps: 80 })).await;
}
