//! What the index says of an entity, and how a change changes it.

use model::{Attribute, DateTime, Entity, Event, Instance, Json, JsonKind, Value};
use query::cells_of;
use smallvec::SmallVec;
use sorted::Slice;

use crate::keys::{EVERY_TENANT, EntityNumber, IndexValue, Key, Space, moment_of};
use crate::names::{NameId, Numbering};
use crate::tables::{Table, Writes};

/// The core names of members that are looked for like attributes of an attribute.
pub const OBSERVED_AT: &str = "https://uri.etsi.org/ngsi-ld/observedAt";
pub const UNIT_CODE: &str = "https://uri.etsi.org/ngsi-ld/unitCode";

/// Values of one attribute that are indexed; one that holds more is looked at instead.
pub const INDEXED_VALUES_MAX: usize = 256;
/// Names on the way to an indexed value.
pub const INDEXED_DEPTH_MAX: usize = 8;

/// Stand in a path between attributes of attributes, and before members of a value. No name
/// holds a control character.
pub const BELOW: char = '\u{2}';
pub const INSIDE: char = '\u{3}';

/// Writes the index entries that an event adds, and removes those that it ends. Tells at which
/// levels it added cells.
///
/// What the event does not touch is not looked at, so that the cost follows the change; done
/// twice, it comes to the same.
pub fn write_changes(
    event: &Event,
    tenant: NameId,
    number: EntityNumber,
    names: &mut dyn Numbering,
    writes: &mut Writes,
) -> Vec<CellLevels> {
    let (before, after) = (event.before.as_deref(), event.after.as_deref());
    let same_header = matches!((before, after), (Some(before), Some(after))
        if before.types == after.types
            && before.scopes == after.scopes
            && before.expires_at == after.expires_at);
    let mut entries = |entity: Option<&Entity>| {
        let mut entries = Entries::new(tenant, number, names);
        if let Some(entity) = entity {
            entries.types_of(entity);
            if !same_header {
                entries.header(entity);
            }
        }
        changed(event, entity).for_each(|attribute| entries.attribute(attribute));
        let levels = std::mem::take(&mut entries.levels);
        (entries.sorted(), levels)
    };
    let (old, _) = entries(before);
    let (new, levels) = entries(after);
    for (key, _) in &old {
        if new.binary_search_by(|(other, _)| other.cmp(key)).is_err() {
            writes.remove(Table::Index, key.clone());
        }
    }
    for entry in new {
        if old.binary_search(&entry).is_err() {
            writes.put(Table::Index, entry.0, entry.1);
        }
    }
    levels
}

/// At which levels a GeoProperty has cells, as bits.
#[derive(Clone, Copy, Debug)]
pub struct CellLevels {
    pub property: NameId,
    pub bits: u32,
}

/// What the event changed, and what is indexed together with the types, where these changed.
fn changed<'a>(
    event: &'a Event,
    entity: Option<&'a Entity>,
) -> impl Iterator<Item = &'a Attribute> {
    let types_changed = match (&event.before, &event.after) {
        (Some(before), Some(after)) => before.types != after.types,
        _ => false,
    };
    let has_cells = |attribute: &Attribute| {
        let mut instances = attribute.instances.iter();
        instances.any(|instance| matches!(instance.value, Value::GeoProperty(_)))
    };
    let attributes = entity.into_iter().flat_map(|entity| entity.attributes.iter());
    attributes.filter(move |attribute| {
        event.changed.contains(&attribute.name) || types_changed && has_cells(attribute)
    })
}

/// Every index entry of an entity: keys, and what stands under them.
pub fn entries_of(
    entity: &Entity,
    tenant: NameId,
    number: EntityNumber,
    names: &mut dyn Numbering,
) -> Vec<(Slice, Slice)> {
    let mut entries = Entries::new(tenant, number, names);
    entries.types_of(entity);
    entries.header(entity);
    entity.attributes.iter().for_each(|attribute| entries.attribute(attribute));
    entries.sorted()
}

/// In the place of an attribute: the entity as a whole.
const OF_THE_ENTITY: NameId = NameId(u32::MAX);

struct Entries<'a> {
    tenant: NameId,
    number: EntityNumber,
    names: &'a mut dyn Numbering,
    entries: Vec<(Slice, Slice)>,
    levels: Vec<CellLevels>,
    /// The types of the entity, as entries of cells have them.
    types: Slice,
    /// The attribute at hand, and what there is to say of it.
    attribute: NameId,
    values_left: usize,
    overflowed: bool,
    /// An entry names the attribute itself, so that it can be found by that.
    named: bool,
}

/// Where a value lies: the name of an attribute, and the names below it.
#[derive(Clone, Copy)]
struct Path {
    id: NameId,
    depth: usize,
}

