//! Policies in force, and the rights they come to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use model::{Entity, EntityId, Name, Scope, Tenant};
use query::Expand;
use quick_cache::sync::Cache;

use super::action::Action;
use super::change::Refusal;
use super::read::{Book, Compiled, Effect, read};
use super::rights::{AttributeSet, Rights, Withheld};
use super::rule::Rule;
use super::source::{Limits, Problem, Sources};
use super::term::{Mentions, Part, Situation};
use crate::caller::Caller;

/// One set of policies, read and validated. It does not change; another one takes its place.
pub struct Policies {
    book: Book,
    rights: Cache<Kind, Arc<Rights>>,
    access: Cache<Kind, Arc<Access>>,
}

/// What a caller may do in one tenant, for each action.
#[derive(Debug)]
pub struct Access([Arc<Rights>; Action::ALL.len()]);

impl Access {
    pub fn rights(&self, action: Action) -> &Arc<Rights> {
        &self.0[action as usize]
    }
}

/// Callers, actions and tenants among which no policy tells a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    action: Action,
    is_bound: bool,
    /// What follows only as far as policies ask for it.
    tenant: Option<Tenant>,
    name: Option<String>,
    roles: Vec<String>,
    scopes: Vec<Scope>,
    entities: Vec<EntityId>,
}

impl Policies {
    /// Reads policies within the default limits. Terms in them are expanded by `expand`, which is
    /// to know those of the core context.
    ///
    /// All problems are told, not only the first.
    pub fn load(sources: &Sources, expand: Expand<'_>) -> Result<Policies, Vec<Problem>> {
        Policies::within(sources, expand, &Limits::DEFAULT)
    }

    pub fn within(
        sources: &Sources,
        expand: Expand<'_>,
        limits: &Limits,
    ) -> Result<Policies, Vec<Problem>> {
        let book = read(sources, expand, limits)?;
        let kept = limits.policy_rights_kept_max;
        Ok(Policies { book, rights: Cache::new(kept), access: Cache::new(kept) })
    }

    /// What is valid and still looks wrong, such as a policy that can never apply.
    pub fn warnings(&self) -> &[Problem] {
        &self.book.warnings
    }

    /// What the caller may do to the entities of a tenant, or to the tenant: a look-up, but for
    /// the first time for callers like this one.
    pub fn rights(&self, principal: &Caller, action: Action, tenant: &Tenant) -> Arc<Rights> {
        if is_elsewhere(principal, tenant) {
            return Arc::new(Rights::none(action));
        }
        let kind = self.kind(principal, action, tenant);
        if let Some(known) = self.rights.get(&kind) {
            return known;
        }
        let rights = Arc::new(self.worked_out(principal, action, tenant));
        self.rights.insert(kind, rights.clone());
        rights
    }

    /// What the caller may do in a tenant: one look-up for all actions.
    pub fn access(&self, principal: &Caller, tenant: &Tenant) -> Arc<Access> {
        let of = || Action::ALL.map(|action| self.rights(principal, action, tenant));
        if is_elsewhere(principal, tenant) {
            return Arc::new(Access(of()));
        }
        // The action in it stands for all of them.
        let kind = self.kind(principal, Action::Read, tenant);
        if let Some(known) = self.access.get(&kind) {
            return known;
        }
        let access = Arc::new(Access(of()));
        self.access.insert(kind, access.clone());
        access
    }

    /// May the caller do this to a tenant, or to any entity of it?
    pub fn allow(&self, principal: &Caller, action: Action, tenant: &Tenant) -> bool {
        !self.rights(principal, action, tenant).are_none()
    }

    /// The same for all tenants, those that no policy names among them.
    pub fn allow_everywhere(&self, principal: &Caller, action: Action) -> bool {
        let named = &self.book.mentions.tenants;
        // Policies treat tenants alike that they do not name: one of these stands for all.
        let unnamed = (0..=named.len()).flat_map(|n| Tenant::parse(&format!("t{n}")));
        let unnamed = unnamed.filter(|tenant| !named.contains(tenant)).take(1);
        let all = named.iter().cloned().chain(unnamed).chain([Tenant::default()]);
        all.into_iter().all(|tenant| self.allow(principal, action, &tenant))
    }

    /// May an entity of the tenant become another? See [`Rights::allow_change`].
    pub fn allow_change(
        &self,
        principal: &Caller,
        tenant: &Tenant,
        before: Option<&Entity>,
        after: Option<&Entity>,
    ) -> Result<(), Refusal> {
        match Action::of_change(before, after) {
            Some(action) => self.rights(principal, action, tenant).allow_change(before, after),
            None => Ok(()),
        }
    }

    /// The attributes that policies name.
    pub(super) fn named(&self) -> impl Iterator<Item = &Name> {
        self.book.mentions.attributes.keys()
    }

    pub(super) fn compiled(&self) -> &[Compiled] {
        &self.book.policies
    }

