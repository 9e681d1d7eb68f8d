//! A store and the reference, doing the same.

use std::fmt::Debug;
use std::sync::Arc;

use model::{Change, Entity, Timestamp};
use policy::{Permitted, Request};
use query::{Page, Query};
use store::contract::{Home, notation};
use store::{
    Answer, CommitError, Committed, Discover, DocumentKey, DocumentRange, Position, Recorded,
    Retrieve, Store,
};

use super::rules::Who;
use super::steps::Step;
use super::vocabulary::{IDS, TENANTS};
use crate::clock::MovableClock;
use crate::memory::MemoryStore;

/// More than a case writes.
const ALL: usize = 100_000;

pub(super) type Same = Result<(), String>;

pub struct Pair<H> {
    home: H,
    store: Option<Arc<dyn Store>>,
    pub(super) reference: MemoryStore,
    pub(super) now: Timestamp,
    who: Who,
    /// The journals agree up to here.
    seen: Position,
}

impl<H: Home> Pair<H> {
    pub async fn open(home: H) -> Pair<H> {
        let store = Some(home.open().await);
        let reference = MemoryStore::default();
        let (now, who, seen) = (MovableClock::START, Who::admin(), Position::default());
        Pair { home, store, reference, now, who, seen }
    }

    /// Does one step on both, and compares all that can be seen from outside.
    pub async fn step(&mut self, step: &Step) -> Same {
        match step {
            Step::As(who) => self.who = who.clone(),
            Step::Commit(changes) => self.commit(changes).await?,
            Step::Ask(query) => return self.ask(query).await,
            Step::Chronicle(changes) => self.chronicle(changes).await?,
            Step::AskHistory(query) => return self.ask_history(query).await,
            Step::Wait(micros) => self.now.0 += micros,
            Step::Sweep => self.sweep().await?,
            Step::PutDocument(key, bytes) => return self.put_document(key, bytes.clone()).await,
            Step::Restart => {
                self.store = None;
                self.store = Some(self.home.open().await);
            }
        }
        self.journal(matches!(step, Step::Sweep)).await?;
        self.look_around().await?;
        match step {
            Step::As(_) | Step::Chronicle(_) | Step::Sweep | Step::Restart => {
                self.evolutions().await
            }
            _ => Ok(()),
        }
    }

    pub(super) fn store(&self) -> &dyn Store {
        self.store.as_deref().expect("a store between two steps")
    }

    async fn commit(&self, changes: &[Change]) -> Same {
        let permitted = || changes.iter().cloned().filter_map(|one| self.permit(one)).collect();
        let ours = self.store().commit(permitted(), self.now).await;
        let theirs = self.reference.commit(permitted(), self.now).await;
        let told = |outcomes: &[_]| outcomes.iter().map(outcome).collect::<Vec<_>>();
        same("the answer to a commit", &told(&ours), &told(&theirs))
    }

    async fn sweep(&self) -> Same {
        let ours = self.store().sweep(self.now, ALL).await.map_err(|error| error.to_string())?;
        let theirs =
            self.reference.sweep(self.now, ALL).await.map_err(|error| error.to_string())?;
        same("what a sweep touched", &ours, &theirs)
    }

    /// In which order a sweep takes entities is the store's own.
    async fn journal(&mut self, any_order: bool) -> Same {
        let mut ours = news(self.store(), self.seen).await?;
        let mut theirs = news(&self.reference, self.seen).await?;
        let places = |news: &[Recorded]| news.iter().map(|r| r.position).collect::<Vec<_>>();
        same("positions of the journal", &places(&ours), &places(&theirs))?;
        self.seen = theirs.last().map_or(self.seen, |recorded| recorded.position);
        if any_order {
            let key =
                |recorded: &Recorded| (recorded.event.tenant.clone(), recorded.event.id.clone());
            ours.sort_by_key(key);
            theirs.sort_by_key(key);
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            same("an event of the journal", &ours.event, &theirs.event)?;
        }
        Ok(())
    }

    /// The request of whoever goes on, if it may be made at all.
    pub(super) fn permit<T: Request>(&self, request: T) -> Option<Permitted<T>> {
        self.who.policy.permit(&self.who.caller, request).ok()
    }

