//! An evolution as the query languages see it.

use model::{
    Attribute, Attributes, Entity, EvolutionHeader, InstanceList, Name, Reading, SCOPE, scopes_of,
};

/// The entity with all these readings as instances: a filter holds for the evolution if it holds
/// for this (clause 5.7.4). Deletions are no instances; scopes are those of any time.
pub fn evolution_as_entity(
    header: &EvolutionHeader,
    attributes: &[(Name, Vec<Reading>)],
) -> Entity {
    let mut scopes = Vec::new();
    let mut all = Vec::new();
    for (name, readings) in attributes {
        let said = readings.iter().filter_map(|reading| match reading {
            Reading::Said(instance) => Some(instance),
            Reading::Deleted(_) => None,
        });
        if name.as_str() == SCOPE {
            for scope in said.flat_map(|instance| scopes_of(&instance.value)) {
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
            continue;
        }
        let instances: InstanceList = said.cloned().collect();
        if !instances.is_empty() {
            all.push(Attribute { name: name.clone(), instances });
        }
    }
    Entity {
        id: header.id.clone(),
        types: header.types.clone(),
        scopes,
        expires_at: None,
        created_at: header.created_at,
        modified_at: header.modified_at,
        attributes: Attributes::new(all),
    }
}
