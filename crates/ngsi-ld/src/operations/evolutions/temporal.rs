//! Which readings are meant: from the texts of a temporal query to what they mean (4.11, 5.2.21).

use std::borrow::Cow;

use query::{Aggregation, TemporalText, Window};

use crate::door::{Parameters, Problem};

/// A temporal query as text.
#[derive(Debug, Default)]
pub(in crate::operations) struct Asked<'a> {
    pub timerel: Option<Cow<'a, str>>,
    pub time_at: Option<Cow<'a, str>>,
    pub end_time_at: Option<Cow<'a, str>>,
    pub timeproperty: Option<Cow<'a, str>>,
    pub last_n: Option<Cow<'a, str>>,
    pub aggr_methods: Option<Cow<'a, str>>,
    pub aggr_period_duration: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    pub fn of_parameters(parameters: &'a Parameters<'_>) -> Asked<'a> {
        let text = |name| parameters.text(name).map(Cow::Borrowed);
        Asked {
            timerel: text("timerel"),
            time_at: text("timeAt"),
            end_time_at: text("endTimeAt"),
            timeproperty: text("timeproperty"),
            last_n: text("lastN"),
            aggr_methods: text("aggrMethods"),
            aggr_period_duration: text("aggrPeriodDuration"),
        }
    }

    pub(super) fn window(&self) -> Result<Option<Window>, Problem> {
        Ok(Window::read(TemporalText {
            timerel: self.timerel.as_deref(),
            time_at: self.time_at.as_deref(),
            end_time_at: self.end_time_at.as_deref(),
            timeproperty: self.timeproperty.as_deref(),
        })?)
    }

    pub(super) fn last_n(&self) -> Result<Option<usize>, Problem> {
        let Some(text) = self.last_n.as_deref() else { return Ok(None) };
        match text.parse() {
            Ok(n) if n > 0 => Ok(Some(n)),
            _ => Err(Problem::bad_request_data("`lastN` is not a whole number of 1 or more")),
        }
    }

    pub(super) fn aggregation(&self) -> Result<Aggregation, Problem> {
        let Some(methods) = self.aggr_methods.as_deref() else {
            return Err(Problem::bad_request_data(
                "`aggrMethods` is missing; aggregated values need at least one method",
            ));
        };
        Ok(Aggregation::read(methods, self.aggr_period_duration.as_deref())?)
    }
}
