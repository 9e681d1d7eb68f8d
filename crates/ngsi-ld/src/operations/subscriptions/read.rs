//! What a subscription says (clauses 5.2.12 to 5.2.14 and 5.2.33).

use std::borrow::Cow;
use std::time::Duration;

use model::{EntityId, Name, Timestamp, TypeSelector};
use query::{Filter, Invalid, LanguageRanges, Limits, Parser, Pattern, Projection};
use subscriptions::{
    Accept, Format, Join, Key, Notification, Schedule, Selector, Subscription, Trigger, Triggers,
};

use super::super::representation::dataset_id;
use super::super::selection::{self, Geo};
use super::endpoint;
use super::members::Members;
use super::names::Terms;
use super::record::Record;
use crate::door::{Problem, decoded, uri};

/// Reads the members of a record; names in them are expanded, but for those of `q`.
pub(super) fn subscription(
    key: Key,
    record: &Record,
    terms: &Terms<'_>,
    limits: &Limits,
) -> Result<Subscription, Problem> {
    let members = Members { all: &record.members, within: "" };
    let as_it_is = |term: &str| Ok(Name::new(term));
    let parser = Parser { expand: &as_it_is, limits };
    check_plain(members)?;
    let selectors = selectors(members, parser)?;
    let watched = names(members, "watchedAttributes", parser)?.unwrap_or_default();
    let schedule = schedule(members)?;
    check_width(members, &selectors, &watched, schedule)?;
    let (filter, link_depth) = filter(members, parser, terms)?;
    let notification = members.object("notification", "notification.")?;
    let Some(notification) = notification else {
        return Err(members.wrong("notification", "is missing"));
    };
    let Some(endpoint) = notification.object("endpoint", "notification.endpoint.")? else {
        return Err(notification.wrong("endpoint", "is missing"));
    };
    Ok(Subscription {
        key,
        caller: record.caller.clone(),
        selectors,
        watched,
        filter,
        link_depth,
        triggers: Triggers::of(&triggers(members)?),
        schedule,
        expires_at: expires_at(members)?,
        is_active: members.flag("isActive")?.unwrap_or(true),
        notification: params(members, notification, record, parser)?,
        endpoint: endpoint::endpoint(endpoint)?,
    })
}

pub(super) fn expires_at(members: Members<'_>) -> Result<Option<Timestamp>, Problem> {
    Ok(members.date_time("expiresAt")?.map(|at| at.instant()))
}

/// Members that nothing more is read from here.
fn check_plain(members: Members<'_>) -> Result<(), Problem> {
    for name in ["description", "subscriptionName"] {
        members.text(name)?;
    }
    for name in ["localOnly", "splitEntities"] {
        members.flag(name)?;
    }
    members.uri("jsonldContext")?;
    if members.has("temporalQ") {
        return Err(members.wrong("temporalQ", "is only for subscriptions to registrations"));
    }
    Ok(())
}

/// The version of NGSI-LD that the receiver knows.
fn conformance(members: Members<'_>) -> Result<Option<(u32, u32)>, Problem> {
    let Some(version) = members.text("ngsildConformance")? else { return Ok(None) };
    let number = |text: &str| {
        let is_plain = text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_plain)
    };
    let parts = version.split_once('.');
    let parts = parts.and_then(|(major, minor)| number(major).zip(number(minor)));
    let wrong = || members.wrong("ngsildConformance", "is not a version such as 1.6");
    parts.map(Some).ok_or_else(wrong)
}

fn selectors(members: Members<'_>, parser: Parser<'_>) -> Result<Vec<Selector>, Problem> {
    let Some(entities) = members.objects("entities", "entities.")? else { return Ok(Vec::new()) };
    if entities.is_empty() {
        return Err(members.wrong("entities", "is an array of nothing"));
    }
    if entities.len() > parser.limits.query_terms_max {
        return Err(members.wrong("entities", "has too many selectors (`query_terms_max`)"));
    }
    let is_remote = members.flag("localOnly")? == Some(false);
    entities.into_iter().map(|one| selector(one, parser, is_remote)).collect()
}

fn selector(
    members: Members<'_>,
    parser: Parser<'_>,
    is_remote: bool,
) -> Result<Selector, Problem> {
    let Some(types) = members.text("type")? else {
        return Err(members.wrong("type", "is missing; `*` is any"));
    };
    let types = match parser.types(types)? {
        TypeSelector::Any if is_remote => {
            return Err(members.wrong("type", "is `*`, which does not go with `localOnly` false"));
        }
        TypeSelector::Any => None,
        types => Some(types),
    };
    let ids = members.text_or_texts("id")?.unwrap_or_default();
    let ids = ids.into_iter().map(|id| uri("entities.id", id));
    let pattern = members.text("idPattern")?.map(|text| {
        let pattern = Pattern::within(text, parser.limits);
        pattern.map_err(|invalid| Invalid { what: "entities.idPattern", ..invalid })
    });
    Ok(Selector {
        types,
        ids: ids.collect::<Result<Vec<EntityId>, _>>()?,
        pattern: pattern.transpose()?,
    })
}

