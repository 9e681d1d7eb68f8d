//! Which resource a path names, and what can be done with it (clause 6.2).

use std::borrow::Cow;

use http::Method;

use super::escape::decoded;
use super::problem::Problem;
use super::unsupported;

/// What all paths of the API begin with.
pub(crate) const ROOT: &str = "/ngsi-ld/v1/";

/// The path of each resource below [`ROOT`]; `{}` stands for a name.
const PATHS: [&str; 26] = [
    "entities",
    "entities/{}",
    "entities/{}/attrs",
    "entities/{}/attrs/{}",
    "entities/{}/attrs/{}/value",
    "entityOperations/create",
    "entityOperations/upsert",
    "entityOperations/update",
    "entityOperations/merge",
    "entityOperations/delete",
    "entityOperations/query",
    "types",
    "types/{}",
    "attributes",
    "attributes/{}",
    "jsonldContexts",
    "jsonldContexts/{}",
    "info/sourceIdentity",
    "subscriptions",
    "subscriptions/{}",
    "temporal/entities",
    "temporal/entities/{}",
    "temporal/entities/{}/attrs",
    "temporal/entities/{}/attrs/{}",
    "temporal/entities/{}/attrs/{}/{}",
    "temporal/entityOperations/query",
];

/// Every path that is answered, `{}` in the place of names, with its methods as an `Allow` header
/// lists them: those that are served, and those that are told why they are not.
pub fn routes() -> impl Iterator<Item = (String, &'static str)> {
    let served = PATHS.into_iter().map(|path| format!("{ROOT}{path}"));
    let refused = unsupported::paths().map(|path| format!("{ROOT}{path}"));
    served.chain(refused).filter_map(|path| {
        let methods = Resource::at(&path, &Method::OPTIONS).ok()?.allowed();
        Some((path, methods))
    })
}

