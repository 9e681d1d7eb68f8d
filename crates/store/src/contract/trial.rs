//! A store under test, with shorthands.

use std::sync::Arc;

use model::{Change, Entity, Tenant, Timestamp};
use policy::cedar::{Policies, Source, Sources};
use policy::{Caller, Permitted, Policy, Request, role};
use query::{Filter, OrderBy, Page, Query};

use super::notation::{change, id, name, show, show_census, tenant};
use crate::{
    Answer, CommitError, Committed, Discover, DocumentKey, Position, Recorded, Retrieve, Store,
};

/// More than any promise writes.
const ALL: usize = 100_000;

/// What one caller does in one tenant at one moment.
#[derive(Clone)]
pub struct Trial {
    pub store: Arc<dyn Store>,
    pub tenant: Tenant,
    pub now: Timestamp,
    pub policy: Policy,
    pub caller: Caller,
}

impl Trial {
    /// 2026-04-01T12:00:00Z.
    pub const START: Timestamp = Timestamp(1_775_044_800_000_000);

    pub fn new(store: Arc<dyn Store>) -> Trial {
        let caller = Caller::with_role("contract", role::ADMIN);
        let (tenant, policy) = (Tenant::default(), Policy::default());
        Trial { store, tenant, now: Trial::START, policy, caller }
    }

    pub fn within(&self, name: &str) -> Trial {
        Trial { tenant: tenant(name), ..self.clone() }
    }

    /// Somebody with a role under other policies.
    pub fn under(&self, policies: &str, role: &str) -> Trial {
        let policies = vec![Source::new("trial.cedar", policies)];
        let sources = Sources { policies, areas: Vec::new() };
        let policies = Policies::load(&sources, &|term| Ok(name(term)));
        let policies = policies.unwrap_or_else(|problems| panic!("{problems:?}"));
        let caller = Caller::with_role("somebody", role);
        Trial { policy: Policy::new(Arc::new(policies), 1), caller, ..self.clone() }
    }

    pub fn later(&self, seconds: i64) -> Trial {
        Trial { now: Timestamp(self.now.0 + seconds * 1_000_000), ..self.clone() }
    }

    pub async fn commit(&self, changes: &[&str]) -> Vec<Result<Committed, CommitError>> {
        self.make(changes.iter().map(|text| change(text)).collect()).await
    }

    /// Makes changes in the tenant of this trial.
    pub async fn make(&self, changes: Vec<Change>) -> Vec<Result<Committed, CommitError>> {
        let count = changes.len();
        let ours = |change| Change { tenant: self.tenant.clone(), ..change };
        let changes = changes.into_iter().map(|change| self.permitted(ours(change))).collect();
        let outcomes = self.store.commit(changes, self.now).await;
        assert_eq!(outcomes.len(), count, "one answer for each change");
        outcomes
    }

    pub async fn done(&self, change: &str) -> Committed {
        let outcome = self.commit(&[change]).await.remove(0);
        outcome.unwrap_or_else(|error| panic!("{error}: {change}"))
    }

    pub async fn refused(&self, change: &str) -> CommitError {
        match self.commit(&[change]).await.remove(0) {
            Ok(_) => panic!("was not refused: {change}"),
            Err(error) => error,
        }
    }

    pub async fn create_all(&self, entities: &[&str]) {
        for entity in entities {
            self.done(&format!("create {entity}")).await;
        }
    }

    pub async fn entity(&self, text: &str) -> Option<Arc<Entity>> {
        let request = Retrieve { tenant: self.tenant.clone(), id: id(text) };
        self.store.retrieve(self.permitted(request), self.now).await.expect("a retrieve")
    }

    /// The entity in the notation, `-` where there is none.
    pub async fn shown(&self, text: &str) -> String {
        self.entity(text).await.map_or_else(|| "-".to_owned(), |entity| show(&entity))
    }

    pub fn question(&self, filter: Filter) -> Query {
        let page = Page { offset: 0, limit: ALL };
        Query { page, ..Query::of(self.tenant.clone(), filter) }
    }

    pub async fn ask(&self, query: Query) -> Answer {
        let question = format!("{query:?}");
        let answer = self.store.query(self.permitted(query), self.now).await;
        answer.unwrap_or_else(|error| panic!("{error}: {question}"))
    }

    /// The ids of all that match, sorted, without `urn:`.
    pub async fn ids(&self, filter: Filter) -> String {
        let mut ids = ids(&self.ask(self.question(filter)).await);
        ids.sort();
        ids.join(" ")
    }

    /// The ids of all that match, in an order.
    pub async fn ordered(&self, filter: Filter, order: Vec<OrderBy>) -> String {
        let query = Query { order, ..self.question(filter) };
        ids(&self.ask(query).await).join(" ")
    }

    /// How many entities there are.
    pub async fn counted(&self) -> u64 {
        let request = self.permitted(Discover { tenant: self.tenant.clone() });
        self.store.census(request, self.now).await.expect("a census").entities
    }

    pub async fn census(&self) -> String {
        let request = self.permitted(Discover { tenant: self.tenant.clone() });
        show_census(&self.store.census(request, self.now).await.expect("a census"))
    }

    pub async fn sweep(&self, limit: usize) -> usize {
        self.store.sweep(self.now, limit).await.expect("a sweep")
    }

    pub async fn journal(&self, after: u64, limit: usize) -> Vec<Recorded> {
        self.store.journal(Position(after), limit).await.expect("the journal")
    }

    /// The journal from its beginning, one line for each event.
    pub async fn history(&self) -> Vec<String> {
        self.journal(0, ALL).await.iter().map(line).collect()
    }

    pub async fn document(&self, kind: &'static str, name: &str) -> Option<String> {
        let found = self.store.document(&self.key(kind, name)).await.expect("a document");
        found.map(|bytes| String::from_utf8(bytes).expect("the text that was put"))
    }

    pub async fn put_document(&self, kind: &'static str, name: &str, text: Option<&str>) {
        let bytes = text.map(|text| text.as_bytes().to_vec());
        self.store.put_document(self.key(kind, name), bytes).await.expect("a document kept");
    }

    pub fn permitted<T: Request>(&self, request: T) -> Permitted<T> {
        self.policy.permit(&self.caller, request).expect("some entity the caller may do it to")
    }

    fn key(&self, kind: &'static str, name: &str) -> DocumentKey {
        DocumentKey { kind, tenant: self.tenant.clone(), name: name.to_owned() }
    }
}

pub fn ids(answer: &Answer) -> Vec<String> {
    let ids = answer.entities.iter().map(|entity| entity.id.as_str());
    ids.map(|id| id.strip_prefix("urn:").unwrap_or(id).to_owned()).collect()
}

/// `1: urn:a Lamp brightness=60 => urn:a Lamp brightness=70`
fn line(recorded: &Recorded) -> String {
    let shown = |entity: &Option<Arc<Entity>>| entity.as_deref().map_or("-".to_owned(), show);
    let event = &recorded.event;
    format!("{}: {} => {}", recorded.position.0, shown(&event.before), shown(&event.after))
}
