//! `comity export`: all entities of a tenant, as NDJSON or as a GeoJSON feature collection.

use std::io::{self, Write};

use jsonld::Context;
use model::{EntityId, Name, Tenant, TypeSelector};
use ngsi_ld::write::{self, Format, GeoShape, Shape};
use policy::Release;
use query::{Direction, Filter, OrderBy, OrderKey, Page, Query};

use crate::failure::Failure;
use crate::platform::{Platform, operator};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One normalized entity on each line: what `comity import` takes back unchanged.
    Ndjson,
    /// A GeoJSON feature collection of simplified entities, for maps and GIS tools.
    Geojson,
}

/// How many entities are read at a time.
const PAGE: usize = 1_000;

/// Writes the entities of these types, or of all; tells how many there were. Entities that change
/// meanwhile go out as they were before or after.
///
/// What may not go by `release` is left out.
pub async fn export(
    platform: &Platform,
    tenant: Tenant,
    types: &[String],
    layout: Layout,
    release: &Release,
    out: &mut impl Write,
) -> Result<u64, Failure> {
    let context = Context::core();
    let names = types.iter().map(|name| Name::new(&*context.expand_term(name)));
    let names: Vec<TypeSelector> = names.map(TypeSelector::Is).collect();
    let filter = match names.is_empty() {
        true => Filter::Everything,
        false => Filter::Types(TypeSelector::OneOf(names)),
    };
    let io = || Failure::io("the output");
    let mut written = 0_u64;
    let mut last = EntityId::first();
    open(out, layout).map_err(io())?;
    loop {
        let after = Filter::IdsAfter(last);
        let query = Query {
            page: Page { offset: 0, limit: PAGE },
            order: vec![OrderBy { key: OrderKey::Id, direction: Direction::Ascending }],
            ..Query::of(tenant.clone(), Filter::All(vec![after, filter.clone()]))
        };
        let answer = platform.broker.query(&operator(), query).await?;
        for entity in &answer.entities {
            let Some(entity) = release.entity(entity).rest else { continue };
            let mut text = String::new();
            print(&mut text, &entity, &context, layout);
            separate(out, layout, written == 0).map_err(io())?;
            out.write_all(text.as_bytes()).map_err(io())?;
            written += 1;
        }
        match answer.entities.last() {
            Some(entity) if answer.more => last = entity.id.clone(),
            _ => break,
        }
    }
    close(out, layout, written == 0).map_err(io())?;
    Ok(written)
}

fn print(out: &mut String, entity: &model::Entity, context: &Context, layout: Layout) {
    match layout {
        Layout::Ndjson => write::entity(out, entity, context, &Shape::default()),
        Layout::Geojson => {
            let shape = Shape { format: Format::Simplified, ..Shape::default() };
            let location = Name::new(&*context.expand_term("location"));
            write::feature(
                out,
                entity,
                context,
                &shape,
                &GeoShape { geometry_property: &location },
            );
        }
    }
}

fn open(out: &mut impl Write, layout: Layout) -> io::Result<()> {
    match layout {
        Layout::Ndjson => Ok(()),
        Layout::Geojson => out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":["),
    }
}

fn separate(out: &mut impl Write, layout: Layout, first: bool) -> io::Result<()> {
    match (layout, first) {
        (Layout::Ndjson, true) => Ok(()),
        (Layout::Ndjson, false) | (Layout::Geojson, true) => out.write_all(b"\n"),
        (Layout::Geojson, false) => out.write_all(b",\n"),
    }
}

fn close(out: &mut impl Write, layout: Layout, empty: bool) -> io::Result<()> {
    match layout {
        Layout::Ndjson if empty => {}
        Layout::Ndjson => out.write_all(b"\n")?,
        Layout::Geojson => out.write_all(b"\n]}\n")?,
    }
    out.flush()
}
