//! The ordering language (clause 4.23.3).

use model::{Geometry, Json, JsonKind};

use crate::filter::{Direction, OrderBy, OrderKey};
use crate::invalid::Invalid;

use super::cursor::Cursor;
use super::name::Expand;
use super::path;

/// Keys in one order.
pub const ORDER_KEYS_MAX: usize = 16;
const ORDER_BYTES_MAX: usize = 4 * 1024;
const ORDER_FROM_BYTES_MAX: usize = 64 * 1024;

/// Reads `type,name.observedAt;desc,location;dist-asc`. Distances are measured from `from`.
pub fn parse_order_by(
    text: &str,
    from: Option<&Geometry>,
    expand: Expand<'_>,
) -> Result<Vec<OrderBy>, Invalid> {
    let mut cursor = Cursor::new("orderBy", text, ORDER_BYTES_MAX)?;
    let mut order = Vec::new();
    loop {
        if order.len() == ORDER_KEYS_MAX {
            return Err(cursor.error(format!("more than {ORDER_KEYS_MAX} keys")));
        }
        cursor.skip_spaces();
        order.push(order_key(&mut cursor, from, expand)?);
        if cursor.is_at_end() {
            return Ok(order);
        }
        cursor.expect(",", "or the end")?;
    }
}

/// Reads `orderFrom`, coordinates as JSON, and `orderGeometry`, a Point unless it is given.
pub fn parse_order_from(coordinates: &str, geometry: Option<&str>) -> Result<Geometry, Invalid> {
    let cursor = Cursor::new("orderFrom", coordinates, ORDER_FROM_BYTES_MAX)?;
    let json = Json::parse(coordinates).ok().filter(|json| json.kind() == JsonKind::Array);
    let json = json.ok_or_else(|| cursor.error("expected coordinates such as `[8,40]`"))?;
    let kind = geometry.unwrap_or("Point");
    Geometry::from_parts(kind, &json).map_err(|invalid| cursor.error(invalid.to_string()))
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
