//! Conditions of policies, translated: what they ask of the caller, the action and the entity.

use std::collections::{BTreeMap, BTreeSet};

use model::{Name, Tenant};
use query::Pattern;

use super::action::Action;
use super::atom::{CALLERS_ENTITIES, CALLERS_SCOPES};
use super::rule::{AtomId, Rule};
use crate::caller::Caller;

#[derive(Clone, Debug)]
pub(super) enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    /// Of the caller.
    NameIs(String),
    NameMatches(Pattern),
    HasRole(String),
    IsBound,
    IsBoundTo(Tenant),
    HasScopes,
    HasEntities,
    /// Of the action, and what it is done to.
    ActionIn(Vec<Action>),
    IsOnEntities,
    /// Of the tenant that is asked for.
    In(Tenant),
    InOwnTenant,
    /// Of the attribute.
    AttributeIs(Name),
    /// Of the entity.
    Entity(AtomId),
    InCallersScopes,
    AmongCallersEntities,
}

/// Who wants to do what, as far as it is known before an entity is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    pub principal: &'a Caller,
    pub action: Action,
    pub tenant: &'a Tenant,
    pub part: Part<'a>,
}

/// A part of an entity: an attribute that policies name, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Named(&'a Name),
    Other,
}

/// What policies ask of callers and tenants: whatever they do not ask makes no difference.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    pub names: BTreeSet<String>,
    /// Names are compared with patterns, so that each may make a difference.
    pub any_name: bool,
    pub roles: BTreeSet<String>,
    pub tenants: BTreeSet<Tenant>,
    /// Each with the places of the policies that name it.
    pub attributes: BTreeMap<Name, Vec<usize>>,
    pub scopes: bool,
    pub entities: bool,
}

impl Term {
    pub fn constant(holds: bool) -> Term {
        if holds { Term::All(Vec::new()) } else { Term::Any(Vec::new()) }
    }

    pub fn not(self) -> Term {
        Term::Not(Box::new(self))
    }

    /// What is left to ask of the entity.
    pub fn rule(&self, situation: &Situation<'_>) -> Rule {
        let Situation { principal, action, tenant, part } = *situation;
        let of_entity = |asked: bool, atom: AtomId| {
            if asked && action.is_on_entities() { Rule::Atom(atom) } else { Rule::never() }
        };
        let holds = match self {
            Term::All(parts) => return all(parts, situation),
            Term::Any(parts) => return any(parts, situation),
            Term::Not(inner) => return inner.rule(situation).negated(),
            Term::Entity(atom) => return of_entity(true, *atom),
            Term::InCallersScopes => {
                return of_entity(!principal.scopes.is_empty(), CALLERS_SCOPES);
            }
            Term::AmongCallersEntities => {
                return of_entity(!principal.entities.is_empty(), CALLERS_ENTITIES);
            }
            Term::NameIs(name) => principal.name == *name,
            Term::NameMatches(pattern) => pattern.is_match(&principal.name),
            Term::HasRole(role) => principal.roles.contains(role),
            Term::IsBound => principal.tenant.is_some(),
            Term::IsBoundTo(bound) => principal.tenant.as_ref() == Some(bound),
            Term::HasScopes => !principal.scopes.is_empty(),
            Term::HasEntities => !principal.entities.is_empty(),
            Term::ActionIn(actions) => actions.contains(&action),
            Term::IsOnEntities => action.is_on_entities(),
            Term::In(asked) => asked == tenant,
            Term::InOwnTenant => principal.tenant.as_ref() == Some(tenant),
            Term::AttributeIs(name) => part == Part::Named(name),
        };
        Rule::constant(holds)
    }

    /// What this asks of callers, tenants and attributes, as a part of the policy at a place.
    pub fn mention(&self, place: usize, mentions: &mut Mentions) {
        match self {
            Term::All(parts) | Term::Any(parts) => {
                parts.iter().for_each(|part| part.mention(place, mentions));
            }
            Term::Not(inner) => inner.mention(place, mentions),
            Term::NameIs(name) => drop(mentions.names.insert(name.clone())),
            Term::NameMatches(_) => mentions.any_name = true,
            Term::HasRole(role) => drop(mentions.roles.insert(role.clone())),
            Term::In(tenant) | Term::IsBoundTo(tenant) => {
                mentions.tenants.insert(tenant.clone());
            }
            Term::AttributeIs(name) => {
                let places = mentions.attributes.entry(name.clone()).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            Term::HasScopes | Term::InCallersScopes => mentions.scopes = true,
            Term::HasEntities | Term::AmongCallersEntities => mentions.entities = true,
            Term::IsBound
            | Term::InOwnTenant
            | Term::ActionIn(_)
            | Term::IsOnEntities
            | Term::Entity(_) => {}
        }
    }
}

/// Stops at the first that cannot hold: most policies are not about this caller.
fn all(parts: &[Term], situation: &Situation<'_>) -> Rule {
    let mut rules = Vec::with_capacity(parts.len());
    for part in parts {
        let rule = part.rule(situation);
        if rule.is_never() {
            return rule;
        }
        rules.push(rule);
    }
    Rule::all(rules)
}

fn any(parts: &[Term], situation: &Situation<'_>) -> Rule {
    let mut rules = Vec::with_capacity(parts.len());
    for part in parts {
        let rule = part.rule(situation);
        if rule.is_always() {
            return rule;
        }
        rules.push(rule);
    }
    Rule::any(rules)
}
