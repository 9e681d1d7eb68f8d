//! What the names in a request mean: from the `@context` that it names to a compiled one
//! (clauses 5.5.5, 5.5.6, 5.5.7 and 6.3.16).
//!
//! Every tenant has contexts of its own, hosted and cached ones. Compiled contexts are kept ready
//! in memory by the text that names them.

mod compiled;
mod fetch;
mod library;
mod link;
mod record;
mod shelf;

use std::fmt;
use std::sync::Arc;

use broker::Broker;
use jsonld::{CompileError, ContextRef};
use model::{Tenant, Timestamp};
use policy::Caller;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde_json::Value;

use crate::door::Problem;
use crate::settings::Settings;

pub(crate) use compiled::{Compiled, link_to};
pub use fetch::{FetchContext, FetchError, Fetched};
use library::Gathering;
pub use library::IMPLICIT_CONTEXTS_MAX;
pub(crate) use link::context_url;
pub(crate) use record::Kind;
pub(crate) use shelf::{CONTEXTS_PATH, Entry, Shelf};

/// The contexts of all tenants.
pub(crate) struct Contexts {
    broker: Arc<Broker>,
    fetch: Arc<dyn FetchContext>,
    rules: Rules,
    core: Arc<Compiled>,
    compiled: Cache<Key, Arc<Compiled>, Weight>,
    shelves: Cache<Tenant, Arc<Shelf>>,
}

/// What of the settings concerns contexts.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    limits: jsonld::Limits,
    json_depth_max: usize,
    stored_max: usize,
    lifetime_default: u64,
    lifetime_min: u64,
}

/// For whom a context is looked up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub caller: &'a Caller,
    pub tenant: &'a Tenant,
    /// May the tenant be one that does not exist yet?
    pub creates: bool,
}

/// Of how many tenants the list of contexts is held in memory.
const SHELVES_MAX: usize = 1_000;

impl Contexts {
    pub fn new(broker: Arc<Broker>, fetch: Arc<dyn FetchContext>, settings: &Settings) -> Contexts {
        let rules = Rules {
            limits: settings.context(),
            json_depth_max: settings.json_depth_max,
            stored_max: settings.contexts_stored_max,
            lifetime_default: settings.context_lifetime_default,
            lifetime_min: settings.context_lifetime_min,
        };
        let bytes_max = settings.context_cache_bytes_max;
        let items = usize::try_from(bytes_max / 4096).unwrap_or(usize::MAX).clamp(64, 1 << 20);
        Contexts {
            broker,
            fetch,
            rules,
            core: Arc::new(Compiled::core()),
            compiled: Cache::with_weighter(items, bytes_max, Weight),
            shelves: Cache::new(SHELVES_MAX),
        }
    }

    /// The context of a request that names none (clause 5.5.5).
    pub fn core(&self) -> Arc<Compiled> {
        self.core.clone()
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The context at a URL.
    pub async fn at(&self, asker: Asker<'_>, url: &str) -> Result<Arc<Compiled>, Problem> {
        if jsonld::is_core_url(url) {
            return Ok(self.core());
        }
        self.named(asker, url, Named::Url).await
    }

    /// The context that a body holds, as JSON text.
    pub async fn written(&self, asker: Asker<'_>, json: &str) -> Result<Arc<Compiled>, Problem> {
        if json.starts_with('"')
            && let Ok(url) = serde_json::from_str::<String>(json)
            && !url.is_empty()
        {
            return self.at(asker, &url).await;
        }
        self.named(asker, json, Named::Json).await
    }

    async fn named(
        &self,
        asker: Asker<'_>,
        text: &str,
        named: Named,
    ) -> Result<Arc<Compiled>, Problem> {
        let now = self.broker.now();
        let key = KeyRef { tenant: asker.tenant, text };
        if let Some(known) = self.compiled.get(&key) {
            if known.is_current(now) {
                self.note_use(asker.tenant, &known, now).await;
                return Ok(known);
            }
            self.compiled.remove(&key);
        }
        self.broker.may_read(asker.caller, asker.tenant)?;
        if !asker.creates {
            self.broker.known_tenant(asker.tenant).await?;
        }
        let key = Key { tenant: asker.tenant.clone(), text: text.into() };
        let compiling = self.compile(asker.tenant, text, named, now);
        let compiled = self.compiled.get_or_insert_async(&key, compiling).await?;
        self.note_use(asker.tenant, &compiled, now).await;
        Ok(compiled)
    }

    async fn compile(
        &self,
        tenant: &Tenant,
        text: &str,
        named: Named,
        now: Timestamp,
    ) -> Result<Arc<Compiled>, Problem> {
        let written = match named {
            Named::Url => Value::String(text.to_owned()),
            Named::Json => serde_json::from_str(text)
                .map_err(|error| Problem::invalid_request(format!("the @context: {error}")))?,
        };
        let reference = ContextRef::parse(&written)
            .map_err(|error| Problem::bad_request_data(error.to_string()))?;
        let mut gathering = Gathering::new(self, self.shelf(tenant).await?, now);
        // Each round brings a document that was not there before, up to what a context may need.
        for _ in 0..=self.rules.limits.contexts_max {
            match jsonld::compile(&reference, &gathering, &self.rules.limits) {
                Ok(context) => {
                    return Ok(Arc::new(Compiled::new(context, &written, gathering.finish())));
                }
                Err(CompileError::Needs(url)) => gathering.gather(&url).await?,
                Err(error) => return Err(Problem::bad_request_data(error.to_string())),
            }
        }
        Err(Problem::bad_request_data("the @context leads to too many documents"))
    }

    /// What is kept for a tenant; read from the store the first time.
    pub async fn shelf(&self, tenant: &Tenant) -> Result<Arc<Shelf>, Problem> {
        if let Some(shelf) = self.shelves.get(tenant) {
            return Ok(shelf);
        }
        let reading = Shelf::read(self.broker.clone(), tenant.clone());
        Ok(self.shelves.get_or_insert_async(tenant, reading).await?)
    }

    /// Downloads a document; says whose fault it is where that fails (clause 5.5.6).
    async fn download(&self, url: &str) -> Result<Fetched, Problem> {
        self.fetch.fetch(url).await.map_err(|error| {
            Problem::context_not_available(format!("the context `{url}`: {error}"))
        })
    }

    async fn note_use(&self, tenant: &Tenant, compiled: &Compiled, now: Timestamp) {
        for entry in compiled.sources() {
            self.note_found(tenant, entry, now).await;
        }
    }

    /// Counts that a context was found in the storage (clause 5.13.3.5).
    pub async fn note_found(&self, tenant: &Tenant, entry: &Arc<Entry>, now: Timestamp) {
        // A count that is not written down is no reason to refuse the request.
        if entry.note_use(now)
            && let Ok(shelf) = self.shelf(tenant).await
        {
            let _ = shelf.write_record(entry).await;
        }
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
enum Named {
    Url,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: Tenant,
    text: Box<str>,
}

/// Hashes as the key that it stands for.
#[derive(Hash)]
struct KeyRef<'a> {
    tenant: &'a Tenant,
    text: &'a str,
}

impl quick_cache::Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.tenant == key.tenant && *self.text == *key.text
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Key, Arc<Compiled>> for Weight {
    fn weight(&self, key: &Key, compiled: &Arc<Compiled>) -> u64 {
        compiled.weight() + key.text.len() as u64
    }
}
