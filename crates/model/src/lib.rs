//! What the city says about itself: entities, their attributes, and how they change.
//!
//! Values and rules only. No I/O, no clock, no async, no wire format.

mod identifier;
mod text;
mod time;
mod json;
mod geometry;
mod scope;
mod attribute;
mod entity;
mod patch;
mod change;
mod event;
mod history;
mod apply;
mod merge;

pub use apply::{Applied, Refused, apply};
pub use attribute::{Attribute, Attributes, Instance, InstanceList, Kind, Value};
pub use change::{Change, Instances, Operation};
pub use entity::{Draft, Entity, TypeSelector};
pub use event::Event;
pub use geometry::{Geometry, InvalidGeometry};
pub use history::{
    Deletion, EvolutionHeader, HistoryChange, HistoryOperation, InstanceId, Moment, Reading,
    Readings, SCOPE, scope_value, scopes_of,
};
pub use identifier::{EntityId, Name, NotATenant, NotAUri, Tenant, Uri};
pub use json::{Json, JsonKind, NotJson};
pub use patch::{AttributePatch, Bare, Field, Fragment, Incomplete, InstancePatch, ValuePatch};
pub use scope::{NotAScope, Scope};
pub use text::Text;
pub use time::{DateTime, DateTimeText, NotADateTime, Timestamp};

/// The URI that stands for "remove this member" in a fragment (NGSI-LD Null, clause 4.5.0).
pub const NULL: &str = "urn:ngsi-ld:null";
