//! Which members of an entity go out, and of the entities it links to (clause 4.21).

use model::Name;

/// What `pick` and `omit` name; without either, everything goes out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Projection<'a> {
    pub pick: Option<&'a [Projected]>,
    pub omit: Option<&'a [Projected]>,
}

/// One element of `pick` or `omit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projected {
    pub member: Member,
    /// Of the entities that a relationship leads to: what stands in braces behind its name.
    pub below: Vec<Projected>,
}

/// A member that a projection can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    Id,
    Type,
    Scope,
    Attribute(Name),
}

impl<'a> Projection<'a> {
    pub(crate) fn shows(self, member: &Member) -> bool {
        let picked = self.pick.is_none_or(|pick| find(pick, |known| known == member).is_some());
        let omitted = self.omit.and_then(|omit| find(omit, |known| known == member));
        // Braces omit something of the linked entities, and leave the relationship alone.
        picked && omitted.is_none_or(|omitted| !omitted.below.is_empty())
    }

    pub(crate) fn shows_attribute(self, name: &Name) -> bool {
        let picked = self.pick.is_none_or(|pick| find_attribute(pick, name).is_some());
        let omitted = self.omit.and_then(|omit| find_attribute(omit, name));
        picked && omitted.is_none_or(|omitted| !omitted.below.is_empty())
    }

    /// What goes out of the entities that the relationship `name` leads to.
    pub(super) fn below(self, name: &Name) -> Projection<'a> {
        let below = |list: Option<&'a [Projected]>| {
            let found = list.and_then(|list| find_attribute(list, name));
            found.map(|one| &*one.below).filter(|below| !below.is_empty())
        };
        Projection { pick: below(self.pick), omit: below(self.omit) }
    }
}

fn find_attribute<'a>(list: &'a [Projected], name: &Name) -> Option<&'a Projected> {
    find(list, |member| matches!(member, Member::Attribute(known) if known == name))
}

fn find(list: &[Projected], wanted: impl Fn(&Member) -> bool) -> Option<&Projected> {
    list.iter().find(|one| wanted(&one.member))
}
