//! GeoJSON geometries (RFC 7946, clause 4.7), kept as written and read as shapes when asked.

use geo::{
    Coord, Geometry as Shape, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};
use serde_json::Value as Tree;

use crate::json::{Json, JsonKind};

/// A valid GeoJSON geometry: longitude and latitude in degrees (WGS 84), rings closed.
/// A GeometryCollection is not one (clause 4.7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry(Json);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGeometry {
    #[error("a geometry is a GeoJSON object with `type` and `coordinates`")]
    NotAnObject,
    #[error(
        "`{0}` is not a geometry type; use Point, MultiPoint, LineString, MultiLineString, Polygon or MultiPolygon"
    )]
    UnknownType(String),
    #[error("the coordinates of a {0} are {1}")]
    Coordinates(&'static str, &'static str),
    #[error(
        "position [{0}, {1}] is not on Earth; longitude goes from -180 to 180, latitude from -90 to 90"
    )]
    OffEarth(String, String),
    #[error("a ring of a Polygon needs at least four positions, the last equal to the first")]
    OpenRing,
    #[error("a LineString needs at least two positions")]
    ShortLine,
}

const TYPES: [&str; 6] =
    ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"];

impl Geometry {
    /// Accepts an object, or a string that holds one (clause 4.7.2).
    pub fn parse(json: &Json) -> Result<Geometry, InvalidGeometry> {
        let json = match json.as_text() {
            Some(text) => Json::parse(&text).map_err(|_| InvalidGeometry::NotAnObject)?,
            None => json.clone(),
        };
        shape_of(&json)?;
        Ok(Geometry(json))
    }

    /// A geometry from its type and the text of its coordinates, as queries give them.
    pub fn from_parts(kind: &str, coordinates: &Json) -> Result<Geometry, InvalidGeometry> {
        Geometry::parse(&Json::object([("type", &Json::text(kind)), ("coordinates", coordinates)]))
    }

    /// Takes JSON that was a `Geometry` before: the way back from a store.
    pub fn from_valid(json: Json) -> Geometry {
        Geometry(json)
    }

    /// Has this JSON the look of a geometry, so that a concise attribute is a GeoProperty?
    pub fn resembles(json: &Json) -> bool {
        json.kind() == JsonKind::Object && {
            let members = json.members().unwrap_or_default();
            let member = |name| members.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            member("coordinates").is_some()
                && member("type")
                    .and_then(Json::as_text)
                    .is_some_and(|kind| TYPES.contains(&&*kind))
        }
    }

    pub fn json(&self) -> &Json {
        &self.0
    }

    /// The shape in degrees, x the longitude and y the latitude; altitudes are left out.
    pub fn shape(&self) -> Shape<f64> {
        if let Some(at) = plain_point(self.0.as_str()) {
            return Shape::Point(Point(at));
        }
        shape_of(&self.0).unwrap_or_else(|_| Shape::MultiPoint(MultiPoint(Vec::new())))
    }
}

/// Reads `{"type":"Point","coordinates":[x,y]}`, as most are written, without a tree.
fn plain_point(text: &str) -> Option<Coord<f64>> {
    let text = text.strip_prefix(r#"{"type":"Point","coordinates":["#)?.strip_suffix("]}")?;
    let (x, y) = text.split_once(',')?;
    let (x, y) = (x.parse::<f64>().ok()?, y.parse::<f64>().ok()?);
    (x.abs() <= 180.0 && y.abs() <= 90.0).then_some(Coord { x, y })
}

fn shape_of(json: &Json) -> Result<Shape<f64>, InvalidGeometry> {
    let tree = json.to_tree();
    let (Some(kind), Some(coordinates)) =
        (tree.get("type").and_then(Tree::as_str), tree.get("coordinates"))
    else {
        return Err(InvalidGeometry::NotAnObject);
    };
    Ok(match kind {
        "Point" => Shape::Point(Point(position(coordinates, "Point")?)),
        "MultiPoint" => Shape::MultiPoint(MultiPoint(
            positions(coordinates, "MultiPoint")?.into_iter().map(Point).collect(),
        )),
        "LineString" => Shape::LineString(line(coordinates, "LineString")?),
        "MultiLineString" => Shape::MultiLineString(MultiLineString(
            list(coordinates, "MultiLineString", "a list of lists of positions")?
                .iter()
                .map(|one| line(one, "MultiLineString"))
                .collect::<Result<_, _>>()?,
        )),
        "Polygon" => Shape::Polygon(polygon(coordinates, "Polygon")?),
        "MultiPolygon" => Shape::MultiPolygon(MultiPolygon(
            list(coordinates, "MultiPolygon", "a list of lists of rings")?
                .iter()
                .map(|one| polygon(one, "MultiPolygon"))
                .collect::<Result<_, _>>()?,
        )),
        other => return Err(InvalidGeometry::UnknownType(other.chars().take(40).collect())),
    })
}

fn list<'a>(
    tree: &'a Tree,
    kind: &'static str,
    wanted: &'static str,
) -> Result<&'a [Tree], InvalidGeometry> {
    match tree.as_array() {
        Some(list) if !list.is_empty() => Ok(list),
        _ => Err(InvalidGeometry::Coordinates(kind, wanted)),
    }
}

