//! A Query in a body (clauses 5.2.23, 5.2.33, 5.2.13 and 5.2.43).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::super::evolutions::temporal;
use super::super::representation;
use super::super::selection::{self, Geo, Order, Selector};
use crate::door::Problem;

type Members = Map<String, Value>;

/// The members that a Query for entities may have.
const MEMBERS: [&str; 23] = [
    "@context",
    "attrs",
    "containedBy",
    "csf",
    "datasetId",
    "entities",
    "entityMap",
    "entityMapLifetime",
    "expandValues",
    "geoQ",
    "geometryProperty",
    "join",
    "joinLevel",
    "jsonKeys",
    "lang",
    "omit",
    "ordering",
    "pick",
    "q",
    "scopeQ",
    "splitEntities",
    "type",
    "@type",
];

/// The members that a Query for evolutions may have: no links are followed, and nothing is GeoJSON.
const TEMPORAL_MEMBERS: [&str; 21] = [
    "@context",
    "aggrParams",
    "attrs",
    "csf",
    "datasetId",
    "entities",
    "entityMap",
    "entityMapLifetime",
    "expandValues",
    "geoQ",
    "jsonKeys",
    "lang",
    "omit",
    "ordering",
    "pick",
    "q",
    "scopeQ",
    "splitEntities",
    "temporalQ",
    "type",
    "@type",
];

/// Reads the JSON of a body.
pub(in super::super) fn parse(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text)
        .map_err(|error| Problem::invalid_request(format!("the body is not valid JSON: {error}")))
}

/// What the Query says of the entities, and of the form of the answer.
pub(super) fn read(
    body: &Value,
) -> Result<(selection::Asked<'_>, representation::Asked<'_>), Problem> {
    let members = object(body)?;
    for name in ["temporalQ", "aggrParams"] {
        if members.contains_key(name) {
            return Err(wrong(&format!("`{name}` is only for temporal queries")));
        }
    }
    check(members, &MEMBERS)?;
    understood(members)
}

/// The same, and what the Query says of time.
pub(in super::super) fn read_temporal(
    body: &Value,
) -> Result<(selection::Asked<'_>, representation::Asked<'_>, temporal::Asked<'_>), Problem> {
    let members = object(body)?;
    check(members, &TEMPORAL_MEMBERS)?;
    let (selected, asked) = understood(members)?;
    Ok((selected, asked, temporal(members)?))
}

fn object(body: &Value) -> Result<&Members, Problem> {
    body.as_object().ok_or_else(|| wrong("the body is not a JSON object"))
}

fn understood(
    members: &Members,
) -> Result<(selection::Asked<'_>, representation::Asked<'_>), Problem> {
    let at = |name: &'static str| Part { members, within: "", name };
    let selected = selection::Asked {
        selectors: selectors(members)?,
        attrs: at("attrs").joined()?,
        q: at("q").text()?,
        scope_q: at("scopeQ").text()?,
        csf: at("csf").text()?,
        expand_values: at("expandValues").text_or_joined()?,
        json_keys: at("jsonKeys").text_or_joined()?,
        geo: geo(members)?,
        order: order(members)?,
        local: None,
    };
    let asked = representation::Asked {
        attrs: at("attrs").joined()?,
        pick: at("pick").joined()?,
        omit: at("omit").joined()?,
        lang: at("lang").text()?,
        dataset_ids: at("datasetId").texts()?,
        geometry_property: at("geometryProperty").text()?,
        join: at("join").text()?,
        join_level: at("joinLevel").number()?,
        contained_by: at("containedBy").texts()?.unwrap_or_default(),
    };
    Ok((selected, asked))
}

fn check(members: &Members, known: &[&str]) -> Result<(), Problem> {
    let kind = members.get("type").or_else(|| members.get("@type"));
    if kind.and_then(Value::as_str) != Some("Query") {
        return Err(wrong("the `type` of the body must be `Query`"));
    }
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        let name: String = name.chars().take(100).collect();
        return Err(wrong(&format!("a Query has no member `{name}`")));
    }
    for name in ["entityMap", "splitEntities"] {
        if members.get(name).is_some_and(|value| !value.is_boolean()) {
            return Err(wrong(&format!("`{name}` is neither true nor false")));
        }
    }
    if members.get("entityMap").is_some_and(|value| value.as_bool() == Some(true)) {
        return Err(Problem::not_supported("entity maps are not supported"));
    }
    Ok(())
}

fn selectors(members: &Members) -> Result<Vec<Selector<'_>>, Problem> {
    let Some(entities) = members.get("entities") else { return Ok(Vec::new()) };
    let entities = entities.as_array().filter(|entities| !entities.is_empty());
    let entities =
        entities.ok_or_else(|| wrong("`entities` is not an array with something in it"))?;
    entities.iter().map(selector).collect()
}

fn selector(written: &Value) -> Result<Selector<'_>, Problem> {
    let members = written.as_object().ok_or_else(|| wrong("`entities` holds what is no object"))?;
    let at = |name: &'static str| Part { members, within: "entities.", name };
    let types = at("type").text()?;
    if types.is_none() {
        return Err(wrong("`entities`: each selector needs a `type`; `*` is any"));
    }
    if let Some(name) =
        members.keys().find(|name| !["id", "idPattern", "type"].contains(&name.as_str()))
    {
        let name: String = name.chars().take(100).collect();
        return Err(wrong(&format!("`entities`: a selector has no member `{name}`")));
    }
    let ids = match members.get("id") {
        Some(Value::Array(_)) => at("id").texts()?.unwrap_or_default(),
        _ => at("id").text()?.into_iter().collect(),
    };
    Ok(Selector { types, ids, pattern: at("idPattern").text()? })
}

