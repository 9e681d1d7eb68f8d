//! How an answer is to look: what the parameters of a read ask for.

use broker::LinkedEntities;
use model::{Name, Timestamp, Uri};

use super::language::Languages;
use super::projection::Projection;

/// The representations of attributes (clause 6.3.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Normalized,
    Concise,
    Simplified,
}

/// What of an entity goes out, and in which form. The default is everything, normalized.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape<'a> {
    pub format: Format,
    /// Whether `createdAt`, `modifiedAt` and `expiresAt` go out (clause 6.3.11).
    pub sys_attrs: bool,
    pub projection: Projection<'a>,
    /// Which instances go out, nothing meaning the default one; all, where this is empty
    /// (clause 4.5.5.1).
    pub dataset_ids: &'a [Option<Uri>],
    /// Where given, a LanguageProperty goes out as a Property in one language (clause 4.15).
    pub languages: Option<Languages<'a>>,
    /// JSON text for the `@context` member, which is left out without one.
    pub context_in_body: Option<&'a str>,
    pub linked: Linked<'a>,
    /// When the entity was deleted, for those who are told of that (clause 5.8.6).
    pub deleted_at: Option<Timestamp>,
}

/// How linked entities come along (clause 4.5.23).
#[derive(Clone, Copy, Debug, Default)]
pub enum Linked<'a> {
    #[default]
    None,
    /// Inside the relationships that lead to them, at most `levels` deep.
    Inline { entities: &'a LinkedEntities, levels: u32 },
    /// After the entities that lead to them, at most `levels` away.
    Flat { entities: &'a LinkedEntities, levels: u32 },
}

/// What a GeoJSON representation needs beside the rest (clause 4.5.16.1).
#[derive(Clone, Copy, Debug)]
pub struct GeoShape<'a> {
    /// The GeoProperty that becomes the geometry, expanded.
    pub geometry_property: &'a Name,
}
