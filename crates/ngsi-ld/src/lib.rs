//! NGSI-LD over HTTP (ETSI GS CIM 009 V1.9.1): bytes in, answers out.
//!
//! [`router`] is the door. `read` and `write` turn JSON into the model and back; `contexts` finds
//! out what names mean; `operations` has one file for each family of operations.

mod contexts;
mod door;
mod notifications;
mod operations;
pub mod read;
mod settings;
pub mod write;

pub use contexts::{FetchContext, FetchError, Fetched, IMPLICIT_CONTEXTS_MAX};
pub use door::{Authenticate, Door, Reason, Unauthenticated, bearer, router, routes};
pub use operations::subscriptions::ENDPOINT_INFO_MAX;
pub use settings::Settings;
