//! For administrators: how notifications go, those that were given up, how long history is kept,
//! and what tenants may have. For those who manage access: policies.
//!
//! | path | method | does |
//! |---|---|---|
//! | `/admin/notifications` | GET | counts those of all subscriptions |
//! | `/admin/deadLetters` | GET | lists those that were given up, some at a time |
//! | `/admin/deadLetters` | DELETE | throws them away |
//! | `/admin/deadLetters/replay` | POST | sends them once more |
//! | `/admin/historyRetention` | GET | shows the rules of a tenant |
//! | `/admin/historyRetention` | PUT | replaces them |
//! | `/admin/location` | GET | tells where the data of a tenant lie, and where they may go |
//! | `/admin/quotas` | GET | shows the quotas of a tenant, and what it has of them |
//! | `/admin/quotas` | PUT | replaces them; only for who administers every tenant |
//! | `/admin/keys` | GET | shows the data keys, without secrets |
//! | `/admin/keys/rotateMaster` | POST | wraps them under the next master key |
//! | `/admin/keys/rotateData` | POST | gives every tenant a new data key |
//! | `/admin/tenants/{tenant}/shred` | POST | destroys the keys of a tenant; its name is in the body |
//! | `/admin/policies` | GET | shows the policies in force |
//! | `/admin/policies` | PUT | puts others in force, if they are valid |
//! | `/admin/policies/versions` | GET | lists the versions there were |
//! | `/admin/policies/versions/{version}` | GET | shows one |
//! | `/admin/policies/rollBack` | POST | puts an older version in force again |
//!
//! The tenant stands in `NGSILD-Tenant`.

mod encryption;
mod letters;
mod policies;
mod quotas;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use model::Tenant;
use ngsi_ld::{Authenticate, Unauthenticated};
use policy::{Action, Policy};
use serde_json::{Value, json};
use store::{Store, StoreError};
use store_embedded::EmbeddedStore;
use subscriptions::{DeadLetters, Subscriptions};

use crate::location::Location;
use crate::policies::{Found, Versions};
use crate::problem::{problem, problem_with, unauthenticated};
use crate::quotas::TenantQuotas;
use crate::recording::Note;
use crate::retention;

/// What the routes share.
pub struct Admin {
    pub authenticate: Arc<dyn Authenticate>,
    pub policy: Policy,
    pub policies: Versions,
    pub dead_letters: DeadLetters,
    pub store: Arc<dyn Store>,
    pub quotas: Arc<TenantQuotas>,
    /// The same, for what only this store can do.
    pub embedded: Arc<EmbeddedStore>,
    pub subscriptions: Arc<Subscriptions>,
    pub location: Location,
}

/// Why there is no answer.
enum Refused {
    Unauthenticated(Unauthenticated),
    Problem(StatusCode, String),
    /// Policies that are not taken, and all that is wrong with them.
    Invalid(String, Vec<Found>),
}

impl From<(StatusCode, String)> for Refused {
    fn from((status, detail): (StatusCode, String)) -> Refused {
        Refused::Problem(status, detail)
    }
}

pub fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route("/admin/notifications", get(notifications))
        .route("/admin/deadLetters", get(letters::list).delete(letters::empty))
        .route("/admin/deadLetters/replay", post(letters::replay))
        .route("/admin/historyRetention", get(retention_rules).put(put_retention_rules))
        .route("/admin/location", get(location))
        .route("/admin/quotas", get(quotas::show).put(quotas::put))
        .route("/admin/keys", get(encryption::status))
        .route("/admin/keys/rotateMaster", post(encryption::rotate_master))
        .route("/admin/keys/rotateData", post(encryption::rotate_data))
        .route("/admin/tenants/{tenant}/shred", post(encryption::shred))
        .route("/admin/policies", get(policies::show).put(policies::put))
        .route("/admin/policies/versions", get(policies::list))
        .route("/admin/policies/versions/{version}", get(policies::version))
        .route("/admin/policies/rollBack", post(policies::roll_back))
        .with_state(admin)
}

