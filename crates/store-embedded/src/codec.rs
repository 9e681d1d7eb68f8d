//! Entities as text: names are numbers of the dictionary, and values are their own JSON text.
//!
//! Numbers are written with seven-bit characters, so that a record is one text: what it holds is
//! cut out of it without a copy. Attributes tell their length, so that a reader who wants few of
//! them steps over the others.

use std::sync::Arc;

use model::{
    Attribute, Attributes, DateTime, Entity, Geometry, Instance, InstanceList, Json, Kind, Name,
    Scope, Timestamp, Uri, Value,
};

use crate::names::{NameId, Names, Numbering, Reading};
use crate::record::{BadRecord, RecordReader, RecordWriter};

/// Appends the entity.
pub fn encode(entity: &Entity, out: &mut RecordWriter, names: &mut dyn Numbering) {
    out.text(entity.id.as_str());
    out.signed(entity.created_at.0);
    out.signed(entity.modified_at.0 - entity.created_at.0);
    out.list(&entity.types, |out, name| out.number(names.name(name).0.into()));
    out.list(&entity.scopes, |out, scope| out.text(scope.as_str()));
    out.list(entity.expires_at.as_slice(), |out, at| put_date_time(out, *at));
    Encoder { names, base: entity.created_at.0 }.attributes(out, &entity.attributes);
}

/// Appends one instance of an attribute.
pub fn encode_instance(instance: &Instance, out: &mut RecordWriter, names: &mut dyn Numbering) {
    Encoder { names, base: 0 }.instance(out, instance);
}

fn put_date_time(out: &mut RecordWriter, date_time: DateTime) {
    out.number(date_time.digits().into());
    out.signed(date_time.instant().0);
}

const HAS_DATASET: u8 = 1;
const HAS_OBSERVED_AT: u8 = 2;
const HAS_UNIT_CODE: u8 = 4;
const HAS_ATTRIBUTES: u8 = 8;
/// One of the members that few instances have.
const HAS_RARE: u8 = 16;
const IS_ARRAY: u8 = 32;

struct Encoder<'a> {
    names: &'a mut dyn Numbering,
    /// System times are written as distances from the creation of the entity.
    base: i64,
}

