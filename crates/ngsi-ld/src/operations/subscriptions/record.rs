//! A subscription as it is kept: what the client wrote, with names expanded, and what goes with it.

use model::{Scope, Tenant, Timestamp, Uri};
use policy::Caller;
use serde_json::{Map, Value, json};

use super::names::Words;

#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Without `@context`, members that are only shown, and members that the standard does not
    /// know.
    pub members: Map<String, Value>,
    /// What the words of `q` stand for.
    pub words: Words,
    /// The context to write notifications with, as JSON text, and the URL that stands for it.
    pub context: String,
    pub context_url: Option<String>,
    pub caller: Caller,
    pub created_at: Timestamp,
}

impl Record {
    /// Did this caller make it?
    pub fn is_of(&self, caller: &Caller) -> bool {
        (&self.caller.name, &self.caller.tenant) == (&caller.name, &caller.tenant)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let Caller { name, roles, tenant, scopes, entities } = &self.caller;
        json!({
            "subscription": self.members,
            "words": self.words,
            "context": self.context,
            "contextUrl": self.context_url,
            "caller": {
                "name": name,
                "roles": roles,
                "tenant": tenant.as_ref().map(Tenant::as_str),
                "scopes": scopes.iter().map(Scope::to_string).collect::<Vec<_>>(),
                "entities": entities.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
            },
            "createdAt": self.created_at.0,
        })
        .to_string()
        .into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Record> {
        let mut json: Value = serde_json::from_slice(bytes).ok()?;
        let Value::Object(members) = json["subscription"].take() else { return None };
        let caller = &json["caller"];
        let texts = |member: &str| {
            let all = caller[member].as_array().into_iter().flatten();
            all.map(|one| Some(one.as_str()?.to_owned())).collect::<Option<Vec<String>>>()
        };
        // Records of older versions have one role.
        let roles = texts("roles")?.into_iter().chain(caller["role"].as_str().map(str::to_owned));
        let roles = roles.collect();
        let (scopes, entities) = (texts("scopes")?, texts("entities")?);
        let scopes = scopes.iter().map(|text| Scope::parse(text).ok()).collect::<Option<_>>()?;
        let entities = entities.iter().map(|text| Uri::parse(text).ok()).collect::<Option<_>>()?;
        let tenant = match &caller["tenant"] {
            Value::String(name) if name.is_empty() => Some(Tenant::default()),
            Value::String(name) => Some(Tenant::parse(name).ok()?),
            _ => None,
        };
        Some(Record {
            members,
            words: serde_json::from_value(json["words"].take()).ok()?,
            context: json["context"].as_str()?.to_owned(),
            context_url: json["contextUrl"].as_str().map(str::to_owned),
            caller: Caller {
                name: json["caller"]["name"].as_str()?.to_owned(),
                roles,
                tenant,
                scopes,
                entities,
            },
            created_at: Timestamp(json["createdAt"].as_i64()?),
        })
    }
}
