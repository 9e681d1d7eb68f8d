//! Shapes and relations: whatever matches is found by its cells, and relations agree.

use model::{Geometry, Json, Name};
use query::{
    CELLS_PER_SHAPE_MAX, COVERING_CELLS_MAX, CellId, GeoCondition, GeoRelation, PreparedGeo,
    cells_of, covering, distance_metres,
};

use crate::sample::is_shallow;

const TEXT_BYTES_MAX: usize = 4096;

const RELATIONS: [GeoRelation; 6] = [
    GeoRelation::Within,
    GeoRelation::Contains,
    GeoRelation::Intersects,
    GeoRelation::Disjoint,
    GeoRelation::Overlaps,
    GeoRelation::Equals,
];

/// Metres on the first line, then two geometries, a line each. A geometry is GeoJSON, or a type
/// and coordinates, as queries give them.
pub fn geo(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > TEXT_BYTES_MAX || !is_shallow(text) {
        return;
    }
    let mut lines = text.split('\n');
    let metres = lines.next().and_then(|line| line.parse().ok()).unwrap_or(1.0);
    let stored = lines.next().and_then(geometry);
    let asked = lines.next().and_then(geometry);
    let Some(stored) = stored else { return };
    shape(&stored);
    if let Some(asked) = asked {
        shape(&asked);
        pair(&stored, &asked, metres);
    }
}

fn geometry(line: &str) -> Option<Geometry> {
    match line.split_once(' ') {
        Some((kind, coordinates)) if kind.chars().all(char::is_alphabetic) => {
            Geometry::from_parts(kind, &Json::parse(coordinates).ok()?).ok()
        }
        _ => Geometry::parse(&Json::parse(line).ok()?).ok(),
    }
}

fn shape(shape: &Geometry) {
    assert_eq!(Geometry::parse(shape.json()).as_ref(), Ok(shape));
    for relation in [GeoRelation::Intersects, GeoRelation::NearMax(0.5)] {
        assert!(matches(relation, shape, shape), "{relation:?} itself: {shape:?}");
        assert!(is_found(relation, shape, shape), "{relation:?} itself: {shape:?}");
    }
}

fn pair(stored: &Geometry, asked: &Geometry, metres: f64) {
    // The door takes distances above 0 only.
    let metres = if metres.is_finite() && metres > 0.0 { metres } else { 1.0 };
    let near = [GeoRelation::NearMax(metres), GeoRelation::NearMin(metres)];
    for relation in RELATIONS.into_iter().chain(near) {
        let is_match = matches(relation, stored, asked);
        let is_found = is_found(relation, stored, asked);
        assert!(is_found || !is_match, "{relation:?}: {asked:?} does not find {stored:?}");
    }
    let [within, contains, intersects, disjoint, overlaps, equals] =
        RELATIONS.map(|relation| matches(relation, stored, asked));
    let mirrored = RELATIONS.map(|relation| matches(relation, asked, stored));
    let expected = [contains, within, intersects, disjoint, overlaps, equals];
    assert_eq!(mirrored, expected, "{stored:?} and {asked:?}");
    assert_ne!(intersects, disjoint, "{stored:?} and {asked:?}");
    assert!(intersects || !(within || contains || overlaps), "{stored:?} and {asked:?}");
    let far = distance_metres(asked, stored);
    assert!(far >= 0.0, "{far} metres between {stored:?} and {asked:?}");
    assert!(far == 0.0 || !intersects, "{far} metres between {stored:?} and {asked:?}");
}

fn condition(relation: GeoRelation, asked: &Geometry) -> GeoCondition {
    GeoCondition { property: Name::new("location"), relation, geometry: asked.clone() }
}

fn matches(relation: GeoRelation, stored: &Geometry, asked: &Geometry) -> bool {
    PreparedGeo::new(&condition(relation, asked)).matches(stored)
}

/// What an index does to find candidates.
fn is_found(relation: GeoRelation, stored: &Geometry, asked: &Geometry) -> bool {
    let cells = cells_of(stored);
    assert!((1..=CELLS_PER_SHAPE_MAX).contains(&cells.len()), "{stored:?}");
    for cell in &cells {
        assert_eq!(CellId::from_u64(cell.as_u64()), Some(*cell));
    }
    covering(&condition(relation, asked)).is_none_or(|covering| {
        assert!((1..=COVERING_CELLS_MAX).contains(&covering.len()), "{asked:?}");
        let meet = |a: &CellId, b: &CellId| a.contains(*b) || b.contains(*a);
        covering.iter().any(|cell| cells.iter().any(|stored| meet(cell, stored)))
    })
}
