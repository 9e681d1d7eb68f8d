//! Tenants as numbers: each is a name of the dictionary, marked so that no term can be one.

use model::{Name, Tenant};
use store::StoreError;

use crate::encryption::{Encryption, domain_of_tenant};
use crate::keys::TENANT_MAX;
use crate::names::{NameId, Names};

/// No expanded name starts with a control character.
const MARK: char = '\u{1}';
const KNOWN: char = '\u{2}';

/// The number of a tenant for which something was written.
///
/// A tenant that was shredded and begins again has another number: what is left of the old one
/// belongs to nobody.
pub fn tenant_id(names: &Names, encryption: &Encryption, tenant: &Tenant) -> Option<NameId> {
    lives(tenant)
        .map_while(|name| names.get(&name))
        .find(|id| !encryption.is_gone(domain_of_tenant(*id)))
}

/// The number of a tenant, which is created by asking.
pub fn intern_tenant(
    names: &Names,
    encryption: &Encryption,
    tenant: &Tenant,
) -> Result<NameId, StoreError> {
    let is_gone = |name: &String| {
        let id = names.get(name);
        id.is_some_and(|id| encryption.is_gone(domain_of_tenant(id)))
    };
    let name = lives(tenant).find(|name| !is_gone(name)).unwrap_or_default();
    if names.get(&name).is_none() && names.len() > TENANT_MAX.0 {
        let problem = "the dictionary has too many names for a further tenant";
        return Err(std::io::Error::other(problem).into());
    }
    Ok(names.intern(&Name::new(name)))
}

/// The same, of a tenant that has, or had, an entity or evolution: documents alone make none.
pub fn known_tenant(names: &Names, encryption: &Encryption, tenant: &Tenant) -> Option<NameId> {
    let id = tenant_id(names, encryption, tenant)?;
    names.get(&known(names, id)?).map(|_| id)
}

/// Makes a tenant known.
pub fn intern_known(
    names: &Names,
    encryption: &Encryption,
    tenant: &Tenant,
) -> Result<NameId, StoreError> {
    let id = intern_tenant(names, encryption, tenant)?;
    if let Some(known) = known(names, id) {
        names.intern(&Name::new(known));
    }
    Ok(id)
}

/// The name that tells that a tenant is known.
fn known(names: &Names, id: NameId) -> Option<String> {
    names.name(id).map(|name| format!("{KNOWN}{}", name.as_str()))
}

/// The names of a tenant in the dictionary: that of its first life, and those after a shredding.
fn lives(tenant: &Tenant) -> impl Iterator<Item = String> {
    let first = format!("{MARK}{}", tenant.as_str());
    let later = (1_u32..).map(|life| format!("{MARK}{}{MARK}{life}", tenant.as_str()));
    std::iter::once(first).chain(later)
}

pub fn tenant_of(names: &Names, id: NameId) -> Option<Tenant> {
    let name = names.name(id)?;
    let name = name.as_str().strip_prefix(MARK)?;
    match name.split(MARK).next()? {
        "" => Some(Tenant::default()),
        text => Tenant::parse(text).ok(),
    }
}
