//! Entities as bytes. Names are numbers of the dictionary; values are their own JSON text.
//!
//! Attributes tell their length, so that a reader who wants few of them steps over the others.

use model::{
    Attribute, Attributes, DateTime, Entity, Geometry, Instance, Json, Kind, Name, Scope,
    Timestamp, Uri, Value,
};

use crate::bytes::{Malformed, Reader, put_signed, put_text, put_varint};
use crate::names::{NameId, Names, Reading};

/// Appends the entity; `intern` gives the number of a name.
pub fn encode(entity: &Entity, out: &mut Vec<u8>, intern: &mut dyn FnMut(&Name) -> NameId) {
    put_text(out, entity.id.as_str());
    put_signed(out, entity.created_at.0);
    put_signed(out, entity.modified_at.0 - entity.created_at.0);
    put_list(out, &entity.types, |out, name| put_varint(out, intern(name).0.into()));
    put_list(out, &entity.scopes, |out, scope| put_text(out, scope.as_str()));
    out.push(u8::from(entity.expires_at.is_some()));
    put_date_time(out, entity.expires_at);
    Encoder { intern, base: entity.created_at.0 }.attributes(out, &entity.attributes);
}

/// Puts the length of what follows `start` before it.
fn put_length(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    put_varint(out, length as u64);
    out[start..].rotate_left(length);
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], mut put: impl FnMut(&mut Vec<u8>, &T)) {
    put_varint(out, items.len() as u64);
    for item in items {
        put(out, item);
    }
}

fn put_date_time(out: &mut Vec<u8>, date_time: Option<DateTime>) {
    if let Some(date_time) = date_time {
        out.push(date_time.digits());
        put_signed(out, date_time.instant().0);
    }
}

const HAS_DATASET: u8 = 1;
const HAS_OBSERVED_AT: u8 = 2;
const HAS_UNIT_CODE: u8 = 4;
const HAS_ATTRIBUTES: u8 = 8;
/// One of the members that few instances have.
const HAS_RARE: u8 = 16;
const IS_ARRAY: u8 = 32;

struct Encoder<'a> {
    intern: &'a mut dyn FnMut(&Name) -> NameId,
    /// System times are written as distances from the creation of the entity.
    base: i64,
}

impl Encoder<'_> {
    fn attributes(&mut self, out: &mut Vec<u8>, attributes: &Attributes) {
        put_varint(out, attributes.len() as u64);
        for attribute in attributes {
            self.name(out, &attribute.name);
            let start = out.len();
            put_varint(out, attribute.instances.len() as u64);
            for instance in &attribute.instances {
                self.instance(out, instance);
            }
            put_length(out, start);
        }
    }

    fn name(&mut self, out: &mut Vec<u8>, name: &Name) {
        put_varint(out, (self.intern)(name).0.into());
    }

    fn instance(&mut self, out: &mut Vec<u8>, instance: &Instance) {
        let rare = instance.value_type.is_some()
            || instance.expires_at.is_some()
            || !instance.object_type.is_empty()
            || !instance.extras.is_empty();
        let array = matches!(
            instance.value,
            Value::Relationship { array: true, .. } | Value::VocabProperty { array: true, .. }
        );
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(instance.value.kind() as u8);
        out.push(
            flag(instance.dataset_id.is_some(), HAS_DATASET)
                | flag(instance.observed_at.is_some(), HAS_OBSERVED_AT)
                | flag(instance.unit_code.is_some(), HAS_UNIT_CODE)
                | flag(!instance.attributes.is_empty(), HAS_ATTRIBUTES)
                | flag(rare, HAS_RARE)
                | flag(array, IS_ARRAY),
        );
        put_signed(out, instance.created_at.0 - self.base);
        put_signed(out, instance.modified_at.0 - self.base);
        self.value(out, &instance.value);
        if let Some(dataset_id) = &instance.dataset_id {
            put_text(out, dataset_id.as_str());
        }
        put_date_time(out, instance.observed_at);
        if let Some(unit_code) = &instance.unit_code {
            put_text(out, unit_code.as_str());
        }
        if !instance.attributes.is_empty() {
            self.attributes(out, &instance.attributes);
        }
        if rare {
            self.rare(out, instance);
        }
    }

    fn rare(&mut self, out: &mut Vec<u8>, instance: &Instance) {
        let value_type: Vec<&Name> = instance.value_type.iter().collect();
        put_list(out, &value_type, |out, name| self.name(out, name));
        put_list(out, &instance.object_type, |out, name| self.name(out, name));
        out.push(u8::from(instance.expires_at.is_some()));
        put_date_time(out, instance.expires_at);
        put_list(out, &instance.extras, |out, (name, value)| {
            self.name(out, name);
            put_text(out, value.as_str());
        });
    }

    fn value(&mut self, out: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Property(json)
            | Value::LanguageProperty(json)
            | Value::JsonProperty(json)
            | Value::ListProperty(json) => put_text(out, json.as_str()),
            Value::GeoProperty(geometry) => put_text(out, geometry.json().as_str()),
            Value::Relationship { objects, .. } | Value::ListRelationship(objects) => {
                put_list(out, objects, |out, uri| put_text(out, uri.as_str()));
            }
            Value::VocabProperty { terms, .. } => {
                put_list(out, terms, |out, name| put_text(out, name.as_str()));
            }
        }
    }
}

/// Which attributes of an entity are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    All,
    Only(Vec<NameId>),
}

/// The entity whose bytes these are; all of them.
pub fn decode(bytes: &[u8], names: &Names) -> Result<Entity, Malformed> {
    decode_wanted(bytes, names, &Wanted::All)
}

