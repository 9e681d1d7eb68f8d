//! Which entities are meant: from the texts of a query to a filter and an order (clause 5.7.2).

use std::borrow::Cow;

use model::{EntityId, Name};
use query::{
    Collation, Condition, Filter, GeoCondition, GeoRelation, Invalid, Limits, OrderBy, Parser,
    Pattern, ScopeCondition,
};

use super::representation::{is_attribute, split};
use crate::contexts::Compiled;
use crate::door::{Parameters, Problem, expanded, types as types_of, uri};

/// What a query says of the entities that it means, as text.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    /// An entity is meant if one of them means it; if there is none, every entity is.
    pub selectors: Vec<Selector<'a>>,
    pub attrs: Option<Cow<'a, str>>,
    pub q: Option<Cow<'a, str>>,
    pub scope_q: Option<Cow<'a, str>>,
    pub csf: Option<Cow<'a, str>>,
    pub expand_values: Option<Cow<'a, str>>,
    pub json_keys: Option<Cow<'a, str>>,
    pub geo: Geo<'a>,
    pub order: Order<'a>,
    /// Is the request limited to what is held here? All of it is, but then it need not say more.
    pub local: Option<bool>,
}

/// An entity selector (5.2.33). Ids win over a pattern.
#[derive(Debug, Default)]
pub(super) struct Selector<'a> {
    pub types: Option<Cow<'a, str>>,
    pub ids: Vec<Cow<'a, str>>,
    pub pattern: Option<Cow<'a, str>>,
}

#[derive(Debug, Default)]
pub(super) struct Geo<'a> {
    pub georel: Option<Cow<'a, str>>,
    pub geometry: Option<Cow<'a, str>>,
    pub coordinates: Option<Cow<'a, str>>,
    pub geoproperty: Option<Cow<'a, str>>,
}

#[derive(Debug, Default)]
pub(super) struct Order<'a> {
    pub by: Option<Cow<'a, str>>,
    pub from: Option<Cow<'a, str>>,
    pub geometry: Option<Cow<'a, str>>,
    pub collation: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    pub fn of_parameters(parameters: &'a Parameters<'_>) -> Result<Asked<'a>, Problem> {
        let text = |name| parameters.text(name).map(Cow::Borrowed);
        let selector = Selector {
            types: text("type"),
            ids: parameters.text("id").map(split).unwrap_or_default(),
            pattern: text("idPattern"),
        };
        // In a URI a plus can mean a space; no scope has one, but `+` is a scope wildcard.
        let scope_q = parameters.text("scopeQ").map(|text| Cow::Owned(text.replace(' ', "+")));
        Ok(Asked {
            selectors: vec![selector],
            attrs: text("attrs"),
            q: text("q"),
            scope_q,
            csf: text("csf"),
            expand_values: text("expandValues"),
            json_keys: text("jsonKeys"),
            geo: Geo {
                georel: text("georel"),
                geometry: text("geometry"),
                coordinates: text("coordinates"),
                geoproperty: text("geoproperty"),
            },
            order: Order {
                by: text("orderBy"),
                from: text("orderFrom"),
                geometry: text("orderGeometry"),
                collation: text("collation"),
            },
            local: parameters.local()?,
        })
    }
}

/// Which entities, understood.
#[derive(Debug)]
pub(super) struct Selection {
    /// All but the scopes.
    pub filter: Filter,
    pub scope: Option<ScopeCondition>,
    /// How many relationships the filter follows.
    pub link_depth: usize,
}

