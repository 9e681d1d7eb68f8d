//! Filter, sort, cut.

use std::sync::Arc;

use model::{Entity, EntityId};
use query::{Links, Query};
use store::{Answer, Plan};

use super::state::Entities;

/// What links lead to: what the reader may see anyway.
struct Visible<'a>(&'a Entities);

impl Links for Visible<'_> {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }
}

/// Entities that the order leaves undecided stand by id.
pub(super) fn answer(query: &Query, visible: Entities) -> Answer {
    let links = Visible(&visible);
    let matches = |entity: &&Arc<Entity>| query.filter.matches(entity, &links);
    let mut found: Vec<Arc<Entity>> = visible.values().filter(matches).cloned().collect();
    found.sort_by(|left, right| query::compare(left, right, &query.order, &query.collation));
    let plan = Plan {
        index: "everything".to_owned(),
        index_entries_read: 0,
        entities_read: visible.len(),
        sorted: !query.order.is_empty(),
    };
    let total = query.count.then_some(found.len());
    let page: Vec<Arc<Entity>> =
        found.iter().skip(query.page.offset).take(query.page.limit).cloned().collect();
    let more = query.page.offset.saturating_add(page.len()) < found.len();
    Answer { entities: page, total, more, plan }
}
