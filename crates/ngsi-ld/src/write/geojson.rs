//! Entities as GeoJSON features (clauses 4.5.16 and 4.5.17).

use model::{Entity, Geometry, Value};

use super::projection::Projection;
use super::shape::GeoShape;
use super::text::{member, plain_member};
use super::writer::Writer;

impl<'a> Writer<'a> {
    pub(super) fn feature(
        &mut self,
        out: &mut String,
        entity: &'a Entity,
        projection: Projection<'a>,
        geo: &GeoShape<'_>,
    ) {
        out.push('{');
        plain_member(out, "id", entity.id.as_str());
        plain_member(out, "type", "Feature");
        member(out, "geometry");
        match self.geometry(entity, geo) {
            Some(geometry) => out.push_str(geometry.json().as_str()),
            None => out.push_str("null"),
        }
        out.push_str(",\"properties\":{");
        self.types(out, &entity.types);
        self.rest(out, entity, projection);
        out.push('}');
    }

    /// The geometry of the instance that was asked for: the one of the dataset named, or the
    /// default one, or the only one (clause 4.5.16.1).
    fn geometry(&self, entity: &'a Entity, geo: &GeoShape<'_>) -> Option<&'a Geometry> {
        let attribute = entity.attributes.get(geo.geometry_property)?;
        let default = || self.visible(attribute).find(|instance| instance.dataset_id.is_none());
        let named = || {
            let mut visible = self.visible(attribute);
            let first = visible.next()?;
            let is_clear = visible.next().is_none() || !self.shape.dataset_ids.is_empty();
            is_clear.then_some(first)
        };
        match &default().or_else(named)?.value {
            Value::GeoProperty(geometry) => Some(geometry),
            _ => None,
        }
    }
}