fn names(
    members: Members<'_>,
    name: &'static str,
    parser: Parser<'_>,
) -> Result<Option<Vec<Name>>, Problem> {
    let Some(texts) = members.texts(name)? else { return Ok(None) };
    if texts.len() > parser.limits.query_terms_max {
        return Err(members.wrong(name, "names too many attributes (`query_terms_max`)"));
    }
    let mut names = Vec::new();
    for text in texts {
        names.extend(parser.names(name, text)?);
    }
    Ok(Some(names))
}

/// `throttling` or `timeInterval`, in seconds.
fn schedule(members: Members<'_>) -> Result<Schedule, Problem> {
    let throttling = members.span("throttling", 1.0)?;
    match members.span("timeInterval", 1.0)? {
        None => Ok(Schedule::OnChange { throttling }),
        Some(_) if throttling.is_some() => {
            Err(members.wrong("throttling", "does not go with `timeInterval`"))
        }
        Some(interval) if interval < INTERVAL_MIN => Err(members
            .wrong("timeInterval", format!("is less than {} seconds", INTERVAL_MIN.as_secs_f64()))),
        Some(interval) => Ok(Schedule::Every(interval)),
    }
}

/// How often a subscription may ask for notifications whether anything changes or not.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Table 5.2.12-1: what must be there, and what excludes what.
fn check_width(
    members: Members<'_>,
    selectors: &[Selector],
    watched: &[Name],
    schedule: Schedule,
) -> Result<(), Problem> {
    let is_local = members.flag("localOnly")? == Some(true);
    let is_periodic = matches!(schedule, Schedule::Every(_));
    if is_periodic && !watched.is_empty() {
        return Err(members.wrong("watchedAttributes", "does not go with `timeInterval`"));
    }
    if is_periodic && selectors.is_empty() && !is_local {
        return Err(members.wrong("timeInterval", "needs `entities`, or `localOnly` true"));
    }
    if selectors.is_empty() && watched.is_empty() && !is_local {
        return Err(members.wrong(
            "entities",
            "is missing; give `entities`, `watchedAttributes`, or `localOnly` true",
        ));
    }
    Ok(())
}

fn triggers(members: Members<'_>) -> Result<Vec<Trigger>, Problem> {
    let Some(names) = members.texts("notificationTrigger")? else {
        return Ok(Triggers::DEFAULT.to_vec());
    };
    let trigger = |name: &str| {
        Trigger::from_name(name).ok_or_else(|| {
            let known = Trigger::ALL.map(Trigger::name).join(", ");
            members.wrong("notificationTrigger", format!("has an unknown one; it knows {known}"))
        })
    };
    names.into_iter().map(trigger).collect()
}

/// `q`, `geoQ` and `scopeQ` as one filter, and how many relationships it follows.
fn filter(
    members: Members<'_>,
    parser: Parser<'_>,
    terms: &Terms<'_>,
) -> Result<(Filter, usize), Problem> {
    let expand = |term: &str| Ok(Name::new(terms.expand(term)));
    let words = Parser { expand: &expand, limits: parser.limits };
    let listed = |name| -> Result<Option<String>, Problem> {
        Ok(members.text_or_texts(name)?.map(|texts| texts.join(",")))
    };
    let (expand_values, json_keys) = (listed("expandValues")?, listed("jsonKeys")?);
    let options = words.q_options(expand_values.as_deref(), json_keys.as_deref())?;
    let mut filters = Vec::new();
    let mut link_depth = 0;
    if let Some(q) = members.text("q")? {
        // In JSON nothing needs to be percent-encoded, yet clients copy `q` from a URI.
        let q = decoded(q).unwrap_or(Cow::Borrowed(q));
        let condition = words.q(&q, &options)?;
        link_depth = condition.link_depth();
        filters.push(Filter::Condition(condition));
    }
    if let Some(csf) = members.text("csf")? {
        // There are no context sources to choose from, yet the filter must be one.
        words.q(csf, &options).map_err(|invalid| Invalid { what: "csf", ..invalid })?;
    }
    if let Some(geo) = members.object("geoQ", "geoQ.")? {
        let coordinates = match geo.all.get("coordinates") {
            Some(array) if array.is_array() => Some(Cow::Owned(array.to_string())),
            _ => geo.text("coordinates")?.map(Cow::Borrowed),
        };
        let asked = Geo {
            georel: geo.text("georel")?.map(Cow::Borrowed),
            geometry: geo.text("geometry")?.map(Cow::Borrowed),
            coordinates,
            geoproperty: Some(Cow::Borrowed(geo.text("geoproperty")?.unwrap_or(LOCATION))),
        };
        let Some(condition) = selection::geo(&asked, parser)? else {
            return Err(members.wrong("geoQ", "has no `georel`, `geometry` and `coordinates`"));
        };
        filters.push(Filter::Geo(condition));
    }
    if let Some(scope_q) = members.text("scopeQ")? {
        filters.push(Filter::Scope(parser.scope_q(scope_q)?));
    }
    let filter = match filters.len() {
        0 => Filter::Everything,
        1 => filters.remove(0),
        _ => Filter::All(filters),
    };
    Ok((filter, link_depth))
}

