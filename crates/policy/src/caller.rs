//! Who is asking.

use std::collections::BTreeSet;

use model::{EntityId, Scope, Tenant};

/// Someone whose identity has been proven by a door, with all that policies may ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// For logs and the record; never a secret.
    pub name: String,
    /// The names of its roles. What a role may do, policies say.
    pub roles: BTreeSet<String>,
    /// Where given, the only tenant this caller may touch, whatever policies say.
    pub tenant: Option<Tenant>,
    /// Parts of the city given to this caller.
    pub scopes: Vec<Scope>,
    /// Entities given to this caller, such as those that a device tells of.
    pub entities: Vec<EntityId>,
}

impl Caller {
    /// Someone with one role, in every tenant.
    pub fn with_role(name: impl Into<String>, role: impl Into<String>) -> Caller {
        Caller { name: name.into(), roles: BTreeSet::from([role.into()]), ..Caller::default() }
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// The names of its roles in one text, for people.
    pub fn roles_shown(&self) -> String {
        self.roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Roles that the policies of a new platform know. Other policies may know others.
pub mod role {
    pub const READER: &str = "reader";
    pub const WRITER: &str = "writer";
    pub const ADMIN: &str = "admin";
    pub const SECURITY_OFFICER: &str = "security-officer";
    pub const AUDITOR: &str = "auditor";
    pub const DEVICE: &str = "device";

    pub const ALL: [&str; 6] = [READER, WRITER, DEVICE, ADMIN, SECURITY_OFFICER, AUDITOR];

    /// Roles whose callers may be asked to prove more than others when they sign in.
    pub fn is_privileged(name: &str) -> bool {
        matches!(name, ADMIN | SECURITY_OFFICER | AUDITOR)
    }

    /// How long the name of a role may be.
    pub const NAME_CHARS_MAX: usize = 100;

    /// Is this a name that a role may have? Names stand in lists and log lines.
    pub fn is_name(name: &str) -> bool {
        (1..=NAME_CHARS_MAX).contains(&name.chars().count())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
    }
}