fn geo(members: &Members) -> Result<Geo<'_>, Problem> {
    let Some(geo) = members.get("geoQ") else { return Ok(Geo::default()) };
    let members = geo.as_object().ok_or_else(|| wrong("`geoQ` is not an object"))?;
    let at = |name: &'static str| Part { members, within: "geoQ.", name };
    let found = Geo {
        georel: at("georel").text()?,
        geometry: at("geometry").text()?,
        coordinates: at("coordinates").coordinates()?,
        geoproperty: at("geoproperty").text()?,
    };
    if found.georel.is_none() {
        return Err(wrong("`geoQ` has no `georel`"));
    }
    Ok(found)
}

fn order(members: &Members) -> Result<Order<'_>, Problem> {
    let Some(ordering) = members.get("ordering") else { return Ok(Order::default()) };
    let members = ordering.as_object().ok_or_else(|| wrong("`ordering` is not an object"))?;
    let at = |name: &'static str| Part { members, within: "ordering.", name };
    if members.get("coordinates").is_some_and(|coordinates| !coordinates.is_array()) {
        return Err(wrong("`ordering.coordinates` is not an array"));
    }
    let by = at("orderBy").joined()?;
    if by.is_none() {
        return Err(wrong("`ordering` has no `orderBy`"));
    }
    Ok(Order {
        by,
        from: at("coordinates").coordinates()?,
        geometry: at("geometry").text()?,
        collation: at("collation").text()?,
    })
}

/// A temporal query (5.2.21), with the methods of aggregation in it or beside it (5.2.44).
fn temporal(members: &Members) -> Result<temporal::Asked<'_>, Problem> {
    let mut asked = temporal::Asked::default();
    if let Some(query) = part(members, "temporalQ", &TEMPORAL_QUERY)? {
        let at = |name: &'static str| Part { members: query, within: "temporalQ.", name };
        asked.timerel = at("timerel").text()?;
        asked.time_at = at("timeAt").text()?;
        asked.end_time_at = at("endTimeAt").text()?;
        asked.timeproperty = at("timeproperty").text()?;
        asked.last_n = at("lastN").number()?;
        asked.aggr_methods = at("aggrMethods").text_or_joined()?;
        asked.aggr_period_duration = at("aggrPeriodDuration").text()?;
    }
    if let Some(params) = part(members, "aggrParams", &AGGREGATION_PARAMS)? {
        let at = |name: &'static str| Part { members: params, within: "aggrParams.", name };
        let methods = at("aggrMethods").text_or_joined()?;
        if methods.is_none() {
            return Err(wrong("`aggrParams` has no `aggrMethods`"));
        }
        asked.aggr_methods = methods;
        asked.aggr_period_duration = at("aggrPeriodDuration").text()?;
    }
    Ok(asked)
}

const TEMPORAL_QUERY: [&str; 9] = [
    "aggrMethods",
    "aggrPeriodDuration",
    "endTimeAt",
    "lastN",
    "timeAt",
    "timeproperty",
    "timerel",
    "type",
    "@type",
];
const AGGREGATION_PARAMS: [&str; 4] = ["aggrMethods", "aggrPeriodDuration", "type", "@type"];

/// An object among the members that has no members but these.
fn part<'a>(
    members: &'a Members,
    name: &str,
    known: &[&str],
) -> Result<Option<&'a Members>, Problem> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let part = value.as_object().ok_or_else(|| wrong(&format!("`{name}` is not an object")))?;
    match part.keys().find(|member| !known.contains(&member.as_str())) {
        None => Ok(Some(part)),
        Some(member) => {
            let member: String = member.chars().take(100).collect();
            Err(wrong(&format!("`{name}` has no member `{member}`")))
        }
    }
}

/// One member, perhaps there.
#[derive(Clone, Copy)]
struct Part<'a> {
    members: &'a Members,
    within: &'static str,
    name: &'static str,
}

impl<'a> Part<'a> {
    fn wrong(self, wanted: &str) -> Problem {
        wrong(&format!("`{}{}` is not {wanted}", self.within, self.name))
    }

    fn value(self) -> Option<&'a Value> {
        self.members.get(self.name)
    }

    fn text(self) -> Result<Option<Cow<'a, str>>, Problem> {
        match self.value() {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(_) => Err(self.wrong("a text")),
        }
    }

    /// An array of texts, with something in it.
    fn texts(self) -> Result<Option<Vec<Cow<'a, str>>>, Problem> {
        let wanted = "an array of texts with something in it";
        let Some(value) = self.value() else { return Ok(None) };
        let items = value.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| self.wrong(wanted))?;
        let texts = items.iter().map(|item| item.as_str().map(Cow::Borrowed));
        texts.collect::<Option<_>>().map(Some).ok_or_else(|| self.wrong(wanted))
    }

    /// An array of texts as the list that a URI would hold.
    fn joined(self) -> Result<Option<Cow<'a, str>>, Problem> {
        Ok(self.texts()?.map(|texts| Cow::Owned(texts.join(","))))
    }

    fn text_or_joined(self) -> Result<Option<Cow<'a, str>>, Problem> {
        if self.value().is_some_and(Value::is_array) { self.joined() } else { self.text() }
    }

    fn number(self) -> Result<Option<Cow<'a, str>>, Problem> {
        match self.value() {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(Cow::Owned(number.to_string()))),
            Some(_) => Err(self.wrong("a number")),
        }
    }

    /// An array, or a text that holds one.
    fn coordinates(self) -> Result<Option<Cow<'a, str>>, Problem> {
        match self.value() {
            Some(array @ Value::Array(_)) => Ok(Some(Cow::Owned(array.to_string()))),
            _ => self.text(),
        }
    }
}

fn wrong(problem: &str) -> Problem {
    Problem::bad_request_data(problem)
}
