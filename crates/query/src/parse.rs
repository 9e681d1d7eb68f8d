//! From the text of query parameters to trees.

mod cursor;
mod logic;
mod name;
mod operand;
mod order;
mod path;
mod q;
mod scope;
mod types;

pub use name::{Expand, NAMES_MAX, parse_names};
pub use order::{ORDER_KEYS_MAX, parse_order_by, parse_order_from};
pub use path::{LINKS_MAX, PATH_NAMES_MAX};
pub use q::{Q_BYTES_MAX, Q_DEPTH_MAX, Q_TERMS_MAX, Q_VALUES_MAX, QOptions, parse_q};
pub use scope::{SCOPE_Q_BYTES_MAX, SCOPE_Q_TERMS_MAX, parse_scope_q};
pub use types::{TYPES_BYTES_MAX, TYPES_TERMS_MAX, parse_types};

pub(crate) use cursor::Cursor;
pub(crate) use name::is_name;

#[cfg(test)]
mod tests;