    /// Every entity, every census, every tenant.
    async fn look_around(&self) -> Same {
        for tenant in TENANTS.map(notation::tenant) {
            let ours = self.store().has_tenant(&tenant).await.map_err(|error| error.to_string())?;
            let theirs = self.reference.has_tenant(&tenant).await.unwrap_or_default();
            same("whether there is a tenant", &ours, &theirs)?;
            let Some(census) = self.permit(Discover { tenant: tenant.clone() }) else { continue };
            let ours = self.store().census(census.clone(), self.now).await;
            let theirs = self.reference.census(census, self.now).await;
            same(&format!("the census of {tenant}"), &told(ours)?, &told(theirs)?)?;
            for id in IDS.map(notation::id) {
                let request = self.permit(Retrieve { tenant: tenant.clone(), id: id.clone() });
                let Some(request) = request else { continue };
                let ours = self.store().retrieve(request.clone(), self.now).await;
                let theirs = self.reference.retrieve(request, self.now).await;
                same(&format!("{id} of {tenant}"), &told(ours)?, &told(theirs)?)?;
            }
        }
        Ok(())
    }

    /// The whole answer is the same set, in the order asked for; a page is a piece of it.
    async fn ask(&self, query: &Query) -> Same {
        let page = Page { offset: 0, limit: ALL };
        let whole = Query { page, count: true, ..query.clone() };
        let Some(ours) = self.answer(self.store(), whole.clone()).await? else { return Ok(()) };
        let Some(theirs) = self.answer(&self.reference, whole).await? else { return Ok(()) };
        same("the entities found", &sorted(&ours), &sorted(&theirs))?;
        same("the total", &ours.total, &theirs.total)?;
        same("whether there are more after all", &ours.more, &false)?;
        for pair in ours.entities.windows(2) {
            if query::compare(&pair[0], &pair[1], &query.order, &query.collation).is_gt() {
                return Err(format!("out of order: {:?} before {:?}", pair[0], pair[1]));
            }
        }
        self.page(query, &ours).await
    }

    async fn page(&self, query: &Query, whole: &Answer) -> Same {
        let Some(page) = self.answer(self.store(), query.clone()).await? else { return Ok(()) };
        let Page { offset, limit } = query.page;
        let piece: Vec<_> = whole.entities.iter().skip(offset).take(limit).cloned().collect();
        same("a page, and its piece of the whole", &page.entities, &piece)?;
        same("the total of a page", &page.total, &query.count.then_some(whole.entities.len()))?;
        let more = offset.saturating_add(limit) < whole.entities.len();
        same("whether there is more after a page", &page.more, &more)
    }

    async fn answer(&self, store: &dyn Store, query: Query) -> Result<Option<Answer>, String> {
        let Some(query) = self.permit(query) else { return Ok(None) };
        told(store.query(query, self.now).await).map(Some)
    }

    async fn put_document(&self, key: &DocumentKey, bytes: Option<Vec<u8>>) -> Same {
        told(self.store().put_document(key.clone(), bytes.clone()).await)?;
        told(self.reference.put_document(key.clone(), bytes).await)?;
        let ours = self.store().document(key).await;
        let theirs = self.reference.document(key).await;
        same("a document", &told(ours)?, &told(theirs)?)?;
        let range = DocumentRange::all(key.kind, &key.tenant);
        let ours = self.store().documents(&range).await;
        let theirs = self.reference.documents(&range).await;
        same("documents", &told(ours)?, &told(theirs)?)
    }
}

async fn news(store: &dyn Store, seen: Position) -> Result<Vec<Recorded>, String> {
    store.journal(seen, ALL).await.map_err(|error| error.to_string())
}

fn sorted(answer: &Answer) -> Vec<Arc<Entity>> {
    let mut entities = answer.entities.clone();
    entities.sort_by(|left, right| left.id.cmp(&right.id));
    entities
}

/// What a caller learns from a commit.
fn outcome(outcome: &Result<Committed, CommitError>) -> String {
    match outcome {
        Err(error) => format!("refused: {error}"),
        Ok(Committed { created, event, updated, not_updated }) => {
            format!("created={created} updated={updated:?} not_updated={not_updated:?} {event:?}")
        }
    }
}

pub(super) fn told<T>(answer: Result<T, store::StoreError>) -> Result<T, String> {
    answer.map_err(|error| format!("the store fails: {error}"))
}

pub(super) fn same<T: PartialEq + Debug>(what: &str, store: &T, reference: &T) -> Same {
    if store == reference {
        return Ok(());
    }
    Err(format!("in {what}:\n  store:     {store:?}\n  reference: {reference:?}"))
}
