//! Which cells a stored shape is indexed under, and which ones a query has to look into.

use std::collections::VecDeque;

use ::geo::{Coord, Rect};
use model::Geometry;

use super::cell::CellId;
use super::flat::Flat;
use super::relation;
use super::sphere::{Outline, RADIUS_METRES};
use crate::filter::{GeoCondition, GeoRelation};

/// A stored shape is found under at most this many cells.
pub const CELLS_PER_SHAPE_MAX: usize = 8;
/// A query looks into at most this many cells (and their ancestors).
pub const COVERING_CELLS_MAX: usize = 24;

/// Cells are taken this much larger than they are, against rounding.
const MARGIN_DEGREES: f64 = 1e-7;
/// The same for circles, whose distances are not exact.
const MARGIN_METRES: f64 = 1.0;
const MARGIN_SHARE: f64 = 1e-3;
/// Cells of a stored shape go down to this share of its size.
const GRAIN_SHARE: f64 = 1.0 / 256.0;

/// The cells under which a stored geometry is indexed: every position of it lies in one of them.
/// A point has one, a leaf; others have at most [`CELLS_PER_SHAPE_MAX`].
///
/// If a condition matches the geometry, one of these cells is inside, around or equal to one of
/// the condition's [`covering`].
pub fn cells_of(stored: &Geometry) -> Vec<CellId> {
    let Some(flat) = Flat::of(stored) else {
        return Vec::new();
    };
    match flat.point() {
        Some(point) => vec![CellId::leaf(point)],
        None => {
            let grain = flat.bounds().width().max(flat.bounds().height()) * GRAIN_SHARE;
            let parts = with_holes(flat);
            let start = parts.iter().map(start).reduce(CellId::around).unwrap_or(CellId::ROOT);
            let meets = |rect| touches(&parts, &Flat::rect(rect));
            cover(start, CELLS_PER_SHAPE_MAX, grain, meets)
        }
    }
}

/// The cells in which every matching geometry has a part, at most [`COVERING_CELLS_MAX`].
/// `None` where cells cannot help, because what matches may be anywhere.
///
/// For `Contains` and `Equals` this is one leaf: what holds a shape holds each position of it.
pub fn covering(condition: &GeoCondition) -> Option<Vec<CellId>> {
    let flat = Flat::of(&condition.geometry)?;
    match condition.relation {
        GeoRelation::Disjoint | GeoRelation::NearMin(_) => None,
        GeoRelation::Contains | GeoRelation::Equals => Some(vec![leaf_of_first(&flat)]),
        GeoRelation::Within | GeoRelation::Intersects | GeoRelation::Overlaps => {
            let meets = |rect| relation::intersects(&flat, &Flat::rect(rect));
            Some(cover(start(&flat), COVERING_CELLS_MAX, 0.0, meets))
        }
        GeoRelation::NearMax(metres) => {
            let metres = widened_metres(metres);
            if let Some(circle) = flat.point().and_then(|centre| Circle::around(centre, metres)) {
                let meets = |rect| circle.may_meet(rect);
                return Some(cover(start_near(&flat, metres), COVERING_CELLS_MAX, 0.0, meets));
            }
            let (outline, parts) = (Outline::of(&flat), with_holes(flat));
            let around = parts.iter().map(|part| start_near(part, metres));
            let start = around.reduce(CellId::around).unwrap_or(CellId::ROOT);
            let meets = |rect| {
                let cell = Flat::rect(rect);
                touches(&parts, &cell) || outline.metres_below(&cell, metres) < metres
            };
            Some(cover(start, COVERING_CELLS_MAX, 0.0, meets))
        }
    }
}

/// A distance within which everything lies that some way of measuring finds within `metres`.
pub(super) fn widened_metres(metres: f64) -> f64 {
    metres * (1.0 + MARGIN_SHARE) + MARGIN_METRES
}

/// The rectangle round a circle: little larger than the circle, and much cheaper to ask.
struct Circle {
    centre: Coord<f64>,
    /// Half the width and half the height, in degrees.
    reach: Coord<f64>,
}

