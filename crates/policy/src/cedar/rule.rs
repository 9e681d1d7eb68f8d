//! Conditions on an entity as formulas over atoms, made as small as is cheap.

use std::collections::BTreeSet;

use query::Filter;

/// Which filter stands behind a letter of a formula.
pub(super) type AtomId = usize;

/// A formula with negations at its atoms only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    Atom(AtomId),
    NotAtom(AtomId),
    /// All of them; of none: it holds.
    All(BTreeSet<Rule>),
    /// One of them; of none: it does not hold.
    Any(BTreeSet<Rule>),
}

/// How many comparisons one conjunction or disjunction may cost to be made smaller. What is left
/// larger is as right.
const COMPARISONS_MAX: usize = 20_000;

impl Rule {
    pub fn always() -> Rule {
        Rule::All(BTreeSet::new())
    }

    pub fn never() -> Rule {
        Rule::Any(BTreeSet::new())
    }

    pub fn constant(holds: bool) -> Rule {
        if holds { Rule::always() } else { Rule::never() }
    }

    pub fn is_always(&self) -> bool {
        matches!(self, Rule::All(parts) if parts.is_empty())
    }

    pub fn is_never(&self) -> bool {
        matches!(self, Rule::Any(parts) if parts.is_empty())
    }

    pub fn all(parts: impl IntoIterator<Item = Rule>) -> Rule {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Rule::All(parts) => flat.extend(parts),
                part if part.is_never() => return part,
                part => drop(flat.insert(part)),
            }
        }
        if has_opposites(&flat) {
            return Rule::never();
        }
        // What follows from another part need not be said.
        let mut parts =
            without_redundant(flat, |part, others, left| implies(&Rule::All(others), part, left));
        if parts.len() == 1 {
            parts.pop_first().unwrap_or_else(Rule::always)
        } else {
            Rule::All(parts)
        }
    }

    pub fn any(parts: impl IntoIterator<Item = Rule>) -> Rule {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Rule::Any(parts) => flat.extend(parts),
                part if part.is_always() => return part,
                part => drop(flat.insert(part)),
            }
        }
        if has_opposites(&flat) {
            return Rule::always();
        }
        // What another part follows from already is covered by that.
        let mut parts =
            without_redundant(flat, |part, others, left| implies(part, &Rule::Any(others), left));
        if parts.len() == 1 {
            parts.pop_first().unwrap_or_else(Rule::never)
        } else {
            Rule::Any(parts)
        }
    }

    pub fn negated(&self) -> Rule {
        match self {
            Rule::Atom(atom) => Rule::NotAtom(*atom),
            Rule::NotAtom(atom) => Rule::Atom(*atom),
            Rule::All(parts) => Rule::any(parts.iter().map(Rule::negated)),
            Rule::Any(parts) => Rule::all(parts.iter().map(Rule::negated)),
        }
    }

    /// The formula as a filter; `atom` says which filter a letter is.
    pub fn filter(&self, atom: &dyn Fn(AtomId) -> Filter) -> Filter {
        match self {
            Rule::Atom(id) => atom(*id),
            Rule::NotAtom(id) => Filter::Not(Box::new(atom(*id))),
            rule if rule.is_always() => Filter::Everything,
            Rule::All(parts) => Filter::All(parts.iter().map(|part| part.filter(atom)).collect()),
            Rule::Any(parts) => Filter::Any(parts.iter().map(|part| part.filter(atom)).collect()),
        }
    }
}

fn has_opposites(parts: &BTreeSet<Rule>) -> bool {
    parts.iter().any(|part| match part {
        Rule::Atom(atom) => parts.contains(&Rule::NotAtom(*atom)),
        _ => false,
    })
}

