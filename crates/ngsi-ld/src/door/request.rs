//! One request as the operations see it.

use std::sync::Arc;

use broker::Broker;
use http::request::Parts;
use http::{HeaderMap, Method};
use model::{EntityId, Name, Tenant, TypeSelector};
use policy::Caller;
use query::{Limits, Parser};

use super::negotiation::{self, MediaType};
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Inner, TENANT};
use crate::contexts::{Asker, Compiled, context_url};
use crate::settings::Settings;

/// A request of a known caller, except for its body.
pub(crate) struct Call<'a> {
    pub door: &'a Inner,
    pub head: &'a Parts,
    pub caller: Caller,
    pub tenant: Tenant,
    pub parameters: Parameters<'a>,
    creates_tenant: bool,
}

impl<'a> Call<'a> {
    pub fn new(
        door: &'a Inner,
        head: &'a Parts,
        caller: Caller,
        creates_tenant: bool,
    ) -> Result<Call<'a>, Problem> {
        if head.headers.contains_key("ngsild-snapshot") {
            // Answering from live data instead would be wrong (clause 5.5.15).
            return Err(Problem::not_supported("snapshots are not supported"));
        }
        let tenant = tenant(&head.headers)?;
        let parameters = Parameters::parse(head.uri.query())?;
        Ok(Call { door, head, caller, tenant, parameters, creates_tenant })
    }

    /// GET, and HEAD, which is a GET without the body.
    pub fn reads(&self) -> bool {
        self.head.method == Method::GET || self.head.method == Method::HEAD
    }

    pub fn broker(&self) -> &Broker {
        &self.door.broker
    }

    pub fn settings(&self) -> &Settings {
        &self.door.settings
    }

    /// How much of a query is taken.
    pub fn query_limits(&self) -> Limits {
        self.door.settings.query()
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    pub fn asker(&self) -> Asker<'_> {
        Asker { caller: &self.caller, tenant: &self.tenant, creates: self.creates_tenant }
    }

    /// The context that a `Link` header names (clause 6.3.5).
    pub async fn linked_context(&self) -> Result<Arc<Compiled>, Problem> {
        match context_url(self.headers()).map_err(Problem::bad_request_data)? {
            None => Ok(self.door.contexts.core()),
            Some(url) => self.door.contexts.at(self.asker(), url).await,
        }
    }

    /// The media type of the answer (clause 6.3.4).
    pub fn accepted(&self, available: &'static [MediaType]) -> Result<MediaType, Problem> {
        negotiation::accepted(self.headers(), available)
            .ok_or_else(|| Problem::not_acceptable(available))
    }

    /// The `type` parameter (clause 4.17).
    pub fn types(&self, compiled: &Compiled) -> Result<Option<TypeSelector>, Problem> {
        let limits = self.query_limits();
        let types = self.parameters.text("type").map(|text| types(text, compiled, &limits));
        types.transpose()
    }

    /// May the caller see how a query was answered, and wants to?
    pub fn explains(&self) -> bool {
        let (caller, tenant) = (&self.caller, &self.tenant);
        // A plan tells how many entities were looked at, those that are not shown as well.
        self.broker().may_administer(caller, tenant).is_ok()
            && self.broker().sees_all(caller, tenant)
            && self.headers().get("comity-explain").is_some_and(|wanted| wanted == "true")
    }
}

/// Whose data is meant (clause 6.3.14).
fn tenant(headers: &HeaderMap) -> Result<Tenant, Problem> {
    let mut values = headers.get_all(&TENANT).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(Tenant::default()) };
    if second.is_some() {
        return Err(Problem::bad_request_data("two NGSILD-Tenant headers; one is allowed"));
    }
    match value.to_str() {
        Ok("") => Ok(Tenant::default()),
        Ok(name) => Tenant::parse(name).map_err(|e| Problem::bad_request_data(e.to_string())),
        Err(_) => Err(Problem::bad_request_data("the NGSILD-Tenant header is not plain text")),
    }
}

pub(crate) fn types(
    text: &str,
    compiled: &Compiled,
    limits: &Limits,
) -> Result<TypeSelector, Problem> {
    let expand = |term: &str| Ok(expanded(term, compiled));
    Ok(Parser { expand: &expand, limits }.types(text)?)
}

/// What a term in a query stands for: an attribute, a type, or a member of the standard.
pub(crate) fn expanded(term: &str, compiled: &Compiled) -> Name {
    Name::new(&*compiled.context().expand_term(term))
}

/// The id in a path (clauses 5.6.2.4, 5.7.1.4).
pub(crate) fn entity_id(text: &str) -> Result<EntityId, Problem> {
    if text.is_empty() {
        return Err(Problem::bad_request_data("the path has no entity id"));
    }
    EntityId::parse(text)
        .map_err(|error| Problem::bad_request_data(format!("the entity id: {error}")))
}

impl From<query::Invalid> for Problem {
    fn from(error: query::Invalid) -> Problem {
        let detail = error.to_string();
        if error.exceeds { Problem::too_complex(detail) } else { Problem::bad_request_data(detail) }
    }
}
