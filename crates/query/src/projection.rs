//! Attribute projections, `pick` and `omit` (clause 4.21).

use model::Name;

use crate::invalid::Invalid;
use crate::parse::{Cursor, Expand, Parser, is_name};

/// Which members of an entity are meant: at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    pub members: Vec<Projected>,
}

/// One member of an entity, and perhaps members of the entities it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projected {
    pub member: Member,
    pub linked: Option<Projection>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    Id,
    Type,
    Scope,
    /// An attribute, or a system member such as `createdAt` by its core name.
    Attribute(Name),
}

impl Projection {
    pub fn get(&self, member: &Member) -> Option<&Projected> {
        self.members.iter().find(|projected| projected.member == *member)
    }

    pub fn attribute(&self, name: &Name) -> Option<&Projected> {
        self.members.iter().find(
            |projected| matches!(&projected.member, Member::Attribute(known) if known == name),
        )
    }

    /// How many relationships must be followed to reach all that is named.
    pub fn link_depth(&self) -> usize {
        let linked = self.members.iter().filter_map(|projected| projected.linked.as_ref());
        linked.map(|linked| 1 + linked.link_depth()).max().unwrap_or(0)
    }
}

impl Parser<'_> {
    /// Reads `id,name,street{name,lanes}`; `|` serves as well as `,`. `what` is the parameter
    /// that it came from, `pick` or `omit`.
    pub fn projection(self, what: &'static str, text: &str) -> Result<Projection, Invalid> {
        let mut cursor = Cursor::new(what, text, self.limits)?;
        let mut reader = Reader { expand: self.expand, members: 0 };
        let projection = reader.projection(&mut cursor, 0)?;
        if cursor.is_at_end() {
            Ok(projection)
        } else {
            Err(cursor.expected("`,`, `|` or the end"))
        }
    }
}

struct Reader<'e> {
    expand: Expand<'e>,
    /// Those of linked entities included.
    members: usize,
}

impl Reader<'_> {
    fn projection(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Projection, Invalid> {
        let mut members = Vec::new();
        loop {
            cursor.skip_spaces();
            members.push(self.projected(cursor, depth)?);
            cursor.skip_spaces();
            if !cursor.eat(",") && !cursor.eat("|") {
                return Ok(Projection { members });
            }
        }
    }

    fn projected(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Projected, Invalid> {
        cursor.check_terms(self.members, "members")?;
        self.members += 1;
        let start = cursor.at();
        let term = cursor.take_while(|c| !matches!(c, ',' | '|' | '{' | '}')).trim_end();
        let member = match term {
            "id" | "@id" => Member::Id,
            "type" | "@type" => Member::Type,
            "scope" => Member::Scope,
            _ if is_name(term) => Member::Attribute(
                (self.expand)(term).map_err(|problem| cursor.error_at(start, problem))?,
            ),
            "" => return Err(cursor.expected("an attribute name")),
            _ => {
                let problem = format!("expected an attribute name, found `{term}`");
                return Err(cursor.error_at(start, problem));
            }
        };
        let linked = self.linked(cursor, depth)?;
        Ok(Projected { member, linked })
    }

    fn linked(
        &mut self,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Result<Option<Projection>, Invalid> {
        if !cursor.eat("{") {
            return Ok(None);
        }
        let depth_max = cursor.limits.join_level_max;
        let what = "linked entities inside each other";
        // No `joinLevel` allows as many, and more than it allows is a wrong request, not one too
        // complex (clause 5.7.2.4).
        let checked = cursor.check_count(depth, depth_max, what, "join_level_max");
        checked.map_err(|error| Invalid { exceeds: false, ..error })?;
        let linked = self.projection(cursor, depth + 1)?;
        cursor.expect("}", "after the members of a linked entity")?;
        Ok(Some(linked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let expand = |term: &str| Ok(Name::new(format!("{term}.")));
        let found = Parser::new(&expand).projection("pick", text);
        let shown = found.map(|found| format!("{} depth {}", show(&found), found.link_depth()));
        assert_eq!(shown.unwrap_or_else(|e| e.to_string()), expected, "{text}");
    }

    fn show(projection: &Projection) -> String {
        let member = |projected: &Projected| {
            let member = match &projected.member {
                Member::Id => "ID".to_owned(),
                Member::Type => "TYPE".to_owned(),
                Member::Scope => "SCOPE".to_owned(),
                Member::Attribute(name) => name.to_string(),
            };
            let linked = projected.linked.as_ref().map(|linked| format!("{{{}}}", show(linked)));
            member + &linked.unwrap_or_default()
        };
        projection.members.iter().map(member).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn members_may_be_those_of_linked_entities() {
        check("temperature", "temperature. depth 0");
        check("id,type|scope, a", "ID TYPE SCOPE a. depth 0");
        check("observation{temperature,humidity}", "observation.{temperature. humidity.} depth 1");
        check("a{b{c|id},d},e", "a.{b.{c. ID} d.} e. depth 2");
    }

    #[test]
    fn what_is_not_a_member_is_pointed_at() {
        check("", "`pick`, character 1: expected an attribute name");
        check("a,", "`pick`, character 3: expected an attribute name");
        check("a{b", "`pick`, character 4: expected `}` after the members of a linked entity");
        check("a{}", "`pick`, character 3: expected an attribute name, found `}`");
        check("a}", "`pick`, character 2: expected `,`, `|` or the end, found `}`");
        check("a.b", "`pick`, character 1: expected an attribute name, found `a.b`");
        check(
            &"a{".repeat(20),
            "`pick`, character 23: more than 10 linked entities inside each other (setting \
             `join_level_max`)",
        );
    }
}
