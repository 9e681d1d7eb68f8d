//! How evolutions go out: what the parameters of a read ask for (6.3.10 to 6.3.12).

use std::sync::Arc;

use axum::response::Response;
use broker::{Evolution, LinkedEntities};
use http::StatusCode;
use http::header::CONTENT_RANGE;
use jsonld::Context;
use model::{Name, SCOPE};
use query::{Aggregation, ReadingSelection, Window};

use super::super::representation::{Asked, Representation};
use super::range::content_range;
use super::temporal;
use crate::contexts::Compiled;
use crate::door::{Answer, Call, MediaType, Parameters, Problem};
use crate::write::{self, Format, Member, Projected, Shape, Telling};

/// The form of an answer, decided, and which readings it takes.
pub(super) struct EvolutionForm {
    pub representation: Representation,
    telling: Telling,
    window: Option<Window>,
    last_n: Option<usize>,
    aggregation: Option<Aggregation>,
}

/// What becomes of the readings of an attribute (6.3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Series {
    Instances,
    Values,
    Aggregates,
}

const SERIES: [(&str, Series); 2] =
    [("temporalValues", Series::Values), ("aggregatedValues", Series::Aggregates)];

impl EvolutionForm {
    pub fn new(
        call: &Call<'_>,
        asked: &Asked<'_>,
        when: &temporal::Asked<'_>,
        compiled: Arc<Compiled>,
        media_type: MediaType,
    ) -> Result<EvolutionForm, Problem> {
        let series = series(&call.parameters)?.unwrap_or(Series::Instances);
        EvolutionForm::of(call, asked, when, compiled, media_type, series)
    }

    /// A Query in a body has no member for its form: aggregation parameters ask for aggregates,
    /// unless the URI asks for something else.
    pub fn of_query(
        call: &Call<'_>,
        asked: &Asked<'_>,
        when: &temporal::Asked<'_>,
        compiled: Arc<Compiled>,
        media_type: MediaType,
    ) -> Result<EvolutionForm, Problem> {
        let implied = match when.aggr_methods {
            Some(_) => Series::Aggregates,
            None => Series::Instances,
        };
        let series = series(&call.parameters)?.unwrap_or(implied);
        EvolutionForm::of(call, asked, when, compiled, media_type, series)
    }

    fn of(
        call: &Call<'_>,
        asked: &Asked<'_>,
        when: &temporal::Asked<'_>,
        compiled: Arc<Compiled>,
        media_type: MediaType,
        series: Series,
    ) -> Result<EvolutionForm, Problem> {
        let representation =
            Representation::in_format(call, asked, compiled, media_type, Format::Normalized)?;
        let window = when.window()?;
        let property = window.map_or_else(Default::default, |window| window.property);
        Ok(EvolutionForm {
            representation,
            telling: match series {
                Series::Values => Telling::Values(property),
                Series::Instances | Series::Aggregates => Telling::Instances,
            },
            window,
            last_n: when.last_n()?,
            aggregation: match series {
                Series::Aggregates => Some(when.aggregation()?),
                Series::Instances | Series::Values => None,
            },
        })
    }

    /// Which readings the answer needs.
    pub fn readings(&self, call: &Call<'_>) -> ReadingSelection {
        let attributes = self.representation.pick.as_deref().map(names);
        let reduced = self.tells_no_readings();
        let datasets = &self.representation.dataset_ids;
        ReadingSelection {
            window: self.window,
            // Any reading in time will do where none goes out.
            attributes: attributes.filter(|_| !reduced),
            omitted: self.representation.omit.as_deref().map(names).unwrap_or_default(),
            datasets: (!datasets.is_empty()).then(|| datasets.clone()),
            last_n: if reduced { Some(1) } else { self.last_n },
            aggregation: self.aggregation.clone().filter(|_| !reduced),
            limit: call.settings().history_answer_readings_max,
        }
    }

    /// Are only members picked that do not change over time?
    fn tells_no_readings(&self) -> bool {
        self.representation.pick.as_deref().is_some_and(|pick| names(pick).is_empty())
    }

    /// Is anything left of the evolution? In the time asked about, it must say something (5.7.3.4).
    pub fn shows_anything_of(&self, evolution: &Evolution) -> bool {
        if evolution.attributes.is_empty() && self.window.is_some() {
            return false;
        }
        let projection = self.representation.projection();
        let members = || projection.shows(&Member::Id) || projection.shows(&Member::Type);
        let attributes = || {
            evolution.attributes.iter().any(|(name, _)| match name.as_str() {
                SCOPE => projection.shows(&Member::Scope),
                _ => projection.shows_attribute(name),
            })
        };
        (!self.representation.from_attrs && members()) || attributes()
    }

    pub fn of_one(&self, evolution: &Evolution) -> Answer {
        self.answer(|body, context, shape| {
            write::evolution(body, evolution, context, shape, self.telling);
        })
    }

    pub fn of_many(&self, evolutions: &[Evolution]) -> Answer {
        self.answer(|body, context, shape| {
            write::evolutions(body, evolutions, context, shape, self.telling);
        })
    }

    fn answer(&self, write: impl FnOnce(&mut String, &Context, &Shape<'_>)) -> Answer {
        let (representation, linked) = (&self.representation, LinkedEntities::new());
        let compiled = representation.compiled();
        let mut body = String::with_capacity(4096);
        write(&mut body, compiled.context(), &representation.shape(&linked));
        let answer = Answer::new(body, representation.media_type());
        answer.with_context(compiled, representation.preferences)
    }

    /// Says of which time the answer is where it could not hold all (6.3.10).
    pub fn mark(&self, response: &mut Response, evolutions: &[Evolution], cut: bool) {
        if !cut || self.tells_no_readings() {
            return;
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = content_range(self.window.unwrap_or_default(), self.last_n, evolutions);
        if let Some(range) = range {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
    }

    /// A query is about some time (5.7.4.4).
    pub fn check_time(&self, when: &temporal::Asked<'_>) -> Result<(), Problem> {
        match when.timerel {
            Some(_) => Ok(()),
            None => Err(Problem::bad_request_data(
                "there is no temporal query; `timerel` and `timeAt` are needed",
            )),
        }
    }
}

/// The attributes among these members; a scope is one here (4.5.6).
fn names(members: &[Projected]) -> Vec<Name> {
    let name = |projected: &Projected| match &projected.member {
        Member::Attribute(name) => Some(name.clone()),
        Member::Scope => Some(Name::new(SCOPE)),
        Member::Id | Member::Type => None,
    };
    members.iter().filter_map(name).collect()
}

/// `format`, or else what `options` say.
fn series(parameters: &Parameters<'_>) -> Result<Option<Series>, Problem> {
    parameters.allow_options(&["sysAttrs", "temporalValues", "aggregatedValues"])?;
    let find = |wanted: &str| SERIES.iter().find(|(name, _)| *name == wanted).map(|(_, s)| *s);
    let mut options = parameters.options().filter_map(find);
    let (first, second) = (options.next(), options.next());
    if second.is_some_and(|second| Some(second) != first) {
        return Err(Problem::invalid_request(
            "`options`: temporalValues and aggregatedValues do not go together",
        ));
    }
    match parameters.text("format") {
        None => Ok(first),
        Some(wanted) => find(wanted).map(Some).ok_or_else(|| {
            Problem::invalid_request(format!(
                "`format`: the operation has no format `{wanted}`; use temporalValues or \
                 aggregatedValues"
            ))
        }),
    }
}
