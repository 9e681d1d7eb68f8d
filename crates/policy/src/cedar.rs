//! Policies written in Cedar: read and validated once, and answered from filters after that.
//!
//! A policy is translated when it is loaded ([`Policies::load`]), and what cannot become a
//! [`query::Filter`] is refused there, never at a request. For a caller and an action the policies
//! come to [`Rights`]: the entities meant, and the attributes withheld on some of them. Whoever
//! reads asks [`Rights::view`] or [`Rights::narrow`], which agree: the narrowed filter finds an
//! entity when the filter finds what the caller may see of it.
//!
//! The meaning is Cedar's own: what no policy permits is refused, and a forbid outweighs every
//! permit. The language of policies is what `comity.cedarschema` declares.

mod action;
mod source;
mod nesting;
mod area;
mod rule;
mod term;
mod atom;
mod translate;
mod value;
mod read;
mod rights;
mod narrow;
mod subject;
mod change;
mod policies;
mod explain;
mod expectation;

pub use action::Action;
pub use change::Refusal;
pub use expectation::{Expectation, Failure};
pub use explain::{Decider, Explanation, Verdict};
pub use narrow::{LinksInView, OrderInView};
pub use policies::{Access, Policies};

pub use read::Effect;
pub use rights::{AttributeSet, Hidden, Rights, Withheld};
pub use source::{Limits, Problem, Source, Sources};
pub use subject::Subject;

/// The policies that a platform begins with.
pub const DEFAULTS: &str = include_str!("cedar/defaults.cedar");

/// What those are expected to decide: a table for [`Expectation::read`].
pub const DEFAULTS_EXPECTED: &str = include_str!("cedar/defaults.expected.toml");

/// What policies can speak of, as Cedar writes schemas.
pub const SCHEMA: &str = include_str!("cedar/comity.cedarschema");
