//! A subscription, understood (clauses 5.2.12 to 5.2.15, 5.2.22 and 5.2.33).

use std::fmt;
use std::time::Duration;

use model::{EntityId, Name, Tenant, Timestamp, TypeSelector, Uri};
use policy::Caller;
use query::{Filter, IdPattern, LanguageRanges, Projection};

/// Which subscription: ids are unique within a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub tenant: Tenant,
    pub id: Uri,
}

/// A subscription to entities. All names in it are expanded.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub key: Key,
    /// Who made it. What is told is what this caller may see.
    pub caller: Caller,
    /// An entity is subscribed if one of them means it; if there is none, every entity is.
    pub selectors: Vec<Selector>,
    /// Attributes whose changes count; if there is none, all do.
    pub watched: Vec<Name>,
    /// `q`, `geoQ` and `scopeQ` together.
    pub filter: Filter,
    /// How many relationships the filter follows.
    pub link_depth: usize,
    pub triggers: Triggers,
    pub schedule: Schedule,
    pub expires_at: Option<Timestamp>,
    pub is_active: bool,
    pub notification: Notification,
    pub endpoint: Endpoint,
}

/// An entity selector (5.2.33). Ids win over a pattern.
#[derive(Clone, Debug)]
pub struct Selector {
    /// Nothing where the type does not matter.
    pub types: Option<TypeSelector>,
    pub ids: Vec<EntityId>,
    pub pattern: Option<IdPattern>,
}

/// When notifications are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// When something changes, but not again before so much time has passed (`throttling`).
    OnChange { throttling: Option<Duration> },
    /// Again and again, changes or none (`timeInterval`).
    Every(Duration),
}

/// What kind of change is told (`notificationTrigger`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    EntityCreated,
    EntityUpdated,
    EntityDeleted,
    AttributeCreated,
    AttributeUpdated,
    AttributeDeleted,
}

/// The triggers of a subscription, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triggers {
    pub entity_created: bool,
    pub entity_deleted: bool,
    pub attribute_created: bool,
    pub attribute_updated: bool,
    pub attribute_deleted: bool,
}

/// How a notification looks (5.2.14.1).
#[derive(Clone, Debug)]
pub struct Notification {
    pub format: Format,
    pub sys_attrs: bool,
    pub show_changes: bool,
    pub pick: Option<Projection>,
    pub omit: Option<Projection>,
    pub join: Join,
    /// Which instances go out, nothing meaning the default one; all, where this is empty.
    pub dataset_ids: Vec<Option<Uri>>,
    pub languages: Option<LanguageRanges>,
    /// The version of NGSI-LD that the receiver knows, where it is not the newest.
    pub conformance: Option<(u32, u32)>,
    /// The context to write names with, as JSON text.
    pub context: String,
    /// The URL that stands for it.
    pub context_url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Normalized,
    Concise,
    Simplified,
}

/// How linked entities come along (4.5.23), and over how many relationships.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    None,
    Inline(u32),
    Flat(u32),
}

/// Where notifications go (5.2.15).
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub uri: String,
    pub accept: Accept,
    /// For the receiver: header fields in HTTP. May hold secrets.
    pub receiver_info: Vec<(String, String)>,
    /// For the sender: how to speak to the receiver. May hold secrets.
    pub notifier_info: Vec<(String, String)>,
    pub timeout: Option<Duration>,
    /// How long an endpoint is left alone after a failure, at least.
    pub cooldown: Option<Duration>,
}

/// The media type of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    #[default]
    Json,
    LdJson,
    GeoJson,
}

/// The state of a subscription (table 5.2.12-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Paused,
    Expired,
}

impl Subscription {
    pub fn status(&self, now: Timestamp) -> Status {
        match self.expires_at {
            Some(at) if at <= now => Status::Expired,
            _ if self.is_active => Status::Active,
            _ => Status::Paused,
        }
    }
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Paused => "paused",
            Status::Expired => "expired",
        }
    }
}

impl Trigger {
    pub const ALL: [Trigger; 6] = [
        Trigger::EntityCreated,
        Trigger::EntityUpdated,
        Trigger::EntityDeleted,
        Trigger::AttributeCreated,
        Trigger::AttributeUpdated,
        Trigger::AttributeDeleted,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Trigger::EntityCreated => "entityCreated",
            Trigger::EntityUpdated => "entityUpdated",
            Trigger::EntityDeleted => "entityDeleted",
            Trigger::AttributeCreated => "attributeCreated",
            Trigger::AttributeUpdated => "attributeUpdated",
            Trigger::AttributeDeleted => "attributeDeleted",
        }
    }

    pub fn from_name(name: &str) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|trigger| trigger.name() == name)
    }
}

impl Triggers {
    /// What counts where a subscription does not say.
    pub const DEFAULT: [Trigger; 2] = [Trigger::AttributeCreated, Trigger::AttributeUpdated];

    pub fn of(triggers: &[Trigger]) -> Triggers {
        let has = |trigger| triggers.contains(&trigger);
        // An entity is updated when one of its attributes comes, changes or goes.
        let updated = has(Trigger::EntityUpdated);
        Triggers {
            entity_created: has(Trigger::EntityCreated),
            entity_deleted: has(Trigger::EntityDeleted),
            attribute_created: updated || has(Trigger::AttributeCreated),
            attribute_updated: updated || has(Trigger::AttributeUpdated),
            attribute_deleted: updated || has(Trigger::AttributeDeleted),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)
    }
}

impl fmt::Debug for Endpoint {
    /// Values that may be secret stay out of every log, and so does what a URI says of its user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The part of the URI that may be shown: without user, password, path and query.
    pub fn host(&self) -> &str {
        let after = self.uri.split_once("://").map_or(&*self.uri, |(_, rest)| rest);
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let authority = &after[..end];
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let endpoint = Endpoint {
            uri: "mqtt://user:secret@broker.example:1883/topic".to_owned(),
            accept: Accept::Json,
            receiver_info: vec![("Authorization".to_owned(), "secret".to_owned())],
            notifier_info: Vec::new(),
            timeout: None,
            cooldown: None,
        };
        let shown = format!("{endpoint:?}");
        assert!(shown.contains("broker.example:1883") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn an_updated_entity_is_one_whose_attributes_come_change_or_go() {
        let updated = Triggers::of(&[Trigger::EntityUpdated]);
        let attributes =
            [Trigger::AttributeCreated, Trigger::AttributeUpdated, Trigger::AttributeDeleted];
        assert_eq!(updated, Triggers::of(&attributes));
    }
}
