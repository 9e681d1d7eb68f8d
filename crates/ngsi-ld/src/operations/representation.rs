//! How entities go out: what the parameters of a read ask for (clauses 4.5, 4.15, 4.21, 6.3.7).

use std::borrow::Cow;
use std::sync::Arc;

use broker::{LinkedEntities, Reach};
use model::{Attribute, Entity, EntityId, Name, Uri};
use query::{LanguageRanges, Limits, Parser, SystemMember};

use crate::contexts::Compiled;
use crate::door::{
    Answer, Call, MediaType, Parameters, Preferences, Problem, expanded, preferences, uri,
};
use crate::write::{self, Format, GeoShape, Linked, Member, Projected, Projection, Shape};

/// What a request says of the form of its answer, as text.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    pub attrs: Option<Cow<'a, str>>,
    pub pick: Option<Cow<'a, str>>,
    pub omit: Option<Cow<'a, str>>,
    pub lang: Option<Cow<'a, str>>,
    pub dataset_ids: Option<Vec<Cow<'a, str>>>,
    pub geometry_property: Option<Cow<'a, str>>,
    pub join: Option<Cow<'a, str>>,
    pub join_level: Option<Cow<'a, str>>,
    pub contained_by: Vec<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    pub fn of_parameters(parameters: &'a Parameters<'_>) -> Asked<'a> {
        let text = |name| parameters.text(name).map(Cow::Borrowed);
        let list = |name| parameters.text(name).map(split);
        Asked {
            attrs: text("attrs"),
            pick: text("pick"),
            omit: text("omit"),
            lang: text("lang"),
            dataset_ids: list("datasetId"),
            geometry_property: text("geometryProperty"),
            join: text("join"),
            join_level: text("joinLevel"),
            contained_by: list("containedBy").unwrap_or_default(),
        }
    }
}

/// The items of a comma-separated list.
pub(super) fn split(text: &str) -> Vec<Cow<'_, str>> {
    text.split(',').map(|item| Cow::Borrowed(item.trim())).collect()
}

/// How linked entities come along (clause 4.5.23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    None,
    Inline(u32),
    Flat(u32),
}

impl Join {
    fn levels(self) -> u32 {
        match self {
            Join::None => 0,
            Join::Inline(levels) | Join::Flat(levels) => levels,
        }
    }
}

/// The form of an answer, decided.
#[derive(Debug)]
pub(super) struct Representation {
    compiled: Arc<Compiled>,
    media_type: MediaType,
    pub preferences: Preferences,
    format: Format,
    sys_attrs: bool,
    pub pick: Option<Vec<Projected>>,
    pub omit: Option<Vec<Projected>>,
    /// Does the projection come from `attrs`?
    pub from_attrs: bool,
    pub dataset_ids: Vec<Option<Uri>>,
    languages: Option<LanguageRanges>,
    geometry_property: Option<Name>,
    join: Join,
    contained_by: Vec<EntityId>,
}

const FORMATS: [(&str, Format); 4] = [
    ("normalized", Format::Normalized),
    ("concise", Format::Concise),
    ("simplified", Format::Simplified),
    ("keyValues", Format::Simplified),
];

impl Representation {
    pub fn new(
        call: &Call<'_>,
        asked: &Asked<'_>,
        compiled: Arc<Compiled>,
        media_type: MediaType,
    ) -> Result<Representation, Problem> {
        let format = format(&call.parameters)?;
        Representation::in_format(call, asked, compiled, media_type, format)
    }

    pub fn in_format(
        call: &Call<'_>,
        asked: &Asked<'_>,
        compiled: Arc<Compiled>,
        media_type: MediaType,
        format: Format,
    ) -> Result<Representation, Problem> {
        let join = join(asked, call.settings().join_level_max)?;
        let limits = call.query_limits();
        let (pick, omit) = projections(asked, &compiled, &limits, join)?;
        let languages = asked.lang.as_deref().map(|lang| LanguageRanges::within(lang, &limits));
        let languages = languages.transpose()?;
        let dataset_ids = asked.dataset_ids.iter().flatten().map(|id| dataset_id(id));
        let dataset_ids = dataset_ids.collect::<Result<_, _>>()?;
        if asked.geometry_property.is_some() && media_type != MediaType::GeoJson {
            return Err(Problem::bad_request_data(
                "`geometryProperty` goes only with an Accept header of application/geo+json",
            ));
        }
        let geometry_property = match media_type {
            MediaType::GeoJson => {
                let named = asked.geometry_property.as_deref().unwrap_or("location");
                Some(expanded(named, &compiled))
            }
            _ => None,
        };
        let contained_by = asked.contained_by.iter().map(|id| uri("containedBy", id));
        Ok(Representation {
            media_type,
            preferences: preferences(call.headers()),
            format,
            sys_attrs: call.parameters.has_option("sysAttrs"),
            pick,
            omit,
            from_attrs: asked.attrs.is_some(),
            dataset_ids,
            languages,
            geometry_property,
            join,
            contained_by: contained_by.collect::<Result<_, _>>()?,
            compiled,
        })
    }

