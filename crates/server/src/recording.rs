//! What is recorded of requests: one layer around all doors, which knows who asked and how it ended.
//!
//! Doors add what the layer cannot know, with a [`Note`] in their answer.

mod asked;
mod command_line;
mod keys;
mod once;
mod sign_ins;
mod start;
mod turned_away;

use std::sync::Arc;

use ::audit::{Details, Event, Outcome};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, LOCATION, RETRY_AFTER};
use model::Tenant;
use ngsi_ld::{Authenticate, Reason};
use policy::{Action, Caller, Policy};

use crate::audit::{Ledger, NotRecorded};
use crate::problem::problem;

use asked::Asked;
pub use command_line::{operator, recorded};
pub use keys::key_changes;
pub use once::{OncePerRequest, with as caller_is};
use sign_ins::SignIn;
pub use sign_ins::SignIns;
pub use start::{configuration, first_key};
pub use turned_away::TurnedAway;

/// What the layer needs.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    ledger: Arc<Ledger>,
    authenticate: Arc<dyn Authenticate>,
    policy: Policy,
    sign_ins: SignIns,
}

/// What a door says of what it did; an extension of its answer.
#[derive(Clone, Debug, Default)]
pub struct Note(Vec<(&'static str, String)>);

impl Note {
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Note {
        self.0.push((name, value.to_string()));
        self
    }
}

/// What the administration doors ask for, one or the other.
const ADMINISTRATION: [Action; 2] = [Action::Administer, Action::ManageAccess];

/// The name of whoever could not prove to be anyone.
const UNKNOWN: &str = "unknown";

/// The detail that tells an entry from before something was done from the one after.
const STEP: &str = "step";
const BEGUN: &str = "begun";
const DONE: &str = "done";

impl Recorder {
    /// `authenticate` must be what the gate and the doors have as well.
    pub fn new(
        ledger: Arc<Ledger>,
        authenticate: Arc<dyn Authenticate>,
        policy: Policy,
        sign_ins: SignIns,
    ) -> Recorder {
        Recorder(Arc::new(Inner { ledger, authenticate, policy, sign_ins }))
    }

    /// For what happens before there is a request.
    pub fn turned_away(&self) -> TurnedAway {
        TurnedAway(self.0.ledger.clone())
    }
}

/// Records what must be, around all that happens to a request.
pub async fn record(State(recorder): State<Recorder>, request: Request, next: Next) -> Response {
    let inner = recorder.0;
    if asked::is_public(request.uri().path()) {
        return next.run(request).await;
    }
    let caller = inner.authenticate.authenticate(request.headers(), request.extensions());
    let asked = Asked::of(&request, &caller);
    let sign_in = caller.as_ref().ok().and_then(|_| inner.sign_ins.begin(&request));
    if let Err(problem) = inner.before(&asked, caller.as_ref().ok(), sign_in).await {
        return not_recorded(&problem.to_string());
    }
    let unanswered = Unanswered { ledger: inner.ledger.clone(), asked: Some(asked) };
    let mut answer = next.run(request).await;
    let Some(asked) = unanswered.answered() else { return answer };
    match inner.after(&asked, &mut answer).await {
        Ok(()) => answer,
        Err(problem) => {
            let status = answer.status();
            let detail = format!("{problem}; what was asked may be done (it came to {status})");
            not_recorded(&detail)
        }
    }
}

impl Inner {
    /// May the caller change how the platform works? Asked so that only what may come to something
    /// is recorded before it is done; the door decides.
    fn may_administer(&self, caller: &Caller, tenant: &Tenant) -> bool {
        self.policy.check(caller, &ADMINISTRATION, tenant).is_ok()
    }

    /// What is recorded before a door hears of the request. An error means that it must not.
    async fn before(
        &self,
        asked: &Asked,
        caller: Option<&Caller>,
        sign_in: Option<SignIn>,
    ) -> Result<(), NotRecorded> {
        let Some(caller) = caller else { return Ok(()) };
        if let Some(sign_in) = sign_in {
            let entry = asked.entry(Event::SignIn, Outcome::Allowed);
            let entry = entry.detail("roles", &caller.roles_shown());
            self.ledger.record(entry).await.inspect_err(|_| self.sign_ins.forget(sign_in))?;
        }
        match asked.event {
            Some(Event::Administration) if self.may_administer(caller, &asked.tenant()) => {
                let entry = asked.entry(Event::Administration, Outcome::Allowed);
                self.ledger.record_durably(entry.detail(STEP, BEGUN)).await
            }
            Some(event) if self.ledger.records(event) => self.ledger.ready(),
            _ => Ok(()),
        }
    }

    async fn after(&self, asked: &Asked, answer: &mut Response) -> Result<(), NotRecorded> {
        let note = answer.extensions_mut().remove::<Note>();
        let reason = answer.extensions_mut().remove::<Reason>();
        let outcome = outcome(answer.status(), reason);
        let event = match (&outcome, asked.event) {
            (Outcome::Refused { .. }, _) => Event::Refusal,
            (_, Some(event)) if self.ledger.records(event) => event,
            _ => return Ok(()),
        };
        let mut entry = asked.entry(event, outcome);
        add_details(&mut entry.details, note, answer);
        match event {
            // The one that locked its address stands by itself.
            Event::Refusal if asked.locked.is_none() => {
                let status = answer.status();
                self.ledger.record_folded(entry, asked.route(), status.as_str()).await
            }
            Event::Administration => self.ledger.record_durably(entry.detail(STEP, DONE)).await,
            _ => self.ledger.record(entry).await,
        }
    }
}

fn outcome(status: StatusCode, reason: Option<Reason>) -> Outcome {
    let reason = reason.map_or_else(|| status.to_string(), |reason| reason.0);
    match status {
        status if Reason::is_kept(status) => Outcome::refused(&reason),
        status if status.is_client_error() || status.is_server_error() => Outcome::failed(&reason),
        _ => Outcome::Allowed,
    }
}

fn add_details(details: &mut Details, note: Option<Note>, answer: &Response) {
    for (name, value) in note.unwrap_or_default().0 {
        match name {
            "target" => details.add_target(name, &value),
            _ => details.add(name, &value),
        }
    }
    if let Some(made) = answer.headers().get(LOCATION).and_then(|made| made.to_str().ok()) {
        details.add_target("made", made);
    }
}

/// How long a client should wait before it tries again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

fn not_recorded(detail: &str) -> Response {
    let mut answer = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    answer
}

/// A request that nobody has answered yet. Where its time is up or its client gone, it is dropped
/// with all that it was doing, and that is recorded.
struct Unanswered {
    ledger: Arc<Ledger>,
    asked: Option<Asked>,
}

impl Unanswered {
    fn answered(mut self) -> Option<Asked> {
        self.asked.take()
    }
}

const GIVEN_UP: &str =
    "it was given up before it was answered: the client left, or it took too long";

impl Drop for Unanswered {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        let Some(event) = asked.event.filter(|event| self.ledger.records(*event)) else { return };
        let (ledger, entry) = (self.ledger.clone(), asked.entry(event, Outcome::failed(GIVEN_UP)));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Where it cannot be recorded, the ledger has said so.
            runtime.spawn(async move { ledger.record(entry).await });
        }
    }
}