impl Circle {
    /// Nothing where the circle holds a pole, and so every longitude.
    fn around(centre: Coord<f64>, metres: f64) -> Option<Circle> {
        let high = metres / RADIUS_METRES;
        let latitude = centre.y.to_radians();
        if latitude.abs() + high >= 89.0_f64.to_radians() {
            return None;
        }
        let wide = (high.sin() / latitude.cos()).asin();
        let reach = Coord { x: wide.to_degrees(), y: high.to_degrees() };
        Some(Circle { centre, reach })
    }

    /// May the circle and the rectangle meet? Wrong only by a yes.
    fn may_meet(&self, rect: Rect<f64>) -> bool {
        let Circle { centre, reach } = self;
        let meets =
            |low: f64, high: f64, at: f64, reach: f64| low <= at + reach && at - reach <= high;
        let turns = [-360.0, 0.0, 360.0];
        meets(rect.min().y, rect.max().y, centre.y, reach.y)
            && turns.iter().any(|turn| meets(rect.min().x, rect.max().x, centre.x + turn, reach.x))
    }
}

/// The shape, and the rings of its holes: distances count these, and invalid ones may leave their
/// polygon.
fn with_holes(flat: Flat) -> Vec<Flat> {
    flat.holes().into_iter().chain([flat]).collect()
}

fn touches(parts: &[Flat], cell: &Flat) -> bool {
    parts.iter().any(|part| relation::intersects(part, cell))
}

/// At most so many cells that together hold whatever `meets` says yes to, by halving the coarsest
/// ones first, down to a width of `grain` degrees.
fn cover(
    start: CellId,
    cells_max: usize,
    grain: f64,
    meets: impl Fn(Rect<f64>) -> bool,
) -> Vec<CellId> {
    let mut open = VecDeque::from([start]);
    let mut done = Vec::new();
    while let Some(cell) = open.pop_front() {
        let parts: Vec<CellId> = match cell.rect().width() > grain {
            true => cell.children().filter(|child| meets(widened(child.rect()))).collect(),
            false => Vec::new(),
        };
        if parts.is_empty() || done.len() + open.len() + parts.len() > cells_max {
            done.push(cell);
        } else {
            open.extend(parts);
        }
    }
    done.sort_unstable();
    done
}

/// A cell that holds the whole shape: a small one if that is plain to see.
fn start(flat: &Flat) -> CellId {
    start_of(widened(flat.bounds()))
}

/// A cell that holds all within so many metres.
fn start_near(flat: &Flat, metres: f64) -> CellId {
    let (bounds, high) = (flat.bounds(), (metres / RADIUS_METRES).to_degrees());
    let north = bounds.min().y.abs().max(bounds.max().y.abs()) + high;
    if north > 80.0 {
        return CellId::ROOT;
    }
    // A circle is at its widest where it is a little nearer to the pole than its centre.
    let margin = Coord { x: 1.1 * high / north.to_radians().cos(), y: 1.1 * high };
    start_of(Rect::new(bounds.min() - margin, bounds.max() + margin))
}

fn start_of(bounds: Rect<f64>) -> CellId {
    if bounds.min().x < -180.0 || bounds.max().x > 180.0 {
        return CellId::ROOT;
    }
    CellId::leaf(bounds.min()).around(CellId::leaf(bounds.max()))
}

/// Longitudes beyond -180 and 180 are brought back first.
fn leaf_of_first(flat: &Flat) -> CellId {
    let Coord { x, y } = flat.first();
    CellId::leaf(Coord { x: (x + 180.0).rem_euclid(360.0) - 180.0, y })
}

/// Not beyond the poles, where there are no distances.
fn widened(rect: Rect<f64>) -> Rect<f64> {
    let margin = Coord { x: MARGIN_DEGREES, y: MARGIN_DEGREES };
    let on_earth = |at: Coord<f64>| Coord { x: at.x, y: at.y.clamp(-90.0, 90.0) };
    Rect::new(on_earth(rect.min() - margin), on_earth(rect.max() + margin))
}
