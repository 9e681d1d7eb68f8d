//! The members of a JSON object, each read as what it must be; errors name the member.

use std::time::Duration;

use model::{DateTime, Uri};
use serde_json::{Map, Value};

use crate::door::Problem;

/// An object, and where it stands: `notification.endpoint.`.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    pub all: &'a Map<String, Value>,
    pub within: &'static str,
}

/// The longest span that is taken, in seconds: a century.
const SECONDS_MAX: f64 = 3.2e9;

impl<'a> Members<'a> {
    pub fn wrong(self, name: &str, what: impl std::fmt::Display) -> Problem {
        Problem::bad_request_data(format!("`{}{name}` {what}", self.within))
    }

    pub fn has(self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    pub fn object(
        self,
        name: &'static str,
        within: &'static str,
    ) -> Result<Option<Members<'a>>, Problem> {
        match self.all.get(name) {
            None => Ok(None),
            Some(Value::Object(all)) => Ok(Some(Members { all, within })),
            Some(_) => Err(self.wrong(name, "is not an object")),
        }
    }

    pub fn text(self, name: &str) -> Result<Option<&'a str>, Problem> {
        match self.all.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "is not a text with something in it")),
        }
    }

    pub fn flag(self, name: &str) -> Result<Option<bool>, Problem> {
        match self.all.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "is neither true nor false")),
        }
    }

    /// An array of texts, with something in it.
    pub fn texts(self, name: &str) -> Result<Option<Vec<&'a str>>, Problem> {
        let wrong = || self.wrong(name, "is not an array of texts with something in it");
        let Some(value) = self.all.get(name) else { return Ok(None) };
        let items = value.as_array().filter(|items| !items.is_empty()).ok_or_else(wrong)?;
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
        texts.map(Some).ok_or_else(wrong)
    }

    /// The same; a single text stands for an array of it.
    pub fn text_or_texts(self, name: &str) -> Result<Option<Vec<&'a str>>, Problem> {
        match self.all.get(name) {
            Some(Value::String(text)) => Ok(Some(vec![text])),
            _ => self.texts(name),
        }
    }

    pub fn objects(
        self,
        name: &'static str,
        within: &'static str,
    ) -> Result<Option<Vec<Members<'a>>>, Problem> {
        let wrong = || self.wrong(name, "is not an array of objects");
        let Some(value) = self.all.get(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(wrong)?;
        let objects = items.iter().map(|item| item.as_object());
        let objects = objects.map(|all| all.map(|all| Members { all, within }));
        objects.collect::<Option<_>>().map(Some).ok_or_else(wrong)
    }

    /// A span of time, given in units of so many seconds.
    pub fn span(self, name: &str, unit: f64) -> Result<Option<Duration>, Problem> {
        let Some(value) = self.all.get(name) else { return Ok(None) };
        let seconds = value.as_f64().map(|number| number * unit);
        let span = seconds.filter(|seconds| (1e-6..=SECONDS_MAX).contains(seconds));
        span.map(|seconds| Some(Duration::from_secs_f64(seconds)))
            .ok_or_else(|| self.wrong(name, "is not a number greater than 0"))
    }

    pub fn level(self, name: &str, max: usize) -> Result<Option<u32>, Problem> {
        let Some(value) = self.all.get(name) else { return Ok(None) };
        let level = value.as_u64().and_then(|level| u32::try_from(level).ok());
        let level = level.filter(|level| (1..=max).contains(&(*level as usize)));
        let wrong = || format!("is not a number from 1 to {max} (setting `join_level_max`)");
        level.map(Some).ok_or_else(|| self.wrong(name, wrong()))
    }

    pub fn uri(self, name: &str) -> Result<Option<Uri>, Problem> {
        let wrong = |error| self.wrong(name, format!("is no URI: {error}"));
        match self.all.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Uri::parse(text).map(Some).map_err(wrong),
            Some(_) => Err(self.wrong(name, "is not a text")),
        }
    }

    pub fn date_time(self, name: &str) -> Result<Option<DateTime>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        DateTime::parse(text).map(Some).map_err(|error| self.wrong(name, error))
    }
}
