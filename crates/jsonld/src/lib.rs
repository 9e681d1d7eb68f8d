//! JSON-LD terms for NGSI-LD: expand and compact names; a context it lacks is an answer, not a download.
//!
//! [`compile()`] turns what a client named into a [`Context`]. Where it needs a document that the [`Library`] does not
//! hold it says [`CompileError::Needs`]; the caller fetches that document and asks again. The core context is always
//! there, and always wins (NGSI-LD 4.4).
//!
//! ```
//! use jsonld::{CompileError, ContextRef, Limits, compile};
//! use serde_json::json;
//! use std::{collections::HashMap, sync::Arc};
//!
//! let mut library = HashMap::new();
//! let named = ContextRef::parse(&json!("https://example.org/city.jsonld"))?;
//! let Err(CompileError::Needs(url)) = compile(&named, &library, &Limits::default()) else { panic!() };
//!
//! library.insert(url, Arc::new(json!({"@context": {"Lamp": "https://example.org/Lamp"}})));
//! let context = compile(&named, &library, &Limits::default())?;
//! assert_eq!(context.expand_term("Lamp"), "https://example.org/Lamp");
//! assert_eq!(context.expand_term("value"), "https://uri.etsi.org/ngsi-ld/hasValue");
//! assert_eq!(context.compact_iri("https://example.org/Lamp"), "Lamp");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod context;
mod core_context;
mod define;
mod iri;
mod memo;
mod name;
mod reference;
mod terms;
mod written;

pub use compile::{CompileError, Library, Limits, compile};
pub use context::Context;
pub use core_context::{CORE_CONTEXT_URL, DEFAULT_VOCAB, core_document, is_core_url};
pub use name::{NameError, check_name};
pub use reference::{ContextError, ContextRef};
pub use terms::Coercion;