    /// A formula over the letters of these policies, as a filter for this caller.
    pub(super) fn filter(&self, rule: &Rule, principal: &Caller) -> query::Filter {
        rule.filter(&|atom| self.book.atoms.filter(atom, principal))
    }

    fn kind(&self, principal: &Caller, action: Action, tenant: &Tenant) -> Kind {
        let Mentions { names, any_name, roles, tenants, scopes, entities, .. } =
            &self.book.mentions;
        let asked = |role: &&String| roles.contains(*role);
        Kind {
            action,
            is_bound: principal.tenant.is_some(),
            tenant: tenants.contains(tenant).then(|| tenant.clone()),
            name: (*any_name || names.contains(&principal.name)).then(|| principal.name.clone()),
            roles: principal.roles.iter().filter(asked).cloned().collect(),
            scopes: if *scopes { principal.scopes.clone() } else { Vec::new() },
            entities: if *entities { principal.entities.clone() } else { Vec::new() },
        }
    }

    fn worked_out(&self, principal: &Caller, action: Action, tenant: &Tenant) -> Rights {
        let permitted = self.permitted(principal, action, tenant);
        let within = Rule::any(permitted.iter().map(|(_, rule)| rule.clone()));
        let withheld = withheld(permitted, &within);
        let withheld = withheld.into_iter().map(|(rule, attributes)| Withheld {
            on: self.filter(&rule.negated(), principal),
            attributes,
        });
        Rights::new(action, self.filter(&within, principal), withheld.collect())
    }

    /// For each part of an entity, when the action is permitted.
    fn permitted(
        &self,
        principal: &Caller,
        action: Action,
        tenant: &Tenant,
    ) -> Vec<(Part<'_>, Rule)> {
        let situation = Situation { principal, action, tenant, part: Part::Other };
        let policies = &self.book.policies;
        let rules: Vec<Rule> = policies.iter().map(|one| one.applies.rule(&situation)).collect();
        let of_others = self.joined(&rules, &Differences::new());
        // Most attributes differ from all others in few policies, and many in the same way.
        let mut known = BTreeMap::from([(Differences::new(), of_others.clone())]);
        let mut permitted = vec![(Part::Other, of_others)];
        if !action.is_on_entities() {
            return permitted;
        }
        for (name, places) in &self.book.mentions.attributes {
            let part = Part::Named(name);
            let rule =
                |place: &usize| policies[*place].applies.rule(&Situation { part, ..situation });
            let differences = places.iter().map(|place| (*place, rule(place)));
            let differences: Differences =
                differences.filter(|(place, rule)| rules[*place] != *rule).collect();
            let joined = known
                .entry(differences)
                .or_insert_with_key(|differences| self.joined(&rules, differences));
            permitted.push((part, joined.clone()));
        }
        permitted
    }

    /// When one of the permits applies and none of the forbids.
    fn joined(&self, rules: &[Rule], differences: &Differences) -> Rule {
        let of = |effect| {
            let policies = self.book.policies.iter().enumerate();
            let places = policies.filter(move |(_, one)| one.effect == effect).map(|(at, _)| at);
            Rule::any(places.map(|place| differences.get(&place).unwrap_or(&rules[place]).clone()))
        };
        let permits = of(Effect::Permit);
        if permits.is_never() {
            return permits;
        }
        Rule::all([permits, of(Effect::Forbid).negated()])
    }
}

/// When policies apply to one attribute, by their places, where it differs from others.
type Differences = BTreeMap<usize, Rule>;

/// Is the caller bound to another tenant? Then no policy can help.
pub(super) fn is_elsewhere(principal: &Caller, tenant: &Tenant) -> bool {
    principal.tenant.as_ref().is_some_and(|bound| bound != tenant)
}

/// Parts that are permitted under the same conditions, where these are not those of the entity.
fn withheld(permitted: Vec<(Part<'_>, Rule)>, within: &Rule) -> Vec<(Rule, AttributeSet)> {
    let all: BTreeSet<Name> = permitted.iter().filter_map(|(part, _)| named(part)).collect();
    let mut alike: BTreeMap<Rule, Vec<Part<'_>>> = BTreeMap::new();
    for (part, rule) in permitted {
        if rule != *within {
            alike.entry(rule).or_default().push(part);
        }
    }
    let alike = alike.into_iter().map(|(rule, parts)| {
        let names: BTreeSet<Name> = parts.iter().filter_map(named).collect();
        let attributes = if parts.contains(&Part::Other) {
            AttributeSet::AllBut(all.difference(&names).cloned().collect())
        } else {
            AttributeSet::Only(names)
        };
        (rule, attributes)
    });
    alike.collect()
}

fn named(part: &Part<'_>) -> Option<Name> {
    match part {
        Part::Named(name) => Some((*name).clone()),
        Part::Other => None,
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("book", &self.book).finish_non_exhaustive()
    }
}