/// The GeoProperty that is meant where none is named.
const LOCATION: &str = "https://uri.etsi.org/ngsi-ld/location";

/// How notifications look (5.2.14.1).
fn params(
    members: Members<'_>,
    notification: Members<'_>,
    record: &Record,
    parser: Parser<'_>,
) -> Result<Notification, Problem> {
    let format = format(notification)?;
    let show_changes = notification.flag("showChanges")?.unwrap_or(false);
    if show_changes && format == Format::Simplified {
        return Err(notification.wrong("showChanges", "does not go with the simplified format"));
    }
    let join = join(notification, parser.limits.join_level_max)?;
    let (pick, omit) = projections(notification, parser, join)?;
    let dataset_ids = members.text_or_texts("datasetId")?.unwrap_or_default();
    let languages = members.text("lang")?;
    let languages = languages.map(|lang| LanguageRanges::within(lang, parser.limits));
    Ok(Notification {
        format,
        sys_attrs: notification.flag("sysAttrs")?.unwrap_or(false),
        show_changes,
        pick,
        omit,
        join,
        dataset_ids: dataset_ids.into_iter().map(dataset_id).collect::<Result<_, _>>()?,
        languages: languages.transpose()?,
        conformance: conformance(members)?,
        context: record.context.clone(),
        context_url: record.context_url.clone(),
    })
}

fn format(notification: Members<'_>) -> Result<Format, Problem> {
    match notification.text("format")? {
        None | Some("normalized") => Ok(Format::Normalized),
        Some("concise") => Ok(Format::Concise),
        Some("simplified" | "keyValues") => Ok(Format::Simplified),
        Some(_) => Err(notification
            .wrong("format", "is none of normalized, concise, simplified and keyValues")),
    }
}

fn join(notification: Members<'_>, level_max: usize) -> Result<Join, Problem> {
    let level = notification.level("joinLevel", level_max)?.unwrap_or(1);
    match notification.text("join")? {
        None | Some("@none") => Ok(Join::None),
        Some("inline") => Ok(Join::Inline(level)),
        Some("flat") => Ok(Join::Flat(level)),
        Some(_) => Err(notification.wrong("join", "is none of inline, flat and @none")),
    }
}

type Projections = (Option<Projection>, Option<Projection>);

fn projections(
    notification: Members<'_>,
    parser: Parser<'_>,
    join: Join,
) -> Result<Projections, Problem> {
    let read = |name: &'static str| -> Result<Option<Projection>, Problem> {
        let Some(texts) = notification.texts(name)? else { return Ok(None) };
        Ok(Some(parser.projection(name, &texts.join(","))?))
    };
    let (attributes, pick, omit) = (read("attributes")?, read("pick")?, read("omit")?);
    if let Some(attributes) = attributes {
        if pick.is_some() || omit.is_some() {
            return Err(notification.wrong("attributes", "does not go with `pick` or `omit`"));
        }
        return Ok((Some(with_id_and_type(notification, attributes)?), None));
    }
    let levels = match join {
        Join::None => 0,
        Join::Inline(levels) | Join::Flat(levels) => levels as usize,
    };
    for (name, projection) in [("pick", &pick), ("omit", &omit)] {
        if projection.as_ref().is_some_and(|one| levels < one.link_depth()) {
            return Err(notification.wrong(name, "follows more relationships than `joinLevel`"));
        }
    }
    if let (Some(pick), Some(omit)) = (&pick, &omit)
        && omit.members.iter().any(|one| one.linked.is_none() && pick.get(&one.member).is_some())
    {
        return Err(notification.wrong("omit", "names what `pick` names too"));
    }
    Ok((pick, omit))
}

/// `attributes` names attributes only; an entity is not shown without its id and type.
fn with_id_and_type(
    notification: Members<'_>,
    attributes: Projection,
) -> Result<Projection, Problem> {
    use query::{Member, Projected};
    let is_attribute = |one: &Projected| matches!(one.member, Member::Attribute(_));
    if !attributes.members.iter().all(is_attribute) {
        return Err(notification.wrong("attributes", "names `id`, `type` or `scope`; use `pick`"));
    }
    let header = [Member::Id, Member::Type].map(|member| Projected { member, linked: None });
    Ok(Projection { members: header.into_iter().chain(attributes.members).collect() })
}

/// The media type of notifications.
pub(super) fn accept(members: Members<'_>) -> Result<Accept, Problem> {
    match members.text("accept")? {
        None | Some("application/json") => Ok(Accept::Json),
        Some("application/ld+json") => Ok(Accept::LdJson),
        Some("application/geo+json") => Ok(Accept::GeoJson),
        Some(_) => Err(members.wrong(
            "accept",
            "is none of application/json, application/ld+json and application/geo+json",
        )),
    }
}
