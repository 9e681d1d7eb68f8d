//! The door itself: every request goes through here, in the same steps.

mod authentication;
mod body;
mod escape;
mod negotiation;
mod parameters;
mod problem;
mod request;
mod resource;
mod respond;
mod unsupported;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use broker::Broker;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use model::Timestamp;

use crate::contexts::{Contexts, FetchContext};
use crate::operations;
use crate::settings::Settings;

pub use authentication::{Authenticate, Unauthenticated, bearer};
pub(crate) use body::{Payload, check_depth, inner_context, refuse_inner, refuse_link};
pub(crate) use escape::{decoded, query_value, segment};
pub(crate) use negotiation::{
    ENTITIES, JSON, MediaType, Preferences, preferences, preferred_version,
};
pub(crate) use parameters::{Parameters, uri};
pub(crate) use problem::Problem;
pub use problem::Reason;
pub(crate) use request::{Call, entity_id, expanded, types};
pub use resource::routes;
pub(crate) use resource::{ROOT, Resource};
pub(crate) use respond::{Answer, PREFERENCE_APPLIED, json, no_content};

/// NGSI-LD over HTTP, ready to be served with [`router`].
#[derive(Clone)]
pub struct Door(Arc<Inner>);

/// What all requests share.
pub(crate) struct Inner {
    pub broker: Arc<Broker>,
    pub authenticate: Arc<dyn Authenticate>,
    pub contexts: Contexts,
    pub settings: Settings,
    pub started_at: Timestamp,
}

impl Door {
    pub fn new(
        broker: Arc<Broker>,
        authenticate: Arc<dyn Authenticate>,
        fetch: Arc<dyn FetchContext>,
        settings: Settings,
    ) -> Door {
        let contexts = Contexts::new(broker.clone(), fetch, &settings);
        let started_at = broker.now();
        Door(Arc::new(Inner { broker, authenticate, contexts, settings, started_at }))
    }
}

