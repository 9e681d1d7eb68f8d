//! Query parameters: only those that an operation knows, each at most once (clause 6.3.20).

use std::borrow::Cow;

use model::{DateTime, Uri};

use super::escape::decoded_query;
use super::problem::Problem;

/// The parameters of one request, decoded.
#[derive(Debug, Default)]
pub(crate) struct Parameters<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

/// `/entities` and everything below takes this one (clause 6.3.18). All data is local.
const LOCAL: &str = "local";

impl<'q> Parameters<'q> {
    pub fn parse(query: Option<&'q str>) -> Result<Parameters<'q>, Problem> {
        let mut parameters = Vec::new();
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decoded_query(name), decoded_query(value)) else {
                let pair: String = pair.chars().take(100).collect();
                return Err(Problem::invalid_request(format!(
                    "`{pair}` is not valid percent-encoding"
                )));
            };
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(Problem::invalid_request(format!("`{name}` is given twice")));
            }
            parameters.push((name, value));
        }
        Ok(Parameters(parameters))
    }

    /// Refuses parameters that the operation does not know.
    pub fn allow(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&&**name)) {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(100).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(Problem::invalid_request(format!(
                    "the operation has no parameter `{name}`; it knows: {known}"
                )))
            }
        }
    }

    /// Refuses options that the operation does not know.
    pub fn allow_options(&self, known: &[&str]) -> Result<(), Problem> {
        match self.options().find(|option| !known.contains(option)) {
            None => Ok(()),
            Some(option) => Err(Problem::invalid_request(format!(
                "`options`: the operation has no option `{option}`; it knows: {}",
                known.join(", ")
            ))),
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    pub fn options(&self) -> impl Iterator<Item = &str> {
        let options = self.text("options").unwrap_or_default().split(',');
        options.map(str::trim).filter(|option| !option.is_empty())
    }

    pub fn has_option(&self, name: &str) -> bool {
        self.options().any(|option| option == name)
    }

    /// `true` or `false`; nothing where it is not given.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => {
                Err(Problem::bad_request_data(format!("`{name}` is neither true nor false")))
            }
        }
    }

    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    /// `local` says true or false. Either way the answer is the same: there is nothing remote.
    pub fn local(&self) -> Result<Option<bool>, Problem> {
        self.boolean(LOCAL)
    }

    pub fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().map_err(|_| {
            Problem::bad_request_data(format!("`{name}` is not a number of 0 or more"))
        });
        number.map(Some)
    }

    pub fn date_time(&self, name: &str) -> Result<Option<DateTime>, Problem> {
        let parsed = self.text(name).map(|text| {
            DateTime::parse(text)
                .map_err(|error| Problem::bad_request_data(format!("`{name}`: {error}")))
        });
        parsed.transpose()
    }

    /// All parameters by name, for links to other pages.
    pub fn sorted(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> =
            self.0.iter().map(|(name, value)| (&**name, &**value)).collect();
        all.sort_unstable();
        all
    }
}

pub(crate) fn uri(name: &str, text: &str) -> Result<Uri, Problem> {
    Uri::parse(text).map_err(|error| Problem::bad_request_data(format!("`{name}`: {error}")))
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