impl Selection {
    pub fn new(
        asked: &Asked<'_>,
        compiled: &Compiled,
        limits: &Limits,
    ) -> Result<Selection, Problem> {
        let expand = |term: &str| Ok(expanded(term, compiled));
        let parser = Parser { expand: &expand, limits };
        let mut filters = Vec::new();
        filters.extend(selectors(asked, compiled, limits)?);
        let attrs = asked.attrs.as_deref().map(|text| parser.names("attrs", text)).transpose()?;
        let options =
            parser.q_options(asked.expand_values.as_deref(), asked.json_keys.as_deref())?;
        let q = asked.q.as_deref().map(|text| parser.q(text, &options)).transpose()?;
        if let Some(csf) = &asked.csf {
            // There are no context sources to choose from, yet the filter must be one.
            parser.q(csf, &options).map_err(|invalid| Invalid { what: "csf", ..invalid })?;
        }
        let geo = geo(&asked.geo, parser)?;
        check_width(asked, attrs.as_deref(), q.as_ref(), geo.is_some())?;
        let link_depth = q.as_ref().map_or(0, link_depth);
        filters.extend(attrs.map(Filter::Attributes));
        filters.extend(q.map(Filter::Condition));
        filters.extend(geo.map(Filter::Geo));
        let scope = asked.scope_q.as_deref().map(|text| parser.scope_q(text)).transpose()?;
        let filter = match filters.len() {
            0 => Filter::Everything,
            1 => filters.remove(0),
            _ => Filter::All(filters),
        };
        Ok(Selection { filter, scope, link_depth })
    }

    /// With the scopes, for entities as they are now.
    pub fn whole(self) -> Filter {
        match self.scope {
            Some(scope) => Filter::All(vec![self.filter, Filter::Scope(scope)]),
            None => self.filter,
        }
    }

    /// A condition may not look further than linked entities come along (clause 5.7.2.4).
    pub fn check_depth(&self, levels: usize) -> Result<(), Problem> {
        let depth = self.link_depth;
        if depth <= levels {
            return Ok(());
        }
        Err(Problem::bad_request_data(format!(
            "`q` follows {depth} relationships; `join` and `joinLevel` allow {levels}"
        )))
    }
}

/// The order of the answer, and how texts compare in it (clause 4.23).
pub(super) fn order(
    asked: &Order<'_>,
    compiled: &Compiled,
    limits: &Limits,
) -> Result<(Vec<OrderBy>, Collation), Problem> {
    let expand = |term: &str| Ok(expanded(term, compiled));
    let parser = Parser { expand: &expand, limits };
    let geometry = asked.geometry.as_deref();
    let from = asked.from.as_deref().map(|from| parser.order_from(from, geometry)).transpose()?;
    let by = asked.by.as_deref().map(|by| parser.order_by(by, from.as_ref()));
    let collation = asked.collation.as_deref().map(Collation::parse).transpose()?;
    Ok((by.transpose()?.unwrap_or_default(), collation.unwrap_or_default()))
}

/// An entity is meant if one of the selectors means it (5.2.23).
fn selectors(
    asked: &Asked<'_>,
    compiled: &Compiled,
    limits: &Limits,
) -> Result<Option<Filter>, Problem> {
    let selectors_max = limits.query_terms_max;
    if selectors_max < asked.selectors.len() {
        return Err(Problem::too_complex(format!(
            "`entities` has more than {selectors_max} selectors (setting `query_terms_max`)"
        )));
    }
    let one = |selector| selector_filter(selector, compiled, limits).map(Filter::All);
    let mut any = asked.selectors.iter().map(one).collect::<Result<Vec<Filter>, Problem>>()?;
    Ok(if any.len() > 1 { Some(Filter::Any(any)) } else { any.pop() })
}

fn selector_filter(
    selector: &Selector<'_>,
    compiled: &Compiled,
    limits: &Limits,
) -> Result<Vec<Filter>, Problem> {
    let mut filters = Vec::new();
    if let Some(text) = &selector.types {
        filters.push(Filter::Types(types_of(text, compiled, limits)?));
    }
    if !selector.ids.is_empty() {
        let ids = selector.ids.iter().map(|id| uri("id", id));
        filters.push(Filter::Ids(ids.collect::<Result<Vec<EntityId>, _>>()?));
    } else if let Some(pattern) = &selector.pattern {
        let pattern = Pattern::within(pattern, limits);
        let pattern = pattern.map_err(|invalid| Invalid { what: "idPattern", ..invalid })?;
        filters.push(Filter::IdPattern(pattern));
    }
    Ok(filters)
}

