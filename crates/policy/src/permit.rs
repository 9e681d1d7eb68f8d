//! Permits: the only way for a request to reach a store.

use std::sync::Arc;

use model::{Change, EntityId, HistoryChange, HistoryOperation, Operation, Tenant};
use query::Query;

use crate::caller::Caller;
use crate::cedar::{Access, Action, Refusal, Rights};
use crate::policy::Policy;

/// What a request asks to do, so that policy can judge it.
pub trait Request {
    fn tenant(&self) -> &Tenant;

    /// What it may come to; to do one of these must be allowed on some entity at least.
    fn actions(&self) -> &'static [Action];
}

impl Request for Change {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        match &self.operation {
            Operation::Create(_) => &[Action::Create],
            Operation::CreateOrReplace(_) | Operation::CreateOrAppend(_) => {
                &[Action::Create, Action::Update]
            }
            Operation::Delete => &[Action::Delete],
            _ => &[Action::Update],
        }
    }
}

impl Request for HistoryChange {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        match &self.operation {
            HistoryOperation::Upsert(_) => &[Action::Create, Action::Update],
            HistoryOperation::Delete => &[Action::Delete],
            _ => &[Action::Update],
        }
    }
}

impl Request for Query {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn actions(&self) -> &'static [Action] {
        &[Action::Read]
    }
}

/// A request that policy let through, and what its caller may do to which entities.
///
/// Only [`Policy::permit`] makes one, so whatever takes a `Permitted` cannot be reached around it:
///
/// ```compile_fail,E0451
/// let forged = policy::Permitted {
///     request: (),
///     caller: std::sync::Arc::from("nobody"),
///     access: loop {},
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Permitted<T> {
    request: T,
    caller: Arc<str>,
    access: Arc<Access>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("`{caller}` may not {action} anything here; it has {roles}")]
    Action { caller: String, roles: String, action: Action },
    #[error("`{caller}` may only use tenant {bound}")]
    Tenant { caller: String, bound: Tenant },
    #[error("`{caller}` {refusal}")]
    Entity { caller: String, refusal: Refusal },
}

/// Why a change that was permitted as such is not made to this entity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The standard does not allow it, for what the caller sees of the entity.
    #[error(transparent)]
    Refused(#[from] model::Refused),
    /// The entity exists, but not with a type that was asked for.
    #[error("entity `{0}` is not of the types asked for")]
    OtherType(EntityId),
}

impl Policy {
    /// Refuses what is allowed on no entity; what depends on the entity travels along.
    pub fn permit<T: Request>(&self, caller: &Caller, request: T) -> Result<Permitted<T>, Denied> {
        let tenant = request.tenant();
        let access = self.access(caller, tenant)?;
        let actions = request.actions();
        if actions.iter().all(|action| access.rights(*action).are_none()) {
            return Err(refused(caller, actions));
        }
        Ok(Permitted { request, caller: caller.name.as_str().into(), access })
    }

    /// What the caller may do in a tenant; an error where it belongs to another one.
    fn access(&self, caller: &Caller, tenant: &Tenant) -> Result<Arc<Access>, Denied> {
        match &caller.tenant {
            Some(bound) if bound != tenant => {
                Err(Denied::Tenant { caller: caller.name.clone(), bound: bound.clone() })
            }
            _ => Ok(self.in_force().policies.access(caller, tenant)),
        }
    }

    /// Refuses callers to whom none of these actions is allowed on this tenant or anything in it.
    pub fn check(
        &self,
        caller: &Caller,
        actions: &[Action],
        tenant: &Tenant,
    ) -> Result<(), Denied> {
        let access = self.access(caller, tenant)?;
        match actions.iter().all(|action| access.rights(*action).are_none()) {
            true => Err(refused(caller, actions)),
            false => Ok(()),
        }
    }

    /// Refuses callers to whom none of these actions is allowed on every tenant there is or may
    /// come to be: for what is of all tenants.
    pub fn check_everywhere(&self, caller: &Caller, actions: &[Action]) -> Result<(), Denied> {
        if let Some(bound) = &caller.tenant {
            return Err(Denied::Tenant { caller: caller.name.clone(), bound: bound.clone() });
        }
        let policies = self.in_force().policies;
        let allowed = |action: &Action| policies.allow_everywhere(caller, *action);
        if actions.iter().any(allowed) { Ok(()) } else { Err(refused(caller, actions)) }
    }

    /// What the caller may see in a tenant, as policies are now.
    pub fn read_rights(&self, caller: &Caller, tenant: &Tenant) -> Result<Arc<Rights>, Denied> {
        let access = self.access(caller, tenant)?;
        match access.rights(Action::Read) {
            rights if rights.are_none() => Err(refused(caller, &[Action::Read])),
            rights => Ok(rights.clone()),
        }
    }
}

fn refused(caller: &Caller, actions: &[Action]) -> Denied {
    let roles = match caller.roles.len() {
        0 => "no role".to_owned(),
        1 => format!("the role {}", caller.roles_shown()),
        _ => format!("the roles {}", caller.roles_shown()),
    };
    let action = actions.last().copied().unwrap_or(Action::Read);
    Denied::Action { caller: caller.name.clone(), roles, action }
}

impl<T> Permitted<T> {
    pub fn request(&self) -> &T {
        &self.request
    }

    /// The request, and what of entities its caller may see: a store asks the question narrowed
    /// ([`Rights::narrow`], [`Rights::order`], [`Rights::links`]) and answers with views
    /// ([`Rights::view`]).
    pub fn into_parts(self) -> (T, Arc<Rights>) {
        (self.request, self.access.rights(Action::Read).clone())
    }

    /// What of entities the caller may see.
    pub fn rights(&self) -> &Arc<Rights> {
        self.access.rights(Action::Read)
    }

    pub(crate) fn into_request(self) -> (T, Judge) {
        (self.request, Judge { caller: self.caller, access: self.access })
    }
}

/// Judges one change under the lock of a store.
pub(crate) struct Judge {
    caller: Arc<str>,
    access: Arc<Access>,
}

impl Judge {
    pub fn rights(&self, action: Action) -> &Arc<Rights> {
        self.access.rights(action)
    }

    pub fn denied(&self, refusal: Refusal) -> Denied {
        Denied::Entity { caller: self.caller.to_string(), refusal }
    }
}
