//! Shapes made fit to be related: copies side by side become one, collapsed parts are taken for
//! what is left of them.

use std::borrow::Cow;

use ::geo::kernels::Kernel;
use ::geo::orient::Direction;
use ::geo::{
    Coord, CoordsIter, GeoNum, Geometry as Shape, LineString, MapCoordsInPlace, MultiLineString,
    MultiPoint, MultiPolygon, Orient, Orientation, Point, Polygon, unary_union,
};

use super::flat::{Flat, TURN};

/// The grid of `unary_union` is finer than this; positions come back to where they were.
const GRID_DEGREES: f64 = 2e-6;

/// The shape at each of these turns, as one shape. Areas that meet at the antimeridian, such as
/// the halves of a MultiPolygon that was split there (RFC 7946, 3.1.9), grow together.
pub(super) fn repeated(flat: &Flat, turns: impl Iterator<Item = i32>) -> Shape<f64> {
    let copies: Vec<Shape<f64>> = turns.map(|turns| flat.turned(turns).into_owned()).collect();
    match flat.shape() {
        Shape::Polygon(_) | Shape::MultiPolygon(_) => {
            let polygons = copies.into_iter().flat_map(polygons_of).collect();
            Shape::MultiPolygon(if meets_seam(flat) { joined(polygons) } else { polygons })
        }
        Shape::LineString(_) | Shape::MultiLineString(_) => Shape::MultiLineString(
            copies.into_iter().flat_map(|copy| lines_of(copy).into_iter()).collect(),
        ),
        _ => Shape::MultiPoint(
            copies.iter().flat_map(|copy| copy.coords_iter().map(Point::from)).collect(),
        ),
    }
}

/// Collapsed parts are left out; where nothing else is there, a polygon without area is the line
/// it follows, and a line without length is a point.
pub(super) fn regular(shape: &Shape<f64>) -> Cow<'_, Shape<f64>> {
    match shape {
        Shape::Polygon(polygon) if is_sound(polygon) => Cow::Borrowed(shape),
        Shape::MultiPolygon(polygons) if polygons.iter().all(is_sound) => Cow::Borrowed(shape),
        Shape::LineString(line) if has_length(line) => Cow::Borrowed(shape),
        Shape::MultiLineString(lines) if lines.iter().all(has_length) => Cow::Borrowed(shape),
        Shape::Polygon(_) | Shape::MultiPolygon(_) => {
            Cow::Owned(regular_areas(polygons_of(shape.clone())))
        }
        Shape::LineString(_) | Shape::MultiLineString(_) => {
            Cow::Owned(regular_lines(lines_of(shape.clone())))
        }
        _ => Cow::Borrowed(shape),
    }
}

fn regular_areas(polygons: MultiPolygon<f64>) -> Shape<f64> {
    let (sound, collapsed): (Vec<_>, Vec<_>) =
        polygons.into_iter().partition(|polygon| has_area(polygon.exterior()));
    if sound.is_empty() {
        return regular_lines(collapsed.into_iter().map(|p| p.into_inner().0).collect());
    }
    Shape::MultiPolygon(sound.into_iter().map(without_collapsed_holes).collect())
}

fn without_collapsed_holes(polygon: Polygon<f64>) -> Polygon<f64> {
    let (exterior, holes) = polygon.into_inner();
    Polygon::new(exterior, holes.into_iter().filter(has_area).collect())
}

fn regular_lines(lines: MultiLineString<f64>) -> Shape<f64> {
    if lines.iter().any(has_length) {
        Shape::MultiLineString(lines.into_iter().filter(has_length).collect())
    } else {
        let points = lines.iter().filter_map(|line| line.0.first());
        Shape::MultiPoint(MultiPoint(points.map(|at| Point::from(*at)).collect()))
    }
}

fn polygons_of(shape: Shape<f64>) -> MultiPolygon<f64> {
    match shape {
        Shape::Polygon(polygon) => MultiPolygon(vec![polygon]),
        Shape::MultiPolygon(polygons) => polygons,
        _ => MultiPolygon(Vec::new()),
    }
}

fn lines_of(shape: Shape<f64>) -> MultiLineString<f64> {
    match shape {
        Shape::LineString(line) => MultiLineString(vec![line]),
        Shape::MultiLineString(lines) => lines,
        _ => MultiLineString(Vec::new()),
    }
}

fn is_sound(polygon: &Polygon<f64>) -> bool {
    has_area(polygon.exterior()) && polygon.interiors().iter().all(has_area)
}

fn has_length(line: &LineString<f64>) -> bool {
    line.0.iter().any(|at| *at != line.0[0])
}

/// Are not all positions on one line?
fn has_area(ring: &LineString<f64>) -> bool {
    let Some(second) = ring.0.iter().find(|at| **at != ring.0[0]) else {
        return false;
    };
    let straight = |at| <f64 as GeoNum>::Ker::orient2d(ring.0[0], *second, at);
    ring.0.iter().any(|at| straight(*at) != Orientation::Collinear)
}

fn meets_seam(flat: &Flat) -> bool {
    flat.bounds().width() >= TURN
        || flat.shape().coords_iter().any(|at| (at.x - TURN / 2.0) % TURN == 0.0)
}

fn joined(polygons: MultiPolygon<f64>) -> MultiPolygon<f64> {
    let mut known: Vec<Coord<f64>> = polygons.coords_iter().collect();
    known.sort_by(|a, b| a.x.total_cmp(&b.x));
    let polygons: Vec<_> = polygons.into_iter().map(|p| p.orient(Direction::Default)).collect();
    let mut joined = unary_union(&polygons);
    joined.map_coords_in_place(|at| put_back(at, &known));
    joined
}

fn put_back(at: Coord<f64>, known: &[Coord<f64>]) -> Coord<f64> {
    let from = known.partition_point(|other| other.x < at.x - GRID_DEGREES);
    let mut near = known[from..].iter().take_while(|other| other.x <= at.x + GRID_DEGREES);
    near.find(|other| (other.y - at.y).abs() <= GRID_DEGREES).copied().unwrap_or(at)
}
