//! Query Temporal Evolution of Entities, by GET and by POST (clauses 5.7.4, 6.18.3.2 and 6.24).

use axum::body::Body;
use axum::response::Response;
use broker::QueryHistory;
use query::{Direction, Filter, OrderBy, OrderKey};

use super::super::query::{COMMON, Facts, body, complete, page, refuse_entity_map};
use super::super::representation;
use super::super::selection::{self, Selection, order};
use super::representation::EvolutionForm;
use super::temporal;
use crate::door::{Call, JSON, Payload, Problem};

/// By the parameters of a URI.
pub(crate) async fn get(call: &Call<'_>) -> Result<Response, Problem> {
    let parameters = &call.parameters;
    parameters.allow(&PARAMETERS)?;
    refuse_entity_map(call)?;
    // Entities are whole here; there is nothing to put together.
    parameters.flag("splitEntities")?;
    let media_type = call.accepted(JSON)?;
    let compiled = call.linked_context().await?;
    let selected = selection::Asked::of_parameters(parameters)?;
    let asked = representation::Asked::of_parameters(parameters);
    let when = temporal::Asked::of_parameters(parameters);
    let form = EvolutionForm::new(call, &asked, &when, compiled, media_type)?;
    form.check_time(&when)?;
    answer(call, &selected, &form).await
}

const PARAMETERS: [&str; 35] = [
    "aggrMethods",
    "aggrPeriodDuration",
    "attrs",
    "collation",
    "coordinates",
    "count",
    "csf",
    "datasetId",
    "endTimeAt",
    "entityMap",
    "entityMapLifetime",
    "expandValues",
    "format",
    "geometry",
    "geoproperty",
    "georel",
    "id",
    "idPattern",
    "jsonKeys",
    "lang",
    "lastN",
    "limit",
    "local",
    "offset",
    "omit",
    "options",
    "orderBy",
    "pick",
    "q",
    "scopeQ",
    "splitEntities",
    "timeAt",
    "timeproperty",
    "timerel",
    "type",
];

/// By a Query in the body (5.2.23).
pub(crate) async fn post(call: &Call<'_>, body: Body) -> Result<Response, Problem> {
    call.parameters.allow(&COMMON)?;
    let media_type = call.accepted(JSON)?;
    let payload = Payload::read(call, body).await?;
    let compiled = payload.context(call).await?;
    let tree = body::parse(payload.text())?;
    let (mut selected, asked, when) = body::read_temporal(&tree)?;
    selected.local = call.parameters.local()?;
    let form = EvolutionForm::of_query(call, &asked, &when, compiled, media_type)?;
    form.check_time(&when)?;
    // A link leads to the same path, to be sent the same body (clause 5.5.9.1).
    answer(call, &selected, &form).await
}

async fn answer(
    call: &Call<'_>,
    selected: &selection::Asked<'_>,
    form: &EvolutionForm,
) -> Result<Response, Problem> {
    let representation = &form.representation;
    let compiled = representation.compiled();
    let limits = call.query_limits();
    let selection = Selection::new(selected, compiled, &limits)?;
    selection.check_depth(0)?;
    let (order, _) = order(&selected.order, compiled, &limits)?;
    let count = call.parameters.flag("count")?;
    let page = page::asked(call, count)?;
    let needed = representation.needed().map(Filter::Attributes);
    let query = QueryHistory {
        tenant: call.tenant.clone(),
        filter: Filter::All([selection.filter].into_iter().chain(needed).collect()),
        scope: selection.scope,
        by_id: by_id(&order)?,
        page,
        count,
        readings: form.readings(call),
    };
    let found = call.broker().history(&call.caller, query).await?;
    let answer = form.of_many(&found.evolutions);
    let facts = Facts { page, more: found.more, total: found.total, plan: found.plan };
    let mut response = complete(call, representation, facts, answer).await?;
    form.mark(&mut response, &found.evolutions, found.cut);
    Ok(response)
}

/// Evolutions have no order but that of their ids (5.7.4.4).
fn by_id(order: &[OrderBy]) -> Result<Option<Direction>, Problem> {
    if !order.iter().all(|one| matches!(one.key, OrderKey::Id)) {
        return Err(Problem::bad_request_data("`orderBy`: evolutions are ordered by `id` alone"));
    }
    Ok(order.first().map(|one| one.direction))
}
