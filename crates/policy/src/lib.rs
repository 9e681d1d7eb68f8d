//! Who may do what. A decision is a function of the caller and the request.

mod caller;
mod permit;
mod residency;

pub use caller::{Caller, Role};
pub use permit::{Action, Denied, Permitted, Policy, Request};
pub use residency::{
    HeldBack, REGION_BYTES_MAX, Region, Release, Released, Residency, ResidencyRule,
};
