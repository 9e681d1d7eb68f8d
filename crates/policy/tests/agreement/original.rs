//! The same questions, asked of Cedar's own evaluator.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity as CedarEntity, EntityId, EntityTypeName,
    EntityUid, PolicySet, Request, RestrictedExpression, Schema,
};
use model::{Entity, Geometry, Json, Name, Scope, Tenant};
use policy::Caller;
use policy::cedar::{Action, SCHEMA};
use query::{Condition, Filter, GeoCondition, GeoRelation, NoLinks, Parser, QOptions};
use testkit::notation::name;

use testkit::model_based::random::{AREAS, QUERIES, expand};

pub struct Original {
    policies: PolicySet,
    schema: Schema,
}

/// Who asks, and for what.
pub struct Question {
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
}

impl Original {
    pub fn new(text: &str) -> Original {
        let policies = PolicySet::from_str(text).expect("policies");
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).expect("a schema");
        Original { policies, schema }
    }

    pub fn question(&self, principal: &Caller, tenant: &Tenant, entity: &Entity) -> Question {
        let (caller, resource) =
            (uid("Caller", &principal.name), uid("Entity", entity.id.as_str()));
        let entities = [of_caller(&caller, principal), of_entity(&resource, tenant, entity)];
        let entities = Entities::from_entities(entities, Some(&self.schema)).expect("entities");
        Question { principal: caller, resource, entities }
    }

    /// The decision on one attribute, and the ids of the policies it came from.
    pub fn decide(&self, question: &Question, action: Action, term: &str) -> (bool, Vec<&str>) {
        let term = RestrictedExpression::new_string(term.to_owned());
        let context = Context::from_pairs([("attribute".to_owned(), term)]).expect("a context");
        let request = Request::new(
            question.principal.clone(),
            uid("Action", action.name()),
            question.resource.clone(),
            context,
            Some(&self.schema),
        );
        let request = request.expect("a request");
        let answer = Authorizer::new().is_authorized(&request, &self.policies, &question.entities);
        assert_eq!(answer.diagnostics().errors().count(), 0, "{answer:?}");
        let reasons = answer.diagnostics().reason();
        let mut ids: Vec<&str> =
            reasons.map(|id| self.policies.annotation(id, "id").expect("an id")).collect();
        ids.sort_unstable();
        (answer.decision() == Decision::Allow, ids)
    }
}

fn of_caller(uid_of: &EntityUid, principal: &Caller) -> CedarEntity {
    let set = |uids: Vec<EntityUid>| {
        RestrictedExpression::new_set(uids.into_iter().map(RestrictedExpression::new_entity_uid))
    };
    let scopes = principal.scopes.iter().map(|scope| uid("Scope", &whole(scope)));
    let entities = principal.entities.iter().map(|id| uid("Entity", id.as_str()));
    let mut attributes = HashMap::from([
        ("name".to_owned(), RestrictedExpression::new_string(principal.name.clone())),
        ("scopes".to_owned(), set(scopes.collect())),
        ("entities".to_owned(), set(entities.collect())),
    ]);
    if let Some(tenant) = &principal.tenant {
        let tenant = RestrictedExpression::new_entity_uid(uid("Tenant", &tenant.to_string()));
        attributes.insert("tenant".to_owned(), tenant);
    }
    let roles = principal.roles.iter().map(|role| uid("Role", role)).collect();
    CedarEntity::new(uid_of.clone(), attributes, roles).expect("a caller")
}

fn of_entity(uid_of: &EntityUid, tenant: &Tenant, entity: &Entity) -> CedarEntity {
    let id = RestrictedExpression::new_string(entity.id.to_string());
    let mut groups = HashSet::from([uid("Tenant", &tenant.to_string())]);
    let types =
        ["Lamp", "Device", "Street"].iter().filter(|term| entity.types.contains(&name(term)));
    groups.extend(types.map(|term| uid("EntityType", term)));
    groups.extend(entity.scopes.iter().flat_map(above).map(|scope| uid("Scope", &scope)));
    groups.extend(QUERIES.iter().filter(|q| matches(q, entity)).map(|q| uid("Query", q)));
    groups.extend(areas_around(entity).into_iter().map(|area| uid("Area", &area)));
    CedarEntity::new(uid_of.clone(), HashMap::from([("id".to_owned(), id)]), groups)
        .expect("an entity")
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = EntityTypeName::from_str(kind).expect("a kind");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

/// The scope and those that it lies in, each with its slash.
fn above(scope: &Scope) -> BTreeSet<String> {
    let levels: Vec<&str> = scope.levels().collect();
    (1..=levels.len()).map(|depth| format!("/{}", levels[..depth].join("/"))).collect()
}

fn whole(scope: &Scope) -> String {
    format!("/{}", scope.levels().collect::<Vec<_>>().join("/"))
}

fn matches(q: &str, entity: &Entity) -> bool {
    let condition: Condition =
        Parser::new(&expand).q(q, &QOptions::default()).expect("a condition");
    condition.matches(entity, &NoLinks)
}

fn areas_around(entity: &Entity) -> Vec<String> {
    let areas = Json::parse(AREAS).expect("JSON").members().expect("areas");
    let within = |geometry: &Json| {
        let geometry = Geometry::parse(geometry).expect("a geometry");
        let (property, relation): (Name, _) = (name("location"), GeoRelation::Within);
        Filter::Geo(GeoCondition { property, relation, geometry }).matches(entity, &NoLinks)
    };
    areas.into_iter().filter(|(_, area)| within(area)).map(|(area, _)| area).collect()
}
