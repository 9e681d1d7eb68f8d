//! A shape on the plane of longitude and latitude, its edges laid the short way round.

use ::geo::{
    BoundingRect, Coord, CoordsIter, Geometry as Shape, Line, LineString, LinesIter,
    MapCoordsInPlace, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Rect, Translate,
};
use model::Geometry;
use std::borrow::Cow;

use super::pole::Round;

/// One turn round the Earth, in degrees.
pub(super) const TURN: f64 = 360.0;

/// Longitudes are multiples of 1 / GRID (some 25 nanometres), so that whole turns are added and
/// taken away without rounding.
const GRID: f64 = (1_u64 << 42) as f64;

/// A shape with at least one position. Longitudes may leave -180 to 180, so that no edge and no
/// ring jumps where it crosses the antimeridian.
///
/// A point at a pole has longitude 0, and one on the antimeridian has -180: one place, one name.
/// A ring that goes once round the Earth encloses the pole nearer to it (see [`Round`]).
#[derive(Clone, Debug)]
pub(super) struct Flat {
    shape: Shape<f64>,
    bounds: Rect<f64>,
}

impl Flat {
    /// `None` if this is not a geometry, which only [`Geometry::from_valid`] allows.
    pub(super) fn of(geometry: &Geometry) -> Option<Flat> {
        let mut shape = geometry.shape();
        shape.map_coords_in_place(|at| Coord { x: (at.x * GRID).round() / GRID, y: at.y });
        let shape = laid_flat(shape);
        let bounds = shape.bounding_rect()?;
        Some(Flat { shape, bounds })
    }

    /// Position by position: equal shapes may differ in where they begin.
    pub(super) fn is_same_as(&self, other: &Flat) -> bool {
        self.shape == other.shape
    }

    /// The rectangle as it is, however wide.
    pub(super) fn rect(rect: Rect<f64>) -> Flat {
        Flat { shape: Shape::Rect(rect), bounds: rect }
    }

    pub(super) fn shape(&self) -> &Shape<f64> {
        &self.shape
    }

    pub(super) fn bounds(&self) -> Rect<f64> {
        self.bounds
    }

    pub(super) fn point(&self) -> Option<Coord<f64>> {
        match &self.shape {
            Shape::Point(point) => Some(point.0),
            _ => None,
        }
    }

    /// The rings of holes, as lines; `None` where there are none. They lie in the shape, but for
    /// invalid ones.
    pub(super) fn holes(&self) -> Option<Flat> {
        let rings: Vec<LineString<f64>> = match &self.shape {
            Shape::Polygon(polygon) => polygon.interiors().to_vec(),
            Shape::MultiPolygon(polygons) => {
                polygons.iter().flat_map(|polygon| polygon.interiors().to_vec()).collect()
            }
            _ => Vec::new(),
        };
        let shape = Shape::MultiLineString(MultiLineString(rings));
        let bounds = shape.bounding_rect()?;
        Some(Flat { shape, bounds })
    }

    /// The corners of the rectangle around it.
    pub(super) fn corners(&self) -> impl Iterator<Item = Coord<f64>> {
        let (low, high) = (self.bounds.min(), self.bounds.max());
        let corners = [(low.x, low.y), (low.x, high.y), (high.x, low.y), (high.x, high.y)];
        corners.into_iter().map(|(x, y)| Coord { x, y })
    }

    /// One position that belongs to the shape.
    pub(super) fn first(&self) -> Coord<f64> {
        self.shape.coords_iter().next().unwrap_or(self.bounds.min())
    }

    /// The shape moved round the Earth so many times.
    pub(super) fn turned(&self, turns: i32) -> Cow<'_, Shape<f64>> {
        match turns {
            0 => Cow::Borrowed(&self.shape),
            _ => Cow::Owned(self.shape.translate(TURN * f64::from(turns), 0.0)),
        }
    }

    /// Edges and lone points (as edges of no length); without those that only close a ring
    /// beyond a pole.
    pub(super) fn edges(&self) -> Vec<Line<f64>> {
        let mut edges: Vec<Line<f64>> = match &self.shape {
            Shape::LineString(line) => line.lines_iter().collect(),
            Shape::MultiLineString(lines) => lines.lines_iter().collect(),
            Shape::Polygon(polygon) => polygon.lines_iter().collect(),
            Shape::MultiPolygon(polygons) => polygons.lines_iter().collect(),
            Shape::Rect(rect) => rect.lines_iter().collect(),
            points => points.coords_iter().map(|at| Line::new(at, at)).collect(),
        };
        edges.retain(is_on_earth);
        edges
    }
}