impl Door {
    /// What a stream of changes is to tell of, as a request for one says in its parameters, and
    /// after which position of the journal; or else the answer that says what is wrong.
    pub async fn listen(
        &self,
        head: &Parts,
    ) -> Result<(subscriptions::Subscription, Option<u64>), Box<Response>> {
        let door = &self.0;
        let asked = async {
            check_uri(door, head)?;
            let caller = door.authenticate.authenticate(&head.headers, &head.extensions);
            let caller = caller.map_err(|error| Problem::unauthenticated(&error))?;
            let call = Call::new(door, head, caller, false)?;
            operations::subscriptions::listen(&call).await
        };
        asked.await.map_err(|problem: Problem| Box::new(problem.into_response()))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// All paths that no other door has, for it can be merged with the routers of those. The door
/// finds its way by itself: to be told parts of a path by the router would cost each request.
pub fn router(door: Door) -> Router {
    Router::new().fallback(answer).with_state(door)
}

pub(crate) static TENANT: HeaderName = HeaderName::from_static("ngsild-tenant");

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut response = match pass(&door.0, &head, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    if let Some(tenant) = head.headers.get(&TENANT) {
        response.headers_mut().insert(TENANT.clone(), tenant.clone());
    }
    // For HEAD, axum keeps the length of the body and drops the rest.
    response
}

fn check_uri(door: &Inner, head: &Parts) -> Result<(), Problem> {
    let bytes = head.uri.path_and_query().map_or(0, |text| text.as_str().len());
    if door.settings.uri_bytes_max < bytes {
        return Err(Problem::uri_too_long(door.settings.uri_bytes_max));
    }
    Ok(())
}

/// The steps of a request, in the order in which it may fail.
async fn pass(door: &Inner, head: &Parts, body: Body) -> Result<Response, Problem> {
    check_uri(door, head)?;
    // Who may not come in does not learn what is there.
    let caller = door.authenticate.authenticate(&head.headers, &head.extensions);
    let caller = caller.map_err(|error| Problem::unauthenticated(&error))?;
    let resource = Resource::at(head.uri.path(), &head.method)?;
    if head.method == Method::OPTIONS {
        return Ok(options(resource.allowed()));
    }
    if !resource.allows(&head.method) {
        return Err(Problem::method_not_allowed(head.method.as_str(), resource.allowed()));
    }
    body::check_head(head, door.settings.body_bytes_max)?;
    let call = Call::new(door, head, caller, resource.creates_tenant(&head.method))?;
    dispatch(call, resource, body).await
}

async fn dispatch(call: Call<'_>, resource: Resource<'_>, body: Body) -> Result<Response, Problem> {
    use operations::{
        attributes, batch, discovery, entities, evolutions, info, jsonld_contexts, purge, query,
        subscriptions,
    };
    let is = |method: Method| call.head.method == method;
    match &resource {
        Resource::Entity(id) if call.reads() => entities::retrieve(&call, id).await,
        Resource::Entity(id) if is(Method::PATCH) => entities::merge(&call, id, body).await,
        Resource::Entity(id) if is(Method::PUT) => entities::replace(&call, id, body).await,
        Resource::Entity(id) => entities::delete(&call, id).await,
        Resource::Entities if call.reads() => query::get(&call).await,
        Resource::Entities if is(Method::POST) => entities::create(&call, body).await,
        Resource::Entities => purge::purge(&call).await,
        Resource::EntityAttributes(id) if is(Method::PATCH) => {
            attributes::update(&call, id, body).await
        }
        Resource::EntityAttributes(id) => attributes::append(&call, id, body).await,
        Resource::EntityAttribute(id, name) if call.reads() => {
            attributes::retrieve(&call, id, name).await
        }
        Resource::EntityAttribute(id, name) if is(Method::PATCH) => {
            attributes::patch(&call, id, name, body).await
        }
        Resource::EntityAttribute(id, name) if is(Method::PUT) => {
            attributes::replace(&call, id, name, body).await
        }
        Resource::EntityAttribute(id, name) => attributes::delete(&call, id, name).await,
        Resource::AttributeValue(id, name) if call.reads() => {
            attributes::value(&call, id, name).await
        }
        Resource::AttributeValue(id, name) => attributes::set_value(&call, id, name, body).await,
        Resource::BatchCreate => batch::create(&call, body).await,
        Resource::BatchUpsert => batch::upsert(&call, body).await,
        Resource::BatchUpdate => batch::update(&call, body).await,
        Resource::BatchMerge => batch::merge(&call, body).await,
        Resource::BatchDelete => batch::delete(&call, body).await,
        Resource::BatchQuery => query::post(&call, body).await,
        Resource::Types => discovery::types(&call).await,
        Resource::Type(name) => discovery::entity_type(&call, name).await,
        Resource::Attributes => discovery::attributes(&call).await,
        Resource::Attribute(name) => discovery::attribute(&call, name).await,
        Resource::Contexts if call.reads() => jsonld_contexts::list(&call).await,
        Resource::Contexts => jsonld_contexts::add(&call, body).await,
        Resource::Context(id) if call.reads() => jsonld_contexts::serve(&call, id).await,
        Resource::Context(id) => jsonld_contexts::delete(&call, id).await,
        Resource::Evolutions if call.reads() => evolutions::query::get(&call).await,
        Resource::Evolutions => evolutions::upsert(&call, body).await,
        Resource::Evolution(id) if call.reads() => evolutions::retrieve(&call, id).await,
        Resource::Evolution(id) => evolutions::delete(&call, id).await,
        Resource::EvolutionAttributes(id) => evolutions::add(&call, id, body).await,
        Resource::EvolutionAttribute(id, name) => {
            evolutions::delete_attribute(&call, id, name).await
        }
        Resource::EvolutionInstance(id, name, instance) if is(Method::PATCH) => {
            evolutions::modify_instance(&call, (id, name, instance), body).await
        }
        Resource::EvolutionInstance(id, name, instance) => {
            evolutions::delete_instance(&call, id, name, instance).await
        }
        Resource::EvolutionsQuery => evolutions::query::post(&call, body).await,
        Resource::SourceIdentity => info::source_identity(&call),
        Resource::Subscriptions if call.reads() => subscriptions::list(&call).await,
        Resource::Subscriptions => subscriptions::create(&call, body).await,
        Resource::Subscription(id) if call.reads() => subscriptions::retrieve(&call, id).await,
        Resource::Subscription(id) if is(Method::PATCH) => {
            subscriptions::update(&call, id, body).await
        }
        Resource::Subscription(id) => subscriptions::delete(&call, id).await,
        Resource::Unsupported(_) => Err(Problem::not_supported(unsupported::REASON)),
    }
}

fn options(allowed: &'static str) -> Response {
    let mut response = no_content();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}