/// Leaves out each part that those which stay make redundant.
fn without_redundant(
    parts: BTreeSet<Rule>,
    is_redundant: fn(&Rule, BTreeSet<Rule>, &mut usize) -> bool,
) -> BTreeSet<Rule> {
    let plain = parts.iter().all(|part| matches!(part, Rule::Atom(_) | Rule::NotAtom(_)));
    if plain || COMPARISONS_MAX < parts.len() * parts.len() {
        return parts;
    }
    let mut left = COMPARISONS_MAX;
    let mut kept = parts.clone();
    for part in parts {
        let mut others = kept.clone();
        others.remove(&part);
        if is_redundant(&part, others, &mut left) {
            kept.remove(&part);
        }
    }
    kept
}

/// Does `conclusion` hold wherever `premise` does, as far as their shapes tell within so many
/// comparisons?
fn implies(premise: &Rule, conclusion: &Rule, left: &mut usize) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    if premise == conclusion {
        return true;
    }
    match (premise, conclusion) {
        (Rule::Any(parts), _) => parts.iter().all(|part| implies(part, conclusion, left)),
        (_, Rule::All(parts)) => parts.iter().all(|part| implies(premise, part, left)),
        (Rule::All(parts), _) if parts.iter().any(|part| implies(part, conclusion, left)) => true,
        (_, Rule::Any(parts)) => parts.iter().any(|part| implies(premise, part, left)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(rule: &Rule, world: u8) -> bool {
        match rule {
            Rule::Atom(atom) => world >> atom & 1 == 1,
            Rule::NotAtom(atom) => world >> atom & 1 == 0,
            Rule::All(parts) => parts.iter().all(|part| holds(part, world)),
            Rule::Any(parts) => parts.iter().any(|part| holds(part, world)),
        }
    }

    /// A formula as it was said, and what it comes to.
    #[derive(Clone, Debug)]
    enum Said {
        Atom(AtomId),
        Not(Box<Said>),
        All(Vec<Said>),
        Any(Vec<Said>),
    }

    impl Said {
        fn rule(&self) -> Rule {
            match self {
                Said::Atom(atom) => Rule::Atom(*atom),
                Said::Not(said) => said.rule().negated(),
                Said::All(parts) => Rule::all(parts.iter().map(Said::rule)),
                Said::Any(parts) => Rule::any(parts.iter().map(Said::rule)),
            }
        }

        fn holds(&self, world: u8) -> bool {
            match self {
                Said::Atom(atom) => world >> atom & 1 == 1,
                Said::Not(said) => !said.holds(world),
                Said::All(parts) => parts.iter().all(|part| part.holds(world)),
                Said::Any(parts) => parts.iter().any(|part| part.holds(world)),
            }
        }
    }

    fn said() -> impl Strategy<Value = Said> {
        let leaf = (0..4_usize).prop_map(Said::Atom);
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|said| Said::Not(Box::new(said))),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Said::All),
                prop::collection::vec(inner, 0..4).prop_map(Said::Any),
            ]
        })
    }

    proptest! {
        #[test]
        fn made_smaller_it_means_the_same(said in said()) {
            let rule = said.rule();
            for world in 0..16 {
                prop_assert_eq!(holds(&rule, world), said.holds(world), "{:?}", rule);
            }
        }
    }

    #[test]
    fn what_is_covered_is_left_out() {
        let (a, b) = (Rule::Atom(0), Rule::Atom(1));
        let a_not_b = Rule::all([a.clone(), b.negated()]);
        assert_eq!(Rule::any([a.clone(), a_not_b.clone()]), a);
        assert_eq!(Rule::all([a.clone(), Rule::any([a.clone(), b.clone()])]), a);
        let a_or_b = Rule::any([a.clone(), b.clone()]);
        let less = Rule::all([a_or_b.clone(), Rule::NotAtom(2)]);
        assert_eq!(Rule::any([a_or_b.clone(), less]), a_or_b);
        assert_eq!(Rule::any([a.clone(), a.negated()]), Rule::always());
        assert_eq!(Rule::all([b.clone(), b.negated()]), Rule::never());
    }
}
