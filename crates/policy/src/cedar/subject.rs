//! By what an evolution is judged: the entity as it is now, or what is left of one that is gone.

use std::sync::Arc;

use model::{Entity, Name};
use query::{Filter, NoLinks};

use super::rights::{AttributeSet, Rights};

/// What an evolution is about.
#[derive(Clone, Debug)]
pub enum Subject {
    Now(Arc<Entity>),
    /// Id, types and scopes; what it said is not known any more. What depends on that is kept from
    /// everybody whose rights do.
    Gone(Box<Entity>),
}

impl Subject {
    fn left(&self) -> &Entity {
        match self {
            Subject::Now(entity) => entity,
            Subject::Gone(left) => left,
        }
    }

    /// Does the filter hold? Nothing where that depends on what a gone entity said.
    fn meets(&self, filter: &Filter) -> Option<bool> {
        match self {
            Subject::Now(entity) => Some(filter.matches(entity, &NoLinks)),
            Subject::Gone(left) => known(filter, left),
        }
    }
}

fn known(filter: &Filter, left: &Entity) -> Option<bool> {
    match filter {
        Filter::Condition(_) | Filter::Geo(_) | Filter::Attributes(_) => None,
        Filter::All(parts) => all_known(parts.iter().map(|part| known(part, left))),
        Filter::Any(parts) => {
            let negated = parts.iter().map(|part| known(part, left).map(|holds| !holds));
            all_known(negated).map(|holds| !holds)
        }
        Filter::Not(inner) => known(inner, left).map(|holds| !holds),
        _ => Some(filter.matches(left, &NoLinks)),
    }
}

/// One that does not hold decides, whatever is not known of others.
fn all_known(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

impl Rights {
    /// The attributes that are withheld on an evolution; nothing where the right does not hold for
    /// it at all.
    pub fn withheld_of(&self, subject: &Subject) -> Option<Vec<AttributeSet>> {
        if subject.meets(self.within()) != Some(true) {
            return None;
        }
        let withheld = self.withheld().iter();
        let on = withheld.filter(|withheld| subject.meets(&withheld.on) != Some(false));
        let on: Vec<AttributeSet> = on.map(|withheld| withheld.attributes.clone()).collect();
        Some(on)
    }

    /// Does the caller see this attribute of the evolution?
    pub(crate) fn shows_of(&self, subject: &Subject, attribute: &Name) -> bool {
        let withheld = self.withheld_of(subject);
        withheld.is_some_and(|sets| !AttributeSet::hide(&sets, attribute))
    }
}

impl Subject {
    pub(crate) fn id(&self) -> &model::EntityId {
        &self.left().id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::{Attributes, Draft, Timestamp, TypeSelector, Uri};

    use super::*;
    use crate::cedar::{Action, Withheld};

    fn lamp() -> Entity {
        let draft = Draft {
            types: vec![Name::new("Lamp")],
            scopes: Vec::new(),
            expires_at: None,
            attributes: Attributes::default(),
        };
        let at = Timestamp::default();
        draft.into_entity(Uri::parse("urn:a").unwrap(), at, at)
    }

    fn of_type(name: &str) -> Filter {
        Filter::Types(TypeSelector::Is(Name::new(name)))
    }

    fn says() -> Filter {
        Filter::Attributes(vec![Name::new("a")])
    }

    fn not(filter: Filter) -> Filter {
        Filter::Not(Box::new(filter))
    }

    #[test]
    fn what_depends_on_what_a_gone_entity_said_is_not_known() {
        let check = |filter: Filter, expected| {
            let gone = Subject::Gone(Box::new(lamp()));
            assert_eq!(gone.meets(&filter), expected, "{filter:?}");
        };
        check(of_type("Lamp"), Some(true));
        check(not(of_type("Lamp")), Some(false));
        check(says(), None);
        check(not(says()), None);
        check(Filter::All(vec![says(), of_type("Lamp")]), None);
        check(Filter::All(vec![says(), of_type("Street")]), Some(false));
        check(Filter::Any(vec![says(), of_type("Lamp")]), Some(true));
        check(Filter::Any(vec![says(), of_type("Street")]), None);
        check(Filter::Any(Vec::new()), Some(false));
    }

    #[test]
    fn what_is_not_known_is_kept_back() {
        let withheld = |on| Withheld {
            on,
            attributes: AttributeSet::Only(BTreeSet::from([Name::new("secret")])),
        };
        let hidden = |within: Filter, on: Filter, subject: Subject| {
            Rights::new(Action::Read, within, vec![withheld(on)])
                .withheld_of(&subject)
                .map(|sets| AttributeSet::hide(&sets, &Name::new("secret")))
        };
        let (now, gone) = (Subject::Now(Arc::new(lamp())), Subject::Gone(Box::new(lamp())));
        let lamps = || of_type("Lamp");
        assert_eq!(hidden(lamps(), says(), now.clone()), Some(false));
        assert_eq!(hidden(lamps(), says(), gone.clone()), Some(true));
        assert_eq!(hidden(lamps(), not(lamps()), gone.clone()), Some(false));
        assert_eq!(hidden(not(says()), says(), now), Some(false));
        assert_eq!(hidden(not(says()), says(), gone), None);
    }
}
