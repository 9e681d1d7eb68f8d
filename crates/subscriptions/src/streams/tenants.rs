//! How many streams each tenant has open, and may have.

use std::collections::HashMap;

use model::Tenant;

/// Only tenants that have streams open, or a limit, take room.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    open: HashMap<Tenant, usize>,
    max: HashMap<Tenant, usize>,
}

impl Tenants {
    pub fn limit(&mut self, tenant: &Tenant, max: Option<usize>) {
        match max {
            Some(max) => self.max.insert(tenant.clone(), max),
            None => self.max.remove(tenant),
        };
    }

    /// Counts one stream more, or tells how many there may be.
    pub fn enter(&mut self, tenant: &Tenant) -> Result<(), usize> {
        let open = self.open(tenant);
        match self.max.get(tenant) {
            Some(&max) if max <= open => return Err(max),
            _ => self.open.insert(tenant.clone(), open + 1),
        };
        Ok(())
    }

    pub fn leave(&mut self, tenant: &Tenant) {
        match self.open(tenant) {
            0 | 1 => self.open.remove(tenant),
            open => self.open.insert(tenant.clone(), open - 1),
        };
    }

    pub fn open(&self, tenant: &Tenant) -> usize {
        self.open.get(tenant).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_as_many_as_it_may() {
        let (north, south) = (Tenant::parse("north").unwrap(), Tenant::parse("south").unwrap());
        let mut tenants = Tenants::default();
        tenants.limit(&north, Some(2));
        let mut entered = || tenants.enter(&north);
        assert_eq!([entered(), entered(), entered()], [Ok(()), Ok(()), Err(2)]);
        assert_eq!(tenants.enter(&south), Ok(()));
        tenants.leave(&north);
        assert_eq!(tenants.open(&north), 1);
        assert_eq!(tenants.enter(&north), Ok(()));
        tenants.limit(&north, None);
        assert_eq!(tenants.enter(&north), Ok(()));
        (0..3).for_each(|_| tenants.leave(&north));
        tenants.leave(&south);
        assert!(tenants.open.is_empty(), "those without streams take no room");
    }
}
