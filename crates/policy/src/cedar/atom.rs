//! Groups of entities that policies speak of, as filters.

use std::collections::HashMap;

use model::{EntityId, Name, Scope, Tenant, TypeSelector, Uri};
use query::{Condition, Expand, Filter, Parser, Pattern, QOptions, ScopeCondition};

use super::area::Areas;
use super::rule::AtomId;
use crate::caller::Caller;

/// The entities of the caller's scopes, and those given to the caller: other ones for each caller.
pub(super) const CALLERS_SCOPES: AtomId = 0;
pub(super) const CALLERS_ENTITIES: AtomId = 1;
/// Where the filters that policies name begin.
const FIRST: AtomId = 2;

/// The filters that policies name, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Atoms {
    filters: Vec<Filter>,
    known: HashMap<Group, AtomId>,
}

/// What an entity may be in, or be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    Entity(String),
    EntityType(String),
    Scope(String),
    Query(String),
    Area(String),
    /// Ids of this shape, as a regular expression.
    IdsLike(String),
}

/// How names and areas that policies use are understood.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary<'a> {
    pub expand: Expand<'a>,
    pub areas: &'a Areas,
}

impl Atoms {
    /// The letter for a group, or why there is no such group.
    pub fn of(&mut self, group: Group, words: &Vocabulary<'_>) -> Result<AtomId, String> {
        if let Some(known) = self.known.get(&group) {
            return Ok(*known);
        }
        let filter = group.filter(words)?;
        self.filters.push(filter);
        let atom = FIRST + self.filters.len() - 1;
        self.known.insert(group, atom);
        Ok(atom)
    }

    /// The filter that a letter stands for, for this caller.
    pub fn filter(&self, atom: AtomId, principal: &Caller) -> Filter {
        match atom {
            CALLERS_SCOPES => {
                let mut scopes: Vec<_> = principal.scopes.iter().map(at_or_below).collect();
                Filter::Scope(match scopes.pop() {
                    Some(only) if scopes.is_empty() => only,
                    last => {
                        scopes.extend(last);
                        ScopeCondition::Any(scopes)
                    }
                })
            }
            CALLERS_ENTITIES => Filter::Ids(principal.entities.clone()),
            // Of a letter that was never given out there is none.
            _ => self.filters.get(atom - FIRST).cloned().unwrap_or(Filter::Any(Vec::new())),
        }
    }
}

impl Group {
    fn filter(&self, words: &Vocabulary<'_>) -> Result<Filter, String> {
        Ok(match self {
            Group::Entity(id) => Filter::Ids(vec![entity_id(id)?]),
            Group::EntityType(term) => Filter::Types(TypeSelector::Is(name(term, words.expand)?)),
            Group::Scope(scope) => {
                let scope = Scope::parse(scope).map_err(|error| error.to_string())?;
                Filter::Scope(at_or_below(&scope))
            }
            Group::Query(q) => Filter::Condition(condition(q, words.expand)?),
            Group::Area(area) => {
                let filter = words.areas.filter(area);
                filter.ok_or_else(|| format!("there is no area `{area}`"))?
            }
            Group::IdsLike(pattern) => {
                Filter::IdPattern(Pattern::parse(pattern).map_err(|error| error.problem)?)
            }
        })
    }
}

/// An expanded name, where a term stands for one in the core context.
pub(super) fn name(term: &str, expand: Expand<'_>) -> Result<Name, String> {
    if term.is_empty() || Name::BYTES_MAX < term.len() {
        return Err(format!("a name takes 1 to {} bytes", Name::BYTES_MAX));
    }
    expand(term)
}

/// `(default)` is how the tenant without a name is shown everywhere.
pub(super) fn tenant(name: &str) -> Result<Tenant, String> {
    if name == Tenant::default().to_string() {
        return Ok(Tenant::default());
    }
    Tenant::parse(name).map_err(|error| format!("{error}, or `(default)`"))
}

fn entity_id(id: &str) -> Result<EntityId, String> {
    Uri::parse(id).map_err(|error| error.to_string())
}

fn at_or_below(scope: &Scope) -> ScopeCondition {
    let levels = scope.levels().map(|level| Some(level.to_owned())).collect();
    ScopeCondition::Matches { levels, below: true }
}

/// A decision on one entity waits for no other, so that nothing may be asked of linked ones.
fn condition(q: &str, expand: Expand<'_>) -> Result<Condition, String> {
    let condition = Parser::new(expand).q(q, &QOptions::default());
    let condition = condition.map_err(|error| error.to_string())?;
    if 0 < condition.link_depth() {
        return Err(format!("`{q}` asks about linked entities, which a policy cannot"));
    }
    Ok(condition)
}
