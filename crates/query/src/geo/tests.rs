//! The relations and distances by example; `promises` has what holds for any shapes.

use model::{Geometry, Json, Name};

use super::*;

mod promises;

/// From `Point [1,2]`.
fn geometry(text: &str) -> Geometry {
    let (kind, coordinates) = text.split_once(' ').unwrap();
    Geometry::from_parts(kind, &Json::parse(coordinates).unwrap()).unwrap()
}

fn matches(relation: GeoRelation, stored: &Geometry, asked: &Geometry) -> bool {
    PreparedGeo::new(&condition(relation, asked)).matches(stored)
}

fn condition(relation: GeoRelation, asked: &Geometry) -> GeoCondition {
    GeoCondition { property: Name::new("location"), relation, geometry: asked.clone() }
}

const RELATIONS: [(&str, GeoRelation); 6] = [
    ("within", GeoRelation::Within),
    ("contains", GeoRelation::Contains),
    ("intersects", GeoRelation::Intersects),
    ("disjoint", GeoRelation::Disjoint),
    ("overlaps", GeoRelation::Overlaps),
    ("equals", GeoRelation::Equals),
];

/// All relations that hold, in the order above; and seen from the other shape, the same ones with
/// `within` and `contains` exchanged.
fn check(stored: &str, asked: &str, expected: &str) {
    let (a, b) = (geometry(stored), geometry(asked));
    let holding = |stored: &Geometry, asked: &Geometry| -> Vec<&str> {
        let holds = RELATIONS.iter().filter(|(_, relation)| matches(*relation, stored, asked));
        holds.map(|(name, _)| *name).collect()
    };
    assert_eq!(holding(&a, &b).join(" "), expected, "{stored} to {asked}");

    let mut mirrored = holding(&b, &a);
    for name in &mut mirrored {
        *name = match *name {
            "within" => "contains",
            "contains" => "within",
            other => other,
        };
    }
    let place = |name: &&str| RELATIONS.iter().position(|(other, _)| other == name);
    mirrored.sort_by_key(place);
    assert_eq!(mirrored.join(" "), expected, "{asked} to {stored}, mirrored");
}

const SQUARE: &str = "Polygon [[[0,0],[10,0],[10,10],[0,10],[0,0]]]";
const RING: &str = "Polygon [[[0,0],[10,0],[10,10],[0,10],[0,0]],[[3,3],[7,3],[7,7],[3,7],[3,3]]]";
const FIJI: &str = "Polygon [[[177,-20],[-178,-20],[-178,-15],[177,-15],[177,-20]]]";
const FIJI_SPLIT: &str = "MultiPolygon [[[[177,-20],[180,-20],[180,-15],[177,-15],[177,-20]]],\
                          [[[-180,-20],[-178,-20],[-178,-15],[-180,-15],[-180,-20]]]]";
const WORLD: &str = "Polygon [[[-180,-90],[180,-90],[180,90],[-180,90],[-180,-90]]]";
const ARCTIC: &str = "Polygon [[[-135,70],[-45,70],[45,70],[135,70],[-135,70]]]";

#[test]
fn points_to_all_types() {
    check("Point [1,2]", "Point [1,2]", "within contains intersects equals");
    check("Point [1,2]", "Point [1.0,2.00,7]", "within contains intersects equals");
    check("Point [1,2]", "Point [2,1]", "disjoint");
    check("Point [1,2]", "MultiPoint [[1,2],[3,4]]", "within intersects");
    check("Point [1,2]", "MultiPoint [[1,2]]", "within contains intersects equals");
    check("Point [5,5]", "LineString [[0,0],[10,10]]", "within intersects");
    check("Point [0,0]", "LineString [[0,0],[10,10]]", "intersects");
    check("Point [5,5]", "MultiLineString [[[0,0],[5,5]],[[5,5],[9,5]]]", "within intersects");
    check("Point [5,5]", SQUARE, "within intersects");
    check("Point [0,5]", SQUARE, "intersects");
    check("Point [11,5]", SQUARE, "disjoint");
    check("Point [5,5]", RING, "disjoint");
    check("Point [2,5]", RING, "within intersects");
    check("Point [3,5]", RING, "intersects");
    check(
        "MultiPoint [[1,2],[3,4]]",
        "MultiPoint [[3,4],[1,2]]",
        "within contains intersects equals",
    );
    check("MultiPoint [[1,2],[3,4]]", "MultiPoint [[3,4],[5,6]]", "intersects overlaps");
    check("MultiPoint [[5,5],[11,5]]", SQUARE, "intersects");
    check("MultiPoint [[5,5],[0,5]]", SQUARE, "within intersects");
}

