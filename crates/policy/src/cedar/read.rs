//! From texts to policies that can be asked: read, validated and translated.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use cedar_policy::pst::Policy as Syntax;
use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use query::Expand;

use super::area::Areas;
use super::atom::{Atoms, Vocabulary};
use super::nesting;
use super::source::{Limits, Problem, Source, Sources};
use super::term::{Mentions, Term};
use super::translate::Translator;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Permit,
    /// Outweighs every permit.
    Forbid,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        })
    }
}

/// One policy, translated.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    /// Its annotation `@id`; without one, its source and its number there.
    pub id: String,
    pub effect: Effect,
    pub applies: Term,
    pub source: String,
    pub line: usize,
    pub annotations: BTreeMap<String, String>,
}

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub policies: Vec<Compiled>,
    pub atoms: Atoms,
    pub mentions: Mentions,
    /// What is valid and still looks wrong.
    pub warnings: Vec<Problem>,
}

/// Reads all sources, and tells all problems of all of them at once.
pub(super) fn read(
    sources: &Sources,
    expand: Expand<'_>,
    limits: &Limits,
) -> Result<Book, Vec<Problem>> {
    let areas = Areas::read(&sources.areas, limits)?;
    let (schema, _) = Schema::from_cedarschema_str(super::SCHEMA).map_err(|error| {
        let source = Source::new("comity.cedarschema", super::SCHEMA);
        explained(&source, &error)
    })?;
    let mut reader = Reader {
        validator: Validator::new(schema),
        words: Vocabulary { expand, areas: &areas },
        limits,
        ids: BTreeSet::new(),
        book: Book::default(),
        problems: Vec::new(),
    };
    for source in &sources.policies {
        reader.source(source);
    }
    if reader.problems.is_empty() { Ok(reader.book) } else { Err(reader.problems) }
}

struct Reader<'a> {
    validator: Validator,
    words: Vocabulary<'a>,
    limits: &'a Limits,
    ids: BTreeSet<String>,
    book: Book,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn source(&mut self, source: &Source) {
        let checked =
            source.check_size(self.limits).and_then(|()| nesting::check(source, self.limits));
        if let Err(problem) = checked {
            return self.problems.push(problem);
        }
        let policies = match PolicySet::from_str(&source.text) {
            Ok(policies) => policies,
            Err(errors) => return self.problems.extend(explained(source, &errors)),
        };
        let placed = placed(source, &policies);
        let ids: BTreeMap<&str, &str> =
            placed.iter().map(|one| (one.number.as_str(), one.id.as_str())).collect();
        let of_policy = |number: &str, problem: Problem| match ids.get(number) {
            Some(id) => problem.of_policy(id),
            None => problem,
        };
        let judged = self.validator.validate(&policies, ValidationMode::Strict);
        let mut invalid = BTreeSet::new();
        for error in judged.validation_errors() {
            let problems = explained(source, error).into_iter();
            let number = error.policy_id().to_string();
            self.problems.extend(problems.map(|problem| of_policy(&number, problem)));
            invalid.insert(number);
        }
        for warning in judged.validation_warnings() {
            let problems = explained(source, warning).into_iter();
            let number = warning.policy_id().to_string();
            self.book.warnings.extend(problems.map(|problem| of_policy(&number, problem)));
        }
        if policies.templates().next().is_some() {
            let problem = Problem::at(source, 0, "templates (`?principal`) are not supported");
            self.problems.push(problem.with_help(Some("write a policy for each of them")));
        }
        for one in placed.iter().filter(|one| !invalid.contains(&one.number)) {
            if let Err(problem) = self.policy(source, &policies, one) {
                self.problems.push(problem.of_policy(&one.id));
            }
        }
    }

    fn policy(&mut self, source: &Source, all: &PolicySet, placed: &Placed) -> Result<(), Problem> {
        let problem = |message: String| Problem::at(source, placed.at, message);
        if !self.ids.insert(placed.id.clone()) {
            return Err(problem("there is another policy with this id".to_owned()));
        }
        let max = self.limits.policies_max;
        if max <= self.book.policies.len() {
            return Err(problem(format!(
                "there are more than {max} policies (setting `policies_max`)"
            )));
        }
        let Some(policy) = all.policy(&cedar_policy::PolicyId::new(&placed.number)) else {
            return Ok(());
        };
        let syntax = policy.to_pst().map_err(|error| problem(error.to_string()))?;
        let Syntax::Static(syntax) = syntax else { return Ok(()) };
        let mut translator =
            Translator { words: self.words, atoms: &mut self.book.atoms, reads: true };
        let applies = translator
            .policy(syntax.body())
            .map_err(|found| problem(found.message).with_help(found.help))?;
        applies.mention(self.book.policies.len(), &mut self.book.mentions);
        let max = self.limits.policy_attributes_max;
        if max < self.book.mentions.attributes.len() {
            return Err(problem(format!(
                "with this policy, more than {max} attributes are named (setting \
                 `policy_attributes_max`)"
            )));
        }
        self.book.policies.push(Compiled {
            id: placed.id.clone(),
            effect: match policy.effect() {
                cedar_policy::Effect::Permit => Effect::Permit,
                cedar_policy::Effect::Forbid => Effect::Forbid,
            },
            applies,
            source: source.name.clone(),
            line: problem(String::new()).line,
            annotations: policy.annotations().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        });
        Ok(())
    }
}

/// A policy, and where it stands in its source.
struct Placed {
    /// What Cedar calls it.
    number: String,
    id: String,
    at: usize,
}

/// The policies in the order of the text.
fn placed(source: &Source, policies: &PolicySet) -> Vec<Placed> {
    let mut numbered: Vec<_> = policies.policies().collect();
    numbered.sort_by_key(|policy| {
        policy.id().to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    let mut from = 0;
    let mut placed = Vec::with_capacity(numbered.len());
    for (nth, policy) in numbered.into_iter().enumerate() {
        let text = policy.to_cedar().unwrap_or_default();
        let rest = source.text.get(from..).unwrap_or_default();
        let at = rest.find(&text).map_or(from, |found| from + found);
        from = at + text.len();
        let numbered = format!("{}#{}", source.name, nth + 1);
        let id =
            policy.annotation("id").filter(|id| !id.is_empty()).map_or(numbered, str::to_owned);
        placed.push(Placed { number: policy.id().to_string(), id, at });
    }
    placed
}

/// What Cedar found, each of it at its place.
fn explained(source: &Source, found: &dyn Diagnostic) -> Vec<Problem> {
    let related = found.related().into_iter().flatten();
    std::iter::once(found).chain(related).map(|one| explained_one(source, one)).collect()
}

fn explained_one(source: &Source, found: &dyn Diagnostic) -> Problem {
    let at = found.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
    // Cedar begins with the number it gave the policy, which is not what people call it.
    let message = found.to_string();
    let message = message
        .strip_prefix("for policy `")
        .and_then(|rest| rest.split_once("`, "))
        .map_or(message.as_str(), |(_, message)| message);
    let help = found.help().map(|help| help.to_string());
    Problem::at(source, at, message).with_help(help)
}
