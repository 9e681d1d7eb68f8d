//! Members that the standard itself defines, asked for as if they were attributes.

use model::Name;

const CORE: &str = "https://uri.etsi.org/ngsi-ld/";

/// A member of an entity or of an attribute instance that is not an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemMember {
    Id,
    Type,
    Scope,
    CreatedAt,
    ModifiedAt,
    DeletedAt,
    ExpiresAt,
    ObservedAt,
    UnitCode,
    DatasetId,
    InstanceId,
    ValueType,
    ObjectType,
}

impl SystemMember {
    /// Knows an expanded name; a term too where it is a keyword of JSON-LD anyway.
    pub fn of(name: &Name) -> Option<SystemMember> {
        let name = name.as_str();
        Some(match name.strip_prefix(CORE).unwrap_or(name) {
            "@id" | "id" => SystemMember::Id,
            "@type" | "type" => SystemMember::Type,
            "scope" => SystemMember::Scope,
            "createdAt" => SystemMember::CreatedAt,
            "modifiedAt" => SystemMember::ModifiedAt,
            "deletedAt" => SystemMember::DeletedAt,
            "expiresAt" => SystemMember::ExpiresAt,
            "observedAt" => SystemMember::ObservedAt,
            "unitCode" => SystemMember::UnitCode,
            "datasetId" => SystemMember::DatasetId,
            "instanceId" => SystemMember::InstanceId,
            "valueType" | "hasValueType" => SystemMember::ValueType,
            "objectType" | "hasObjectType" => SystemMember::ObjectType,
            _ => return None,
        })
    }

    pub fn is_moment(self) -> bool {
        matches!(
            self,
            SystemMember::CreatedAt
                | SystemMember::ModifiedAt
                | SystemMember::DeletedAt
                | SystemMember::ExpiresAt
                | SystemMember::ObservedAt
        )
    }
}
