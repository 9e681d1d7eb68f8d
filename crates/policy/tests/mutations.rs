//! Policies that differ from good ones by chance: they are taken or refused, and never end the
//! process. What is taken decides like any other.

use model::{Name, Tenant, Timestamp};
use policy::Caller;
use policy::cedar::{Action, DEFAULTS, Expectation, Limits, Policies, Source, Sources};
use testkit::Chance;
use testkit::notation::{entity, name};

const CASES: u64 = 3_000;

const MARKS: &[u8] = b"{}[]()\"'\\,:;|=!<>&+-*/?._@ \n09aZ\x00\xc3\xa4\xff";

const WORDS: [&str; 20] = [
    "permit",
    "forbid",
    "principal",
    "resource",
    "context",
    "when",
    "unless",
    "if",
    "then",
    "else",
    "true",
    "in",
    "is",
    "has",
    "like",
    "!",
    "&&",
    "||",
    "Entity::\"",
    "?principal",
];

const CITY: &str = r#"
    @id("a") permit (principal, action == Action::"read", resource)
    when { resource in Query::"size>1;label~=\"^a\"" && resource.id like "urn:*" }
    unless { ["email", "name"].contains(context.attribute) };
    @id("b") forbid (principal in Role::"guest", action in Action::"write", resource is Entity)
    when { if principal has tenant then resource in principal.tenant else !(principal == Caller::"x") };
"#;

fn expand(term: &str) -> Result<Name, String> {
    Ok(name(term))
}

#[test]
fn any_text_is_taken_or_refused() {
    let (mut taken, mut refused) = (0, 0);
    let lamp = entity("urn:a Lamp size=2 label=ab", Timestamp(0));
    let principal = Caller { roles: ["guest".to_owned()].into(), ..Caller::default() };
    for seed in 0..CASES {
        let mut chance = Chance::new(seed);
        let good = if chance.once_in(3) { DEFAULTS } else { CITY };
        let text = mutated(&mut chance, good);
        let policies = vec![Source::new("mutated.cedar", text)];
        match Policies::load(&Sources { policies, areas: Vec::new() }, &expand) {
            Ok(policies) => {
                taken += 1;
                for action in Action::ALL {
                    let rights = policies.rights(&principal, action, &Tenant::default());
                    let found = policies.explain(&principal, action, &Tenant::default(), &lamp);
                    assert_eq!(found.verdict.is_permitted(), rights.covers(&lamp), "{found}");
                }
            }
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty());
            }
        }
    }
    assert!(20 < taken && 100 < refused, "{taken} taken, {refused} refused");
}

#[test]
fn any_table_is_taken_or_refused() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..CASES {
        let text = mutated(&mut Chance::new(seed), policy::cedar::DEFAULTS_EXPECTED);
        match Expectation::read(&Source::new("t.toml", text), &expand, &Limits::DEFAULT) {
            Ok(table) => taken += usize::from(!table.is_empty()),
            Err(_) => refused += 1,
        }
    }
    assert!(20 < taken && 100 < refused, "{taken} taken, {refused} refused");
}

fn mutated(chance: &mut Chance, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=chance.below(2) {
        let at = chance.below(bytes.len());
        match chance.below(5) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, chance.pick(MARKS)),
            2 => bytes.splice(at..at, chance.pick(&WORDS).bytes()).for_each(drop),
            3 => {
                let end = (at + chance.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let times = if chance.once_in(4) { 100 } else { 1 };
                let to = chance.below(bytes.len());
                bytes.splice(to..to, copy.repeat(times)).for_each(drop);
            }
            _ => {
                let end = (at + chance.below(40)).min(bytes.len());
                bytes.drain(at..end).for_each(drop);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
