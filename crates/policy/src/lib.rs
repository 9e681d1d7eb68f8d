//! Who may do what. A decision is a function of the caller and the request.

mod caller;
mod permit;

pub use caller::{Caller, Role};
pub use permit::{Action, Denied, Permitted, Policy, Request};
