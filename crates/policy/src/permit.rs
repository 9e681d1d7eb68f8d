//! Permits: the only way for a request to reach a store.

use std::fmt;

use model::{Change, Entity, HistoryChange, Tenant};
use query::{Filter, NoLinks, Query};

use crate::caller::{Caller, Role};

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Policy {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Read,
    Write,
    Administer,
}

/// What a request asks to do, so that policy can judge it.
pub trait Request {
    const ACTION: Action;

    fn tenant(&self) -> &Tenant;
}

impl Request for Change {
    const ACTION: Action = Action::Write;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

impl Request for HistoryChange {
    const ACTION: Action = Action::Write;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

impl Request for Query {
    const ACTION: Action = Action::Read;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// A request that policy let through, and the entities it may touch.
///
/// Only [`Policy::permit`] makes one, so whatever takes a `Permitted` cannot be reached around it:
///
/// ```compile_fail,E0451
/// let forged = policy::Permitted {
///     request: (),
///     caller: std::sync::Arc::from("nobody"),
///     within: query::Filter::Everything,
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Permitted<T> {
    request: T,
    caller: std::sync::Arc<str>,
    within: Filter,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("`{caller}` has the role {role}, which may not {action}")]
    Role { caller: String, role: Role, action: Action },
    #[error("`{caller}` may only use tenant {bound}")]
    Tenant { caller: String, bound: Tenant },
    #[error("`{caller}` may not {action} this entity")]
    Entity { caller: String, action: Action },
}

impl Policy {
    /// Refuses what no rule could allow; what depends on the entity travels along.
    pub fn permit<T: Request>(&self, caller: &Caller, request: T) -> Result<Permitted<T>, Denied> {
        let name = || caller.name.clone();
        if caller.role < T::ACTION.least_role() {
            return Err(Denied::Role { caller: name(), role: caller.role, action: T::ACTION });
        }
        if let Some(bound) = caller.tenant.as_ref().filter(|bound| *bound != request.tenant()) {
            return Err(Denied::Tenant { caller: name(), bound: bound.clone() });
        }
        Ok(Permitted { request, caller: caller.name.as_str().into(), within: Filter::Everything })
    }
}

impl<T: Request> Permitted<T> {
    pub fn request(&self) -> &T {
        &self.request
    }

    /// The request and the entities it may see; a store and-s the filter into what it reads.
    pub fn into_parts(self) -> (T, Filter) {
        (self.request, self.within)
    }

    /// The request, if it may touch `entity`. Asked under the lock that guards the write.
    pub fn on(self, entity: Option<&Entity>) -> Result<T, Denied> {
        let allowed = match (&self.within, entity) {
            (Filter::Everything, _) | (_, None) => true,
            (within, Some(entity)) => within.matches(entity, &NoLinks),
        };
        if allowed {
            Ok(self.request)
        } else {
            Err(Denied::Entity { caller: self.caller.to_string(), action: T::ACTION })
        }
    }
}

impl Action {
    fn least_role(self) -> Role {
        match self {
            Action::Read => Role::Reader,
            Action::Write => Role::Writer,
            Action::Administer => Role::Admin,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Read => "read",
            Action::Write => "change",
            Action::Administer => "administer",
        })
    }
}