    pub fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    pub fn media_type(&self) -> MediaType {
        self.media_type
    }

    /// The attributes of which an entity must have one, where only attributes were picked
    /// (clause 5.7.2.4).
    pub fn needed(&self) -> Option<Vec<Name>> {
        let name = |projected: &Projected| match &projected.member {
            Member::Attribute(name) => Some(name.clone()),
            Member::Id | Member::Type | Member::Scope => None,
        };
        self.pick.as_ref()?.iter().map(name).collect()
    }

    /// How many relationships may be followed.
    pub fn levels(&self) -> usize {
        self.join.levels() as usize
    }

    pub fn projection(&self) -> Projection<'_> {
        Projection { pick: self.pick.as_deref(), omit: self.omit.as_deref() }
    }

    pub fn shape<'a>(&'a self, linked: &'a LinkedEntities) -> Shape<'a> {
        let in_body = match self.media_type {
            MediaType::Json => false,
            MediaType::LdJson => true,
            MediaType::GeoJson => !self.preferences.context_in_header,
        };
        Shape {
            format: self.format,
            sys_attrs: self.sys_attrs,
            projection: self.projection(),
            dataset_ids: &self.dataset_ids,
            languages: self.languages.as_ref(),
            context_in_body: in_body.then(|| self.compiled.json()),
            linked: match self.join {
                Join::None => Linked::None,
                Join::Inline(levels) => Linked::Inline { entities: linked, levels },
                Join::Flat(levels) => Linked::Flat { entities: linked, levels },
            },
            deleted_at: None,
        }
    }

    /// Is anything left of the entity when all is left out that was not asked for?
    pub fn shows_anything_of(&self, entity: &Entity) -> bool {
        let shows = |member: Member| {
            let is = |projected: &&Projected| projected.member == member;
            let picked = self.pick.as_ref().is_none_or(|pick| pick.iter().find(is).is_some());
            let omitted = self.omit.as_ref().and_then(|omit| omit.iter().find(is));
            picked && omitted.is_none_or(|omitted| !omitted.below.is_empty())
        };
        if self.pick.is_none() && self.omit.is_none() {
            return true;
        }
        let has_instances = |attribute: &Attribute| {
            self.dataset_ids.is_empty()
                || attribute.instances.iter().any(|one| self.dataset_ids.contains(&one.dataset_id))
        };
        let attributes = || {
            let shown = entity.attributes.iter().filter(|attribute| has_instances(attribute));
            shown.map(|attribute| Member::Attribute(attribute.name.clone())).any(shows)
        };
        // `attrs` asks for attributes: that an entity always has an id and a type does not count.
        let members = || {
            shows(Member::Id)
                || shows(Member::Type)
                || (!entity.scopes.is_empty() && shows(Member::Scope))
        };
        (!self.from_attrs && members()) || attributes()
    }

    /// One entity; with flattened linked entities, an array of it and of them.
    pub async fn of_one(&self, call: &Call<'_>, entity: Arc<Entity>) -> Result<Answer, Problem> {
        let entities = [entity];
        let linked = self.linked(call, &entities).await?;
        let shape = self.shape(&linked);
        let mut body = String::with_capacity(1024);
        let context = self.compiled.context();
        // With nothing to stand beside it, an entity stands alone.
        let join = if linked.is_empty() { Join::None } else { self.join };
        match (&self.geometry_property, join) {
            (None, Join::Flat(_)) => write::entities(&mut body, &entities, context, &shape),
            (None, _) => write::entity(&mut body, &entities[0], context, &shape),
            (Some(geometry_property), join) => {
                let geo = GeoShape { geometry_property };
                match join {
                    Join::Flat(_) => {
                        write::feature_collection(&mut body, &entities, context, &shape, &geo);
                    }
                    _ => write::feature(&mut body, &entities[0], context, &shape, &geo),
                }
            }
        }
        Ok(Answer::new(body, self.media_type).with_context(&self.compiled, self.preferences))
    }

    /// Any number of entities.
    pub async fn of_many(
        &self,
        call: &Call<'_>,
        entities: &[Arc<Entity>],
    ) -> Result<Answer, Problem> {
        let linked = self.linked(call, entities).await?;
        let shape = self.shape(&linked);
        let mut body = String::with_capacity(64 + 1024 * entities.len());
        let context = self.compiled.context();
        match &self.geometry_property {
            None => write::entities(&mut body, entities, context, &shape),
            Some(geometry_property) => {
                let geo = GeoShape { geometry_property };
                write::feature_collection(&mut body, entities, context, &shape, &geo);
            }
        }
        Ok(Answer::new(body, self.media_type).with_context(&self.compiled, self.preferences))
    }

    /// One attribute; nothing where none of its instances was asked for.
    pub fn of_attribute(&self, attribute: &Attribute) -> Option<Answer> {
        let linked = LinkedEntities::new();
        let shape = self.shape(&linked);
        let mut body = String::with_capacity(256);
        let written = write::attribute(&mut body, attribute, self.compiled.context(), &shape);
        let answer = Answer::new(body, self.media_type);
        written.then(|| answer.with_context(&self.compiled, self.preferences))
    }

    async fn linked(
        &self,
        call: &Call<'_>,
        entities: &[Arc<Entity>],
    ) -> Result<LinkedEntities, Problem> {
        let levels = self.join.levels();
        if levels == 0 {
            return Ok(LinkedEntities::new());
        }
        let reach = Reach {
            levels,
            skip: &self.contained_by,
            entities_max: call.settings().linked_entities_max,
        };
        Ok(call.broker().linked(&call.caller, &call.tenant, entities, reach).await?)
    }
}

