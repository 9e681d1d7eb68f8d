//! Distances on the haversine sphere between shapes whose edges are straight on the plane.

use ::geo::{Coord, Line};

use super::flat::Flat;

/// The mean radius of the Earth in metres (IUGG).
pub(super) const RADIUS_METRES: f64 = 6_371_008.8;

/// Distances are right to this many radians (some 20 centimetres) ...
const SLACK_RADIANS: f64 = 3e-8;
/// ... or to this share of themselves, whichever is more; between points, exactly.
const SLACK_SHARE: f64 = 1e-4;
/// Edges that reach farther than this along one coordinate are always halved first.
const REACH_RADIANS: f64 = 0.5;
const EDGES_PER_BLOCK: usize = 32;

type Vector = [f64; 3];

/// The haversine distance of two positions in degrees.
pub(super) fn point_metres(a: Coord<f64>, b: Coord<f64>) -> f64 {
    angle(on_sphere(a), on_sphere(b)) * RADIUS_METRES
}

/// The edges of a shape, block by block, and a circle round each block, so that far ones need no
/// closer look.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    edges: Vec<Edge>,
    circles: Vec<Circle>,
}

impl Outline {
    pub(super) fn of(flat: &Flat) -> Outline {
        let edges: Vec<Edge> = flat.edges().into_iter().map(Edge::new).collect();
        let circles = edges.chunks(EDGES_PER_BLOCK).map(Circle::around).collect();
        Outline { edges, circles }
    }

    /// The metres to the nearest edge if they are fewer than `limit`, else `limit`.
    pub(super) fn metres_below(&self, other: &Flat, limit: f64) -> f64 {
        let (start, other) = (limit / RADIUS_METRES, Outline::of(other));
        let mut best = start;
        for (theirs, block) in other.blocks() {
            for (ours, edges) in self.blocks() {
                if chord(theirs.centre, ours.centre) < best + theirs.radius + ours.radius {
                    nearest(edges, block, &mut best);
                }
            }
        }
        if best < start { best * RADIUS_METRES } else { limit }
    }

    fn blocks(&self) -> impl Iterator<Item = (&Circle, &[Edge])> {
        self.circles.iter().zip(self.edges.chunks(EDGES_PER_BLOCK))
    }
}

fn nearest(ours: &[Edge], theirs: &[Edge], best: &mut f64) {
    for other in theirs {
        ours.iter().for_each(|edge| nearer(edge, other, best));
    }
}

#[derive(Clone, Copy, Debug)]
struct Circle {
    centre: Vector,
    radius: f64,
}

impl Circle {
    fn around(edges: &[Edge]) -> Circle {
        let centre = normal(edges.iter().fold([0.0; 3], |sum, edge| add(sum, edge.start)));
        let radii = edges.iter().map(|edge| angle(centre, edge.start) + edge.reach);
        Circle { centre, radius: radii.fold(0.0, f64::max) }
    }
}

/// An edge that is straight on the plane, and the arc between its ends.
#[derive(Clone, Copy, Debug)]
struct Edge {
    line: Line<f64>,
    start: Vector,
    end: Vector,
    /// No position of the edge is farther from its start, in radians.
    reach: f64,
    /// How far the edge may stray from the arc, in radians.
    sag: f64,
}

impl Edge {
    fn new(line: Line<f64>) -> Edge {
        let (start, end) = (on_sphere(line.start), on_sphere(line.end));
        let (wide, high) = (line.dx().to_radians(), line.dy().to_radians());
        let reach = (wide * roundest(line)).hypot(high);
        Edge { line, start, end, reach, sag: sag(line) }
    }

    fn halves(&self) -> [Edge; 2] {
        let middle = (self.line.start + self.line.end) / 2.0;
        [Line::new(self.line.start, middle), Line::new(middle, self.line.end)].map(Edge::new)
    }
}

/// Lowers `best` to the distance of two edges, if that is less.
fn nearer(a: &Edge, b: &Edge, best: &mut f64) {
    if chord(a.start, b.start) >= *best + a.reach + b.reach {
        return;
    }
    let slack = a.sag + b.sag;
    let apart = arcs_apart(a, b);
    if apart - slack >= *best {
        return;
    }
    if slack <= SLACK_RADIANS + SLACK_SHARE * apart {
        *best = best.min(apart);
    } else if a.sag >= b.sag {
        a.halves().iter().for_each(|half| nearer(half, b, best));
    } else {
        b.halves().iter().for_each(|half| nearer(a, half, best));
    }
}

/// A bound for the way an edge strays from its arc: an eighth of its greatest bend, and half as
/// much again because the bend is only the first term.
fn sag(line: Line<f64>) -> f64 {
    let (wide, high) = (line.dx().to_radians().abs(), line.dy().to_radians().abs());
    if wide > REACH_RADIANS || high > REACH_RADIANS {
        return std::f64::consts::PI;
    }
    let steep = line.start.y.abs().max(line.end.y.abs()).to_radians().sin();
    steep * (roundest(line) * wide * wide + 2.0 * wide * high) * 1.5 / 8.0
}

/// The greatest part of an equator that the edge goes along: 1 there, 0 at a pole.
fn roundest(line: Line<f64>) -> f64 {
    let (south, north) = (line.start.y, line.end.y);
    let nearest = if south * north < 0.0 { 0.0 } else { south.abs().min(north.abs()) };
    nearest.to_radians().cos()
}

fn arcs_apart(a: &Edge, b: &Edge) -> f64 {
    if cross_each_other(a, b) {
        return 0.0;
    }
    let ends = [to_arc(a.start, b), to_arc(a.end, b), to_arc(b.start, a), to_arc(b.end, a)];
    ends.into_iter().fold(f64::INFINITY, f64::min)
}

fn cross_each_other(a: &Edge, b: &Edge) -> bool {
    let (across_a, across_b) = (cross(a.start, a.end), cross(b.start, b.end));
    dot(across_a, b.start) * dot(across_a, b.end) < 0.0
        && dot(across_b, a.start) * dot(across_b, a.end) < 0.0
        && dot(add(a.start, a.end), add(b.start, b.end)) > 0.0
}

/// From a position to the nearest one of an arc: along the perpendicular if its foot is there.
fn to_arc(from: Vector, arc: &Edge) -> f64 {
    let ends = angle(from, arc.start).min(angle(from, arc.end));
    let across = cross(arc.start, arc.end);
    let is_beside =
        dot(cross(across, arc.start), from) > 0.0 && dot(cross(arc.end, across), from) > 0.0;
    if is_beside { ends.min(dot(normal(across), from).abs().min(1.0).asin()) } else { ends }
}

fn on_sphere(at: Coord<f64>) -> Vector {
    let ((sin_x, cos_x), (sin_y, cos_y)) =
        (at.x.to_radians().sin_cos(), at.y.to_radians().sin_cos());
    [cos_y * cos_x, cos_y * sin_x, sin_y]
}

/// The angle in between, by the chord: the haversine formula in other words.
fn angle(a: Vector, b: Vector) -> f64 {
    2.0 * (chord(a, b) / 2.0).min(1.0).asin()
}

/// Never longer than the angle.
fn chord(a: Vector, b: Vector) -> f64 {
    let between = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    dot(between, between).sqrt()
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Of length 1; some direction where there is none.
fn normal(a: Vector) -> Vector {
    let length = dot(a, a).sqrt();
    if length > 0.0 { a.map(|part| part / length) } else { [1.0, 0.0, 0.0] }
}
