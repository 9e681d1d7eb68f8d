//! What can be asked of the door: one file for each family of operations.

pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod discovery;
pub(crate) mod entities;
pub(crate) mod evolutions;
pub(crate) mod info;
pub(crate) mod jsonld_contexts;
pub(crate) mod purge;
pub(crate) mod query;
pub(crate) mod subscriptions;
pub(crate) mod representation;
mod selection;
