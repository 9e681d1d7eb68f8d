//! Who is asking.

use std::fmt;

use model::Tenant;

/// Someone whose identity has been proven by a door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For logs and the record; never a secret.
    pub name: String,
    pub role: Role,
    /// Where given, the only tenant this caller may touch.
    pub tenant: Option<Tenant>,
}

/// What a caller may do, each role including the ones before it; only, none but an auditor may read
/// the audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads the audit record, and nothing else.
    Auditor,
    Reader,
    Writer,
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Auditor, Role::Reader, Role::Writer, Role::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Role::Auditor => "auditor",
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
