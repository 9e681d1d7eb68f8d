//! The ordering language (clause 4.23.3).

use model::{Geometry, Json, JsonKind};

use crate::filter::{Direction, OrderBy, OrderKey};
use crate::invalid::Invalid;

use super::cursor::Cursor;
use super::path;
use super::{Expand, Parser};

impl Parser<'_> {
    /// Reads `type,name.observedAt;desc,location;dist-asc`. Distances are measured from `from`.
    pub fn order_by(self, text: &str, from: Option<&Geometry>) -> Result<Vec<OrderBy>, Invalid> {
        let mut cursor = Cursor::new("orderBy", text, self.limits)?;
        let keys_max = self.limits.query_order_keys_max;
        let mut order = Vec::new();
        loop {
            cursor.check_count(order.len(), keys_max, "keys", "query_order_keys_max")?;
            cursor.skip_spaces();
            order.push(order_key(&mut cursor, from, self.expand)?);
            if cursor.is_at_end() {
                return Ok(order);
            }
            cursor.expect(",", "or the end")?;
        }
    }

    /// Reads `orderFrom`, coordinates as JSON, and `orderGeometry`, a Point unless it is given.
    pub fn order_from(
        self,
        coordinates: &str,
        geometry: Option<&str>,
    ) -> Result<Geometry, Invalid> {
        self.geometry("orderFrom", geometry.unwrap_or("Point"), coordinates)
    }

    /// Reads a kind of geometry and its coordinates as JSON. `what` is the parameter that the
    /// coordinates came from.
    pub fn geometry(
        self,
        what: &'static str,
        kind: &str,
        coordinates: &str,
    ) -> Result<Geometry, Invalid> {
        let cursor = Cursor::of_geometry(what, coordinates, self.limits)?;
        let json = Json::parse(coordinates).ok().filter(|json| json.kind() == JsonKind::Array);
        let json = json.ok_or_else(|| cursor.error("expected coordinates such as `[8,40]`"))?;
        Geometry::from_parts(kind, &json).map_err(|invalid| cursor.error(invalid.to_string()))
    }
}

fn order_key(
    cursor: &mut Cursor<'_>,
    from: Option<&Geometry>,
    expand: Expand<'_>,
) -> Result<OrderBy, Invalid> {
    let start = cursor.at();
    let key = match cursor.clone().take_while(|c| !matches!(c, ',' | ';' | ' ')) {
        "id" => OrderKey::Id,
        "type" => OrderKey::Type,
        _ => OrderKey::Value(path::local_target(cursor, expand)?),
    };
    if matches!(key, OrderKey::Id | OrderKey::Type) {
        cursor.take_while(|c| !matches!(c, ',' | ';' | ' '));
    }
    let (direction, by_distance) = direction(cursor)?;
    cursor.skip_spaces();
    if !by_distance {
        return Ok(OrderBy { key, direction });
    }
    let Some(from) = from.cloned() else {
        return Err(cursor.error_at(start, "an order by distance needs `orderFrom`"));
    };
    match key {
        OrderKey::Value(mut target) if target.attributes.len() == 1 && target.inside.is_empty() => {
            let property = target.attributes.remove(0);
            Ok(OrderBy { key: OrderKey::Distance { property, from }, direction })
        }
        _ => Err(cursor.error_at(start, "a distance is measured to a GeoProperty of the entity")),
    }
}

fn direction(cursor: &mut Cursor<'_>) -> Result<(Direction, bool), Invalid> {
    if !cursor.eat(";") {
        return Ok((Direction::Ascending, false));
    }
    let start = cursor.at();
    match cursor.take_while(|c| !matches!(c, ',' | ';' | ' ')) {
        "asc" => Ok((Direction::Ascending, false)),
        "desc" => Ok((Direction::Descending, false)),
        "dist-asc" => Ok((Direction::Ascending, true)),
        "dist-desc" => Ok((Direction::Descending, true)),
        _ => Err(cursor.error_at(start, "expected `asc`, `desc`, `dist-asc` or `dist-desc`")),
    }
}