/// A resource, with the names that its path holds, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'p> {
    Entities,
    Entity(Cow<'p, str>),
    EntityAttributes(Cow<'p, str>),
    EntityAttribute(Cow<'p, str>, Cow<'p, str>),
    /// TS 104 176 7.6.
    AttributeValue(Cow<'p, str>, Cow<'p, str>),
    BatchCreate,
    BatchUpsert,
    BatchUpdate,
    BatchMerge,
    BatchDelete,
    BatchQuery,
    Types,
    Type(Cow<'p, str>),
    Attributes,
    Attribute(Cow<'p, str>),
    Contexts,
    Context(Cow<'p, str>),
    SourceIdentity,
    Subscriptions,
    Subscription(Cow<'p, str>),
    /// What entities were over time, and are.
    Evolutions,
    Evolution(Cow<'p, str>),
    EvolutionAttributes(Cow<'p, str>),
    EvolutionAttribute(Cow<'p, str>, Cow<'p, str>),
    EvolutionInstance(Cow<'p, str>, Cow<'p, str>, Cow<'p, str>),
    EvolutionsQuery,
    /// Of a part of the standard that this door does not serve; with its methods.
    Unsupported(&'static str),
}

impl<'p> Resource<'p> {
    /// The resource at a path. A slash at the end makes no difference, unless the method needs
    /// the id that should follow it.
    pub fn at(path: &'p str, method: &Method) -> Result<Resource<'p>, Problem> {
        let unknown = || Problem::not_found(format!("there is nothing at `{path}`"));
        let inner = path.strip_prefix(ROOT).ok_or_else(unknown)?;
        let raw = inner.strip_suffix('/').unwrap_or(inner);
        let mut segments = [""; SEGMENTS_MAX];
        let mut count = 0;
        for segment in raw.split('/') {
            *segments.get_mut(count).ok_or_else(unknown)? = segment;
            count += 1;
        }
        if count == 1 && inner.ends_with('/') && wants_id(segments[0], method) {
            count = 2;
        }
        let named = |at: usize| {
            decoded(segments[at]).ok_or_else(|| {
                Problem::bad_request_data(format!(
                    "`{}` is not valid percent-encoding",
                    segments[at]
                ))
            })
        };
        Ok(match &segments[..count] {
            ["entities"] => Resource::Entities,
            ["entities", _] => Resource::Entity(named(1)?),
            ["entities", _, "attrs"] => Resource::EntityAttributes(named(1)?),
            ["entities", _, "attrs", _] => Resource::EntityAttribute(named(1)?, named(3)?),
            ["entities", _, "attrs", _, "value"] => Resource::AttributeValue(named(1)?, named(3)?),
            ["entityOperations", "create"] => Resource::BatchCreate,
            ["entityOperations", "upsert"] => Resource::BatchUpsert,
            ["entityOperations", "update"] => Resource::BatchUpdate,
            ["entityOperations", "merge"] => Resource::BatchMerge,
            ["entityOperations", "delete"] => Resource::BatchDelete,
            ["entityOperations", "query"] => Resource::BatchQuery,
            ["types"] => Resource::Types,
            ["types", _] => Resource::Type(named(1)?),
            ["attributes"] => Resource::Attributes,
            ["attributes", _] => Resource::Attribute(named(1)?),
            ["jsonldContexts"] => Resource::Contexts,
            ["jsonldContexts", _] => Resource::Context(named(1)?),
            ["info", "sourceIdentity"] => Resource::SourceIdentity,
            ["subscriptions"] => Resource::Subscriptions,
            ["subscriptions", _] => Resource::Subscription(named(1)?),
            ["temporal", "entityOperations", "query"] => Resource::EvolutionsQuery,
            ["temporal", "entities"] => Resource::Evolutions,
            ["temporal", "entities", _] => Resource::Evolution(named(2)?),
            ["temporal", "entities", _, "attrs"] => Resource::EvolutionAttributes(named(2)?),
            ["temporal", "entities", _, "attrs", _] => {
                Resource::EvolutionAttribute(named(2)?, named(4)?)
            }
            ["temporal", "entities", _, "attrs", _, _] => {
                Resource::EvolutionInstance(named(2)?, named(4)?, named(5)?)
            }
            other => Resource::Unsupported(unsupported::methods(other).ok_or_else(unknown)?),
        })
    }

    /// The methods of the resource, as an `Allow` header lists them.
    pub fn allowed(&self) -> &'static str {
        match self {
            Resource::Entities => "GET, HEAD, POST, DELETE, OPTIONS",
            Resource::Entity(_) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Resource::EntityAttributes(_) => "POST, PATCH, OPTIONS",
            Resource::EntityAttribute(..) => "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
            Resource::AttributeValue(..) => "GET, HEAD, PUT, OPTIONS",
            Resource::BatchCreate
            | Resource::BatchUpsert
            | Resource::BatchUpdate
            | Resource::BatchMerge
            | Resource::BatchDelete
            | Resource::BatchQuery => "POST, OPTIONS",
            Resource::Types
            | Resource::Type(_)
            | Resource::Attributes
            | Resource::Attribute(_)
            | Resource::SourceIdentity => "GET, HEAD, OPTIONS",
            Resource::Contexts | Resource::Subscriptions => "GET, HEAD, POST, OPTIONS",
            Resource::Subscription(_) => "GET, HEAD, PATCH, DELETE, OPTIONS",
            Resource::Context(_) => "GET, HEAD, DELETE, OPTIONS",
            Resource::Evolutions => "GET, HEAD, POST, OPTIONS",
            Resource::Evolution(_) => "GET, HEAD, DELETE, OPTIONS",
            Resource::EvolutionAttributes(_) | Resource::EvolutionsQuery => "POST, OPTIONS",
            Resource::EvolutionAttribute(..) => "DELETE, OPTIONS",
            Resource::EvolutionInstance(..) => "PATCH, DELETE, OPTIONS",
            Resource::Unsupported(methods) => methods,
        }
    }

    pub fn allows(&self, method: &Method) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method.as_str())
    }

    /// Do requests with this method create a tenant that does not exist (clause 5.5.10)?
    pub fn creates_tenant(&self, method: &Method) -> bool {
        let creates = matches!(
            self,
            Resource::Entities
                | Resource::BatchCreate
                | Resource::BatchUpsert
                | Resource::Subscriptions
                | Resource::Evolutions
        );
        creates && method == Method::POST
    }
}

/// The longest path has this many segments.
const SEGMENTS_MAX: usize = 6;

/// `PATCH /entities/` lacks an id, it is not a patch of all entities (clause 5.6.17.4).
fn wants_id(collection: &str, method: &Method) -> bool {
    match collection {
        "entities" => method == Method::PATCH || method == Method::PUT,
        "jsonldContexts" => method == Method::DELETE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: &str) {
        let found = Resource::at(path, &method);
        let shown = match found {
            Ok(resource) if resource.allows(&method) => format!("{resource:?}"),
            Ok(resource) => format!("405 {}", resource.allowed()),
            Err(problem) => problem.status().as_str().to_owned(),
        };
        assert_eq!(shown, expected, "{method} {path}");
    }

    #[test]
    fn a_path_names_a_resource_with_or_without_a_slash_at_the_end() {
        check(Method::GET, "/ngsi-ld/v1/entities", "Entities");
        check(Method::GET, "/ngsi-ld/v1/entities/", "Entities");
        check(Method::GET, "/ngsi-ld/v1/entities/urn:x:1", r#"Entity("urn:x:1")"#);
        check(
            Method::PATCH,
            "/ngsi-ld/v1/entities/urn:x:1/attrs/",
            r#"EntityAttributes("urn:x:1")"#,
        );
        check(
            Method::PUT,
            "/ngsi-ld/v1/entities/urn:x:1/attrs/https%3A%2F%2Fa.org%2Fb/value",
            r#"AttributeValue("urn:x:1", "https://a.org/b")"#,
        );
        check(Method::POST, "/ngsi-ld/v1/entityOperations/query/", "BatchQuery");
        check(Method::GET, "/ngsi-ld/v1/info/sourceIdentity", "SourceIdentity");
        check(
            Method::PATCH,
            "/ngsi-ld/v1/temporal/entities/urn:x:1/attrs/a/urn:y:2",
            r#"EvolutionInstance("urn:x:1", "a", "urn:y:2")"#,
        );
        check(Method::DELETE, "/ngsi-ld/v1/temporal/entities/", "405 GET, HEAD, POST, OPTIONS");
    }

    #[test]
    fn every_resource_is_among_the_routes() {
        // A new resource does not compile without its place here.
        let place = |resource: &Resource<'_>| match resource {
            Resource::Entities => 0,
            Resource::Entity(_) => 1,
            Resource::EntityAttributes(_) => 2,
            Resource::EntityAttribute(..) => 3,
            Resource::AttributeValue(..) => 4,
            Resource::BatchCreate => 5,
            Resource::BatchUpsert => 6,
            Resource::BatchUpdate => 7,
            Resource::BatchMerge => 8,
            Resource::BatchDelete => 9,
            Resource::BatchQuery => 10,
            Resource::Types => 11,
            Resource::Type(_) => 12,
            Resource::Attributes => 13,
            Resource::Attribute(_) => 14,
            Resource::Contexts => 15,
            Resource::Context(_) => 16,
            Resource::SourceIdentity => 17,
            Resource::Subscriptions => 18,
            Resource::Subscription(_) => 19,
            Resource::Evolutions => 20,
            Resource::Evolution(_) => 21,
            Resource::EvolutionAttributes(_) => 22,
            Resource::EvolutionAttribute(..) => 23,
            Resource::EvolutionInstance(..) => 24,
            Resource::EvolutionsQuery => 25,
            Resource::Unsupported(_) => PATHS.len(),
        };
        let paths: Vec<String> = routes().map(|(path, _)| path).collect();
        for (index, path) in paths.iter().enumerate() {
            let resource = Resource::at(path, &Method::OPTIONS).expect("a resource");
            assert_eq!(place(&resource), index.min(PATHS.len()), "{path}");
        }
        assert_eq!(paths.len(), PATHS.len() + unsupported::paths().count());
    }

    #[test]
    fn a_missing_id_is_an_empty_id() {
        check(Method::POST, "/ngsi-ld/v1/entities//attrs", r#"EntityAttributes("")"#);
        check(Method::PATCH, "/ngsi-ld/v1/entities/", r#"Entity("")"#);
        check(Method::DELETE, "/ngsi-ld/v1/jsonldContexts/", r#"Context("")"#);
        check(Method::DELETE, "/ngsi-ld/v1/entities/", "Entities");
    }

    #[test]
    fn other_methods_hear_which_ones_are_allowed() {
        check(Method::PUT, "/ngsi-ld/v1/entities", "405 GET, HEAD, POST, DELETE, OPTIONS");
        check(Method::DELETE, "/ngsi-ld/v1/entities/urn:x:1/attrs/", "405 POST, PATCH, OPTIONS");
        check(Method::GET, "/ngsi-ld/v1/entityOperations/create", "405 POST, OPTIONS");
        check(Method::PUT, "/ngsi-ld/v1/subscriptions", "405 GET, HEAD, POST, OPTIONS");
    }

    #[test]
    fn other_paths_are_not_there() {
        for path in [
            "/",
            "/ngsi-ld/v2/entities",
            "/ngsi-ld/v1/",
            "/ngsi-ld/v1/entity",
            "/ngsi-ld/v1/a/b/c/d/e/f/g",
        ] {
            check(Method::GET, path, "404");
        }
        check(Method::GET, "/ngsi-ld/v1/entities/%zz", "400");
        check(
            Method::GET,
            "/ngsi-ld/v1/csourceRegistrations/urn:x:1",
            r#"Unsupported("GET, HEAD, PATCH, DELETE, OPTIONS")"#,
        );
    }
}
