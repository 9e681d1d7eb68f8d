//! What a set of policies is expected to decide, kept beside it as a table.
//!
//! ```toml
//! [[expect]]
//! about = "guests do not see how to reach a person"
//! caller = { name = "ann", roles = ["guest"] }
//! action = "read"
//! entity = { id = "urn:p:1", types = ["Person"], attributes = { name = "Bo", email = "bo@x.org" } }
//! permitted = true
//! attributes = { name = true, email = false }
//! ```

use std::collections::BTreeMap;
use std::fmt;

use model::{
    Attribute, Attributes, Draft, Entity, Geometry, Instance, InstanceList, Json, Name, Scope,
    Tenant, Timestamp, Uri, Value,
};
use query::Expand;
use serde::Deserialize;

use super::action::Action;
use super::atom;
use super::explain::Explanation;
use super::policies::Policies;
use super::source::{Limits, Problem, Source};
use crate::caller::Caller;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What it is about, for people.
    pub about: String,
    pub principal: Caller,
    pub action: Action,
    pub tenant: Tenant,
    /// Nothing for what is done to a tenant.
    pub entity: Option<Entity>,
    pub permitted: bool,
    /// Attributes of the entity, and whether the action is permitted on them.
    pub attributes: BTreeMap<Name, bool>,
    /// Where given, the ids of all policies that decide on the whole, and no others.
    pub by: Option<Vec<String>>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub about: String,
    pub expected: String,
    pub found: Explanation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, but {}", self.about, self.expected, self.found)
    }
}

impl Policies {
    /// Which of these expectations are not met.
    pub fn test(&self, expectations: &[Expectation]) -> Vec<Failure> {
        expectations.iter().filter_map(|expectation| expectation.failure(self)).collect()
    }
}

impl Expectation {
    /// Reads a table. Names are terms that `expand` knows, or expanded.
    pub fn read(
        source: &Source,
        expand: Expand<'_>,
        limits: &Limits,
    ) -> Result<Vec<Expectation>, Problem> {
        source.check_size(limits)?;
        let written: Written = toml::from_str(&source.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            Problem::at(source, at, error.message())
        })?;
        let read = |(nth, line): (usize, Line)| {
            let about = line.about.clone().unwrap_or_else(|| format!("expectation {}", nth + 1));
            let at = line_start(&source.text, nth);
            line.read(about.clone(), expand)
                .map_err(|message| Problem::at(source, at, format!("{about}: {message}")))
        };
        written.expect.into_iter().enumerate().map(read).collect()
    }

    fn failure(&self, policies: &Policies) -> Option<Failure> {
        let Expectation { principal, action, tenant, .. } = self;
        let found = match &self.entity {
            Some(entity) => policies.explain(principal, *action, tenant, entity),
            None => policies.explain_on_tenant(principal, *action, tenant),
        };
        let expected = self.unmet(&found)?;
        Some(Failure { about: self.about.clone(), expected, found })
    }

    /// The first part of the expectation that was not met.
    fn unmet(&self, found: &Explanation) -> Option<String> {
        let told = |permitted| if permitted { "permitted" } else { "refused" };
        if found.verdict.is_permitted() != self.permitted {
            return Some(told(self.permitted).to_owned());
        }
        for (name, permitted) in &self.attributes {
            let is_permitted = found.attributes.get(name).is_some_and(|one| one.is_permitted());
            if is_permitted != *permitted {
                return Some(format!("`{name}` {}", told(*permitted)));
            }
        }
        let by = self.by.as_ref()?;
        let mut wanted: Vec<&str> = by.iter().map(String::as_str).collect();
        let mut deciders: Vec<&str> =
            found.verdict.deciders().iter().map(|decider| decider.policy.as_str()).collect();
        wanted.sort_unstable();
        deciders.sort_unstable();
        (wanted != deciders).then(|| format!("the policies {}", wanted.join(", ")))
    }
}