#[test]
fn lines_to_lines_and_areas() {
    let line = "LineString [[0,0],[10,0]]";
    check(line, "LineString [[10,0],[5,0],[0,0]]", "within contains intersects equals");
    check(line, "LineString [[5,0],[15,0]]", "intersects overlaps");
    check(line, "LineString [[5,-1],[5,1]]", "intersects");
    check(line, "LineString [[2,0],[3,0]]", "contains intersects");
    check(
        line,
        "MultiLineString [[[0,0],[5,0]],[[5,0],[10,0]]]",
        "within contains intersects equals",
    );
    check("LineString [[1,1],[9,9]]", SQUARE, "within intersects");
    check("LineString [[0,0],[10,10]]", SQUARE, "within intersects");
    check("LineString [[0,0],[10,0]]", SQUARE, "intersects");
    check("LineString [[5,5],[15,5]]", SQUARE, "intersects");
    check("LineString [[1,1],[9,9]]", RING, "intersects");
    check("LineString [[4,4],[6,6]]", RING, "disjoint");
}

#[test]
fn areas_to_areas() {
    let turned = "Polygon [[[10,10],[10,0],[5,0],[0,0],[0,10],[10,10]]]";
    check(SQUARE, turned, "within contains intersects equals");
    check(SQUARE, &SQUARE.replace("10", "9"), "contains intersects");
    check(SQUARE, "Polygon [[[5,5],[15,5],[15,15],[5,15],[5,5]]]", "intersects overlaps");
    check(SQUARE, "Polygon [[[10,0],[20,0],[20,10],[10,10],[10,0]]]", "intersects");
    check(SQUARE, "Polygon [[[11,0],[20,0],[20,10],[11,10],[11,0]]]", "disjoint");
    check(RING, SQUARE, "within intersects");
    check(RING, "Polygon [[[4,4],[6,4],[6,6],[4,6],[4,4]]]", "disjoint");
    check(RING, "Polygon [[[3,3],[7,3],[7,7],[3,7],[3,3]]]", "intersects");
    let two = "MultiPolygon [[[[1,1],[2,1],[2,2],[1,1]]],[[[8,8],[9,8],[9,9],[8,8]]]]";
    check(two, SQUARE, "within intersects");
    check(two, "Polygon [[[0,0],[5,0],[5,5],[0,5],[0,0]]]", "intersects overlaps");
}

#[test]
fn shapes_across_the_antimeridian() {
    check("Point [180,1]", "Point [-180,1]", "within contains intersects equals");
    for fiji in [FIJI, FIJI_SPLIT] {
        check("Point [179,-17]", fiji, "within intersects");
        check("Point [-179,-17]", fiji, "within intersects");
        check("Point [180,-17]", fiji, "within intersects");
        check("Point [-180,-17]", fiji, "within intersects");
        check("Point [0,-17]", fiji, "disjoint");
        check("Point [-177.9,-17]", fiji, "disjoint");
        check("LineString [[178,-17],[-179,-17]]", fiji, "within intersects");
        check("LineString [[176,-17],[-179,-17]]", fiji, "intersects");
        let inner = "Polygon [[[179,-19],[-179,-19],[-179,-16],[179,-16],[179,-19]]]";
        check(inner, fiji, "within intersects");
        check(&inner.replace("-179", "-170"), fiji, "intersects overlaps");
        check(fiji, WORLD, "within intersects");
    }
    check(FIJI, FIJI_SPLIT, "within contains intersects equals");
    check("LineString [[170,5],[-170,5]]", "LineString [[175,0],[175,9]]", "intersects");
    check("LineString [[170,5],[-170,5]]", "LineString [[-175,0],[-175,9]]", "intersects");
    check("LineString [[170,5],[-170,5]]", "LineString [[0,0],[0,9]]", "disjoint");
    let holed = "Polygon [[[170,0],[-170,0],[-170,9],[170,9],[170,0]],\
                 [[-179,2],[-175,2],[-175,6],[-179,6],[-179,2]]]";
    check("Point [-177,4]", holed, "disjoint");
    check("Point [177,4]", holed, "within intersects");
    check(SQUARE, WORLD, "within intersects");
}

