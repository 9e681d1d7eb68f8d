//! Who may do what. A decision is a function of the caller and the request.

mod caller;
pub mod cedar;
mod change;
mod chronicle;
mod permit;
mod policy;
mod residency;

pub use caller::{Caller, role};
pub use cedar::{Action, Rights, Subject};
pub use permit::{Declined, Denied, Permitted, Request};
pub use policy::{InForce, Policy};
pub use residency::{
    HeldBack, REGION_BYTES_MAX, Region, Release, Released, Residency, ResidencyRule,
};