async fn retention_rules(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let answer = async {
        let tenant = admin.tenant(&head)?;
        let rules = retention::rules(&*admin.store, &tenant).await.map_err(unavailable)?;
        Ok(json!(rules))
    };
    respond(answer.await)
}

async fn put_retention_rules(
    State(admin): State<Arc<Admin>>,
    head: Parts,
    body: Bytes,
) -> Response {
    let answer = async {
        let tenant = admin.tenant(&head)?;
        let rules = retention::Rules::read(&body);
        let rules = rules.map_err(|problem| (StatusCode::BAD_REQUEST, problem))?;
        let put = retention::put_rules(&*admin.store, &tenant, &rules).await;
        put.map_err(unavailable)?;
        let rules = json!(rules);
        let note = Note::default().with("rules", &rules["rules"]);
        Ok((rules, note))
    };
    respond_noted(answer.await)
}

async fn location(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    respond(admin.tenant(&head).map(|tenant| admin.location.of(&tenant)))
}

async fn notifications(State(admin): State<Arc<Admin>>, head: Parts) -> Response {
    let problem = "these are counts of all tenants; your key opens one of them";
    let answer = admin.everywhere(&head, problem).map(|()| {
        let total = admin.dead_letters.total();
        let (whole, part) = admin.location.held_back();
        json!({
            "due": total.due(),
            "delivered": total.delivered,
            "waiting": total.waiting,
            "dead": total.dead,
            "expired": total.expired,
            "heldBack": { "whole": whole, "part": part },
        })
    });
    respond(answer)
}

impl Admin {
    /// The tenant that the headers name, if the caller may administer it.
    fn tenant(&self, head: &Parts) -> Result<Tenant, Refused> {
        let caller = self.authenticate.authenticate(&head.headers, &head.extensions);
        let caller = caller.map_err(Refused::Unauthenticated)?;
        let name = head.headers.get("ngsild-tenant").map(|name| name.to_str().unwrap_or("?"));
        let tenant = match name {
            None | Some("") => Tenant::default(),
            Some(name) => {
                Tenant::parse(name).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?
            }
        };
        let allowed = self.policy.check(&caller, &[Action::Administer], &tenant);
        allowed.map_err(|denied| (StatusCode::FORBIDDEN, denied.to_string()))?;
        Ok(tenant)
    }

    /// May the caller administer every tenant? Where it is bound to one, `problem` says what for.
    fn everywhere(&self, head: &Parts, problem: &str) -> Result<(), Refused> {
        let caller = self.authenticate.authenticate(&head.headers, &head.extensions);
        let caller = caller.map_err(Refused::Unauthenticated)?;
        let bound = caller.tenant.clone().unwrap_or_default();
        let forbidden = |problem: String| (StatusCode::FORBIDDEN, problem);
        let allowed = self.policy.check(&caller, &[Action::Administer], &bound);
        allowed.map_err(|denied| forbidden(denied.to_string()))?;
        if caller.tenant.is_some() {
            return Err(forbidden(problem.to_owned()).into());
        }
        let allowed = self.policy.check_everywhere(&caller, &[Action::Administer]);
        Ok(allowed.map_err(|denied| forbidden(denied.to_string()))?)
    }
}

fn unavailable(error: StoreError) -> Refused {
    Refused::Problem(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

/// The answer, and what the audit record is to say of it.
fn respond_noted(answer: Result<(Value, Note), Refused>) -> Response {
    let (answer, note) = match answer {
        Ok((json, note)) => (Ok(json), note),
        Err(refused) => (Err(refused), Note::default()),
    };
    let mut response = respond(answer);
    response.extensions_mut().insert(note);
    response
}

fn respond(answer: Result<Value, Refused>) -> Response {
    match answer {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], format!("{json}\n")).into_response(),
        Err(Refused::Unauthenticated(error)) => unauthenticated(&error),
        Err(Refused::Problem(status, detail)) => problem(status, &detail),
        Err(Refused::Invalid(detail, found)) => {
            let problems = found.iter().map(Found::json).collect();
            problem_with(StatusCode::BAD_REQUEST, &detail, ("problems", problems))
        }
    }
}
