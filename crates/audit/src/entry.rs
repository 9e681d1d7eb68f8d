//! What an entry of the record says: who, what, on what, from where, and how it ended.
//!
//! The form of an entry is its purpose, so it is written and read as it stands (see `line`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::target::without_secrets;
use crate::text::Text;

/// How long the name of a caller, or of a tenant, may be.
pub const NAME_BYTES_MAX: usize = 256;
pub const TARGET_BYTES_MAX: usize = 2048;
pub const ADDRESS_BYTES_MAX: usize = 128;
pub const REASON_BYTES_MAX: usize = 1024;
pub const REQUEST_BYTES_MAX: usize = 128;
pub const DETAIL_NAME_BYTES_MAX: usize = 64;
pub const DETAIL_BYTES_MAX: usize = 512;

/// One thing that happened. When, is said by the line that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub event: Event,
    pub who: Who,
    /// On what it was done: a path, an entity, the name of a key or setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text<TARGET_BYTES_MAX>>,
    /// The address it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Text<ADDRESS_BYTES_MAX>>,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The id of the request, as logs have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Text<REQUEST_BYTES_MAX>>,
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    SignIn,
    /// Something was asked for that the caller may not have.
    Refusal,
    Administration,
    PolicyChange,
    ConfigurationChange,
    Export,
    /// A secret or signing key was made, used, rotated or destroyed.
    KeyUse,
    /// The record itself was read.
    AuditRead,
    Read,
    Write,
    /// Recording began: the platform started.
    Start,
    /// Recording ended in good order.
    Stop,
}

impl Event {
    pub const ALL: [Event; 12] = [
        Event::SignIn,
        Event::Refusal,
        Event::Administration,
        Event::PolicyChange,
        Event::ConfigurationChange,
        Event::Export,
        Event::KeyUse,
        Event::AuditRead,
        Event::Read,
        Event::Write,
        Event::Start,
        Event::Stop,
    ];

    /// As lines of the record have it.
    pub fn name(self) -> &'static str {
        match self {
            Event::SignIn => "sign-in",
            Event::Refusal => "refusal",
            Event::Administration => "administration",
            Event::PolicyChange => "policy-change",
            Event::ConfigurationChange => "configuration-change",
            Event::Export => "export",
            Event::KeyUse => "key-use",
            Event::AuditRead => "audit-read",
            Event::Read => "read",
            Event::Write => "write",
            Event::Start => "start",
            Event::Stop => "stop",
        }
    }

    pub fn of_name(name: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// Who did it, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    pub name: Text<NAME_BYTES_MAX>,
    /// How the caller is known.
    pub kind: Identity,
    /// The tenant it was about; none for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Text<NAME_BYTES_MAX>>,
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Not at all.
    Anonymous,
    /// By an API key.
    Key,
    /// By a token of an identity provider.
    Token,
    /// By a client certificate.
    Certificate,
    /// By a session of the console.
    Session,
    /// By holding the data directory: the command line.
    Operator,
    /// The platform itself.
    System,
}

impl Identity {
    pub const ALL: [Identity; 7] = [
        Identity::Anonymous,
        Identity::Key,
        Identity::Token,
        Identity::Certificate,
        Identity::Session,
        Identity::Operator,
        Identity::System,
    ];

    /// As lines of the record have it.
    pub fn name(self) -> &'static str {
        match self {
            Identity::Anonymous => "anonymous",
            Identity::Key => "key",
            Identity::Token => "token",
            Identity::Certificate => "certificate",
            Identity::Session => "session",
            Identity::Operator => "operator",
            Identity::System => "system",
        }
    }
}

impl Who {
    /// The platform itself.
    pub fn system() -> Who {
        Who { name: "comity".into(), kind: Identity::System, tenant: None }
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    Allowed,
    /// It may not be done.
    Refused {
        reason: Text<REASON_BYTES_MAX>,
    },
    /// It may be done, but could not.
    Failed {
        reason: Text<REASON_BYTES_MAX>,
    },
}

impl Outcome {
    pub const NAMES: [&str; 3] = ["allowed", "refused", "failed"];

    pub fn refused(reason: &str) -> Outcome {
        Outcome::Refused { reason: reason.into() }
    }

    pub fn failed(reason: &str) -> Outcome {
        Outcome::Failed { reason: reason.into() }
    }

    /// As lines of the record have it.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Refused { .. } => "refused",
            Outcome::Failed { .. } => "failed",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Allowed => None,
            Outcome::Refused { reason } | Outcome::Failed { reason } => Some(reason.as_str()),
        }
    }
}

/// How many details an entry may have.
pub const DETAILS_MAX: usize = 16;

/// The detail that says how many others were left out.
const LEFT_OUT: &str = "(left out)";

/// What else there is to say, by name. Never a secret, never a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Details(BTreeMap<Text<DETAIL_NAME_BYTES_MAX>, Text<DETAIL_BYTES_MAX>>);

impl Details {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds one. After [`DETAILS_MAX`] it is only counted how many more there were.
    pub fn add(&mut self, name: &str, value: &str) {
        if self.0.len() < DETAILS_MAX - 1 || self.0.contains_key(&name.into()) {
            self.0.insert(name.into(), value.into());
            return;
        }
        let left_out = self.0.get(&LEFT_OUT.into()).and_then(|count| count.as_str().parse().ok());
        let count = left_out.unwrap_or(0_u64) + 1;
        self.0.insert(LEFT_OUT.into(), count.to_string().into());
    }

    /// The same, of what may be a path or URL.
    pub fn add_target(&mut self, name: &str, target: &str) {
        self.add(name, &without_secrets(target));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Entry {
    /// An entry that says no more than it must.
    pub fn new(event: Event, who: Who, outcome: Outcome) -> Entry {
        Entry {
            event,
            who,
            target: None,
            from: None,
            outcome,
            request: None,
            details: Details::default(),
        }
    }

    /// Of a path or URL with a query, no value is kept but of a short list of harmless parameters:
    /// tokens may stand there.
    pub fn target(self, target: &str) -> Entry {
        Entry { target: Some(without_secrets(target).into()), ..self }
    }

    pub fn from(self, address: &str) -> Entry {
        Entry { from: Some(address.into()), ..self }
    }

    pub fn request(self, id: &str) -> Entry {
        Entry { request: Some(id.into()), ..self }
    }

    pub fn detail(mut self, name: &str, value: &str) -> Entry {
        self.details.add(name, value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_written() {
        for event in Event::ALL {
            let written = serde_json::to_value(event).unwrap();
            assert_eq!(written, event.name());
            assert_eq!(Event::of_name(event.name()), Some(event));
        }
        for kind in Identity::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for outcome in [Outcome::Allowed, Outcome::refused("a"), Outcome::failed("b")] {
            assert_eq!(serde_json::to_value(&outcome).unwrap()["outcome"], outcome.name());
            assert!(Outcome::NAMES.contains(&outcome.name()));
        }
    }

    #[test]
    fn further_details_are_counted() {
        let mut details = Details::default();
        for number in 0..DETAILS_MAX + 4 {
            details.add(&format!("name {number}"), "value");
        }
        assert_eq!(details.len(), DETAILS_MAX);
        assert_eq!(details.iter().find(|(name, _)| *name == LEFT_OUT), Some((LEFT_OUT, "5")));
    }
}
