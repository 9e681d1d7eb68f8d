//! What a caller may want to do.

use std::fmt;

/// An action of the schema. Actions of the first kind are done to entities, others to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Read,
    Create,
    Update,
    Delete,
    /// The platform itself: tenants, contexts, connectors, settings.
    Administer,
    /// Callers, keys, roles and policies.
    ManageAccess,
    /// To read, search and verify the record of who did what.
    Audit,
}

impl Action {
    pub const ALL: [Action; 7] = [
        Action::Read,
        Action::Create,
        Action::Update,
        Action::Delete,
        Action::Administer,
        Action::ManageAccess,
        Action::Audit,
    ];

    /// As the schema spells it.
    pub fn name(self) -> &'static str {
        match self {
            Action::Read => "read",
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Administer => "administer",
            Action::ManageAccess => "manageAccess",
            Action::Audit => "audit",
        }
    }

    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Is it done to entities, and so to each of their attributes?
    pub fn is_on_entities(self) -> bool {
        matches!(self, Action::Read | Action::Create | Action::Update | Action::Delete)
    }

    /// The actions that `action in Action::"<name>"` means: a group of the schema has several.
    pub(super) fn group(name: &str) -> Vec<Action> {
        match name {
            "write" => vec![Action::Create, Action::Update, Action::Delete],
            _ => Action::from_name(name).into_iter().collect(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