/// Refuses queries that could mean anything anywhere (clause 5.7.2.4).
fn check_width(
    asked: &Asked<'_>,
    attrs: Option<&[Name]>,
    q: Option<&Condition>,
    geo: bool,
) -> Result<(), Problem> {
    let mut types = asked.selectors.iter().filter_map(|selector| selector.types.as_deref());
    let any_type = types.clone().any(|types| types.trim() == "*");
    if any_type && asked.local == Some(false) {
        return Err(Problem::bad_request_data(
            "`type=*` means all that is held here, so `local` cannot be false",
        ));
    }
    let narrow = asked.local == Some(true)
        || types.next().is_some()
        || geo
        || attrs.is_some_and(|names| names.iter().any(is_attribute))
        || q.is_some_and(names_attribute);
    if narrow {
        return Ok(());
    }
    Err(Problem::bad_request_data(
        "the query is too wide: give at least one of `type`, `georel`, `attrs` or `q` with an \
         attribute that is not of the system, or `local=true`",
    ))
}

fn names_attribute(condition: &Condition) -> bool {
    match condition {
        Condition::All(all) | Condition::Any(all) => all.iter().any(names_attribute),
        Condition::Test(test) => !test.target.is_system(),
    }
}

fn link_depth(condition: &Condition) -> usize {
    match condition {
        Condition::All(all) | Condition::Any(all) => {
            all.iter().map(link_depth).max().unwrap_or_default()
        }
        Condition::Test(test) => test.target.links.len(),
    }
}

/// A geo-query: all of its three parts, or none of them (clause 4.10).
pub(super) fn geo(asked: &Geo<'_>, parser: Parser<'_>) -> Result<Option<GeoCondition>, Problem> {
    let (georel, geometry, coordinates) = match asked {
        Geo { georel: None, geometry: None, coordinates: None, .. } => return Ok(None),
        Geo { georel: Some(georel), geometry: Some(geometry), coordinates: Some(at), .. } => {
            (georel, geometry, at)
        }
        _ => {
            return Err(Problem::bad_request_data(
                "`georel`, `geometry` and `coordinates` go together",
            ));
        }
    };
    let relation = relation(georel)?;
    let geometry = parser.geometry("coordinates", geometry, coordinates)?;
    let property = asked.geoproperty.as_deref().unwrap_or("location");
    let property = (parser.expand)(property).map_err(Problem::bad_request_data)?;
    Ok(Some(GeoCondition { property, relation, geometry }))
}

fn relation(georel: &str) -> Result<GeoRelation, Problem> {
    let invalid = |problem: &str| Problem::bad_request_data(format!("`georel`: {problem}"));
    let Some(modifiers) = georel.strip_prefix("near") else {
        return match georel {
            "within" => Ok(GeoRelation::Within),
            "contains" => Ok(GeoRelation::Contains),
            "intersects" => Ok(GeoRelation::Intersects),
            "disjoint" => Ok(GeoRelation::Disjoint),
            "overlaps" => Ok(GeoRelation::Overlaps),
            "equals" => Ok(GeoRelation::Equals),
            _ => Err(invalid(
                "it is none of near, within, contains, intersects, disjoint, overlaps, equals",
            )),
        };
    };
    let distance = |name: &str| {
        let value = modifiers.strip_prefix(';')?.trim_start().strip_prefix(name)?;
        let metres: f64 = value.trim_start().strip_prefix("==")?.trim().parse().ok()?;
        (metres.is_finite() && metres > 0.0).then_some(metres)
    };
    match (distance("maxDistance"), distance("minDistance")) {
        (Some(metres), _) => Ok(GeoRelation::NearMax(metres)),
        (_, Some(metres)) => Ok(GeoRelation::NearMin(metres)),
        _ => Err(invalid(
            "near takes one distance in metres, above 0: near;maxDistance==2000 or \
             near;minDistance==2000",
        )),
    }
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
