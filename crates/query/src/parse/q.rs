//! The query language (clause 4.9).

use model::{DateTime, Name};

use crate::filter::{Comparison, Condition, Operand, Range, Target, Test};
use crate::invalid::Invalid;
use crate::system::SystemMember;

use super::cursor::Cursor;
use super::logic::{self, Grammar, Logic};
use super::{Expand, Parser, operand, path};

const GRAMMAR: Grammar = Grammar { or_marks: &["|"], term: "an attribute name" };

/// How values in `q` are to be read.
#[derive(Clone, Debug, Default)]
pub struct QOptions {
    /// Attributes whose values are terms to expand (`expandValues`).
    pub expand_values: Vec<Name>,
    /// Attributes whose values are opaque JSON, never expanded (`jsonKeys`).
    pub json_keys: Vec<Name>,
}

impl QOptions {
    fn expands(&self, target: &Target) -> bool {
        target
            .attributes
            .last()
            .is_some_and(|name| self.expand_values.contains(name) && !self.json_keys.contains(name))
    }
}

impl Parser<'_> {
    /// Reads `q`.
    ///
    /// More than the grammar demands, because clients write it: bare words as values, `!a` for
    /// what lacks `a`, quotes that were percent-encoded once too often, and spaces between tokens.
    pub fn q(self, text: &str, options: &QOptions) -> Result<Condition, Invalid> {
        let cursor = Cursor::new("q", text, self.limits)?;
        logic::parse(cursor, &GRAMMAR, &mut |cursor| {
            test(cursor, options, self.expand).map(Condition::Test)
        })
    }

    /// Reads `expandValues` and `jsonKeys` where they are given.
    pub fn q_options(
        self,
        expand_values: Option<&str>,
        json_keys: Option<&str>,
    ) -> Result<QOptions, Invalid> {
        let names = |what, text: Option<&str>| {
            text.map_or_else(|| Ok(Vec::new()), |text| self.names(what, text))
        };
        Ok(QOptions {
            expand_values: names("expandValues", expand_values)?,
            json_keys: names("jsonKeys", json_keys)?,
        })
    }
}

fn test(cursor: &mut Cursor<'_>, options: &QOptions, expand: Expand<'_>) -> Result<Test, Invalid> {
    if cursor.eat("!") {
        let target = path::target(cursor, expand)?;
        return Ok(Test { target, comparison: Comparison::Absent });
    }
    let target = path::target(cursor, expand)?;
    cursor.skip_spaces();
    let start = cursor.at();
    let mut comparison = comparison(cursor)?;
    let adapt: &dyn Fn(&mut Operand) -> Result<(), String> =
        &|operand| adapt(operand, &target, options, expand);
    each_operand(&mut comparison, adapt).map_err(|problem| cursor.error_at(start, problem))?;
    Ok(Test { target, comparison })
}

fn comparison(cursor: &mut Cursor<'_>) -> Result<Comparison, Invalid> {
    const OPERATORS: [&str; 8] = ["!~=", "~=", "==", "!=", ">=", "<=", ">", "<"];
    let Some(operator) = OPERATORS.into_iter().find(|operator| cursor.eat(operator)) else {
        return match cursor.peek() {
            None | Some(';' | '|' | ')' | ' ') => Ok(Comparison::Exists),
            Some(_) => Err(cursor.expected("an operator such as `==`, `;`, `|` or the end")),
        };
    };
    cursor.skip_spaces();
    Ok(match operator {
        "!~=" => Comparison::NotMatches(operand::pattern(cursor, operator)?),
        "~=" => Comparison::Matches(operand::pattern(cursor, operator)?),
        "==" => Comparison::Equals(operand::ranges(cursor, operator)?),
        "!=" => Comparison::NotEquals(operand::ranges(cursor, operator)?),
        ">=" => Comparison::GreaterOrEqual(operand::comparable(cursor, operator)?),
        "<=" => Comparison::LessOrEqual(operand::comparable(cursor, operator)?),
        ">" => Comparison::Greater(operand::comparable(cursor, operator)?),
        _ => Comparison::Less(operand::comparable(cursor, operator)?),
    })
}

fn each_operand(
    comparison: &mut Comparison,
    adapt: &dyn Fn(&mut Operand) -> Result<(), String>,
) -> Result<(), String> {
    match comparison {
        Comparison::Exists
        | Comparison::Absent
        | Comparison::Matches(_)
        | Comparison::NotMatches(_) => Ok(()),
        Comparison::Less(operand)
        | Comparison::LessOrEqual(operand)
        | Comparison::Greater(operand)
        | Comparison::GreaterOrEqual(operand) => adapt(operand),
        Comparison::Equals(ranges) | Comparison::NotEquals(ranges) => {
            ranges.iter_mut().try_for_each(|range| match range {
                Range::Only(operand) => adapt(operand),
                Range::Between(low, high) => adapt(low).and_then(|()| adapt(high)),
            })
        }
    }
}

/// Expands what `expandValues` asks for, and takes a moment in quotes for a moment where nothing
/// but moments can stand.
fn adapt(
    operand: &mut Operand,
    target: &Target,
    options: &QOptions,
    expand: Expand<'_>,
) -> Result<(), String> {
    match operand {
        Operand::Text(text) | Operand::Uri(text) if options.expands(target) => {
            *operand = Operand::Uri(expand(text)?.as_str().to_owned());
        }
        Operand::Text(text) if is_moment(target) => {
            if let Ok(moment) = DateTime::parse(text) {
                *operand = Operand::DateTime(moment.instant());
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_moment(target: &Target) -> bool {
    let last = target.attributes.last().and_then(SystemMember::of);
    target.inside.is_empty() && last.is_some_and(SystemMember::is_moment)
}

impl Logic for Condition {
    fn all(parts: Vec<Condition>) -> Condition {
        Condition::All(parts)
    }

    fn any(parts: Vec<Condition>) -> Condition {
        Condition::Any(parts)
    }
}
