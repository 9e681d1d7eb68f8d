//! What an entity says: attributes, their instances, their values.

use smallvec::{SmallVec, smallvec};

use crate::geometry::Geometry;
use crate::identifier::{Name, Uri};
use crate::json::{Json, JsonKind};
use crate::time::{DateTime, Timestamp};

/// What one attribute instance holds: one variant for each attribute kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Any JSON value (clause 4.5.2).
    Property(Json),
    /// One or more targets, at least one (clause 4.5.3); `array` tells whether they were
    /// written as one.
    Relationship {
        objects: Vec<Uri>,
        array: bool,
    },
    GeoProperty(Geometry),
    /// An object from language tags to a text or a list of texts (clause 4.5.18).
    LanguageProperty(Json),
    /// An opaque JSON value (clause 4.5.24).
    JsonProperty(Json),
    /// Expanded terms (clause 4.5.20).
    VocabProperty {
        terms: Vec<Name>,
        array: bool,
    },
    /// An ordered array (clause 4.5.21).
    ListProperty(Json),
    /// Targets in order (clause 4.5.22).
    ListRelationship(Vec<Uri>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Property,
    Relationship,
    GeoProperty,
    LanguageProperty,
    JsonProperty,
    VocabProperty,
    ListProperty,
    ListRelationship,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Property,
        Kind::Relationship,
        Kind::GeoProperty,
        Kind::LanguageProperty,
        Kind::JsonProperty,
        Kind::VocabProperty,
        Kind::ListProperty,
        Kind::ListRelationship,
    ];

    /// The term of the core context.
    pub fn term(self) -> &'static str {
        match self {
            Kind::Property => "Property",
            Kind::Relationship => "Relationship",
            Kind::GeoProperty => "GeoProperty",
            Kind::LanguageProperty => "LanguageProperty",
            Kind::JsonProperty => "JsonProperty",
            Kind::VocabProperty => "VocabProperty",
            Kind::ListProperty => "ListProperty",
            Kind::ListRelationship => "ListRelationship",
        }
    }

    pub fn from_term(term: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.term() == term)
    }
}

impl Value {
    pub fn kind(&self) -> Kind {
        match self {
            Value::Property(_) => Kind::Property,
            Value::Relationship { .. } => Kind::Relationship,
            Value::GeoProperty(_) => Kind::GeoProperty,
            Value::LanguageProperty(_) => Kind::LanguageProperty,
            Value::JsonProperty(_) => Kind::JsonProperty,
            Value::VocabProperty { .. } => Kind::VocabProperty,
            Value::ListProperty(_) => Kind::ListProperty,
            Value::ListRelationship(_) => Kind::ListRelationship,
        }
    }

    /// Why no attribute can have this value, if none can (clauses 4.5.3, 4.5.18, 4.5.21, 4.5.24).
    pub fn problem(&self) -> Option<&'static str> {
        let well_formed = match self {
            Value::Relationship { objects, .. } => !objects.is_empty(),
            Value::VocabProperty { terms, .. } => !terms.is_empty(),
            Value::LanguageProperty(map) => is_language_map(map),
            Value::JsonProperty(json) => {
                matches!(json.kind(), JsonKind::Object | JsonKind::Array)
            }
            Value::ListProperty(list) => list.kind() == JsonKind::Array,
            Value::Property(json) => !json.is_null(),
            Value::GeoProperty(_) | Value::ListRelationship(_) => true,
        };
        (!well_formed).then_some(match self.kind() {
            Kind::Relationship => "a Relationship needs at least one object",
            Kind::VocabProperty => "a VocabProperty needs at least one term",
            Kind::LanguageProperty => {
                "a languageMap is an object from language tags to texts or lists of texts"
            }
            Kind::JsonProperty => "the json of a JsonProperty is an object or an array",
            Kind::ListProperty => "a valueList is an array",
            _ => "null is not a value",
        })
    }

    /// The entities that this value points to.
    pub fn targets(&self) -> &[Uri] {
        match self {
            Value::Relationship { objects, .. } | Value::ListRelationship(objects) => objects,
            _ => &[],
        }
    }
}

fn is_language_map(map: &Json) -> bool {
    let is_tag = |tag: &str| {
        tag == "@none"
            || tag.split('-').all(|subtag| {
                (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
            })
    };
    let is_text = |json: &Json| json.kind() == JsonKind::Text;
    let is_texts = |json: &Json| json.elements().is_some_and(|all| all.iter().all(is_text));
    map.members().is_some_and(|members| {
        members.iter().all(|(tag, value)| is_tag(tag) && (is_text(value) || is_texts(value)))
    })
}

/// One value of an attribute, told apart from its siblings by `dataset_id` (clause 4.5.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Nothing for the default instance.
    pub dataset_id: Option<Uri>,
    pub value: Value,
    /// Of a Property only.
    pub unit_code: Option<Json>,
    /// The datatype of the value, expanded.
    pub value_type: Option<Name>,
    /// Types of the targets of a Relationship, expanded.
    pub object_type: Vec<Name>,
    pub observed_at: Option<DateTime>,
    pub expires_at: Option<DateTime>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// Members with a plain value that the standard gives no meaning of its own, such as
    /// `entityIdSealed` of an `ngsildproof` (clause 4.5.2.2). Names are expanded.
    pub extras: Vec<(Name, Json)>,
    /// Attributes of this attribute.
    pub attributes: Attributes,
}

