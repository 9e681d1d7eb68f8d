//! An event as somebody sees it who may not see everything.

use std::sync::Arc;

use model::{Attributes, Entity, Event};
use policy::Rights;

/// What of an event a caller with these rights is to know; nothing where it sees the entity neither
/// before nor after. What comes into sight is created for it, and what goes out of sight is deleted.
pub(crate) fn seen(rights: &Rights, event: &Arc<Event>) -> Option<Arc<Event>> {
    if rights.are_all() {
        return Some(event.clone());
    }
    let before = before(event).and_then(|entity| rights.view(entity));
    let after = event.after.clone().and_then(|entity| rights.view(entity));
    if before.is_none() && after.is_none() {
        return None;
    }
    let Event { tenant, id, at, .. } = &**event;
    Some(Arc::new(Event::between(tenant.clone(), id.clone(), *at, before.as_deref(), after)))
}

/// The whole entity as it was: an event keeps only what changed of it, and the rest is as now.
fn before(event: &Event) -> Option<Arc<Entity>> {
    let before = event.before.as_ref()?;
    let Some(after) = event.after.as_ref().filter(|after| after.types == before.types) else {
        return Some(before.clone());
    };
    let stayed = after.attributes.iter().filter(|one| !event.changed.contains(&one.name));
    let all: Vec<_> = before.attributes.iter().chain(stayed).cloned().collect();
    Some(Arc::new(Entity { attributes: Attributes::new(all), ..before.header() }))
}
