//! How long history is kept.

use std::time::Duration;

use model::{Name, Tenant};

/// How long each form of a series is kept. Readings are kept for ever unless something is said. Of
/// roll-ups, where readings are removed, there are none then; where they are not, those that were
/// made under other rules stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The readings themselves. Removed when they are older, by whole days.
    pub raw: Option<Duration>,
    /// What the numbers of each hour came to, from when their readings are removed.
    pub hourly: Option<Duration>,
    /// What the numbers of each day came to.
    pub daily: Option<Duration>,
}

/// Whose history a rule is about; nothing stands for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRule {
    pub tenant: Option<Tenant>,
    /// A type that the entity has, or had.
    pub entity_type: Option<Name>,
    pub attribute: Option<Name>,
    pub kept: Kept,
}

/// Rules of retention: the first that is about a series counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub rules: Vec<RetentionRule>,
    /// For what no rule is about.
    pub otherwise: Kept,
}

/// What a pass over history came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Readings that were removed.
    pub readings: u64,
    /// Periods of roll-ups that were written for them.
    pub periods: u64,
    /// Those of the readings that came when their day had been rolled up, and are not in it.
    pub late: u64,
}

impl Retention {
    pub fn of(&self, tenant: &Tenant, types: &[Name], attribute: &Name) -> Kept {
        let is_about = |rule: &&RetentionRule| {
            rule.tenant.as_ref().is_none_or(|wanted| wanted == tenant)
                && rule.entity_type.as_ref().is_none_or(|wanted| types.contains(wanted))
                && rule.attribute.as_ref().is_none_or(|wanted| wanted == attribute)
        };
        self.rules.iter().find(is_about).map_or(self.otherwise, |rule| rule.kept)
    }

    /// Does it keep everything for ever?
    pub fn is_nothing(&self) -> bool {
        self.otherwise.raw.is_none() && self.rules.iter().all(|rule| rule.kept.raw.is_none())
    }
}
