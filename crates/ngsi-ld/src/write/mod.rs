//! Entities and attributes as JSON text: normalized, concise, simplified and GeoJSON.
//!
//! Text is appended to what the caller gives; no tree is built, and values go out as they came in.

mod evolution;
mod geojson;
mod instance;
mod language;
mod linked;
mod projection;
mod shape;
mod simplified;
mod text;
mod writer;

pub use evolution::Telling;
pub use language::Languages;
pub use projection::{Member, Projected, Projection};
pub use shape::{Format, GeoShape, Linked, Shape};
pub(crate) use text::shortest;

use std::sync::Arc;

use broker::Evolution;
use jsonld::Context;
use model::{Attribute, Entity, Instance};

pub use writer::INLINED_MAX;
use writer::Writer;

/// One entity (clauses 4.5.1 and 4.5.4).
pub fn entity(out: &mut String, entity: &Entity, context: &Context, shape: &Shape<'_>) {
    Writer::new(context, shape).entity(out, entity, shape.projection);
}

/// An array of entities, each with its own `@context` where one goes into the body. With
/// [`Linked::Flat`], linked entities follow the linking ones (clause 4.5.23.3).
pub fn entities(out: &mut String, entities: &[Arc<Entity>], context: &Context, shape: &Shape<'_>) {
    let mut writer = Writer::new(context, shape);
    let all = writer.flattened(entities);
    text::array(out, all, |out, (entity, projection)| writer.entity(out, entity, projection));
}

/// One entity as a GeoJSON Feature (clauses 4.5.16.2 and 4.5.17.1).
pub fn feature(
    out: &mut String,
    entity: &Entity,
    context: &Context,
    shape: &Shape<'_>,
    geo: &GeoShape<'_>,
) {
    let mut writer = Writer::new(context, shape);
    writer.feature(out, entity, shape.projection, geo);
    writer.context_member(out);
    out.push('}');
}

/// Entities as a GeoJSON FeatureCollection, with one `@context` for all (clauses 4.5.16.3 and
/// 4.5.17.2).
pub fn feature_collection(
    out: &mut String,
    entities: &[Arc<Entity>],
    context: &Context,
    shape: &Shape<'_>,
    geo: &GeoShape<'_>,
) {
    let mut writer = Writer::new(context, shape);
    let all = writer.flattened(entities);
    out.push_str("{\"type\":\"FeatureCollection\",\"features\":");
    text::array(out, all, |out, (entity, projection)| {
        writer.feature(out, entity, projection, geo);
        out.push('}');
    });
    writer.context_member(out);
    out.push('}');
}

/// One temporal evolution (clauses 4.5.6 to 4.5.9 and 4.5.19).
pub fn evolution(
    out: &mut String,
    evolution: &Evolution,
    context: &Context,
    shape: &Shape<'_>,
    telling: Telling,
) {
    Writer::new(context, shape).evolution(out, evolution, shape.projection, telling);
}

/// An array of evolutions, each with its own `@context` where one goes into the body.
pub fn evolutions(
    out: &mut String,
    evolutions: &[Evolution],
    context: &Context,
    shape: &Shape<'_>,
    telling: Telling,
) {
    let mut writer = Writer::new(context, shape);
    text::array(out, evolutions, |out, one| {
        writer.evolution(out, one, shape.projection, telling);
    });
}

/// One attribute as it stands in an entity: an object, or an array of instances, each with the
/// `@context` where one goes into the body (TS 104 176 7.5). `false`, and nothing written, where
/// no instance is among the datasets asked for.
pub fn attribute(
    out: &mut String,
    attribute: &Attribute,
    context: &Context,
    shape: &Shape<'_>,
) -> bool {
    Writer::new(context, shape).attribute(out, attribute, None, shape.context_in_body)
}

/// The value of one instance, bare: the JSON itself, a URI, a map (TS 104 176 7.6.3.1).
pub fn value(out: &mut String, instance: &Instance, context: &Context) {
    let shape = Shape { format: Format::Simplified, ..Shape::default() };
    Writer::new(context, &shape).value(out, instance, None);
}

#[cfg(test)]
mod entity_tests;
#[cfg(test)]
mod evolution_tests;
#[cfg(test)]
mod linked_tests;
#[cfg(test)]
mod round_trip_tests;
