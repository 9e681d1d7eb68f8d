//! Random policies and callers, of the few words that random entities are made of.

use std::sync::Arc;

use model::{Name, Tenant};
use policy::cedar::{Policies, Source, Sources};
use policy::{Caller, Policy, role};
use store::contract::notation;

use super::vocabulary;
use crate::chance::Chance;
use crate::platform;

/// Those that random entities have, and one that none has.
pub const ATTRIBUTES: [&str; 9] =
    ["a", "b", "size", "street", "label", "since", "location", "area", "unheard"];

const ROLES: [&str; 3] = ["guest", "crew", "chief"];
pub const QUERIES: [&str; 6] =
    ["size>1", "size==1..2|label", "!street", "label==\"a\"", "since>2026-01-01T00:00:00Z", "a;b"];
pub const AREAS: &str = r#"{
    "box": {"type": "Polygon", "coordinates": [[[24,60],[26,60],[26,61],[24,61],[24,60]]]},
    "west": {"type": "Polygon", "coordinates": [[[24,60],[24.95,60],[24.95,61],[24,61],[24,60]]]}
}"#;
const IDS: [&str; 4] = ["urn:a", "urn:b", "urn:s:1", "urn:t:10"];

pub fn expand(term: &str) -> Result<Name, String> {
    Ok(notation::name(term))
}

/// Who does what follows, and under which policies.
#[derive(Clone)]
pub struct Who {
    pub caller: Caller,
    pub policy: Policy,
    text: String,
}

impl Who {
    /// Someone who may do everything.
    pub fn admin() -> Who {
        let caller = platform::caller(role::ADMIN);
        Who { caller, policy: Policy::default(), text: "the defaults".to_owned() }
    }

    pub fn random(chance: &mut Chance) -> Who {
        if chance.once_in(4) {
            return Who::admin();
        }
        let (sources, text) = sources(chance);
        let policies = Policies::load(&sources, &expand);
        let policies = policies.unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
        Who { caller: principal(chance), policy: Policy::new(Arc::new(policies), 1), text }
    }
}

/// The policies as text.
impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} under\n{}", self.caller, self.text)
    }
}

pub fn sources(chance: &mut Chance) -> (Sources, String) {
    let count = 1 + chance.below(6);
    let text: String = (0..count).map(|nth| policy(chance, nth)).collect();
    let policies = vec![Source::new("random.cedar", text.clone())];
    (Sources { policies, areas: vec![Source::new("areas.json", AREAS)] }, text)
}

pub fn principal(chance: &mut Chance) -> Caller {
    Caller {
        name: chance.pick(&["ann", "ben", "cleo"]).to_owned(),
        roles: chance.list(0, 2, |chance| chance.pick(&ROLES).to_owned()).into_iter().collect(),
        tenant: chance.once_in(3).then(|| notation::tenant("north")),
        scopes: chance.list(0, 2, vocabulary::scope),
        entities: chance.list(0, 2, vocabulary::id),
    }
}

pub fn tenant(chance: &mut Chance) -> Tenant {
    notation::tenant(chance.pick(&["", "north", "north"]))
}

fn policy(chance: &mut Chance, nth: usize) -> String {
    let effect = if nth == 0 || chance.once_in(2) { "permit" } else { "forbid" };
    let principal = match chance.below(5) {
        0 => format!("principal in Role::\"{}\"", chance.pick(&ROLES)),
        1 => "principal == Caller::\"ann\"".to_owned(),
        _ => "principal".to_owned(),
    };
    let action = chance.pick(&[
        "action == Action::\"read\"",
        "action in Action::\"write\"",
        "action in [Action::\"read\", Action::\"update\"]",
        "action in [Action::\"read\", Action::\"write\"]",
        "action in [Action::\"read\", Action::\"write\"]",
    ]);
    let resource = match chance.below(6) {
        0 => format!("resource in EntityType::\"{}\"", entity_type(chance)),
        1 => format!("resource == Entity::\"{}\"", chance.pick(&IDS)),
        2 => format!("resource is Entity in Scope::\"{}\"", scope(chance)),
        _ => "resource".to_owned(),
    };
    let clause = |chance: &mut Chance| {
        let word = if chance.once_in(4) { "unless" } else { "when" };
        format!("{word} {{ {} }}\n", condition(chance, 3))
    };
    let clauses = chance.list(0, 2, clause).concat();
    format!("@id(\"p{nth}\")\n{effect} ({principal}, {action}, {resource})\n{clauses};\n")
}

fn condition(chance: &mut Chance, depth: usize) -> String {
    match chance.below(if depth == 0 { 1 } else { 8 }) {
        0..4 => test(chance),
        4 => format!("!({})", condition(chance, depth - 1)),
        5 => format!("({} && {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        6 => format!("({} || {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        _ => {
            let asked = test(chance);
            let (then, other) = (condition(chance, depth - 1), condition(chance, depth - 1));
            format!("(if {asked} then {then} else {other})")
        }
    }
}

fn test(chance: &mut Chance) -> String {
    match chance.below(20) {
        0..6 => about_attribute(chance),
        6 => format!("resource in EntityType::\"{}\"", entity_type(chance)),
        7 => format!("resource in [Scope::\"{}\", Scope::\"{}\"]", scope(chance), scope(chance)),
        8..11 => format!("resource in Query::\"{}\"", chance.pick(&QUERIES).escape_default()),
        11 => format!("resource in Area::\"{}\"", chance.pick(&["box", "west"])),
        12 => format!("resource.id like \"{}\"", chance.pick(&["urn:s:*", "*:1*", "urn:?", "*"])),
        13 => format!("[\"urn:b\", \"{}\"].contains(resource.id)", chance.pick(&IDS)),
        14 => format!("principal in Role::\"{}\"", chance.pick(&ROLES)),
        15 => "principal.name like \"*n*\"".to_owned(),
        16 => "(principal has tenant && resource in principal.tenant)".to_owned(),
        17 => "resource in principal.scopes".to_owned(),
        18 => "principal.entities.contains(resource)".to_owned(),
        _ => "principal.scopes.isEmpty()".to_owned(),
    }
}

fn about_attribute(chance: &mut Chance) -> String {
    let one = chance.pick(&ATTRIBUTES);
    match chance.below(3) {
        0 => format!("context.attribute == \"{one}\""),
        1 => format!("context.attribute != \"{one}\""),
        _ => format!("[\"size\", \"{one}\"].contains(context.attribute)"),
    }
}

fn entity_type(chance: &mut Chance) -> &'static str {
    chance.pick(&["Lamp", "Device", "Street"])
}

fn scope(chance: &mut Chance) -> &'static str {
    chance.pick(&["/Kallio", "/Kallio/North", "/Toolo"])
}
