//! Tenants as numbers: each is a name of the dictionary, marked so that no term can be one.

use model::{Name, Tenant};

use crate::names::{NameId, Names};

/// No expanded name starts with a control character.
const MARK: char = '\u{1}';

/// The number of a tenant for which something was written.
pub fn tenant_id(names: &Names, tenant: &Tenant) -> Option<NameId> {
    names.get(&format!("{MARK}{}", tenant.as_str()))
}

/// The number of a tenant, which is created by asking.
pub fn intern_tenant(names: &Names, tenant: &Tenant) -> NameId {
    names.intern(&Name::new(format!("{MARK}{}", tenant.as_str())))
}

pub fn tenant_of(names: &Names, id: NameId) -> Option<Tenant> {
    let name = names.name(id)?;
    match name.as_str().strip_prefix(MARK)? {
        "" => Some(Tenant::default()),
        text => Tenant::parse(text).ok(),
    }
}
