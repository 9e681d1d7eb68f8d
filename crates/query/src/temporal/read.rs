//! From the texts of a temporal query to what they mean (clauses 4.11 and 5.2.21).

use model::DateTime;

use super::{Aggregation, Method, Period, TimeProperty, Window};
use crate::invalid::Invalid;

/// A temporal query as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct TemporalText<'a> {
    pub timerel: Option<&'a str>,
    pub time_at: Option<&'a str>,
    pub end_time_at: Option<&'a str>,
    pub timeproperty: Option<&'a str>,
}

impl Window {
    /// Nothing where nothing is said. A property alone asks for readings that have such a moment.
    pub fn read(text: TemporalText<'_>) -> Result<Option<Window>, Invalid> {
        let property = text.timeproperty.map(TimeProperty::read).transpose()?;
        let at = text.time_at.map(|at| moment("timeAt", at)).transpose()?;
        let end = text.end_time_at.map(|end| moment("endTimeAt", end)).transpose()?;
        let missing = |what, problem| Err(Invalid::new(what, "", 0, problem));
        let Some(relation) = text.timerel else {
            if at.is_some() || end.is_some() {
                return missing("timerel", "it is needed where timeAt or endTimeAt is given");
            }
            let open = |property| Window { property, from: None, until: None };
            return Ok(property.map(open));
        };
        let (from, until) = match relation {
            "before" | "after" | "between" if at.is_none() => {
                return missing("timeAt", "it is needed where timerel is given");
            }
            "between" if end.is_none() => {
                return missing("endTimeAt", "it is needed where timerel is between");
            }
            "before" => (None, at),
            "after" => (at, None),
            "between" => (at, end),
            _ => {
                let problem = "one of before, after, between is expected";
                return Err(Invalid::new("timerel", relation, 0, problem));
            }
        };
        Ok(Some(Window { property: property.unwrap_or_default(), from, until }))
    }
}

fn moment(what: &'static str, text: &str) -> Result<model::Timestamp, Invalid> {
    let moment =
        DateTime::parse(text).map_err(|bad| Invalid::new(what, text, 0, bad.to_string()))?;
    Ok(moment.instant())
}

impl TimeProperty {
    fn read(text: &str) -> Result<TimeProperty, Invalid> {
        Ok(match text {
            "observedAt" => TimeProperty::ObservedAt,
            "createdAt" => TimeProperty::CreatedAt,
            "modifiedAt" => TimeProperty::ModifiedAt,
            "deletedAt" => TimeProperty::DeletedAt,
            _ => {
                let problem = "one of observedAt, createdAt, modifiedAt, deletedAt is expected";
                return Err(Invalid::new("timeproperty", text, 0, problem));
            }
        })
    }

    /// As `timeproperty` has it.
    pub fn name(self) -> &'static str {
        match self {
            TimeProperty::ObservedAt => "observedAt",
            TimeProperty::CreatedAt => "createdAt",
            TimeProperty::ModifiedAt => "modifiedAt",
            TimeProperty::DeletedAt => "deletedAt",
        }
    }
}

impl Aggregation {
    /// `methods` are separated by commas; without a duration there is one period.
    pub fn read(methods: &str, duration: Option<&str>) -> Result<Aggregation, Invalid> {
        let mut known: Vec<Method> = Vec::new();
        for name in methods.split(',').map(str::trim) {
            let method = Method::ALL.into_iter().find(|method| method.name() == name);
            let method = method.ok_or_else(|| {
                let names: Vec<&str> = Method::ALL.into_iter().map(Method::name).collect();
                let problem = format!("`{name}` is not one of {}", names.join(", "));
                Invalid::new("aggrMethods", methods, 0, problem)
            })?;
            if !known.contains(&method) {
                known.push(method);
            }
        }
        let period = duration.map(|text| Period::parse("aggrPeriodDuration", text)).transpose()?;
        Ok(Aggregation { methods: known, period: period.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn read<'a>(
        timerel: &'a str,
        time_at: &'a str,
        end: &'a str,
        property: &'a str,
    ) -> Result<Option<Window>, Invalid> {
        let given = |text: &'a str| (!text.is_empty()).then_some(text);
        Window::read(TemporalText {
            timerel: given(timerel),
            time_at: given(time_at),
            end_time_at: given(end),
            timeproperty: given(property),
        })
    }

    const EARLY: &str = "2020-01-01T00:00:00Z";
    const LATE: &str = "2020-01-02T00:00:00Z";

    #[test]
    fn a_window_is_what_the_clause_says() {
        let early = DateTime::parse(EARLY).unwrap().instant();
        let late = DateTime::parse(LATE).unwrap().instant();
        let just_before = |at: Timestamp| Timestamp(at.0 - 1);
        let before = read("before", EARLY, "", "").unwrap().unwrap();
        assert!(before.contains(just_before(early)) && !before.contains(early));
        let after = read("after", EARLY, "", "modifiedAt").unwrap().unwrap();
        assert!(after.contains(early) && !after.contains(just_before(early)));
        assert_eq!(after.property, TimeProperty::ModifiedAt);
        let between = read("between", EARLY, LATE, "").unwrap().unwrap();
        assert!(between.contains(early) && !between.contains(late));
        assert_eq!(read("", "", "", "").unwrap(), None);
        assert_eq!(read("", "", "", "deletedAt").unwrap().unwrap().from, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (window, what) in [
            (read("after", "", "", ""), "timeAt"),
            (read("", EARLY, "", ""), "timerel"),
            (read("between", EARLY, "", ""), "endTimeAt"),
            (read("since", EARLY, "", ""), "timerel"),
            (read("after", "yesterday", "", ""), "timeAt"),
            (read("after", EARLY, "", "seenAt"), "timeproperty"),
        ] {
            assert_eq!(window.unwrap_err().what, what);
        }
        assert_eq!(Aggregation::read("avg,mode", None).unwrap_err().what, "aggrMethods");
        assert_eq!(Aggregation::read("avg", Some("1h")).unwrap_err().what, "aggrPeriodDuration");
        assert_eq!(Aggregation::read("avg,max,avg", None).unwrap().methods.len(), 2);
    }
}
