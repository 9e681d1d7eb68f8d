//! Attribute paths: `a.b[c.d]`, `rel{Type:a}` (clause 4.9).

use model::TypeSelector;

use crate::filter::{Link, Target};
use crate::invalid::Invalid;

use super::Expand;
use super::cursor::Cursor;
use super::name::{checked, name};

const NAME: &str = "an attribute name";

/// Reads a path with the relationships it follows.
pub(super) fn target(cursor: &mut Cursor<'_>, expand: Expand<'_>) -> Result<Target, Invalid> {
    let mut links: Vec<Link> = Vec::new();
    loop {
        let first = name(cursor, NAME, expand)?;
        if !cursor.eat("{") {
            let mut target = Target { links, attributes: vec![first], inside: Vec::new() };
            value_path(cursor, &mut target, expand)?;
            for _ in &target.links {
                cursor.expect("}", "after the path in a linked entity")?;
            }
            return Ok(target);
        }
        let links_max = cursor.limits.join_level_max;
        cursor.check_count(links.len(), links_max, "relationships to follow", "join_level_max")?;
        links.push(Link { relationship: first, types: type_hint(cursor, expand)? });
    }
}

/// Reads a path that stays in one entity.
pub(super) fn local_target(cursor: &mut Cursor<'_>, expand: Expand<'_>) -> Result<Target, Invalid> {
    let attributes = vec![name(cursor, NAME, expand)?];
    let mut target = Target { links: Vec::new(), attributes, inside: Vec::new() };
    value_path(cursor, &mut target, expand)?;
    Ok(target)
}

fn value_path(
    cursor: &mut Cursor<'_>,
    target: &mut Target,
    expand: Expand<'_>,
) -> Result<(), Invalid> {
    while cursor.eat(".") {
        target.attributes.push(name(cursor, NAME, expand)?);
    }
    if cursor.eat("[") {
        target.inside = inside(cursor)?;
        cursor.expect("]", "after the path inside a value")?;
    }
    let before_last = target.attributes.len() + target.inside.len() - 1;
    let names_max = cursor.limits.query_depth_max;
    cursor.check_count(before_last, names_max, "names in a path", "query_depth_max")
}

/// Member names are JSON, not terms, so nearly every character may stand in them.
fn inside(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Invalid> {
    let mut names = Vec::new();
    loop {
        let name = cursor.take_while(|c| !matches!(c, '.' | '[' | ']'));
        if name.is_empty() {
            return Err(cursor.expected("a member name or a language"));
        }
        names.push(name.to_owned());
        if !cursor.eat(".") {
            break;
        }
    }
    if names == ["*"] {
        names.clear();
    }
    Ok(names)
}

/// Reads `Device:` or `Device,Sensor:`. The last colon ends it, unless an IRI continues there.
fn type_hint(cursor: &mut Cursor<'_>, expand: Expand<'_>) -> Result<Option<TypeSelector>, Invalid> {
    let rest = cursor.rest();
    let end = rest.find(['{', '}', '[', ']', '"', '=', '<', '>', '~', '!', ';', '|']);
    let head = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let colon = head.rfind(':').filter(|at| !head[*at..].starts_with("://"));
    let Some(hint) = colon.and_then(|at| head.get(..at)) else { return Ok(None) };
    let mut types = Vec::new();
    for term in hint.split(',') {
        let start = cursor.at();
        types.push(checked(cursor, start, term, "an entity type", expand)?);
        cursor.take(term.len() + 1);
    }
    let mut types: Vec<_> = types.into_iter().map(TypeSelector::Is).collect();
    Ok(match types.len() {
        1 => types.pop(),
        _ => Some(TypeSelector::OneOf(types)),
    })
}