fn position(tree: &Tree, kind: &'static str) -> Result<Coord<f64>, InvalidGeometry> {
    const WANTED: &str = "numbers: longitude, latitude and, if known, altitude";
    let numbers = list(tree, kind, WANTED)?;
    if !(2..=3).contains(&numbers.len()) || !numbers.iter().all(Tree::is_number) {
        return Err(InvalidGeometry::Coordinates(kind, WANTED));
    }
    let (Some(x), Some(y)) = (numbers[0].as_f64(), numbers[1].as_f64()) else {
        return Err(InvalidGeometry::Coordinates(kind, WANTED));
    };
    if x.abs() > 180.0 || y.abs() > 90.0 {
        return Err(InvalidGeometry::OffEarth(numbers[0].to_string(), numbers[1].to_string()));
    }
    Ok(Coord { x, y })
}

fn positions(tree: &Tree, kind: &'static str) -> Result<Vec<Coord<f64>>, InvalidGeometry> {
    let list = list(tree, kind, "a list of positions")?;
    list.iter().map(|one| position(one, kind)).collect()
}

fn line(tree: &Tree, kind: &'static str) -> Result<LineString<f64>, InvalidGeometry> {
    let positions = positions(tree, kind)?;
    if positions.len() < 2 { Err(InvalidGeometry::ShortLine) } else { Ok(LineString(positions)) }
}

fn polygon(tree: &Tree, kind: &'static str) -> Result<Polygon<f64>, InvalidGeometry> {
    let rings = list(tree, kind, "a list of rings")?;
    let mut rings = rings.iter().map(|one| ring(one, kind));
    let Some(exterior) = rings.next().transpose()? else {
        return Err(InvalidGeometry::OpenRing);
    };
    Ok(Polygon::new(exterior, rings.collect::<Result<_, _>>()?))
}

fn ring(tree: &Tree, kind: &'static str) -> Result<LineString<f64>, InvalidGeometry> {
    let positions = positions(tree, kind)?;
    let closed = positions.len() >= 4 && positions.first() == positions.last();
    if closed { Ok(LineString(positions)) } else { Err(InvalidGeometry::OpenRing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Geometry, InvalidGeometry> {
        Geometry::parse(&Json::parse(text).unwrap())
    }

    #[test]
    fn every_geometry_type_but_the_collection_is_read() {
        for text in [
            r#"{"type":"Point","coordinates":[24.94,60.17,3.5]}"#,
            r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#,
            r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#,
            r#"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]]]}"#,
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}"#,
        ] {
            assert_eq!(parse(text).unwrap().json().as_str(), text);
        }
        let encoded = parse(r#""{\"type\":\"Point\",\"coordinates\":[1,2]}""#).unwrap();
        assert_eq!(encoded.json().as_str(), r#"{"type":"Point","coordinates":[1,2]}"#);
    }

    #[test]
    fn a_plain_point_reads_as_any_other() {
        let check = |text: &str| {
            let geometry = parse(text).unwrap();
            assert_eq!(geometry.shape(), shape_of(geometry.json()).unwrap(), "{text}");
        };
        for at in ["24.94,60.17", "-180,90", "-0.0,1e-3", "1,2,3", "0.1,179E-1"] {
            check(&format!(r#"{{"type":"Point","coordinates":[{at}]}}"#));
        }
        check(r#"{"coordinates":[1,2],"type":"Point"}"#);
        check(r#"{"type":"Point","coordinates":[1,2],"bbox":[1,2,1,2]}"#);
        for (kept, read) in [("1e999,0", None), ("1,2,3", None), ("1,2", Some((1.0, 2.0)))] {
            let text = format!(r#"{{"type":"Point","coordinates":[{kept}]}}"#);
            assert_eq!(plain_point(&text).map(|at| (at.x, at.y)), read, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_geometry_is_said() {
        let check = |text: &str, expected: InvalidGeometry| {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        };
        check("5", InvalidGeometry::NotAnObject);
        check(
            r#"{"type":"GeometryCollection","coordinates":[]}"#,
            InvalidGeometry::UnknownType("GeometryCollection".into()),
        );
        check(
            r#"{"type":"Point","coordinates":[200,0]}"#,
            InvalidGeometry::OffEarth("200".into(), "0".into()),
        );
        check(r#"{"type":"LineString","coordinates":[[1,2]]}"#, InvalidGeometry::ShortLine);
        check(
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,2]]]}"#,
            InvalidGeometry::OpenRing,
        );
        assert!(parse(r#"{"type":"Point","coordinates":["1",2]}"#).is_err());
        assert!(parse(r#"{"type":"Polygon","coordinates":[]}"#).is_err());
    }
}
