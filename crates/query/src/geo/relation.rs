//! The topological relations of OGC Simple Features (clause 4.10), on a plane that repeats every
//! 360 degrees.

use std::ops::RangeInclusive;

use ::geo::coordinate_position::CoordPos;
use ::geo::dimensions::Dimensions;
use ::geo::relate::IntersectionMatrix;
use ::geo::{
    Coord, CoordinatePosition, CoordsIter, Geometry as Shape, HasDimensions, Intersects, Point,
    Relate,
};

use super::flat::{Flat, TURN};
use super::seam;

/// More turns are not looked at; only lines that wind round the Earth again and again need them.
const TURNS_MAX: f64 = 2.0;
const COORDINATES_MANY: usize = 1000;

/// Do they share a position?
pub(super) fn intersects(a: &Flat, b: &Flat) -> bool {
    if b.bounds().min().y > a.bounds().max().y || a.bounds().min().y > b.bounds().max().y {
        return false;
    }
    turns(b, a).any(|turns| meet(a.shape(), &b.turned(turns)))
}

/// Of two long shapes, the matrix knows faster: it does not try each edge with each.
fn meet(a: &Shape<f64>, b: &Shape<f64>) -> bool {
    if a.coords_count().min(b.coords_count()) < COORDINATES_MANY {
        a.intersects(b)
    } else {
        seam::regular(a).relate(&*seam::regular(b)).is_intersects()
    }
}

/// Does `inner` lie within `outer`: all of it, and not only on the boundary?
///
/// Of invalid shapes (rings that cross themselves) only this much is promised: what lies within
/// something also shares its first position with it.
pub(super) fn within(inner: &Flat, outer: &Flat) -> bool {
    let mut around = turns(inner, outer);
    match (inner.point(), around.next(), around.next()) {
        (_, None, _) => false,
        (Some(point), Some(turn), None) => {
            is_inside(Coord { x: point.x + TURN * f64::from(turn), y: point.y }, outer.shape())
        }
        _ => holds_first(outer, inner) && related(inner, outer).is_some_and(|m| m.is_within()),
    }
}

fn is_inside(at: Coord<f64>, shape: &Shape<f64>) -> bool {
    match shape.coordinate_position(&at) {
        CoordPos::Inside => true,
        CoordPos::OnBoundary => false,
        // The crate forgets that where the boundaries of two parts meet is inside.
        CoordPos::Outside => {
            matches!(shape, Shape::MultiLineString(_) | Shape::MultiPolygon(_))
                && shape.intersects(&Point(at))
        }
    }
}

/// Do they share a part of their interiors, of their own dimension, and neither holds the other?
pub(super) fn overlaps(a: &Flat, b: &Flat) -> bool {
    a.shape().dimensions() == b.shape().dimensions()
        && intersects(a, b)
        && shares_a_part(a, b)
        && shares_a_part(b, a)
}

/// Does `a` have a part inside `b`, and another outside?
fn shares_a_part(a: &Flat, b: &Flat) -> bool {
    related(a, b).is_some_and(|matrix| {
        let shared = matrix.get(CoordPos::Inside, CoordPos::Inside);
        let is_line = a.shape().dimensions() == Dimensions::OneDimensional;
        shared != Dimensions::Empty
            && (!is_line || shared == Dimensions::OneDimensional)
            && matrix.get(CoordPos::Inside, CoordPos::Outside) != Dimensions::Empty
    })
}

/// How often `mover` must be turned eastward to come near `other`: each number of turns that may
/// bring them together.
fn turns(mover: &Flat, other: &Flat) -> RangeInclusive<i32> {
    let (mover, other) = (mover.bounds(), other.bounds());
    let least = ((other.min().x - mover.max().x) / TURN).ceil().clamp(-TURNS_MAX, TURNS_MAX);
    let most = ((other.max().x - mover.min().x) / TURN).floor().clamp(-TURNS_MAX, TURNS_MAX);
    least as i32..=most as i32
}

fn holds_first(outer: &Flat, inner: &Flat) -> bool {
    let first = Point::from(inner.first());
    turns(inner, outer).any(|turns| {
        let at = Point::new(first.x() + TURN * f64::from(turns), first.y());
        outer.shape().intersects(&at)
    })
}

/// The matrix of `a` and all copies of `b` that may meet it.
fn related(a: &Flat, b: &Flat) -> Option<IntersectionMatrix> {
    let turns = turns(b, a);
    let b = match (turns.clone().next()?, turns.clone().nth(1)) {
        (only, None) => b.turned(only),
        _ => std::borrow::Cow::Owned(seam::repeated(b, turns)),
    };
    Some(seam::regular(a.shape()).relate(&*seam::regular(&b)))
}
