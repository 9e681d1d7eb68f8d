//! What is recorded when a server starts, beside that it does.

use std::fmt::Write;

use ::audit::{Entry, Event, Outcome, Who};
use sha2::{Digest, Sha256};

use super::operator;
use crate::settings::{self, Settings};

/// The settings in force, by a digest of the file that `comity config` prints of them, and the names
/// of those that are not as they come. Values stay out: the record goes to more people than they do.
pub fn configuration(settings: &Settings) -> Entry {
    let mut digest = String::new();
    for byte in Sha256::digest(settings::file(settings)) {
        // Writing to a String cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    let entry = Entry::new(Event::ConfigurationChange, Who::system(), Outcome::Allowed);
    entry.target("settings").detail("sha256", &digest).detail("set", &set(settings))
}

/// The names of the settings that differ from their defaults.
fn set(settings: &Settings) -> String {
    let defaults = Settings::default();
    let differs = |one: &&settings::Setting| (one.text)(settings) != (one.text)(&defaults);
    let mut names: Vec<&str> =
        settings::ALL.iter().filter(differs).map(|setting| setting.name).collect();
    let tables = [
        ("issuers", settings.issuers.is_empty()),
        ("regions", settings.regions.is_empty()),
        ("residency", settings.residency.is_empty()),
    ];
    names.extend(tables.iter().filter(|(_, is_empty)| !is_empty).map(|(name, _)| *name));
    names.join(", ")
}

/// The administrator's key, which a first start makes.
pub fn first_key() -> Entry {
    let entry = Entry::new(Event::KeyUse, operator(), Outcome::Allowed);
    entry.target("key administrator").detail("action", "add").detail("role", "admin")
}
