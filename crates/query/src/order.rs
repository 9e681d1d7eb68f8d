//! In which order entities stand (clause 4.23).

mod key;
#[cfg(test)]
mod tests;
mod value;

use std::cmp::Ordering;

use model::{Attribute, Entity, EntityId, Geometry, Name, Value};

use crate::collation::Collation;
use crate::filter::{Direction, OrderBy, OrderKey};
use crate::geo::{DistanceOrigin, distance_metres};
use crate::meaning::default_or_first;

pub use key::SortKey;

use key::{Component, KeyBytes};
use value::SortValue;

/// Which of two entities stands first. `Equal` where the order leaves it open.
///
/// Values of different datatypes stand in the order of clause 4.23.2 in both directions, so that
/// missing ones are always last; among values of one datatype the direction decides.
pub fn compare(
    left: &Entity,
    right: &Entity,
    order: &[OrderBy],
    collation: &Collation,
) -> Ordering {
    let compare_by = |by: &OrderBy| by.compare(left, right, collation);
    order.iter().map(compare_by).find(|found| found.is_ne()).unwrap_or(Ordering::Equal)
}

/// Makes keys to sort many entities by: each entity is looked into once.
#[derive(Clone, Debug)]
pub struct Sorter<'a> {
    order: Vec<(&'a OrderBy, Option<DistanceOrigin>)>,
    collation: &'a Collation,
}

impl<'a> Sorter<'a> {
    pub fn new(order: &'a [OrderBy], collation: &'a Collation) -> Sorter<'a> {
        let origin = |by: &OrderBy| match &by.key {
            OrderKey::Distance { from, .. } => Some(DistanceOrigin::new(from)),
            _ => None,
        };
        Sorter { order: order.iter().map(|by| (by, origin(by))).collect(), collation }
    }

    /// Keys of one sorter stand among each other as [`compare`] says of their entities.
    pub fn key(&self, entity: &Entity) -> SortKey {
        let component = |(by, origin): &(&OrderBy, Option<DistanceOrigin>)| {
            let metres_to = |to: &Geometry| {
                origin.as_ref().map_or(f64::INFINITY, |origin| origin.metres_to(to))
            };
            Place::of(entity, &by.key, &metres_to).component(by.direction, self.collation)
        };
        SortKey(self.order.iter().map(component).collect())
    }
}

impl OrderBy {
    fn compare(&self, left: &Entity, right: &Entity, collation: &Collation) -> Ordering {
        let metres_to = |to: &Geometry| match &self.key {
            OrderKey::Distance { from, .. } => distance_metres(from, to),
            _ => f64::INFINITY,
        };
        let place = |entity| Place::of(entity, &self.key, &metres_to);
        place(left).compare(&place(right), self.direction, collation)
    }
}

/// What one key of an order sees of an entity.
enum Place<'a> {
    Id(&'a EntityId),
    /// Sorted.
    Types(Vec<&'a Name>),
    /// In metres; stands before what has no distance (clause 4.23.2).
    Distance(f64),
    Value(SortValue<'a>),
}

impl<'a> Place<'a> {
    fn of(entity: &'a Entity, key: &OrderKey, metres_to: &dyn Fn(&Geometry) -> f64) -> Place<'a> {
        match key {
            OrderKey::Id => Place::Id(&entity.id),
            OrderKey::Type => {
                let mut types: Vec<&Name> = entity.types.iter().collect();
                types.sort_unstable();
                Place::Types(types)
            }
            OrderKey::Value(target) => Place::Value(SortValue::at(entity, target)),
            OrderKey::Distance { property, .. } => {
                match entity.attributes.get(property).and_then(geometry_of) {
                    Some(geometry) => Place::Distance(metres_to(geometry)),
                    None => Place::Value(SortValue::at_path(
                        entity,
                        std::slice::from_ref(property),
                        &[],
                    )),
                }
            }
        }
    }

    /// Decides before direction does.
    fn rank(&self) -> u8 {
        match self {
            Place::Id(_) | Place::Types(_) | Place::Distance(_) => 0,
            Place::Value(value) => 1 + value.rank(),
        }
    }

    fn compare(&self, other: &Place<'_>, direction: Direction, collation: &Collation) -> Ordering {
        let by_rank = self.rank().cmp(&other.rank());
        by_rank.then_with(|| {
            direction.apply(match (self, other) {
                (Place::Id(left), Place::Id(right)) => left.cmp(right),
                (Place::Types(left), Place::Types(right)) => left.cmp(right),
                (Place::Distance(left), Place::Distance(right)) => left.total_cmp(right),
                (Place::Value(left), Place::Value(right)) => left.compare(right, collation),
                _ => Ordering::Equal,
            })
        })
    }

    fn component(&self, direction: Direction, collation: &Collation) -> Component {
        let mut bytes = KeyBytes::default();
        match self {
            Place::Id(id) => bytes.plain(id.as_str()),
            Place::Types(types) => {
                types.iter().for_each(|name| bytes.element(|bytes| bytes.plain(name.as_str())));
            }
            Place::Distance(metres) => bytes.number(*metres),
            Place::Value(value) => value.write(&mut bytes, collation),
        }
        Component { rank: self.rank(), bytes, direction }
    }
}

/// The geometry of the default instance, else of the first.
fn geometry_of(attribute: &Attribute) -> Option<&Geometry> {
    match default_or_first(attribute).map(|instance| &instance.value) {
        Some(Value::GeoProperty(geometry)) => Some(geometry),
        _ => None,
    }
}

impl Direction {
    fn apply(self, found: Ordering) -> Ordering {
        match self {
            Direction::Ascending => found,
            Direction::Descending => found.reverse(),
        }
    }
}
