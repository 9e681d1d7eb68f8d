//! Notifications: what subscribers are told, and how it is written (clauses 5.3.1, 5.8.6, 6.3.8).

mod changed;
mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use broker::{LinkedEntities, Reach};
use jsonld::Context;
use model::{Entity, Json};
use policy::Release;
use query::Limits;
use subscriptions::{About, Accept, Format, Join, Key, Message, Subscription, Told, Wire};

use crate::contexts::{Asker, Compiled, link_to};
use crate::door::{Door, Inner, MediaType, Problem};
use crate::operations::representation::projected;
use crate::operations::subscriptions::read_back;
use crate::write::{self, GeoShape, Linked, Projected, Projection, Shape};

use changed::{Reported, reported};
use conformance::conforming;

/// The GeoProperty that becomes the geometry of a feature.
const GEOMETRY_PROPERTY: &str = "https://uri.etsi.org/ngsi-ld/location";

/// Before and after the features of a collection that has no context.
const FEATURES: (&str, &str) = ("{\"type\":\"FeatureCollection\",\"features\":[", "]}");

#[async_trait]
impl Wire for Door {
    fn read(&self, key: Key, record: &[u8]) -> Result<Subscription, String> {
        let limits: Limits = self.inner().settings.query();
        read_back(key, record, &limits)
    }

    async fn write(&self, told: &Told) -> Result<Message, String> {
        let message = message(self.inner(), told).await;
        message.map_err(|problem| problem.detail().to_owned())
    }
}

async fn message(door: &Inner, told: &Told) -> Result<Message, Problem> {
    let subscription = &*told.subscription;
    let (params, endpoint) = (&subscription.notification, &subscription.endpoint);
    let tenant = &subscription.key.tenant;
    let asker = Asker { caller: &subscription.caller, tenant, creates: true };
    let compiled = door.contexts.written(asker, &params.context).await?;
    let is_in_body = match endpoint.accept {
        Accept::Json => false,
        Accept::LdJson => true,
        Accept::GeoJson => !prefers_plain_json(subscription),
    };
    let mut data = String::with_capacity(1024);
    for mut one in entities(told, compiled.context()) {
        let mut linked = linked(door, told, &one.entity).await?;
        if let Some(version) = params.conformance {
            one.entity = conforming(&one.entity, version, compiled.context());
            for other in linked.values_mut() {
                other.entity = conforming(&other.entity, version, compiled.context());
            }
        }
        if !data.is_empty() {
            data.push(',');
        }
        write_one(&mut data, &one, subscription, &compiled, &linked);
    }
    let mut headers = Vec::new();
    if !is_in_body {
        let url = params.context_url.as_deref().or_else(|| compiled.url());
        let link = url.and_then(link_to).and_then(|link| link.to_str().map(str::to_owned).ok());
        headers.extend(link.map(|link| ("Link".to_owned(), link)));
    }
    if !tenant.is_default() {
        headers.push(("NGSILD-Tenant".to_owned(), tenant.as_str().to_owned()));
    }
    headers.extend(endpoint.receiver_info.iter().cloned());
    let context = is_in_body.then(|| compiled.json());
    let content_type = match endpoint.accept {
        Accept::Json => MediaType::Json,
        Accept::LdJson => MediaType::LdJson,
        Accept::GeoJson => MediaType::GeoJson,
    };
    Ok(Message { content_type: content_type.name(), headers, body: body(told, &data, context) })
}

/// `Prefer: body=json` asks for GeoJSON without a context in it.
fn prefers_plain_json(subscription: &Subscription) -> bool {
    let mut info = subscription.endpoint.receiver_info.iter();
    info.any(|(key, value)| key.eq_ignore_ascii_case("prefer") && value.trim() == "body=json")
}

fn entities(told: &Told, context: &Context) -> Vec<Reported> {
    let subscription = &told.subscription;
    match &told.about {
        About::Changes(events) => {
            let events = events.iter();
            events.filter_map(|event| reported(subscription, event, context)).collect()
        }
        About::Entities(entities) => entities.iter().cloned().map(Reported::as_it_is).collect(),
    }
}

