//! Scope queries (clause 4.19).

use crate::filter::ScopeCondition;
use crate::invalid::Invalid;

use super::Parser;
use super::cursor::Cursor;
use super::logic::{self, Grammar, Logic};

const GRAMMAR: Grammar =
    Grammar { or_marks: &["|", ","], term: "a scope such as `/Madrid/Gardens`" };

impl Parser<'_> {
    /// Reads `/Madrid/+/ParqueNorte`, `/Madrid/#`, `(/A;/B)|/C` or `/#`.
    ///
    /// More than the grammar demands: the first slash may be missing, as in the clause's own
    /// example 5, and `;` needs no parentheses.
    pub fn scope_q(self, text: &str) -> Result<ScopeCondition, Invalid> {
        let cursor = Cursor::new("scopeQ", text, self.limits)?;
        logic::parse(cursor, &GRAMMAR, &mut scope)
    }
}

fn scope(cursor: &mut Cursor<'_>) -> Result<ScopeCondition, Invalid> {
    cursor.eat("/");
    let mut levels = Vec::new();
    loop {
        if cursor.eat("#") {
            return Ok(ScopeCondition::Matches { levels, below: true });
        }
        levels.push(level(cursor)?);
        if !cursor.eat("/") {
            return Ok(ScopeCondition::Matches { levels, below: false });
        }
    }
}

fn level(cursor: &mut Cursor<'_>) -> Result<Option<String>, Invalid> {
    if cursor.eat("+") {
        return Ok(None);
    }
    if !cursor.peek().is_some_and(char::is_alphabetic) {
        return Err(cursor.expected("a scope level, which opens with a letter, `+` or `#`"));
    }
    let level = cursor.take_while(|c| c.is_alphabetic() || c.is_numeric() || c == '_');
    Ok(Some(level.to_owned()))
}

impl Logic for ScopeCondition {
    fn all(parts: Vec<ScopeCondition>) -> ScopeCondition {
        ScopeCondition::All(parts)
    }

    fn any(parts: Vec<ScopeCondition>) -> ScopeCondition {
        ScopeCondition::Any(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Scope;

    /// Which of these entities, each with its scopes, does a scope query find?
    fn check(text: &str, expected: &str) {
        const ENTITIES: [(&str, &[&str]); 5] = [
            ("none", &[]),
            ("top", &["/Madrid"]),
            ("park", &["/Madrid/Gardens/ParqueNorte"]),
            ("bed", &["Madrid/Gardens/ParqueNorte/Parterre1"]),
            ("two", &["/Madrid/Districts", "/CompanyA"]),
        ];
        let found = Parser::new(&|_| Err(String::new())).scope_q(text).map(|condition| {
            let scopes = |texts: &[&str]| -> Vec<Scope> {
                texts.iter().map(|text| Scope::parse(text).expect("a scope")).collect()
            };
            let found = ENTITIES.iter().filter(|(_, texts)| condition.matches(&scopes(texts)));
            found.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.unwrap_or_else(|e| e.to_string()), expected, "{text}");
    }

    #[test]
    fn a_scope_is_itself_unless_all_below_is_meant() {
        check("/Madrid", "top");
        check("Madrid", "top");
        check("/Madrid/Gardens/ParqueNorte", "park");
        check("/Madrid/Gardens/ParqueNorte/#", "park bed");
        check("/Madrid/#", "top park bed two");
        check("/Mad/#", "");
        check("/#", "top park bed two");
    }

    #[test]
    fn a_plus_is_one_level() {
        check("/Madrid/+/ParqueNorte", "park");
        check("/+", "top two");
        check("/+/Gardens/#", "park bed");
    }

    #[test]
    fn one_entity_may_meet_a_conjunction_with_several_scopes() {
        check("(/Madrid/Districts;/CompanyA)", "two");
        check("/Madrid/Districts;/CompanyA", "two");
        check("(/Madrid/Districts;/CompanyB)", "");
        check("(/Madrid/Districts;/CompanyA)|Madrid", "top two");
        check("/Madrid,/CompanyA", "top two");
    }

    #[test]
    fn what_is_not_a_scope_is_pointed_at() {
        check("", "`scopeQ`, character 1: expected a scope such as `/Madrid/Gardens`");
        check(
            "/Madrid/",
            "`scopeQ`, character 9: expected a scope level, which opens with a letter, `+` or `#`",
        );
        check(
            "/Madrid/#/x",
            "`scopeQ`, character 10: expected `;`, `|`, `,` or the end, found `/`",
        );
        check(
            "/a,/1",
            "`scopeQ`, character 5: expected a scope level, which opens with a letter, `+` or \
             `#`, found `1`",
        );
    }
}
