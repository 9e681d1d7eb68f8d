//! Type selections (clause 4.17).

use model::TypeSelector;

use crate::invalid::Invalid;

use super::Parser;
use super::cursor::Cursor;
use super::logic::{self, Grammar, Logic};
use super::name::checked;

const GRAMMAR: Grammar = Grammar { or_marks: &["|", ","], term: "an entity type" };

impl Parser<'_> {
    /// Reads `Building`, `(Home;Vehicle)|Motorhome`, `A,B` or `*`.
    ///
    /// More than the grammar demands: `;` needs no parentheses, and groups may stand in groups.
    pub fn types(self, text: &str) -> Result<TypeSelector, Invalid> {
        let cursor = Cursor::new("type", text, self.limits)?;
        if text.trim() == "*" {
            return Ok(TypeSelector::Any);
        }
        logic::parse(cursor, &GRAMMAR, &mut |cursor| {
            let start = cursor.at();
            let term = cursor.take_while(|c| !matches!(c, ';' | '|' | ',' | '(' | ')')).trim_end();
            checked(cursor, start, term, GRAMMAR.term, self.expand).map(TypeSelector::Is)
        })
    }
}

impl Logic for TypeSelector {
    fn all(parts: Vec<TypeSelector>) -> TypeSelector {
        TypeSelector::AllOf(parts)
    }

    fn any(parts: Vec<TypeSelector>) -> TypeSelector {
        TypeSelector::OneOf(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Name;

    /// Types print as `A`, all of as `(A;B)`, one of as `[A|B]`.
    fn check(text: &str, expected: &str) {
        let expand = |term: &str| Ok(Name::new(format!("{term}.")));
        let found = Parser::new(&expand).types(text);
        assert_eq!(found.map_or_else(|e| e.to_string(), |s| show(&s)), expected, "{text}");
    }

    fn show(selector: &TypeSelector) -> String {
        let joined = |parts: &[TypeSelector], mark: &str| {
            parts.iter().map(show).collect::<Vec<_>>().join(mark)
        };
        match selector {
            TypeSelector::Any => "*".to_owned(),
            TypeSelector::Is(name) => name.to_string(),
            TypeSelector::AllOf(all) => format!("({})", joined(all, ";")),
            TypeSelector::OneOf(any) => format!("[{}]", joined(any, "|")),
        }
    }

    #[test]
    fn types_are_alternatives_or_groups() {
        check("*", "*");
        check("Building", "Building.");
        check("Building|House", "[Building.|House.]");
        check("Building,House", "[Building.|House.]");
        check("(Home;Vehicle)", "(Home.;Vehicle.)");
        check("(Home;Vehicle),Motorhome", "[(Home.;Vehicle.)|Motorhome.]");
        check("Home;Vehicle|Motorhome", "[(Home.;Vehicle.)|Motorhome.]");
        check("schema:Place , https://a.org/b#C", "[schema:Place.|https://a.org/b#C.]");
    }

    #[test]
    fn what_is_not_a_type_is_pointed_at() {
        check("", "`type`, character 1: expected an entity type");
        check("A,", "`type`, character 3: expected an entity type");
        check("A,,B", "`type`, character 3: expected an entity type, found `,`");
        check("A|1st", "`type`, character 3: expected an entity type, found `1st`");
        check("(A;B", "`type`, character 5: expected `)` at the end of a group");
        check("A)", "`type`, character 2: expected `;`, `|`, `,` or the end, found `)`");
        check("a b", "`type`, character 1: expected an entity type, found `a b`");
    }
}
