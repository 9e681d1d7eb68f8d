//! What holds for any two shapes, valid or not.

use proptest::prelude::*;

use super::*;

/// Positions that often coincide, often near a pole, the antimeridian or another one.
fn position() -> impl Strategy<Value = (f64, f64)> {
    let grid = (-2..=2_i32, -2..=2_i32);
    let centre = prop::sample::select(vec![(0.0, 0.0), (180.0, 10.0), (25.0, 60.0), (0.0, 89.0)]);
    prop_oneof![
        8 => (centre, grid).prop_map(|((x, y), (i, j))| {
            let x: f64 = x + f64::from(i) * 0.7;
            (if x > 180.0 { x - 360.0 } else { x }, f64::min(y + f64::from(j) * 0.5, 90.0))
        }),
        2 => (-12..=12_i32, -6..=6_i32).prop_map(|(i, j)| (f64::from(i * 15), f64::from(j * 15))),
        1 => (-180.0..=180.0_f64, -90.0..=90.0_f64),
    ]
}

fn written(positions: &[(f64, f64)]) -> String {
    let texts: Vec<String> = positions.iter().map(|(x, y)| format!("[{x},{y}]")).collect();
    format!("[{}]", texts.join(","))
}

fn line() -> impl Strategy<Value = String> {
    prop::collection::vec(position(), 2..5).prop_map(|positions| written(&positions))
}

fn ring() -> impl Strategy<Value = String> {
    prop::collection::vec(position(), 3..6).prop_map(|mut positions| {
        positions.push(positions[0]);
        written(&positions)
    })
}

fn list(element: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(element, 1..3).prop_map(|texts| format!("[{}]", texts.join(",")))
}

fn any_geometry() -> impl Strategy<Value = Geometry> {
    let text = prop_oneof![
        position().prop_map(|(x, y)| format!("Point [{x},{y}]")),
        prop::collection::vec(position(), 1..4).prop_map(|p| format!("MultiPoint {}", written(&p))),
        line().prop_map(|text| format!("LineString {text}")),
        list(line()).prop_map(|text| format!("MultiLineString {text}")),
        list(ring()).prop_map(|text| format!("Polygon {text}")),
        list(list(ring())).prop_map(|text| format!("MultiPolygon {text}")),
    ];
    text.prop_map(|text| geometry(&text))
}

fn any_relation() -> impl Strategy<Value = GeoRelation> {
    let metres = prop_oneof![0.1..1e3_f64, 1e3..1e6_f64, 1e6..3e7_f64];
    prop_oneof![
        metres.clone().prop_map(GeoRelation::NearMax),
        metres.prop_map(GeoRelation::NearMin),
        prop::sample::select(RELATIONS.map(|(_, relation)| relation).to_vec()),
    ]
}

/// What an index does to find candidates.
fn is_found(stored: &Geometry, condition: &GeoCondition) -> bool {
    let cells = cells_of(stored);
    assert!((1..=CELLS_PER_SHAPE_MAX).contains(&cells.len()));
    let prepared = PreparedGeo::new(condition);
    covering(condition).is_none_or(|covering| {
        assert!((1..=COVERING_CELLS_MAX).contains(&covering.len()));
        let meet = |a: &CellId, b: &CellId| a.contains(*b) || b.contains(*a);
        let looked_at = |cell: &CellId| prepared.may_match_in(*cell);
        let found =
            |cell| cells.iter().filter(|cell| looked_at(cell)).any(|stored| meet(cell, stored));
        covering.iter().any(found)
    })
}

proptest! {
    #[test]
    fn whatever_matches_is_found(
        stored in any_geometry(), asked in any_geometry(), relation in any_relation(),
    ) {
        let condition = condition(relation, &asked);
        let is_match = PreparedGeo::new(&condition).matches(&stored);
        prop_assert!(is_found(&stored, &condition) || !is_match);
    }

    #[test]
    fn a_cell_inside_a_circle_is_looked_into(
        at in position(), centre in position(), metres in 0.1..1e6_f64,
    ) {
        let place = |(x, y)| geometry(&format!("Point [{x},{y}]"));
        let prepared = PreparedGeo::new(&condition(GeoRelation::NearMax(metres), &place(centre)));
        let leaf = cells_of(&place(at))[0];
        prop_assert!(prepared.may_match_in(leaf) || !prepared.holds(leaf));
        let is_near = prepared.matches(&place(at));
        prop_assert!(is_near || !prepared.holds(leaf) || metres < 1.0 || distance_metres(&place(at), &place(centre)) < metres + 1.0);
    }

    #[test]
    fn a_shape_finds_itself(shape in any_geometry()) {
        for relation in [GeoRelation::Intersects, GeoRelation::NearMax(0.5)] {
            prop_assert!(matches(relation, &shape, &shape));
            prop_assert!(is_found(&shape, &condition(relation, &shape)));
        }
    }

    #[test]
    fn relations_agree_with_one_another(a in any_geometry(), b in any_geometry()) {
        let [within, contains, intersects, disjoint, overlaps, equals] =
            RELATIONS.map(|(_, relation)| matches(relation, &a, &b));
        let mirrored = RELATIONS.map(|(_, relation)| matches(relation, &b, &a));
        prop_assert_eq!(mirrored, [contains, within, intersects, disjoint, overlaps, equals]);
        prop_assert_eq!(intersects, !disjoint);
        prop_assert!(intersects || !(within || contains || overlaps));
        prop_assert_eq!(equals, within && contains);
    }

    #[test]
    fn distances_are_symmetric_and_bound_near(a in any_geometry(), b in any_geometry()) {
        let (there, back) = (distance_metres(&a, &b), distance_metres(&b, &a));
        prop_assert!((there - back).abs() <= 1.0 + 1e-3 * there, "{} {}", there, back);
        prop_assert!(there == 0.0 || !matches(GeoRelation::Intersects, &a, &b));
        prop_assert!(matches(GeoRelation::NearMax(there * 1.001 + 1.0), &a, &b));
        prop_assert!(there < 2.0 || matches(GeoRelation::NearMin(there * 0.999 - 1.0), &a, &b));
    }

    #[test]
    fn no_position_on_an_edge_is_nearer_than_the_distance(
        from in position(), start in position(), end in position(),
    ) {
        let line = geometry(&format!("LineString {}", written(&[start, end])));
        let from = geometry(&format!("Point [{},{}]", from.0, from.1));
        let flat = Flat::of(&line).unwrap();
        let ends = flat.edges()[0];
        let point = Flat::of(&from).unwrap().point().unwrap();
        let along = (0..=2000).map(|i| {
            sphere::point_metres(point, ends.start + (ends.end - ends.start) * f64::from(i) / 2000.0)
        });
        let (sampled, metres) = (along.fold(f64::INFINITY, f64::min), distance_metres(&from, &line));
        let step = 180.0 * 111_200.0 / 2000.0;
        prop_assert!(metres <= sampled * 1.0002 + 0.3, "{} > {}", metres, sampled);
        prop_assert!(sampled <= metres + step + 0.3, "{} < {}", metres, sampled);
    }
}
