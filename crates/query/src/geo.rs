//! Where things are: the relations and the distances of clauses 4.10 and 4.23, and the cells that
//! find candidates for them.
//!
//! Edges are straight lines on the plane of longitude and latitude (RFC 7946, 3.1.1), taken the
//! short way round where their ends lie more than 180 degrees apart. Distances are measured on
//! the haversine sphere (clause 4.23.1), for `near` as for ordering, so that both agree.

use ::geo::Coord;
use model::Geometry;

use crate::filter::{GeoCondition, GeoRelation};

mod cell;
mod covering;
mod flat;
mod pole;
mod relation;
mod seam;
mod sphere;
#[cfg(test)]
mod tests;

pub use cell::CellId;
pub use covering::{CELLS_PER_SHAPE_MAX, COVERING_CELLS_MAX, cells_of, covering};

use flat::Flat;
use sphere::Outline;

/// A geo-query with its geometry read once, to be asked of many entities.
#[derive(Clone, Debug)]
pub struct PreparedGeo {
    relation: GeoRelation,
    place: Option<Place>,
}

impl PreparedGeo {
    pub fn new(condition: &GeoCondition) -> PreparedGeo {
        let place = Flat::of(&condition.geometry).map(Place::new);
        PreparedGeo { relation: condition.relation, place }
    }

    /// Does an entity with this geometry match (clause 4.10)? The stored geometry is the subject:
    /// `Within` means that it lies within the asked one.
    ///
    /// `near` goes by the nearest points of both geometries. The buffer of clause 4.10 is a closed
    /// set, so a shape at exactly the given distance is near, and not farther.
    pub fn matches(&self, stored: &Geometry) -> bool {
        match (&self.place, Flat::of(stored)) {
            (Some(place), Some(stored)) => place.matches(self.relation, &stored),
            _ => false,
        }
    }
}

/// What cells tell of geometries, without a look at these. Only of circles: other shapes are asked
/// as cheaply themselves.
impl PreparedGeo {
    /// May a geometry match because of what it has in this cell? Wrong only by a yes.
    pub fn may_match_in(&self, cell: CellId) -> bool {
        let Some((centre, metres)) = self.circle().filter(|_| cell.is_leaf()) else { return true };
        sphere::point_metres(centre, cell.rect().center()) <= covering::widened_metres(metres)
    }

    /// Is the cell all inside, so that whatever lies in it matches? A hint: may err at the rim.
    pub fn holds(&self, cell: CellId) -> bool {
        let Some((centre, metres)) = self.circle() else { return false };
        let corners = Flat::rect(cell.rect());
        corners.corners().all(|corner| sphere::point_metres(centre, corner) <= metres)
    }

    fn circle(&self) -> Option<(Coord<f64>, f64)> {
        match self.relation {
            GeoRelation::NearMax(metres) => Some((self.place.as_ref()?.flat.point()?, metres)),
            _ => None,
        }
    }
}

/// Where distances are measured from, with its geometry read once (`orderFrom`, clause 4.23.3).
#[derive(Clone, Debug)]
pub struct DistanceOrigin {
    place: Option<Place>,
}

impl DistanceOrigin {
    pub fn new(geometry: &Geometry) -> DistanceOrigin {
        DistanceOrigin { place: Flat::of(geometry).map(Place::new) }
    }

    /// Metres between the nearest points of both geometries; 0 if they intersect.
    /// Infinite where one of them is not a geometry after all.
    pub fn metres_to(&self, stored: &Geometry) -> f64 {
        match (&self.place, Flat::of(stored)) {
            (Some(place), Some(stored)) => place.metres_to(&stored),
            _ => f64::INFINITY,
        }
    }
}

/// As [`DistanceOrigin::metres_to`], for one pair of geometries.
pub fn distance_metres(from: &Geometry, to: &Geometry) -> f64 {
    DistanceOrigin::new(from).metres_to(to)
}

/// A shape both as it lies on the plane and as it lies on the sphere.
#[derive(Clone, Debug)]
struct Place {
    flat: Flat,
    outline: Outline,
}

impl Place {
    fn new(flat: Flat) -> Place {
        let outline = Outline::of(&flat);
        Place { flat, outline }
    }

    fn matches(&self, relation: GeoRelation, stored: &Flat) -> bool {
        match relation {
            GeoRelation::NearMax(metres) => self.is_near(stored, metres),
            GeoRelation::NearMin(metres) => !self.is_near(stored, metres),
            GeoRelation::Within => relation::within(stored, &self.flat),
            GeoRelation::Contains => relation::within(&self.flat, stored),
            GeoRelation::Intersects => relation::intersects(&self.flat, stored),
            GeoRelation::Disjoint => !relation::intersects(&self.flat, stored),
            GeoRelation::Overlaps => relation::overlaps(stored, &self.flat),
            GeoRelation::Equals if self.flat.is_same_as(stored) => true,
            GeoRelation::Equals => {
                relation::within(stored, &self.flat) && relation::within(&self.flat, stored)
            }
        }
    }

    fn is_near(&self, stored: &Flat, metres: f64) -> bool {
        self.metres_below(stored, metres.next_up()) <= metres
    }

    fn metres_to(&self, stored: &Flat) -> f64 {
        self.metres_below(stored, f64::INFINITY)
    }

    /// The distance if it is below `limit`, else some number not below it.
    fn metres_below(&self, stored: &Flat, limit: f64) -> f64 {
        match (self.flat.point(), stored.point()) {
            (Some(from), Some(to)) => sphere::point_metres(from, to),
            _ if relation::intersects(&self.flat, stored) => 0.0,
            _ => self.outline.metres_below(stored, limit),
        }
    }
}
