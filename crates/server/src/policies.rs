//! Policies as the platform keeps them: versions in the store, the last of which is in force.

pub mod command;
mod versions;
mod written;

pub use versions::{ChangeError, Proposal, Version, Versions, loaded};
pub use written::{Found, Written};

use policy::cedar::Limits;

use crate::settings::Settings;

/// How much of policies is taken.
pub fn limits(settings: &Settings) -> Limits {
    Limits {
        policy_source_bytes_max: settings.policy_source_bytes_max.as_usize(),
        policies_max: settings.policies_max,
        policy_areas_max: settings.policy_areas_max,
        policy_attributes_max: settings.policy_attributes_max,
        policy_depth_max: settings.policy_depth_max,
        policy_terms_max: settings.policy_terms_max,
        policy_rights_kept_max: settings.policy_rights_kept_max,
    }
}
