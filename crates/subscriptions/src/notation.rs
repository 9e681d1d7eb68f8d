//! Subscriptions and events as text, for tests.

use std::sync::Arc;
use std::time::Duration;

use model::{Event, Name, Tenant, Timestamp, TypeSelector, Uri, apply};
use policy::{Caller, role};
use query::{Filter, IdPattern, Parser, QOptions};
use store::contract::notation;

use crate::subscription::{
    Accept, Endpoint, Format, Join, Key, Notification, Schedule, Selector, Subscription, Trigger,
    Triggers,
};

pub const NOW: Timestamp = Timestamp(1_775_044_800_000_000);

/// `NAME type=A id=urn:a pattern=x watch=a,b q=a>1 on=entityCreated throttle=5 every=5 to=http://x`;
/// a further `type=` begins another selector.
pub fn subscription(text: &str) -> Subscription {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let id = words.next().expect("a name");
    let mut made = plain(id);
    let expand = |term: &str| Ok(notation::name(term));
    let parser = Parser::new(&expand);
    for word in words {
        let (what, value) = word.split_once('=').expect("a value");
        let seconds = || Duration::from_secs_f64(value.parse().expect("seconds"));
        match what {
            "tenant" => made.key.tenant = notation::tenant(value),
            "type" => {
                let types = parser.types(value).expect("types");
                let types = (types != TypeSelector::Any).then_some(types);
                made.selectors.push(Selector { types, ids: Vec::new(), pattern: None });
            }
            "id" => {
                let ids = value.split(',').map(notation::id).collect();
                made.selectors.push(Selector { types: None, ids, pattern: None });
            }
            "pattern" => {
                let pattern = Some(IdPattern::parse(value).expect("a pattern"));
                made.selectors.push(Selector { types: None, ids: Vec::new(), pattern });
            }
            "watch" => made.watched = value.split(',').map(notation::name).collect(),
            "q" => {
                let condition = parser.q(value, &QOptions::default()).expect("a condition");
                made.link_depth = condition.link_depth();
                made.filter = Filter::Condition(condition);
            }
            "on" => made.triggers = Triggers::of(&triggers(value)),
            "throttle" => made.schedule = Schedule::OnChange { throttling: Some(seconds()) },
            "every" => made.schedule = Schedule::Every(seconds()),
            "to" => made.endpoint.uri = value.to_owned(),
            "cooldown" => made.endpoint.cooldown = Some(seconds()),
            "active" => made.is_active = value == "true",
            "expires" => {
                made.expires_at = Some(later(value.parse().expect("seconds")));
            }
            _ => panic!("there is no `{what}`"),
        }
    }
    made
}

fn plain(id: &str) -> Subscription {
    let id = Uri::parse(&format!("urn:s:{id}")).expect("a URI");
    Subscription {
        key: Key { tenant: Tenant::default(), id },
        caller: Caller::with_role("reader".to_owned(), role::READER),
        selectors: Vec::new(),
        watched: Vec::new(),
        filter: Filter::Everything,
        link_depth: 0,
        triggers: Triggers::of(&Triggers::DEFAULT),
        schedule: Schedule::OnChange { throttling: None },
        expires_at: None,
        is_active: true,
        notification: Notification {
            format: Format::Normalized,
            sys_attrs: false,
            show_changes: false,
            pick: None,
            omit: None,
            join: Join::None,
            dataset_ids: Vec::new(),
            languages: None,
            conformance: None,
            context: String::new(),
            context_url: None,
        },
        endpoint: Endpoint {
            uri: "http://receiver.example/notify".to_owned(),
            accept: Accept::Json,
            receiver_info: Vec::new(),
            notifier_info: Vec::new(),
            timeout: None,
            cooldown: None,
        },
    }
}

fn triggers(list: &str) -> Vec<Trigger> {
    list.split(',').map(|name| Trigger::from_name(name).expect("a trigger")).collect()
}

/// The event of the last of these changes, made one after the other; as `Store` would.
pub fn event(changes: &[&str]) -> Arc<Event> {
    event_at(NOW, changes)
}

pub fn event_at(now: Timestamp, changes: &[&str]) -> Arc<Event> {
    let mut entity = None;
    let mut last = None;
    for (nth, text) in changes.iter().enumerate() {
        let at = Timestamp(now.0 - (changes.len() - 1 - nth) as i64);
        let change = notation::change(text);
        let before: Option<Arc<model::Entity>> = entity.take();
        let applied = apply(&change.id, before.as_deref(), change.operation, at);
        entity = applied.expect(text).after.map(Arc::new);
        let event = Event::between(change.tenant, change.id, at, before.as_deref(), entity.clone());
        last = Some(Arc::new(event));
    }
    last.expect("a change")
}

/// So many seconds after [`NOW`].
pub fn later(seconds: f64) -> Timestamp {
    Timestamp(NOW.0 + (seconds * 1e6) as i64)
}

/// The term that a name was expanded from.
pub fn term(name: &Name) -> &str {
    name.as_str().rsplit('/').next().unwrap_or_default()
}
