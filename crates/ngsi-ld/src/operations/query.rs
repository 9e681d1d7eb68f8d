//! Query Entities, by GET and by POST (clauses 5.7.2, 6.4.3.2 and 6.23).

pub(super) mod body;
pub(super) mod page;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use broker::Plan;
use http::header::LINK;
use http::{HeaderMap, HeaderName, HeaderValue};
use query::{Filter, Page, Query};

use super::representation::{self, Representation};
use super::selection::{self, Selection, order};
use crate::contexts::link_to;
use crate::door::{Answer, Call, ENTITIES, MediaType, Payload, Problem};

static RESULTS_COUNT: HeaderName = HeaderName::from_static("ngsild-results-count");
static PLAN: HeaderName = HeaderName::from_static("comity-plan");

/// What both methods take in the URI.
pub(super) const COMMON: [&str; 6] = ["count", "format", "limit", "local", "offset", "options"];

/// By the parameters of a URI.
pub(crate) async fn get(call: &Call<'_>) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&PARAMETERS)?;
    refuse_entity_map(call)?;
    // Entities are whole here; there is nothing to put together.
    parameters.flag("splitEntities")?;
    let media_type = call.accepted(ENTITIES)?;
    let compiled = call.linked_context().await?;
    let selected = selection::Asked::of_parameters(parameters)?;
    let asked = representation::Asked::of_parameters(parameters);
    let representation = Representation::new(call, &asked, compiled, media_type)?;
    answer(call, &selected, &representation).await
}

/// Entity maps are a part that is not here; to ask for one is not answered with silence.
pub(super) fn refuse_entity_map(call: &Call<'_>) -> Result<(), Problem> {
    let named = call.headers().contains_key("ngsild-entitymap");
    if call.parameters.flag("entityMap")? || named {
        return Err(Problem::not_supported("entity maps are not supported"));
    }
    Ok(())
}

const PARAMETERS: [&str; 34] = [
    "attrs",
    "collation",
    "containedBy",
    "coordinates",
    "count",
    "csf",
    "datasetId",
    "entityMap",
    "entityMapLifetime",
    "expandValues",
    "format",
    "geometry",
    "geometryProperty",
    "geoproperty",
    "georel",
    "id",
    "idPattern",
    "join",
    "joinLevel",
    "jsonKeys",
    "lang",
    "limit",
    "local",
    "offset",
    "omit",
    "options",
    "orderBy",
    "orderFrom",
    "orderGeometry",
    "pick",
    "q",
    "scopeQ",
    "splitEntities",
    "type",
];

/// By a Query in the body (5.2.23).
pub(crate) async fn post(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&COMMON)?;
    let media_type = call.accepted(ENTITIES)?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let tree = body::parse(payload.text())?;
    let (mut selected, asked) = body::read(&tree)?;
    selected.local = call.parameters.local()?;
    let representation = Representation::new(call, &asked, compiled, media_type)?;
    // A link leads to the same path, to be sent the same body (clause 5.5.9.1).
    answer(call, &selected, &representation).await
}

async fn answer(
    call: &Call<'_>,
    selected: &selection::Asked<'_>,
    representation: &Representation,
) -> Result<Response, Problem> {
    let compiled = representation.compiled();
    let limits = call.query_limits();
    let selection = Selection::new(selected, compiled, &limits)?;
    selection.check_depth(representation.levels())?;
    let (order, collation) = order(&selected.order, compiled, &limits)?;
    let count = call.parameters.flag("count")?;
    let page = page::asked(call, count)?;
    let tenant = call.tenant.clone();
    let needed = representation.needed().map(Filter::Attributes);
    let filter = Filter::All([selection.whole()].into_iter().chain(needed).collect());
    let query = Query { tenant, filter, order, collation, page, count };
    let found = call.broker().query(&call.caller, query).await?;
    let answer = representation.of_many(call, &found.entities).await?;
    let facts = Facts { page, more: found.more, total: found.total, plan: found.plan };
    complete(call, representation, facts, answer).await
}

/// What is to be told of a page beside what stands on it.
pub(super) struct Facts {
    pub page: Page,
    pub more: bool,
    pub total: Option<usize>,
    pub plan: Plan,
}

/// The answer with its headers.
pub(super) async fn complete(
    call: &Call<'_>,
    representation: &Representation,
    facts: Facts,
    mut answer: Answer,
) -> Result<Response, Problem> {
    let compiled = representation.compiled();
    for link in page::links(call, facts.page, facts.more, representation.media_type()) {
        answer.headers.append(LINK, link);
    }
    if representation.media_type() == MediaType::Json && compiled.url().is_none() {
        let published = super::jsonld_contexts::publish(call, compiled).await?;
        if let Some(link) = link_to(&published) {
            answer.headers.append(LINK, link);
        }
    }
    note(call, &mut answer.headers, &facts);
    let mut response = answer.into_response();
    // For the log of slow requests, which is the server's.
    response.extensions_mut().insert(facts.plan);
    Ok(response)
}

/// How many there are in all, and how they were found, for those who want to know.
fn note(call: &Call<'_>, headers: &mut HeaderMap, found: &Facts) {
    if let Some(total) = found.total {
        headers.insert(RESULTS_COUNT.clone(), HeaderValue::from(total));
    }
    if call.explains()
        && let Ok(plan) = HeaderValue::from_str(&found.plan.to_string())
    {
        headers.insert(PLAN.clone(), plan);
    }
}
