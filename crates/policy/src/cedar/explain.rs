//! Why a caller may or may not: which policies decided.
//!
//! What is asked here are the translated policies, those that are enforced.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model::{Entity, Name, Tenant};
use query::NoLinks;

use super::action::Action;
use super::policies::{Policies, is_elsewhere};
use super::read::{Compiled, Effect};
use super::term::{Part, Situation};
use crate::caller::Caller;

/// A policy that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decider {
    pub policy: String,
    pub source: String,
    pub line: usize,
    /// As written, `@id` included.
    pub annotations: BTreeMap<String, String>,
}

/// A decision and what it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By all policies that permit.
    Permitted(Vec<Decider>),
    /// By all policies that forbid, whatever permits.
    Forbidden(Vec<Decider>),
    /// By none: what no policy permits is refused.
    NotPermitted,
    /// The caller belongs to another tenant, which no policy can lift.
    OtherTenant(Tenant),
}

impl Verdict {
    pub fn is_permitted(&self) -> bool {
        matches!(self, Verdict::Permitted(_))
    }

    pub fn deciders(&self) -> &[Decider] {
        match self {
            Verdict::Permitted(deciders) | Verdict::Forbidden(deciders) => deciders,
            Verdict::NotPermitted | Verdict::OtherTenant(_) => &[],
        }
    }
}

/// Why a caller may or may not do something to an entity or a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub action: Action,
    pub verdict: Verdict,
    /// For an entity the caller may do it to: the same for each of its attributes.
    pub attributes: BTreeMap<Name, Verdict>,
}

impl Policies {
    /// Why the caller may or may not do this to an entity of the tenant.
    pub fn explain(
        &self,
        principal: &Caller,
        action: Action,
        tenant: &Tenant,
        entity: &Entity,
    ) -> Explanation {
        self.explained(principal, action, tenant, Some(entity))
    }

    /// Why the caller may or may not do this to a tenant.
    pub fn explain_on_tenant(
        &self,
        principal: &Caller,
        action: Action,
        tenant: &Tenant,
    ) -> Explanation {
        self.explained(principal, action, tenant, None)
    }

    fn explained(
        &self,
        principal: &Caller,
        action: Action,
        tenant: &Tenant,
        entity: Option<&Entity>,
    ) -> Explanation {
        if let Some(bound) = principal.tenant.as_ref().filter(|_| is_elsewhere(principal, tenant)) {
            let verdict = Verdict::OtherTenant(bound.clone());
            return Explanation { action, verdict, attributes: BTreeMap::new() };
        }
        let judge =
            |part: Part<'_>| self.verdict(&Situation { principal, action, tenant, part }, entity);
        let named = self.named().filter(|_| action.is_on_entities());
        let verdicts = std::iter::once(Part::Other).chain(named.map(Part::Named)).map(judge);
        let verdict = joined(verdicts.collect());
        let attributes = entity.filter(|_| verdict.is_permitted()).map(|entity| {
            let names = entity.attributes.iter().map(|attribute| attribute.name.clone());
            names.map(|name| (name.clone(), judge(Part::Named(&name)))).collect()
        });
        Explanation { action, verdict, attributes: attributes.unwrap_or_default() }
    }

    fn verdict(&self, situation: &Situation<'_>, entity: Option<&Entity>) -> Verdict {
        let (mut permits, mut forbids) = (Vec::new(), Vec::new());
        for policy in self.compiled() {
            let rule = policy.applies.rule(situation);
            let applies = match entity {
                None => rule.is_always(),
                Some(entity) => self.filter(&rule, situation.principal).matches(entity, &NoLinks),
            };
            if applies {
                let deciders = match policy.effect {
                    Effect::Permit => &mut permits,
                    Effect::Forbid => &mut forbids,
                };
                deciders.push(Decider::of(policy));
            }
        }
        match (permits.is_empty(), forbids.is_empty()) {
            (_, false) => Verdict::Forbidden(forbids),
            (false, true) => Verdict::Permitted(permits),
            (true, true) => Verdict::NotPermitted,
        }
    }
}

impl Decider {
    fn of(policy: &Compiled) -> Decider {
        Decider {
            policy: policy.id.clone(),
            source: policy.source.clone(),
            line: policy.line,
            annotations: policy.annotations.clone(),
        }
    }
}

/// Of an entity as a whole: permitted where one part of it is. The first part stands for all that
/// policies do not name.
fn joined(verdicts: Vec<Verdict>) -> Verdict {
    let permitted = verdicts.iter().filter(|verdict| verdict.is_permitted());
    let permits: BTreeSet<&Decider> = permitted.flat_map(Verdict::deciders).collect();
    if !permits.is_empty() {
        return Verdict::Permitted(permits.into_iter().cloned().collect());
    }
    verdicts.into_iter().next().unwrap_or(Verdict::NotPermitted)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Permitted(deciders) => write!(f, "permitted by {}", Listed(deciders)),
            Verdict::Forbidden(deciders) => write!(f, "forbidden by {}", Listed(deciders)),
            Verdict::NotPermitted => f.write_str("refused: no policy permits it"),
            Verdict::OtherTenant(bound) => {
                write!(f, "refused: the caller may only use tenant {bound}")
            }
        }
    }
}

/// One line for the whole, and one for each attribute.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.verdict)?;
        self.attributes.iter().try_for_each(|(name, verdict)| write!(f, "\n  {name}: {verdict}"))
    }
}

struct Listed<'a>(&'a [Decider]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, decider) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            let Decider { policy, source, line, .. } = decider;
            write!(f, "{comma}`{policy}` ({source}:{line})")?;
        }
        Ok(())
    }
}