impl Encoder<'_> {
    fn attributes(&mut self, out: &mut RecordWriter, attributes: &Attributes) {
        out.number(attributes.len() as u64);
        for attribute in attributes {
            self.name(out, &attribute.name);
            out.measured(|out| {
                out.list(&attribute.instances, |out, instance| self.instance(out, instance));
            });
        }
    }

    fn name(&mut self, out: &mut RecordWriter, name: &Name) {
        out.number(self.names.name(name).0.into());
    }

    fn instance(&mut self, out: &mut RecordWriter, instance: &Instance) {
        let rare = instance.value_type.is_some()
            || instance.expires_at.is_some()
            || !instance.object_type.is_empty()
            || !instance.extras.is_empty();
        let array = matches!(
            instance.value,
            Value::Relationship { array: true, .. } | Value::VocabProperty { array: true, .. }
        );
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.number(instance.value.kind() as u64);
        out.number(u64::from(
            flag(instance.dataset_id.is_some(), HAS_DATASET)
                | flag(instance.observed_at.is_some(), HAS_OBSERVED_AT)
                | flag(instance.unit_code.is_some(), HAS_UNIT_CODE)
                | flag(!instance.attributes.is_empty(), HAS_ATTRIBUTES)
                | flag(rare, HAS_RARE)
                | flag(array, IS_ARRAY),
        ));
        out.signed(instance.created_at.0 - self.base);
        out.signed(instance.modified_at.0 - self.base);
        self.value(out, &instance.value);
        if let Some(dataset_id) = &instance.dataset_id {
            out.text(dataset_id.as_str());
        }
        if let Some(observed_at) = instance.observed_at {
            put_date_time(out, observed_at);
        }
        if let Some(unit_code) = &instance.unit_code {
            out.text(unit_code.as_str());
        }
        if !instance.attributes.is_empty() {
            self.attributes(out, &instance.attributes);
        }
        if rare {
            self.rare(out, instance);
        }
    }

    fn rare(&mut self, out: &mut RecordWriter, instance: &Instance) {
        out.list(instance.value_type.as_slice(), |out, name| self.name(out, name));
        out.list(&instance.object_type, |out, name| self.name(out, name));
        out.list(instance.expires_at.as_slice(), |out, at| put_date_time(out, *at));
        out.list(&instance.extras, |out, (name, value)| {
            self.name(out, name);
            out.text(value.as_str());
        });
    }

    fn value(&mut self, out: &mut RecordWriter, value: &Value) {
        match value {
            Value::Property(json)
            | Value::LanguageProperty(json)
            | Value::JsonProperty(json)
            | Value::ListProperty(json) => out.text(json.as_str()),
            Value::GeoProperty(geometry) => out.text(geometry.json().as_str()),
            Value::Relationship { objects, .. } | Value::ListRelationship(objects) => {
                out.list(objects, |out, uri| out.text(uri.as_str()));
            }
            Value::VocabProperty { terms, .. } => {
                out.list(terms, |out, name| out.text(name.as_str()));
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

/// The entity that a record holds from a place on, to its end.
pub fn decode(record: &Arc<str>, from: usize, names: &Names) -> Result<Entity, BadRecord> {
    decode_wanted(record, from, names, &Wanted::All)
}

/// The entity with those of its attributes that are wanted.
pub fn decode_wanted(
    record: &Arc<str>,
    from: usize,
    names: &Names,
    wanted: &Wanted,
) -> Result<Entity, BadRecord> {
    let mut decoder = Decoder::new(record, from, names);
    let entity = decoder.entity(wanted)?;
    if decoder.reader.is_at_end() {
        Ok(entity)
    } else {
        Err(decoder.reader.bad("something follows the entity"))
    }
}

/// The entity with those of its attributes that are wanted, whatever follows it.
pub fn decode_part(
    record: &Arc<str>,
    from: usize,
    names: &Names,
    wanted: &Wanted,
) -> Result<Entity, BadRecord> {
    Decoder::new(record, from, names).entity(wanted)
}

/// The instance that is all that a record holds.
pub fn decode_instance(record: &Arc<str>, names: &Names) -> Result<Instance, BadRecord> {
    Decoder::new(record, 0, names).instance()
}

/// Does the instance that is all that a record holds have members that few have? Its flags come
/// second.
pub fn may_expire(record: &str) -> bool {
    record.as_bytes().get(1).is_none_or(|flags| flags & HAS_RARE != 0)
}

/// When the instance that is all that a record holds expires; most do not, and that is soon told.
pub fn expiry_of(record: &str, names: &Names) -> Result<Option<Timestamp>, BadRecord> {
    if !may_expire(record) {
        return Ok(None);
    }
    let instance = decode_instance(&record.into(), names)?;
    Ok(instance.expires_at.map(|at| at.instant()))
}

/// The instance that a record holds from a place on, and where it ends.
pub fn decode_instance_at(
    record: &Arc<str>,
    from: usize,
    names: &Names,
) -> Result<(Instance, usize), BadRecord> {
    let mut decoder = Decoder::new(record, from, names);
    let instance = decoder.instance()?;
    Ok((instance, decoder.reader.at()))
}

struct Decoder<'a> {
    reader: RecordReader<'a>,
    names: Reading<'a>,
    base: i64,
}

impl<'a> Decoder<'a> {
    fn new(record: &'a Arc<str>, from: usize, names: &'a Names) -> Decoder<'a> {
        Decoder { reader: RecordReader::new(record, from), names: names.reading(), base: 0 }
    }
}

impl Decoder<'_> {
    fn entity(&mut self, wanted: &Wanted) -> Result<Entity, BadRecord> {
        let id = self.uri()?;
        self.base = self.reader.signed()?;
        let created_at = Timestamp(self.base);
        let modified_at = self.system_time()?;
        let types = self.list(Decoder::name)?;
        let scopes = self.list(Decoder::scope)?;
        let expires_at = self.list(Decoder::date_time)?.pop();
        let attributes = match wanted {
            Wanted::All => self.attributes()?,
            Wanted::Only(wanted) => self.wanted(wanted)?,
        };
        Ok(Entity { id, types, scopes, expires_at, created_at, modified_at, attributes })
    }

    fn attributes(&mut self) -> Result<Attributes, BadRecord> {
        let count = self.reader.count()?;
        let mut attributes = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let name = self.name()?;
            let _length = self.reader.number()?;
            self.attribute(name, &mut attributes)?;
        }
        Ok(Attributes::from_distinct(attributes))
    }

    /// Instances are large: they are read into their place, and not moved there.
    fn attribute(&mut self, name: Name, all: &mut Vec<Attribute>) -> Result<(), BadRecord> {
        let attribute = all.push_mut(Attribute { name, instances: InstanceList::new() });
        for _ in 0..self.reader.count()? {
            attribute.instances.push(self.instance()?);
        }
        Ok(())
    }

    fn wanted(&mut self, wanted: &[NameId]) -> Result<Attributes, BadRecord> {
        let mut attributes = Vec::with_capacity(wanted.len());
        for _ in 0..self.reader.count()? {
            let id = self.name_id()?;
            let length = self.reader.count()?;
            if wanted.contains(&id) {
                let name = self.name_of(id)?;
                self.attribute(name, &mut attributes)?;
            } else {
                self.reader.skip(length)?;
            }
        }
        Ok(Attributes::from_distinct(attributes))
    }

    fn instance(&mut self) -> Result<Instance, BadRecord> {
        let kind = self.reader.number()?;
        let kind = usize::try_from(kind).ok().and_then(|kind| Kind::ALL.get(kind)).copied();
        let kind = kind.ok_or_else(|| self.reader.bad("no such attribute kind"))?;
        let flags = self.reader.number()?;
        let has = |flag: u8| flags & u64::from(flag) != 0;
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

    fn rare(&mut self, instance: &mut Instance) -> Result<(), BadRecord> {
        instance.value_type = self.list(Decoder::name)?.pop();
        instance.object_type = self.list(Decoder::name)?;
        instance.expires_at = self.list(Decoder::date_time)?.pop();
        instance.extras = self.list(|decoder| Ok((decoder.name()?, decoder.json()?)))?;
        Ok(())
    }

    fn value(&mut self, kind: Kind, array: bool) -> Result<Value, BadRecord> {
        Ok(match kind {
            Kind::Property => Value::Property(self.json()?),
            Kind::LanguageProperty => Value::LanguageProperty(self.json()?),
            Kind::JsonProperty => Value::JsonProperty(self.json()?),
            Kind::ListProperty => Value::ListProperty(self.json()?),
            Kind::GeoProperty => Value::GeoProperty(Geometry::from_valid(self.json()?)),
            Kind::Relationship => Value::Relationship { objects: self.list(Decoder::uri)?, array },
            Kind::ListRelationship => Value::ListRelationship(self.list(Decoder::uri)?),
            Kind::VocabProperty => {
                let terms = self.list(|decoder| Ok(Name::new(decoder.reader.text()?.as_str())))?;
                Value::VocabProperty { terms, array }
            }
        })
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, BadRecord>,
    ) -> Result<Vec<T>, BadRecord> {
        let count = self.reader.count()?;
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<Name, BadRecord> {
        let id = self.name_id()?;
        self.name_of(id)
    }

    fn name_id(&mut self) -> Result<NameId, BadRecord> {
        let id = self.reader.number()?;
        let id = u32::try_from(id).map(NameId);
        id.map_err(|_| self.reader.bad("a name is not in the dictionary"))
    }

    fn name_of(&self, id: NameId) -> Result<Name, BadRecord> {
        let name = self.names.name(id);
        name.ok_or_else(|| self.reader.bad("a name is not in the dictionary"))
    }

    fn uri(&mut self) -> Result<Uri, BadRecord> {
        self.reader.text().map(Uri::from_valid)
    }

    fn scope(&mut self) -> Result<Scope, BadRecord> {
        let text = self.reader.text()?;
        Scope::parse(text.as_str()).map_err(|_| self.reader.bad("a text is not a scope"))
    }

    fn json(&mut self) -> Result<Json, BadRecord> {
        self.reader.text().map(Json::from_compact)
    }

    fn date_time(&mut self) -> Result<DateTime, BadRecord> {
        let digits = u8::try_from(self.reader.number()?).unwrap_or(u8::MAX);
        Ok(DateTime::new(Timestamp(self.reader.signed()?), digits))
    }

    fn system_time(&mut self) -> Result<Timestamp, BadRecord> {
        let distance = self.reader.signed()?;
        Ok(Timestamp(self.base.wrapping_add(distance)))
    }
}
