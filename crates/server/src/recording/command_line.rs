//! What the command line does to a data directory is in its record, before it is done and after.

use std::sync::Arc;

use ::audit::{Details, Entry, Identity, Outcome, Who};

use super::{BEGUN, DONE, STEP};
use crate::audit::{Ledger, LedgerError, LedgerSettings};
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::platform;
use crate::settings::Settings;

/// Whoever holds the data directory.
pub fn operator() -> Who {
    Who { name: platform::operator().name.into(), kind: Identity::Operator, tenant: None }
}

/// Does the work, and records it. `told` says what it came to.
///
/// Where a server has the record open, nothing is recorded here: what can be done beside a server,
/// such as making a key, is seen by the server, and recorded there.
pub async fn recorded<T>(
    settings: &Settings,
    entry: Entry,
    work: impl Future<Output = Result<T, Failure>>,
    told: impl FnOnce(&T, &mut Details),
) -> Result<T, Failure> {
    let ledger = match Ledger::open(LedgerSettings::of(settings)?, Arc::new(SystemClock)) {
        Err(LedgerError::Locked(_)) => return work.await,
        ledger => ledger?,
    };
    let refused = |error: crate::audit::NotRecorded| Failure::Refused(error.to_string());
    ledger.record_durably(entry.clone().detail(STEP, BEGUN)).await.map_err(refused)?;
    let done = work.await;
    let mut entry = entry.detail(STEP, DONE);
    match &done {
        Ok(done) => told(done, &mut entry.details),
        Err(failure) => entry.outcome = Outcome::failed(&failure.to_string()),
    }
    let recorded = ledger.record_durably(entry).await;
    let closed = ledger.close().await;
    let done = done?;
    recorded.and(closed).map_err(refused)?;
    Ok(done)
}