/// The entities that come along, as the one who made the subscription may see them, and as far as
/// they may go to the receiver.
async fn linked(
    door: &Inner,
    told: &Told,
    entity: &Arc<Entity>,
) -> Result<LinkedEntities, Problem> {
    let subscription = &told.subscription;
    let levels = match subscription.notification.join {
        Join::None => return Ok(LinkedEntities::new()),
        Join::Inline(levels) | Join::Flat(levels) => levels,
    };
    let reach = Reach { levels, skip: &[], entities_max: door.settings.linked_entities_max };
    let (caller, tenant) = (&subscription.caller, &subscription.key.tenant);
    let found = door.broker.linked(caller, tenant, std::slice::from_ref(entity), reach).await?;
    Ok(if told.release.is_everything() { found } else { released(found, entity, &told.release) })
}

/// What of linked entities may go to the receiver, without those that only what may not leads to.
fn released(mut found: LinkedEntities, entity: &Entity, release: &Release) -> LinkedEntities {
    let mut kept = LinkedEntities::new();
    let mut next = broker::targets(&entity.attributes);
    while let Some(id) = next.pop() {
        let Some(mut one) = found.remove(&id) else { continue };
        let Some(rest) = release.entity(&one.entity).rest else { continue };
        next.extend(broker::targets(&rest.attributes));
        one.entity = rest;
        kept.insert(id, one);
    }
    kept
}

/// One entity as a member of `data`, and behind it those it leads to.
fn write_one(
    out: &mut String,
    one: &Reported,
    subscription: &Subscription,
    compiled: &Compiled,
    linked: &LinkedEntities,
) {
    let params = &subscription.notification;
    let list = |projection: &Option<query::Projection>| -> Option<Vec<Projected>> {
        projection.clone().map(projected)
    };
    let (pick, omit) = (list(&params.pick), list(&params.omit));
    let accept = subscription.endpoint.accept;
    let shape = Shape {
        format: match params.format {
            Format::Normalized => write::Format::Normalized,
            Format::Concise => write::Format::Concise,
            Format::Simplified => write::Format::Simplified,
        },
        sys_attrs: params.sys_attrs,
        projection: Projection { pick: pick.as_deref(), omit: omit.as_deref() },
        dataset_ids: &params.dataset_ids,
        languages: params.languages.as_ref(),
        // A collection of features has one for all.
        context_in_body: (accept == Accept::LdJson).then(|| compiled.json()),
        linked: match params.join {
            Join::None => Linked::None,
            Join::Inline(levels) => Linked::Inline { entities: linked, levels },
            Join::Flat(levels) => Linked::Flat { entities: linked, levels },
        },
        deleted_at: one.deleted_at,
    };
    let entities = std::slice::from_ref(&one.entity);
    let context = compiled.context();
    let mut written = String::new();
    let (before, after) = match accept {
        Accept::GeoJson => {
            let geometry_property = &model::Name::new(GEOMETRY_PROPERTY);
            let geo = GeoShape { geometry_property };
            write::feature_collection(&mut written, entities, context, &shape, &geo);
            FEATURES
        }
        Accept::Json | Accept::LdJson => {
            write::entities(&mut written, entities, context, &shape);
            ("[", "]")
        }
    };
    let inner = written.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    out.push_str(inner.unwrap_or_default());
}

fn body(told: &Told, data: &str, context: Option<&str>) -> String {
    let subscription = &told.subscription;
    let is_geo = subscription.endpoint.accept == Accept::GeoJson;
    let mut body = format!(
        "{{\"id\":{},\"type\":\"Notification\",\"subscriptionId\":{},\"notifiedAt\":\"{}\"",
        Json::text(&told.id).as_str(),
        Json::text(subscription.key.id.as_str()).as_str(),
        told.at,
    );
    body.push_str(",\"data\":");
    body.push_str(if is_geo { FEATURES.0 } else { "[" });
    body.push_str(data);
    body.push(']');
    let mut context_member = || {
        if let Some(context) = context {
            body.push_str(",\"@context\":");
            body.push_str(context);
        }
    };
    // The context of GeoJSON belongs to the collection, and that of JSON-LD to the notification;
    // there, each entity has it too, so that it means something by itself.
    context_member();
    if is_geo {
        body.push('}');
    }
    body.push('}');
    body
}