/// The entity with those of its attributes that are wanted.
pub fn decode_wanted(bytes: &[u8], names: &Names, wanted: &Wanted) -> Result<Entity, Malformed> {
    let mut decoder = Decoder { reader: Reader::new(bytes), names: names.reading(), base: 0 };
    let entity = decoder.entity(wanted)?;
    if decoder.reader.is_at_end() {
        Ok(entity)
    } else {
        Err(decoder.reader.malformed("bytes follow the entity"))
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    names: Reading<'a>,
    base: i64,
}

impl Decoder<'_> {
    fn entity(&mut self, wanted: &Wanted) -> Result<Entity, Malformed> {
        let id = self.uri()?;
        self.base = self.reader.signed()?;
        let created_at = Timestamp(self.base);
        let modified_at = self.system_time()?;
        let types = self.list(Decoder::name)?;
        let scopes = self.list(Decoder::scope)?;
        let expires_at = match self.reader.byte()? {
            0 => None,
            _ => Some(self.date_time()?),
        };
        let attributes = match wanted {
            Wanted::All => self.attributes()?,
            Wanted::Only(wanted) => self.wanted(wanted)?,
        };
        Ok(Entity { id, types, scopes, expires_at, created_at, modified_at, attributes })
    }

    fn attributes(&mut self) -> Result<Attributes, Malformed> {
        self.list(|decoder| {
            let name = decoder.name()?;
            let _length = decoder.reader.varint()?;
            let instances = decoder.list(Decoder::instance)?;
            Ok(Attribute { name, instances })
        })
        .map(Attributes::from_distinct)
    }

    fn wanted(&mut self, wanted: &[NameId]) -> Result<Attributes, Malformed> {
        let mut attributes = Vec::with_capacity(wanted.len());
        for _ in 0..self.reader.count()? {
            let id = self.name_id()?;
            let length = self.reader.count()?;
            if wanted.contains(&id) {
                let name = self.name_of(id)?;
                let instances = self.list(Decoder::instance)?;
                attributes.push(Attribute { name, instances });
            } else {
                self.reader.take(length)?;
            }
        }
        Ok(Attributes::from_distinct(attributes))
    }

    fn instance(&mut self) -> Result<Instance, Malformed> {
        let kind = self.reader.byte()?;
        let kind = Kind::ALL.get(usize::from(kind)).copied();
        let kind = kind.ok_or_else(|| self.reader.malformed("no such attribute kind"))?;
        let flags = self.reader.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let created_at = self.system_time()?;
        let modified_at = self.system_time()?;
        let value = self.value(kind, has(IS_ARRAY))?;
        let mut instance = Instance { created_at, modified_at, ..Instance::new(value) };
        if has(HAS_DATASET) {
            instance.dataset_id = Some(self.uri()?);
        }
        if has(HAS_OBSERVED_AT) {
            instance.observed_at = Some(self.date_time()?);
        }
        if has(HAS_UNIT_CODE) {
            instance.unit_code = Some(self.json()?);
        }
        if has(HAS_ATTRIBUTES) {
            instance.attributes = self.attributes()?;
        }
        if has(HAS_RARE) {
            self.rare(&mut instance)?;
        }
        Ok(instance)
    }

    fn rare(&mut self, instance: &mut Instance) -> Result<(), Malformed> {
        instance.value_type = self.list(Decoder::name)?.pop();
        instance.object_type = self.list(Decoder::name)?;
        if self.reader.byte()? != 0 {
            instance.expires_at = Some(self.date_time()?);
        }
        instance.extras = self.list(|decoder| Ok((decoder.name()?, decoder.json()?)))?;
        Ok(())
    }

    fn value(&mut self, kind: Kind, array: bool) -> Result<Value, Malformed> {
        Ok(match kind {
            Kind::Property => Value::Property(self.json()?),
            Kind::LanguageProperty => Value::LanguageProperty(self.json()?),
            Kind::JsonProperty => Value::JsonProperty(self.json()?),
            Kind::ListProperty => Value::ListProperty(self.json()?),
            Kind::GeoProperty => Value::GeoProperty(Geometry::from_valid(self.json()?)),
            Kind::Relationship => Value::Relationship { objects: self.list(Decoder::uri)?, array },
            Kind::ListRelationship => Value::ListRelationship(self.list(Decoder::uri)?),
            Kind::VocabProperty => {
                let terms = self.list(|decoder| Ok(Name::new(decoder.reader.text()?)))?;
                Value::VocabProperty { terms, array }
            }
        })
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.reader.count()?;
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        let id = self.name_id()?;
        self.name_of(id)
    }

    fn name_id(&mut self) -> Result<NameId, Malformed> {
        let id = self.reader.varint()?;
        let id = u32::try_from(id).map(NameId);
        id.map_err(|_| self.reader.malformed("a name is not in the dictionary"))
    }

    fn name_of(&self, id: NameId) -> Result<Name, Malformed> {
        let name = self.names.name(id);
        name.ok_or_else(|| self.reader.malformed("a name is not in the dictionary"))
    }

    fn uri(&mut self) -> Result<Uri, Malformed> {
        self.reader.text().map(Uri::from_valid)
    }

    fn scope(&mut self) -> Result<Scope, Malformed> {
        let text = self.reader.text()?;
        Scope::parse(text).map_err(|_| self.reader.malformed("a text is not a scope"))
    }

    fn json(&mut self) -> Result<Json, Malformed> {
        self.reader.text().map(Json::from_compact)
    }

    fn date_time(&mut self) -> Result<DateTime, Malformed> {
        let digits = self.reader.byte()?;
        Ok(DateTime::new(Timestamp(self.reader.signed()?), digits))
    }

    fn system_time(&mut self) -> Result<Timestamp, Malformed> {
        let distance = self.reader.signed()?;
        Ok(Timestamp(self.base.wrapping_add(distance)))
    }
}
