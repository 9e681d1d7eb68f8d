//! Versions of policies in the store. Each change adds one, going back to an older one as well, so
//! that what was in force at any time can be told.

use std::sync::Arc;

use model::{DateTime, Tenant};
use policy::cedar::{Action, Limits, Policies};
use policy::{Caller, InForce, Policy};
use serde::{Deserialize, Serialize};
use store::{DocumentKey, DocumentRange, Store, StoreError};
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::written::{Found, Written};

/// How many versions are kept; older ones are forgotten.
pub const VERSIONS_MAX: usize = 1_000;

/// Written after the texts: a version is there where this is.
const KIND: &str = "policy-version";
const TEXTS: &str = "policy-texts";

/// A version, without its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub version: u64,
    /// Who made it.
    pub by: String,
    pub at: String,
    pub comment: String,
    /// The older version whose texts it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<u64>,
}

impl Version {
    /// Of the policies that a platform begins with.
    fn first() -> Version {
        let comment = Written::defaults().comment;
        let (by, at) = ("comity".to_owned(), String::new());
        Version { version: 0, by, at, comment, restores: None }
    }
}

/// Who wants what to be in force.
pub struct Proposal<'a> {
    pub caller: &'a Caller,
    pub at: DateTime,
    /// The version that the caller has seen; nothing where that does not matter.
    pub seen: Option<u64>,
}