/// `format`, or else what `options` say (clause 6.3.7).
fn format(parameters: &Parameters<'_>) -> Result<Format, Problem> {
    parameters.allow_options(&["sysAttrs", "normalized", "concise", "simplified", "keyValues"])?;
    let find = |wanted: &str| FORMATS.iter().find(|(name, _)| *name == wanted).map(|(_, f)| *f);
    match parameters.text("format") {
        None => Ok(parameters.options().find_map(find).unwrap_or_default()),
        Some(wanted) => find(wanted).ok_or_else(|| {
            Problem::invalid_request(format!(
                "`format`: there is no format `{wanted}`; use normalized, concise or simplified"
            ))
        }),
    }
}

fn join(asked: &Asked<'_>, level_max: usize) -> Result<Join, Problem> {
    let level = match asked.join_level.as_deref().map(str::parse::<u32>) {
        None => 1,
        Some(Ok(level)) if (1..=level_max).contains(&(level as usize)) => level,
        Some(_) => {
            return Err(Problem::bad_request_data(format!(
                "`joinLevel` is not a number from 1 to {level_max} (setting `join_level_max`)"
            )));
        }
    };
    match asked.join.as_deref() {
        None | Some("@none") => Ok(Join::None),
        Some("inline") => Ok(Join::Inline(level)),
        Some("flat") => Ok(Join::Flat(level)),
        Some(_) => Err(Problem::bad_request_data("`join` is none of inline, flat and @none")),
    }
}

/// `@none` is the default instance (clause 4.5.5.1).
pub(super) fn dataset_id(text: &str) -> Result<Option<Uri>, Problem> {
    if text == "@none" { Ok(None) } else { uri("datasetId", text).map(Some) }
}

type Projections = (Option<Vec<Projected>>, Option<Vec<Projected>>);

/// What `pick`, `omit` and the deprecated `attrs` leave of an entity.
fn projections(
    asked: &Asked<'_>,
    compiled: &Compiled,
    limits: &Limits,
    join: Join,
) -> Result<Projections, Problem> {
    let expand = |term: &str| Ok(expanded(term, compiled));
    let parser = Parser { expand: &expand, limits };
    if let Some(attrs) = &asked.attrs {
        if asked.pick.is_some() || asked.omit.is_some() {
            return Err(Problem::bad_request_data("`attrs` does not go with `pick` or `omit`"));
        }
        let names = parser.names("attrs", attrs)?;
        let members = names.into_iter().map(Member::Attribute);
        let all = [Member::Id, Member::Type].into_iter().chain(members);
        let pick = all.map(|member| Projected { member, below: Vec::new() }).collect();
        return Ok((Some(pick), None));
    }
    let parse = |what: &'static str, text: &Option<Cow<'_, str>>| -> Result<_, Problem> {
        let Some(text) = text else { return Ok(None) };
        let projection = parser.projection(what, text)?;
        let depth = projection.link_depth();
        if join.levels() as usize >= depth {
            return Ok(Some(projection));
        }
        Err(Problem::bad_request_data(format!(
            "`{what}` follows {depth} relationships; `join` and `joinLevel` allow {}",
            join.levels()
        )))
    };
    let (pick, omit) = (parse("pick", &asked.pick)?, parse("omit", &asked.omit)?);
    if let (Some(pick), Some(omit)) = (&pick, &omit)
        && let Some(both) =
            omit.members.iter().find(|one| one.linked.is_none() && pick.get(&one.member).is_some())
    {
        return Err(Problem::bad_request_data(format!(
            "`pick` and `omit` both name {}",
            shown(&both.member)
        )));
    }
    Ok((pick.map(projected), omit.map(projected)))
}

fn shown(member: &query::Member) -> String {
    match member {
        query::Member::Id => "`id`".to_owned(),
        query::Member::Type => "`type`".to_owned(),
        query::Member::Scope => "`scope`".to_owned(),
        query::Member::Attribute(name) => format!("`{name}`"),
    }
}

pub(crate) fn projected(projection: query::Projection) -> Vec<Projected> {
    let members = projection.members.into_iter();
    let one = |one: query::Projected| Projected {
        member: match one.member {
            query::Member::Id => Member::Id,
            query::Member::Type => Member::Type,
            query::Member::Scope => Member::Scope,
            query::Member::Attribute(name) => Member::Attribute(name),
        },
        below: one.linked.map(projected).unwrap_or_default(),
    };
    members.map(one).collect()
}

/// Is this more than a member that every entity has (clause 5.7.2.4)?
pub(super) fn is_attribute(name: &Name) -> bool {
    SystemMember::of(name).is_none()
}