#[test]
fn shapes_around_the_poles() {
    check("Point [10,90]", "Point [-100,90]", "within contains intersects equals");
    check("Point [0,90]", ARCTIC, "within intersects");
    check("Point [-170,80]", ARCTIC, "within intersects");
    check("Point [180,80]", ARCTIC, "within intersects");
    check("Point [0,60]", ARCTIC, "disjoint");
    check("Point [0,-80]", ARCTIC, "disjoint");
    check("LineString [[170,80],[-170,80]]", ARCTIC, "within intersects");
    let turned = "Polygon [[[45,70],[135,70],[-135,70],[-45,70],[45,70]]]";
    check(turned, ARCTIC, "within contains intersects equals");
    check(&turned.replace("70", "80"), ARCTIC, "within intersects");
    check(&turned.replace("70", "-70"), ARCTIC, "disjoint");
    let band = "Polygon [[[-135,70],[-45,70],[45,70],[135,70],[-135,70]],\
                [[-100,80],[0,80],[100,80],[-100,80]]]";
    check("Point [180,75]", band, "within intersects");
    check("Point [180,85]", band, "disjoint");
    check(band, ARCTIC, "within intersects");
    check(&turned.replace("70", "75"), band, "intersects overlaps");
    check(&turned.replace("70", "85"), band, "disjoint");
}

#[test]
fn collapsed_shapes_are_what_is_left_of_them() {
    check("LineString [[5,5],[5,5]]", "Point [5,5]", "within contains intersects equals");
    check("LineString [[5,5],[5,5]]", SQUARE, "within intersects");
    check("Polygon [[[5,5],[5,5],[5,5],[5,5]]]", SQUARE, "within intersects");
    check("Polygon [[[1,5],[2,5],[3,5],[1,5]]]", SQUARE, "within intersects");
    check("Polygon [[[1,5],[2,5],[3,5],[1,5]]]", "LineString [[2,0],[2,9]]", "intersects");
}

fn check_metres(from: &str, to: &str, expected: f64, tolerance: f64) {
    let (from, to) = (geometry(from), geometry(to));
    for (from, to) in [(&from, &to), (&to, &from)] {
        let metres = distance_metres(from, to);
        assert!(
            (metres - expected).abs() <= tolerance,
            "{metres} m, not {expected} m: {from:?}, {to:?}"
        );
        assert!(matches(GeoRelation::NearMax(expected + tolerance + 0.01), to, from));
        assert!(!matches(GeoRelation::NearMin(expected + tolerance + 0.01), to, from));
        if expected > tolerance {
            assert!(matches(GeoRelation::NearMin(expected - tolerance - 0.01), to, from));
            assert!(!matches(GeoRelation::NearMax(expected - tolerance - 0.01), to, from));
        }
    }
}

/// One degree of a great circle.
const DEGREE: f64 = 111_195.080_7;

#[test]
fn distances_are_those_of_the_haversine_sphere() {
    check_metres("Point [24.9384,60.1699]", "Point [24.7536,59.4370]", 82_138.0, 100.0);
    check_metres("Point [23.319941,42.698334]", "Point [24.742168,42.136097]", 132_433.099_3, 1e-4);
    check_metres("Point [0,0]", "Point [1,0]", DEGREE, 0.01);
    check_metres("Point [179.5,0]", "Point [-179.5,0]", DEGREE, 0.01);
    check_metres("Point [0,0]", "Point [180,0]", 180.0 * DEGREE, 1.0);
    check_metres("Point [10,89.5]", "Point [-170,89.5]", DEGREE, 0.01);
    check_metres("Point [1,2]", "Point [1,2]", 0.0, 0.0);
    check_metres("Point [3,4]", "MultiPoint [[50,4],[3,5]]", DEGREE, 0.01);
}

#[test]
fn distances_go_to_the_nearest_point_of_a_shape() {
    check_metres("Point [0,1]", "LineString [[-5,0],[5,0]]", DEGREE, 0.01);
    check_metres("Point [0,3]", "LineString [[0,4],[0,80]]", DEGREE, 0.01);
    check_metres("Point [180,1]", "LineString [[175,0],[-175,0]]", DEGREE, 0.01);
    check_metres("Point [-179,5]", "LineString [[178,0],[178,10]]", 331_900.0, 1000.0);
    check_metres("Point [5,5]", SQUARE, 0.0, 0.0);
    check_metres("Point [5,-1]", SQUARE, DEGREE, 0.01);
    check_metres("Point [5,5]", RING, 1.9924 * DEGREE, 300.0);
    check_metres(SQUARE, "LineString [[12,-9],[12,9]]", 2.0 * DEGREE * 0.98769, 600.0);
    check_metres("LineString [[0,89],[90,89]]", "Point [0,90]", DEGREE, 12.0);
    check_metres("Point [180,89]", ARCTIC, 0.0, 0.0);
    check_metres("Point [45,69]", ARCTIC, DEGREE, 12.0);
    check_metres("LineString [[0,60],[90,60]]", "Point [45,61]", DEGREE, 20.0);
}