/// Who must be able to change the policies again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Caller,
    Anyone,
}

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("the policies are not taken; version {0} stays in force")]
    Invalid(u64, Vec<Found>),
    #[error(
        "under these policies, `{0}` could not change them again; have somebody put them in force \
         who keeps `manageAccess` in all tenants"
    )]
    LocksOut(String),
    #[error("version {now} is in force, not {seen}; look at it first")]
    Changed { seen: u64, now: u64 },
    #[error("there is no version {0}")]
    Unknown(u64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The versions of a running server.
pub struct Versions {
    store: Arc<dyn Store>,
    policy: Policy,
    limits: Limits,
    /// One change at a time.
    changing: Mutex<()>,
}

/// The policies that a store wants in force; nothing where it never had any of its own.
pub async fn loaded(store: &dyn Store, limits: &Limits) -> Result<Option<InForce>, ChangeError> {
    let Some(latest) = all(store).await?.pop() else { return Ok(None) };
    let written = texts(store, latest.version).await?;
    let policies = written.ok_or(ChangeError::Unknown(latest.version))?.compiled(limits);
    let policies = policies.map_err(|found| ChangeError::Invalid(latest.version, found))?;
    Ok(Some(InForce { policies: Arc::new(policies), version: latest.version }))
}

impl Versions {
    pub fn new(store: Arc<dyn Store>, policy: Policy, limits: Limits) -> Versions {
        Versions { store, policy, limits, changing: Mutex::default() }
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// All that are kept, the oldest first, beginning with what a platform begins with.
    pub async fn list(&self) -> Result<Vec<Version>, StoreError> {
        let mut listed = vec![Version::first()];
        listed.extend(all(&*self.store).await?);
        Ok(listed)
    }

    /// A version with its texts.
    pub async fn get(&self, number: u64) -> Result<(Version, Written), ChangeError> {
        let unknown = || ChangeError::Unknown(number);
        let found = self.list().await?.into_iter().find(|one| one.version == number);
        let version = found.ok_or_else(unknown)?;
        let written = texts(&*self.store, number).await?.ok_or_else(unknown)?;
        Ok((version, written))
    }

    /// Puts policies in force, if they are valid and the caller can still change them then.
    pub async fn put(
        &self,
        written: Written,
        proposal: &Proposal<'_>,
    ) -> Result<Version, ChangeError> {
        self.add(written, None, proposal, Manager::Caller).await
    }

    /// Puts in force what was in force before, on the same conditions.
    pub async fn roll_back(
        &self,
        to: u64,
        proposal: &Proposal<'_>,
    ) -> Result<Version, ChangeError> {
        let (_, written) = self.get(to).await?;
        self.add(written, Some(to), proposal, Manager::Caller).await
    }

    /// The same for whoever holds the data directory and could not be locked out.
    pub async fn restore(&self, to: u64, proposal: &Proposal<'_>) -> Result<Version, ChangeError> {
        let (_, written) = self.get(to).await?;
        self.add(written, Some(to), proposal, Manager::Anyone).await
    }

    async fn add(
        &self,
        written: Written,
        restores: Option<u64>,
        proposal: &Proposal<'_>,
        manager: Manager,
    ) -> Result<Version, ChangeError> {
        let _changing = self.changing.lock().await;
        let now = self.list().await?.last().map_or(0, |latest| latest.version);
        if let Some(seen) = proposal.seen.filter(|seen| *seen != now) {
            return Err(ChangeError::Changed { seen, now });
        }
        let policies = self.compiled(written.clone(), now).await?;
        let goes_on = policies.allow_everywhere(proposal.caller, Action::ManageAccess);
        if manager == Manager::Caller && !goes_on {
            return Err(ChangeError::LocksOut(proposal.caller.name.clone()));
        }
        let version = Version {
            version: now + 1,
            by: proposal.caller.name.clone(),
            at: proposal.at.to_string(),
            comment: written.comment.clone(),
            restores,
        };
        // A task of its own: a client that leaves must not leave a version behind that is written and
        // not in force.
        let (store, policy) = (self.store.clone(), self.policy.clone());
        let changing = tokio::spawn(async move {
            keep(&*store, &version, &written).await?;
            policy.replace(Arc::new(policies), version.version);
            info!(version = version.version, by = version.by, "other policies are in force");
            if let Err(error) = retire(&*store).await {
                warn!(%error, "old versions of the policies could not be forgotten");
            }
            Ok::<_, StoreError>(version)
        });
        let changed =
            changing.await.map_err(|error| StoreError::from(std::io::Error::other(error)));
        Ok(changed??)
    }

    /// Many policies take their time, in which others go on.
    async fn compiled(&self, written: Written, now: u64) -> Result<Policies, ChangeError> {
        let limits = self.limits.clone();
        let compiled = tokio::task::spawn_blocking(move || written.compiled(&limits)).await;
        let compiled = compiled.map_err(|error| StoreError::from(std::io::Error::other(error)))?;
        compiled.map_err(|found| ChangeError::Invalid(now, found))
    }
}

async fn keep(store: &dyn Store, version: &Version, written: &Written) -> Result<(), StoreError> {
    let number = version.version;
    let texts = serde_json::to_vec(written).map_err(std::io::Error::other)?;
    store.put_document(key(TEXTS, number), Some(texts)).await?;
    let head = serde_json::to_vec(version).map_err(std::io::Error::other)?;
    store.put_document(key(KIND, number), Some(head)).await
}

/// Forgets the oldest versions where there are too many.
async fn retire(store: &dyn Store) -> Result<(), StoreError> {
    let all = all(store).await?;
    let too_many = all.len().saturating_sub(VERSIONS_MAX);
    for old in all.into_iter().take(too_many) {
        store.put_document(key(KIND, old.version), None).await?;
        store.put_document(key(TEXTS, old.version), None).await?;
    }
    Ok(())
}

async fn all(store: &dyn Store) -> Result<Vec<Version>, StoreError> {
    let documents = store.documents(&DocumentRange::all(KIND, &Tenant::default())).await?;
    let read = |(name, bytes): (String, Vec<u8>)| {
        serde_json::from_slice(&bytes).map_err(|error| damaged(&name, &error))
    };
    documents.into_iter().map(read).collect()
}

async fn texts(store: &dyn Store, number: u64) -> Result<Option<Written>, StoreError> {
    if number == 0 {
        return Ok(Some(Written::defaults()));
    }
    let document = store.document(&key(TEXTS, number)).await?;
    let read = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).map_err(|error| damaged(&number.to_string(), &error))
    };
    document.map(read).transpose()
}

/// With zeros before it, so that names stand in the order of numbers.
fn key(kind: &'static str, number: u64) -> DocumentKey {
    DocumentKey { kind, tenant: Tenant::default(), name: format!("{number:020}") }
}

fn damaged(version: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged {
        place: format!("version {version} of the policies"),
        problem: error.to_string(),
    }
}
