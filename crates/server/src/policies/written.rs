//! Policies as people write them: texts with names, and what they are expected to decide.

use std::fmt;

use jsonld::Context;
use model::Name;
use policy::cedar::{
    DEFAULTS_EXPECTED, Expectation, Failure, Limits, Policies, Problem, Source, Sources,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many texts one version may have.
pub const TEXTS_MAX: usize = 100;

/// How long a comment or the name of a text may be.
const CHARS_MAX: usize = 200;

/// Everything one version is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Policies in Cedar.
    pub policies: Vec<Text>,
    /// Areas by name, as JSON, for `Area::"<name>"`.
    #[serde(default)]
    pub areas: Vec<Text>,
    /// Tables of expectations, as TOML. Policies that do not meet them are not taken.
    #[serde(default)]
    pub expected: Vec<Text>,
    /// Why they are as they are.
    #[serde(default)]
    pub comment: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// What people call it, such as the name of its file.
    pub name: String,
    pub text: String,
}

impl Text {
    fn source(&self) -> Source {
        Source::new(&*self.name, &*self.text)
    }
}

/// Something that is wrong with policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Problem(Problem),
    Unmet(Box<Failure>),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Problem(problem) => problem.fmt(f),
            Found::Unmet(failure) => failure.fmt(f),
        }
    }
}

impl Found {
    pub fn json(&self) -> Value {
        match self {
            Found::Problem(problem) => json!({
                "source": problem.source,
                "line": problem.line,
                "column": problem.column,
                "policy": problem.policy,
                "message": problem.message,
                "help": problem.help,
            }),
            Found::Unmet(_) => json!({"message": self.to_string()}),
        }
    }
}

impl Written {
    /// What a platform begins with.
    pub fn defaults() -> Written {
        let text = |source: &Source| Text { name: source.name.clone(), text: source.text.clone() };
        Written {
            policies: Sources::defaults().policies.iter().map(text).collect(),
            areas: Vec::new(),
            expected: vec![Text {
                name: "defaults.expected.toml".to_owned(),
                text: DEFAULTS_EXPECTED.to_owned(),
            }],
            comment: "what a platform begins with".to_owned(),
        }
    }

    /// Reads the body of a request; tells what is wrong with it.
    pub fn read(body: &[u8]) -> Result<Written, String> {
        let written: Written = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let count = written.texts().count();
        if TEXTS_MAX < count {
            return Err(format!("there are {count} texts; {TEXTS_MAX} are taken"));
        }
        written.check_lines()?;
        Ok(written)
    }

    fn check_lines(&self) -> Result<(), String> {
        let mut lines = self.texts().map(|text| &text.name).chain([&self.comment]);
        let Some(long) = lines.find(|text| !is_line(text)) else { return Ok(()) };
        let begin: String = long.chars().take(20).filter(|c| !c.is_control()).collect();
        Err(format!(
            "names and the comment are one line of {CHARS_MAX} characters at most, which \
             `{begin}..` is not"
        ))
    }

    fn texts(&self) -> impl Iterator<Item = &Text> {
        [&self.policies, &self.areas, &self.expected].into_iter().flatten()
    }

    /// The policies, if they are valid and do what is expected of them.
    pub fn compiled(&self, limits: &Limits) -> Result<Policies, Vec<Found>> {
        let policies = self.valid(limits)?;
        let unmet = self.unmet(&policies, limits)?;
        if unmet.is_empty() { Ok(policies) } else { Err(unmet) }
    }

    /// The policies, if they are valid.
    pub fn valid(&self, limits: &Limits) -> Result<Policies, Vec<Found>> {
        let all = |texts: &[Text]| texts.iter().map(Text::source).collect();
        let sources = Sources { policies: all(&self.policies), areas: all(&self.areas) };
        let problems = |found: Vec<Problem>| found.into_iter().map(Found::Problem).collect();
        Policies::within(&sources, &expand, limits).map_err(problems)
    }

    /// What is expected of them and is not so.
    pub fn unmet(&self, policies: &Policies, limits: &Limits) -> Result<Vec<Found>, Vec<Found>> {
        let mut unmet = Vec::new();
        for table in &self.expected {
            let expected = Expectation::read(&table.source(), &expand, limits);
            let expected = expected.map_err(|problem| vec![Found::Problem(problem)])?;
            unmet.extend(policies.test(&expected).into_iter().map(Box::new).map(Found::Unmet));
        }
        Ok(unmet)
    }
}

fn is_line(text: &str) -> bool {
    text.chars().count() <= CHARS_MAX && !text.chars().any(char::is_control)
}

/// Terms in policies are those of the core context.
pub(super) fn expand(term: &str) -> Result<Name, String> {
    Ok(Name::new(&*Context::core().expand_term(term)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &Value, expected: &str) {
        let told = match Written::read(body.to_string().as_bytes()) {
            Err(problem) => problem,
            Ok(written) => match written.compiled(&Limits::DEFAULT) {
                Ok(_) => "taken".to_owned(),
                Err(found) => found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            },
        };
        assert!(told.contains(expected), "{told}");
    }

    fn one(text: &str) -> Value {
        json!({"policies": [{"name": "a.cedar", "text": text}]})
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        check(&one("permit (principal, action, resource);"), "taken");
        check(&one("permit (principal, action,\n  resoruce);"), "a.cedar:2:");
        check(&one("permit (principal, action == Action::\"fly\", resource);"), "a.cedar:1:");
        check(&json!({"policy": []}), "unknown field `policy`");
        let mut long = one("");
        long["comment"] = "x".repeat(CHARS_MAX + 1).into();
        check(&long, "one line of 200 characters");
        let many: Vec<Value> =
            (0..=TEXTS_MAX).map(|n| json!({"name": n.to_string(), "text": ""})).collect();
        check(&json!({"policies": many}), "there are 101 texts; 100 are taken");
    }

    #[test]
    fn what_is_expected_must_be_so() {
        let expected = |permitted: bool| {
            let mut body = one("permit (principal in Role::\"crew\", action, resource);");
            let table = format!(
                "[[expect]]\nabout = \"crews administer\"\n\
                 caller = {{ name = \"ann\", roles = [\"crew\"] }}\naction = \"administer\"\n\
                 permitted = {permitted}\n"
            );
            body["expected"] = json!([{"name": "a.toml", "text": table}]);
            body
        };
        check(&expected(true), "taken");
        check(&expected(false), "crews administer: expected refused, but administer: permitted by");
    }

    #[test]
    fn the_defaults_are_valid_and_do_what_is_expected() {
        assert!(Written::defaults().compiled(&Limits::DEFAULT).is_ok());
    }
}