impl Instance {
    /// The default instance with this value, and nothing else said of it.
    pub fn new(value: Value) -> Instance {
        Instance {
            dataset_id: None,
            value,
            unit_code: None,
            value_type: None,
            object_type: Vec::new(),
            observed_at: None,
            expires_at: None,
            created_at: Timestamp::default(),
            modified_at: Timestamp::default(),
            extras: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    /// Sets the system times of this instance and of all below it.
    pub(crate) fn stamp(&mut self, created_at: Timestamp, now: Timestamp) {
        self.created_at = created_at;
        self.modified_at = now;
        for attribute in &mut self.attributes.0 {
            for instance in &mut attribute.instances {
                instance.stamp(now, now);
            }
        }
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at.instant() <= now)
    }
}

/// Nearly always one, so that one lies in the attribute itself.
pub type InstanceList = SmallVec<[Instance; 1]>;

/// All instances of one name; at least one, each with another `dataset_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: Name,
    pub instances: InstanceList,
}

impl Attribute {
    pub fn instance(&self, dataset_id: Option<&Uri>) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.dataset_id.as_ref() == dataset_id)
    }
}

/// Attributes in the order in which they were first written; each name stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub(crate) Vec<Attribute>);

impl Attributes {
    /// Takes attributes whose names differ; of a repeated name the last one counts.
    pub fn new(attributes: impl IntoIterator<Item = Attribute>) -> Attributes {
        let mut all = Attributes::default();
        for attribute in attributes {
            all.insert(attribute);
        }
        all
    }

    /// Takes attributes that were `Attributes` before: the way back from a store.
    pub fn from_distinct(attributes: Vec<Attribute>) -> Attributes {
        Attributes(attributes)
    }

    pub fn get(&self, name: &Name) -> Option<&Attribute> {
        self.0.iter().find(|attribute| &attribute.name == name)
    }

    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut Attribute> {
        self.0.iter_mut().find(|attribute| &attribute.name == name)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Attribute> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts an attribute in the place of the one with its name, or at the end.
    pub fn insert(&mut self, attribute: Attribute) {
        match self.get_mut(&attribute.name) {
            Some(known) => *known = attribute,
            None => self.0.push(attribute),
        }
    }

    pub fn remove(&mut self, name: &Name) -> Option<Attribute> {
        let at = self.0.iter().position(|attribute| &attribute.name == name)?;
        Some(self.0.remove(at))
    }

    /// Puts an instance in the place of the one with its dataset, or adds it.
    pub(crate) fn put(&mut self, name: &Name, instance: Instance) {
        match self.get_mut(name) {
            None => self.0.push(Attribute { name: name.clone(), instances: smallvec![instance] }),
            Some(attribute) => {
                let same = |known: &&mut Instance| known.dataset_id == instance.dataset_id;
                match attribute.instances.iter_mut().find(same) {
                    Some(known) => *known = instance,
                    None => attribute.instances.push(instance),
                }
            }
        }
    }

    /// Removes one instance, and the attribute with its last one. Tells whether it was there.
    pub(crate) fn take(&mut self, name: &Name, dataset_id: Option<&Uri>) -> bool {
        let Some(attribute) = self.get_mut(name) else { return false };
        let before = attribute.instances.len();
        attribute.instances.retain(|instance| instance.dataset_id.as_ref() != dataset_id);
        let taken = attribute.instances.len() < before;
        if attribute.instances.is_empty() {
            self.remove(name);
        }
        taken
    }

    /// Leaves out instances that have expired (clause 4.22), at every depth.
    pub fn without_expired(&self, now: Timestamp) -> Attributes {
        let alive = |attribute: &Attribute| {
            let instances: InstanceList = attribute
                .instances
                .iter()
                .filter(|instance| !instance.is_expired(now))
                .map(|instance| Instance {
                    attributes: instance.attributes.without_expired(now),
                    ..instance.clone()
                })
                .collect();
            (!instances.is_empty()).then(|| Attribute { name: attribute.name.clone(), instances })
        };
        Attributes(self.0.iter().filter_map(alive).collect())
    }

    /// The next moment at which an instance at any depth expires.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let instances = self.0.iter().flat_map(|attribute| &attribute.instances);
        instances
            .flat_map(|instance| {
                let own = instance.expires_at.map(|at| at.instant());
                own.into_iter().chain(instance.attributes.next_expiry())
            })
            .min()
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = &'a Attribute;
    type IntoIter = std::slice::Iter<'a, Attribute>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Attributes {
    type Item = Attribute;
    type IntoIter = std::vec::IntoIter<Attribute>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
