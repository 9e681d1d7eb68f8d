//! What it takes to write one answer, and the members that entities and features share.

use std::sync::Arc;

use broker::LinkedEntities;
use jsonld::Context;
use model::{Attribute, Entity, EntityId, Instance, Name};

use super::projection::{Member, Projection};
use super::shape::{Linked, Shape};
use super::text::{member, moment_member, named_member, one_or_many, plain, plain_member, string};

/// How many times linked entities may stand inside relationships in one answer; further ones stay
/// links. Few entities that point to each other could otherwise unfold without end.
pub const INLINED_MAX: usize = 10_000;

pub(super) struct Writer<'a> {
    pub(super) context: &'a Context,
    pub(super) shape: Shape<'a>,
    /// The entities around what is being written, outermost first.
    around: Vec<&'a EntityId>,
    inlined: usize,
    compacted: Vec<(Name, Arc<str>)>,
}

/// How many names a writer keeps at hand: few enough to look through.
const COMPACTED_MAX: usize = 24;

impl<'a> Writer<'a> {
    pub(super) fn new(context: &'a Context, shape: &Shape<'a>) -> Writer<'a> {
        Writer { context, shape: *shape, around: Vec::new(), inlined: 0, compacted: Vec::new() }
    }

    /// An entity with its `@context`, where one goes into the body.
    pub(super) fn entity(
        &mut self,
        out: &mut String,
        entity: &'a Entity,
        projection: Projection<'a>,
    ) {
        out.push('{');
        if projection.shows(&Member::Id) {
            plain_member(out, "id", entity.id.as_str());
        }
        if projection.shows(&Member::Type) {
            self.types(out, &entity.types);
        }
        self.rest(out, entity, projection);
        self.context_member(out);
        out.push('}');
    }

    pub(super) fn types(&mut self, out: &mut String, types: &[Name]) {
        member(out, "type");
        one_or_many(out, types, false, |out, name| string(out, &self.compacted(name)));
    }

    /// The name in the words of the context. Entities of one answer share most of their names.
    pub(super) fn compacted(&mut self, name: &Name) -> Arc<str> {
        let known = self.compacted.iter().find(|(known, _)| known.is_same_as(name));
        if let Some((_, compact)) = known {
            return compact.clone();
        }
        let compact = self.context.compacted(name.as_str());
        if self.compacted.len() < COMPACTED_MAX {
            self.compacted.push((name.clone(), compact.clone()));
        }
        compact
    }

    /// Everything but `id` and `type`.
    pub(super) fn rest(
        &mut self,
        out: &mut String,
        entity: &'a Entity,
        projection: Projection<'a>,
    ) {
        if !entity.scopes.is_empty() && projection.shows(&Member::Scope) {
            member(out, "scope");
            one_or_many(out, &entity.scopes, false, |out, scope| string(out, scope.as_str()));
        }
        if self.shape.sys_attrs {
            moment_member(out, "createdAt", entity.created_at.date_time());
            moment_member(out, "modifiedAt", entity.modified_at.date_time());
            if let Some(at) = entity.expires_at {
                moment_member(out, "expiresAt", at);
            }
        }
        if let Some(at) = self.shape.deleted_at.filter(|_| self.around.is_empty()) {
            moment_member(out, "deletedAt", at.date_time());
        }
        self.around.push(&entity.id);
        for attribute in &entity.attributes {
            if projection.shows_attribute(&attribute.name) {
                self.attribute_member(out, attribute, Some(projection));
            }
        }
        self.around.pop();
    }

    /// The attribute under its name, unless no instance of it goes out. What is linked comes
    /// along where a `projection` tells what of it.
    pub(super) fn attribute_member(
        &mut self,
        out: &mut String,
        attribute: &'a Attribute,
        projection: Option<Projection<'a>>,
    ) {
        let before = out.len();
        named_member(out, &self.compacted(&attribute.name));
        let below = projection.map(|projection| projection.below(&attribute.name));
        if !self.attribute(out, attribute, below, None) {
            out.truncate(before);
        }
    }

    /// The instances that go out (clause 4.5.5.1).
    pub(super) fn visible(
        &self,
        attribute: &'a Attribute,
    ) -> impl Iterator<Item = &'a Instance> + use<'a> {
        let wanted = self.shape.dataset_ids;
        let passes = move |one: &&Instance| wanted.is_empty() || wanted.contains(&one.dataset_id);
        attribute.instances.iter().filter(passes)
    }

    pub(super) fn context_member(&self, out: &mut String) {
        // An entity inside another one has the context of the outer.
        if let Some(context) = self.shape.context_in_body.filter(|_| self.around.is_empty()) {
            member(out, "@context");
            out.push_str(context);
        }
    }

    pub(super) fn name(&self, out: &mut String, name: &Name) {
        string(out, &self.context.compact_iri(name.as_str()));
    }

    /// Writes the entity `id` where it comes along at this place; tells whether it does.
    pub(super) fn linked(
        &mut self,
        out: &mut String,
        id: &EntityId,
        projection: Projection<'a>,
    ) -> bool {
        let Some(entity) = self.inlinable(id) else { return false };
        self.inlined += 1;
        self.entity(out, entity, projection);
        true
    }

    /// The entity to put in place of a link: known, not too deep, and not inside itself.
    pub(super) fn inlinable(&self, id: &EntityId) -> Option<&'a Entity> {
        let Linked::Inline { entities, levels } = self.shape.linked else { return None };
        let entities: &'a LinkedEntities = entities;
        let fits = self.around.len() <= levels as usize
            && self.inlined < INLINED_MAX
            && !self.around.contains(&id);
        if fits { entities.get(id).map(|linked| &*linked.entity) } else { None }
    }
}

/// A URI, which needs no escapes.
pub(super) fn uri(out: &mut String, uri: &model::Uri) {
    plain(out, uri.as_str());
}
