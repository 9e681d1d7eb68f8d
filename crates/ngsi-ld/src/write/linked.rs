//! Linked entities that follow the linking ones (clause 4.5.23.3).

use std::collections::HashSet;
use std::sync::Arc;

use model::{Entity, EntityId};

use super::projection::Projection;
use super::shape::Linked;
use super::writer::Writer;

impl<'a> Writer<'a> {
    /// The entities, each once, and behind them those they lead to, nearest first; with what is
    /// to go out of each.
    pub(super) fn flattened(
        &self,
        entities: &'a [Arc<Entity>],
    ) -> Vec<(&'a Entity, Projection<'a>)> {
        let own = self.shape.projection;
        let mut all: Vec<(&'a Entity, Projection<'a>)> =
            entities.iter().map(|entity| (&**entity, own)).collect();
        let Linked::Flat { entities: linked, levels } = self.shape.linked else { return all };
        let mut known: HashSet<&EntityId> = all.iter().map(|(entity, _)| &entity.id).collect();
        let mut level = 0..all.len();
        for _ in 0..levels {
            for at in level.clone() {
                let (entity, projection) = all[at];
                for (id, below) in self.links(entity, projection) {
                    if let Some(found) = linked.get(id).filter(|_| known.insert(id)) {
                        all.push((&*found.entity, below));
                    }
                }
            }
            level = level.end..all.len();
        }
        all
    }

    /// Where the relationships lead that go out.
    fn links(
        &self,
        entity: &'a Entity,
        projection: Projection<'a>,
    ) -> impl Iterator<Item = (&'a EntityId, Projection<'a>)> {
        let attributes = entity.attributes.iter();
        let shown = attributes.filter(move |attribute| projection.shows_attribute(&attribute.name));
        shown.flat_map(move |attribute| {
            let below = projection.below(&attribute.name);
            let instances = self.visible(attribute);
            instances.flat_map(move |one| one.value.targets().iter().map(move |id| (id, below)))
        })
    }
}
