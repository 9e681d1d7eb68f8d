//! The documents that one context needs: from the shelf, or from the network.

use std::collections::HashMap;
use std::sync::Arc;

use jsonld::Library;
use model::Timestamp;
use serde_json::Value;

use super::record::Kind;
use super::shelf::{Entry, Shelf, local_id};
use super::{Contexts, Fetched, Rules};
use crate::door::{Problem, check_depth};

/// For how long, in microseconds, a stale copy serves where a new one cannot be had.
const STALE_FOR: i64 = 60 * 1_000_000;

/// Contexts of one tenant that reads have brought about; the least used gives way to a new one.
pub const IMPLICIT_CONTEXTS_MAX: usize = 100;

/// What was gathered, when it is enough.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub sources: Vec<Arc<Entry>>,
    pub bytes: u64,
}

/// The documents so far.
pub(super) struct Gathering<'a> {
    contexts: &'a Contexts,
    shelf: Arc<Shelf>,
    now: Timestamp,
    documents: HashMap<String, Arc<Value>>,
    gathered: Gathered,
}

impl Library for Gathering<'_> {
    fn document(&self, url: &str) -> Option<Arc<Value>> {
        self.documents.get(url).cloned()
    }
}

impl<'a> Gathering<'a> {
    pub fn new(contexts: &'a Contexts, shelf: Arc<Shelf>, now: Timestamp) -> Gathering<'a> {
        let (documents, gathered) = (HashMap::new(), Gathered::default());
        Gathering { contexts, shelf, now, documents, gathered }
    }

    pub fn finish(self) -> Gathered {
        self.gathered
    }

    /// Adds the document at a URL.
    pub async fn gather(&mut self, url: &str) -> Result<(), Problem> {
        let known = self.shelf.find(url);
        if let Some(entry) = known.clone().filter(|entry| entry.is_usable(self.now))
            && self.take(url, &entry).await?
        {
            return Ok(());
        }
        match (self.contexts.download(url).await, known) {
            (Ok(fetched), _) => self.arrived(url, &fetched).await,
            (Err(problem), Some(stale)) => {
                stale.extend(Timestamp(self.now.0.saturating_add(STALE_FOR)));
                if self.take(url, &stale).await? { Ok(()) } else { Err(problem) }
            }
            (Err(problem), None) => Err(problem),
        }
    }

    /// Adds a stored document; tells whether its text was there.
    async fn take(&mut self, url: &str, entry: &Arc<Entry>) -> Result<bool, Problem> {
        let Some(text) = self.shelf.text(entry).await? else { return Ok(false) };
        let Ok(document) = parse(url, &text, self.contexts.rules()) else { return Ok(false) };
        self.add(url, document, entry.clone(), text.len());
        Ok(true)
    }

    async fn arrived(&mut self, url: &str, fetched: &Fetched) -> Result<(), Problem> {
        let document = parse(url, &fetched.bytes, self.contexts.rules())?;
        let entry = store(&self.shelf, url, fetched, self.now, self.contexts.rules()).await?;
        self.add(url, document, entry, fetched.bytes.len());
        Ok(())
    }

    fn add(&mut self, url: &str, document: Value, entry: Arc<Entry>, bytes: usize) {
        self.documents.insert(url.to_owned(), Arc::new(document));
        self.gathered.sources.push(entry);
        self.gathered.bytes += bytes as u64;
    }
}

/// Reads a document that should hold a context.
fn parse(url: &str, bytes: &[u8], rules: &Rules) -> Result<Value, Problem> {
    let invalid = |why: &str| Problem::bad_request_data(format!("the context `{url}` {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("is not valid UTF-8"))?;
    check_depth(text, rules.json_depth_max).map_err(|_| invalid("is nested too deeply"))?;
    let document: Value =
        serde_json::from_str(text).map_err(|error| invalid(&format!("is not JSON: {error}")))?;
    if document.get("@context").is_none() {
        return Err(invalid("has no `@context`"));
    }
    Ok(document)
}

/// Stores what was downloaded (clause 5.13.1). Where there is no room, the context that was not
/// used for the longest time gives way.
async fn store(
    shelf: &Shelf,
    url: &str,
    fetched: &Fetched,
    now: Timestamp,
    rules: &Rules,
) -> Result<Arc<Entry>, Problem> {
    let id = local_id(Kind::Cached, url);
    if shelf.len() >= rules.stored_max
        && let Some(least) = shelf.least_used(Kind::Cached).filter(|least| least.id != id)
    {
        shelf.remove(&least).await?;
    }
    let expires_at = Timestamp(now.0.saturating_add(lifetime(fetched, rules)));
    let entry = Entry::new(id, Kind::Cached, Some(url.to_owned()), now, Some(expires_at));
    Ok(shelf.put(entry, fetched.bytes.to_vec()).await?)
}

/// In microseconds.
fn lifetime(fetched: &Fetched, rules: &Rules) -> i64 {
    let seconds = fetched.expires_in.map_or(rules.lifetime_default, |kept| kept.as_secs());
    i64::try_from(seconds.max(rules.lifetime_min)).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

impl Contexts {
    /// Replaces a cached context by a new download, or leaves it as it is (clause 5.13.5).
    pub async fn reload(
        &self,
        shelf: &Shelf,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let url = entry.url.as_deref().unwrap_or_default();
        let fetched = self.download(url).await?;
        let document = parse(url, &fetched.bytes, &self.rules);
        // Whatever is wrong with the new one, it is not available (clause 5.13.5.4).
        let unavailable = |detail: String| Problem::context_not_available(detail);
        let document = document.map_err(|problem| unavailable(problem.detail().to_owned()))?;
        self.check(&document)
            .map_err(|error| unavailable(format!("the context `{url}`: {error}")))?;
        store(shelf, url, &fetched, now, &self.rules).await?;
        Ok(())
    }

    /// Makes room for one more context; copies give way to those that clients added.
    pub async fn make_room(&self, shelf: &Shelf) -> Result<(), Problem> {
        if shelf.len() < self.rules.stored_max {
            return Ok(());
        }
        match shelf.least_used(Kind::Cached) {
            Some(least) => Ok(shelf.remove(&least).await?),
            None => Err(Problem::conflict(format!(
                "{} contexts are kept for the tenant, and no more can be (setting \
                 `contexts_stored_max`); delete some first",
                shelf.len()
            ))),
        }
    }

    /// Makes room for a context that a read brought about. Readers displace only what readers
    /// brought about.
    pub async fn make_implicit_room(&self, shelf: &Shelf) -> Result<(), Problem> {
        if shelf.count(Kind::ImplicitlyCreated) >= IMPLICIT_CONTEXTS_MAX
            && let Some(least) = shelf.least_used(Kind::ImplicitlyCreated)
        {
            shelf.remove(&least).await?;
        }
        Ok(())
    }

    /// Is this the text of a context, as far as that can be told without other documents?
    pub fn check(&self, document: &Value) -> Result<(), String> {
        let written = document.get("@context").ok_or("it has no `@context`")?;
        let reference = jsonld::ContextRef::parse(written).map_err(|error| error.to_string())?;
        match jsonld::compile(&reference, &HashMap::new(), &self.rules.limits) {
            Ok(_) | Err(jsonld::CompileError::Needs(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