fn is_on_earth(edge: &Line<f64>) -> bool {
    edge.start.y.abs() <= 90.0 && edge.end.y.abs() <= 90.0
}

fn laid_flat(shape: Shape<f64>) -> Shape<f64> {
    match shape {
        Shape::Point(point) => Shape::Point(one_name(point)),
        Shape::MultiPoint(points) => {
            Shape::MultiPoint(MultiPoint(points.into_iter().map(one_name).collect()))
        }
        Shape::LineString(line) => Shape::LineString(unwound(line)),
        Shape::MultiLineString(mut lines) => {
            lines.0 = lines.0.into_iter().map(unwound).collect();
            Shape::MultiLineString(lines)
        }
        Shape::Polygon(polygon) => Shape::Polygon(laid_polygon(polygon)),
        Shape::MultiPolygon(polygons) => {
            Shape::MultiPolygon(MultiPolygon(polygons.into_iter().map(laid_polygon).collect()))
        }
        other => other,
    }
}

pub(super) fn one_name(point: Point<f64>) -> Point<f64> {
    match point.0 {
        Coord { y, .. } if y.abs() == 90.0 => Point::new(0.0, y),
        Coord { x: 180.0, y } => Point::new(-180.0, y),
        _ => point,
    }
}

/// Lays each edge the short way round. One from -180 to 180 stays as written: its ends are one
/// place, so who writes it means all the way round.
fn unwound(mut line: LineString<f64>) -> LineString<f64> {
    let mut before = line.0.first().map_or(0.0, |at| at.x);
    let mut turns = 0.0;
    for at in &mut line.0 {
        let step = at.x - before;
        before = at.x;
        if step.abs() > TURN / 2.0 && step.abs() < TURN {
            turns -= step.signum();
        }
        at.x += TURN * turns;
    }
    line
}

fn laid_polygon(polygon: Polygon<f64>) -> Polygon<f64> {
    let (exterior, holes) = polygon.into_inner();
    let (around, mut holes): (Vec<Ring>, Vec<Ring>) =
        holes.into_iter().map(Ring::of).partition(|hole| matches!(hole, Ring::Around(_)));
    let exterior = match (Ring::of(exterior), around.into_iter().next()) {
        (Ring::Around(outer), Some(Ring::Around(inner))) => outer.closed_along(&inner),
        (exterior, inner) => {
            holes.extend(inner);
            exterior.closed()
        }
    };
    let west = west_of(&exterior);
    let holes = holes.into_iter().map(|hole| moved_east_of(west, hole.closed())).collect();
    Polygon::new(exterior, holes)
}

enum Ring {
    Closed(LineString<f64>),
    Around(Round),
}

impl Ring {
    fn of(ring: LineString<f64>) -> Ring {
        let ring = unwound(ring);
        match if ring.is_closed() { None } else { Round::of(ring.0.clone()) } {
            Some(round) => Ring::Around(round),
            None => Ring::Closed(ring),
        }
    }

    fn closed(self) -> LineString<f64> {
        match self {
            Ring::Closed(ring) => ring,
            Ring::Around(round) => round.closed_over_pole(),
        }
    }
}

/// The hole in the turn that begins at `west`, where its polygon lies.
fn moved_east_of(west: f64, hole: LineString<f64>) -> LineString<f64> {
    let turns = ((west - west_of(&hole)) / TURN).ceil();
    if turns == 0.0 { hole } else { hole.translate(TURN * turns, 0.0) }
}

fn west_of(ring: &LineString<f64>) -> f64 {
    ring.0.iter().map(|at| at.x).fold(f64::INFINITY, f64::min)
}