impl<'a> Entries<'a> {
    fn new(tenant: NameId, number: EntityNumber, names: &'a mut dyn Numbering) -> Entries<'a> {
        Entries {
            tenant,
            number,
            names,
            entries: Vec::with_capacity(32),
            levels: Vec::new(),
            types: Slice::from([]),
            attribute: OF_THE_ENTITY,
            values_left: 0,
            overflowed: false,
            named: false,
        }
    }

    fn key(&self, space: Space) -> Key {
        Key::new(space, self.tenant)
    }

    fn push(&mut self, key: Key) {
        self.entries.push((key.number(self.number), Slice::from([])));
    }

    /// By key, each once.
    fn sorted(mut self) -> Vec<(Slice, Slice)> {
        self.entries.sort_unstable();
        self.entries.dedup();
        self.entries
    }

    fn types_of(&mut self, entity: &Entity) {
        let ids = entity.types.iter().flat_map(|name| self.names.name(name).0.to_be_bytes());
        let ids: SmallVec<[u8; 16]> = ids.collect();
        self.types = Slice::from(&*ids);
    }

    fn header(&mut self, entity: &Entity) {
        for name in &entity.types {
            let id = self.names.name(name);
            self.push(self.key(Space::Type).name(id));
        }
        for scope in &entity.scopes {
            self.push(self.key(Space::Scope).scope(scope.levels()).end_of_scope());
        }
        if let Some(expires_at) = entity.expires_at {
            self.expiry(expires_at, OF_THE_ENTITY);
        }
    }

    /// Keyed by what expires as well: another part of the entity may expire at the same moment,
    /// and must still do so when this one no longer does.
    fn expiry(&mut self, at: DateTime, part: NameId) {
        self.push(Key::new(Space::Expiry, EVERY_TENANT).moment(at.instant()).name(part));
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let id = self.names.name(&attribute.name);
        self.attribute = id;
        self.named = false;
        self.values_left = INDEXED_VALUES_MAX;
        self.overflowed = false;
        let path = Path { id, depth: 1 };
        for instance in &attribute.instances {
            self.instance(&path, instance);
        }
        if !self.named {
            self.push(self.key(Space::Attribute).name(id));
        }
        if self.overflowed {
            self.push(self.key(Space::Unindexed).name(id));
        }
    }

    fn instance(&mut self, path: &Path, instance: &Instance) {
        self.value_of(path, &instance.value);
        if let Some(observed_at) = instance.observed_at {
            let below = self.below(path, BELOW, OBSERVED_AT);
            self.value(below.as_ref(), &IndexValue::Moment(observed_at.instant()));
        }
        if let Some(unit_code) = &instance.unit_code {
            let below = self.below(path, BELOW, UNIT_CODE);
            self.json(below.as_ref(), unit_code);
        }
        if let Some(expires_at) = instance.expires_at {
            self.expiry(expires_at, self.attribute);
        }
        for (name, value) in &instance.extras {
            let below = self.below(path, BELOW, name.as_str());
            self.json(below.as_ref(), value);
        }
        for attribute in &instance.attributes {
            let below = self.below(path, BELOW, attribute.name.as_str());
            for instance in &attribute.instances {
                match &below {
                    Some(below) => self.instance(below, instance),
                    None => self.overflowed = true,
                }
            }
        }
    }

    fn value_of(&mut self, path: &Path, value: &Value) {
        match value {
            Value::Property(json) | Value::ListProperty(json) | Value::JsonProperty(json) => {
                self.json(Some(path), json);
            }
            Value::LanguageProperty(map) => {
                for (language, text) in map.members().unwrap_or_default() {
                    self.json(Some(path), &text);
                    let inside = self.below(path, INSIDE, &language);
                    self.json(inside.as_ref(), &text);
                }
            }
            Value::Relationship { objects, .. } | Value::ListRelationship(objects) => {
                for object in objects {
                    self.value(Some(path), &IndexValue::Text(object.as_str()));
                }
            }
            Value::VocabProperty { terms, .. } => {
                for term in terms {
                    self.value(Some(path), &IndexValue::Text(term.as_str()));
                }
            }
            Value::GeoProperty(geometry) if path.depth == 1 => {
                let mut bits = 0;
                for cell in cells_of(geometry) {
                    bits |= 1 << cell.level();
                    let key = self.key(Space::Cell).name(path.id).cell(cell.as_u64());
                    self.entries.push((key.number(self.number), self.types.clone()));
                }
                self.named |= bits != 0;
                self.levels.push(CellLevels { property: path.id, bits });
            }
            Value::GeoProperty(_) => {}
        }
    }

    fn json(&mut self, path: Option<&Path>, json: &Json) {
        match json.kind() {
            JsonKind::Number => {
                if let Some(number) = json.as_number() {
                    self.value(path, &IndexValue::Number(number));
                }
            }
            JsonKind::Boolean => {
                self.value(path, &IndexValue::Boolean(json.as_boolean() == Some(true)));
            }
            JsonKind::Text => {
                let text = json.as_text().unwrap_or_default();
                self.value(path, &IndexValue::Text(&text));
                if let Some(moment) = moment_of(&text) {
                    self.value(path, &IndexValue::Moment(moment));
                }
            }
            JsonKind::Array => {
                for element in json.elements().unwrap_or_default() {
                    self.json(path, &element);
                }
            }
            JsonKind::Object => {
                for (name, member) in json.members().unwrap_or_default() {
                    if name == "@value" {
                        // A typed value compares like the value in it.
                        self.json(path, &member);
                    }
                    let inside = path.and_then(|path| self.below(path, INSIDE, &name));
                    self.json(inside.as_ref(), &member);
                }
            }
            JsonKind::Null => {}
        }
    }

    /// Nothing where the path would be too deep, or has a name that no path can have.
    fn below(&mut self, path: &Path, mark: char, name: &str) -> Option<Path> {
        if path.depth >= INDEXED_DEPTH_MAX
            || self.values_left == 0
            || name.contains([BELOW, INSIDE])
        {
            self.overflowed = true;
            return None;
        }
        let id = self.names.below(path.id, mark, name);
        Some(Path { id, depth: path.depth + 1 })
    }

    fn value(&mut self, path: Option<&Path>, value: &IndexValue<'_>) {
        let Some(path) = path else {
            self.overflowed = true;
            return;
        };
        if self.values_left == 0 {
            self.overflowed = true;
            return;
        }
        self.values_left -= 1;
        self.named |= path.depth == 1;
        self.push(self.key(Space::Value).name(path.id).value(value));
    }
}