/// Where the nth table begins.
fn line_start(text: &str, nth: usize) -> usize {
    text.match_indices("[[expect]]").nth(nth).map_or(0, |(at, _)| at)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    expect: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    about: Option<String>,
    caller: WrittenCaller,
    action: String,
    tenant: Option<String>,
    entity: Option<WrittenEntity>,
    permitted: bool,
    #[serde(default)]
    attributes: BTreeMap<String, bool>,
    by: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCaller {
    name: String,
    #[serde(default)]
    roles: Vec<String>,
    tenant: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    entities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntity {
    id: String,
    types: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    /// A GeoJSON geometry, `{ object = "urn:.." }` for a Relationship, or the value of a Property.
    #[serde(default)]
    attributes: BTreeMap<String, serde_json::Value>,
}

impl Line {
    fn read(self, about: String, expand: Expand<'_>) -> Result<Expectation, String> {
        let action = Action::from_name(&self.action)
            .ok_or_else(|| format!("there is no action `{}`", self.action))?;
        if action.is_on_entities() != self.entity.is_some() {
            let done_to = if action.is_on_entities() { "an entity" } else { "a tenant" };
            return Err(format!("`{action}` is done to {done_to}"));
        }
        let tenant = self.tenant.as_deref().map(atom::tenant).transpose()?.unwrap_or_default();
        let attributes = self.attributes.into_iter();
        let attributes = attributes.map(|(term, holds)| Ok((atom::name(&term, expand)?, holds)));
        Ok(Expectation {
            about,
            principal: self.caller.read()?,
            action,
            tenant,
            entity: self.entity.map(|entity| entity.read(expand)).transpose()?,
            permitted: self.permitted,
            attributes: attributes.collect::<Result<_, String>>()?,
            by: self.by,
        })
    }
}

impl WrittenCaller {
    fn read(self) -> Result<Caller, String> {
        Ok(Caller {
            name: self.name,
            roles: self.roles.into_iter().collect(),
            tenant: self.tenant.as_deref().map(atom::tenant).transpose()?,
            scopes: scopes(&self.scopes)?,
            entities: self.entities.iter().map(|id| uri(id)).collect::<Result<_, _>>()?,
        })
    }
}

impl WrittenEntity {
    fn read(self, expand: Expand<'_>) -> Result<Entity, String> {
        let types = self.types.iter().map(|term| atom::name(term, expand));
        let types = types.collect::<Result<Vec<_>, _>>()?;
        if types.is_empty() {
            return Err("an entity has at least one type".to_owned());
        }
        let attributes = self.attributes.iter().map(|(term, value)| {
            let instances = InstanceList::from([Instance::new(value_of(value)?)]);
            Ok(Attribute { name: atom::name(term, expand)?, instances })
        });
        let draft = Draft {
            types,
            scopes: scopes(&self.scopes)?,
            expires_at: None,
            attributes: Attributes::new(attributes.collect::<Result<Vec<_>, String>>()?),
        };
        Ok(draft.into_entity(uri(&self.id)?, Timestamp::default(), Timestamp::default()))
    }
}

fn value_of(written: &serde_json::Value) -> Result<Value, String> {
    if let Some(object) = written.get("object").and_then(serde_json::Value::as_str) {
        return Ok(Value::Relationship { objects: vec![uri(object)?], array: false });
    }
    let json = Json::from_tree(written);
    if Geometry::resembles(&json) {
        let geometry = Geometry::parse(&json).map_err(|error| error.to_string())?;
        return Ok(Value::GeoProperty(geometry));
    }
    Ok(Value::Property(json))
}

fn uri(text: &str) -> Result<Uri, String> {
    Uri::parse(text).map_err(|error| error.to_string())
}

fn scopes(texts: &[String]) -> Result<Vec<Scope>, String> {
    texts.iter().map(|text| Scope::parse(text).map_err(|error| error.to_string())).collect()
}
