//! The value of one attribute instance, by its kind.

use std::borrow::Cow;

use serde_json::value::RawValue;

use model::{Geometry, Json, JsonKind, Kind, Name, Uri, Value, ValuePatch};

use super::attribute::Reader;
use super::error::Problem;
use super::members::{
    Members, Removals, elements, is_array, is_json_null, is_removal, is_removal_of_many, removals,
    text, texts,
};
use super::word::Holder;

impl Reader<'_> {
    /// What the member that holds the value of a `kind` says.
    pub(super) fn value(&self, kind: Kind, raw: &RawValue) -> Result<ValuePatch, Problem> {
        let member = Holder::of(kind).term();
        if is_json_null(raw) {
            return Err(Problem::JsonNullMember(member.to_owned()));
        }
        if removes(kind, raw) {
            if !self.rules.deletion {
                self.allow_removal(member)?;
            }
            return Ok(ValuePatch::Remove);
        }
        Ok(ValuePatch::Set(match kind {
            Kind::Property => Value::Property(self.json(raw)?),
            Kind::GeoProperty => Value::GeoProperty(Geometry::parse(&Json::from_raw(raw))?),
            Kind::Relationship => relationship(raw)?,
            Kind::LanguageProperty => Value::LanguageProperty(self.language_map(raw)?),
            Kind::JsonProperty => Value::JsonProperty(opaque(raw)?),
            Kind::VocabProperty => self.vocab(raw)?,
            Kind::ListProperty if !is_array(raw) => return Err(wanted(member, "an array")),
            Kind::ListProperty => Value::ListProperty(self.json(raw)?),
            Kind::ListRelationship => Value::ListRelationship(object_list(raw)?),
        }))
    }

    /// Any JSON value. JSON nulls inside it stay: nothing may be lost of what was written (4.6.4).
    pub(super) fn json(&self, raw: &RawValue) -> Result<Json, Problem> {
        match removals(raw) {
            Removals::Nowhere => Ok(Json::from_raw(raw)),
            _ if !self.rules.inner_removal => Err(Problem::InnerRemoval),
            Removals::OfMembers => Ok(Json::from_raw(raw)),
            Removals::InArray => Err(Problem::ArrayRemoval),
        }
    }

    /// Language tags with a text or several (clause 4.6.5).
    fn language_map(&self, raw: &RawValue) -> Result<Json, Problem> {
        let Some(members) = Members::of(raw) else {
            return Err(wanted("languageMap", "an object from language tags to texts"));
        };
        for (tag, value) in &members.0 {
            if !is_language_tag(tag) {
                return Err(Problem::LanguageTag(shortened(tag)));
            }
            let Some(texts) = texts(value) else {
                return Err(wanted(
                    "languageMap",
                    "an object with a text, or an array of texts, for each language",
                ));
            };
            if texts.iter().any(|text| text == model::NULL) {
                match self.rules.inner_removal {
                    false => return Err(Problem::MemberRemoval("languageMap".to_owned())),
                    true if is_array(value) => return Err(Problem::ArrayRemoval),
                    true => {}
                }
            }
        }
        Ok(Json::from_raw(raw))
    }

    fn vocab(&self, raw: &RawValue) -> Result<Value, Problem> {
        let Some(written) = texts(raw) else {
            return Err(wanted("vocab", "a term or an array of terms"));
        };
        no_removal_among(&written)?;
        let terms = written.iter().map(|term| self.vocab_term(term)).collect();
        Ok(Value::VocabProperty { terms, array: is_array(raw) })
    }

    /// A value that stands for an IRI (clause 5.5.7).
    pub(super) fn vocab_term(&self, written: &str) -> Name {
        Name::new(&*self.context.expand_vocab(written))
    }

    pub(super) fn allow_removal(&self, member: &str) -> Result<(), Problem> {
        if self.rules.removal { Ok(()) } else { Err(Problem::MemberRemoval(member.to_owned())) }
    }
}

/// Is this the NGSI-LD Null of the kind (clause 4.5.0)?
fn removes(kind: Kind, raw: &RawValue) -> bool {
    match kind {
        Kind::Property | Kind::GeoProperty | Kind::JsonProperty => is_removal(raw),
        Kind::Relationship | Kind::VocabProperty | Kind::ListProperty => is_removal_of_many(raw),
        Kind::LanguageProperty => is_removal(raw) || only_default_is_removed(raw),
        Kind::ListRelationship => {
            is_removal_of_many(raw)
                || matches!(elements(raw).as_deref(), Some([one]) if is_removal(target(one)))
        }
    }
}

fn only_default_is_removed(map: &RawValue) -> bool {
    let members = Members::of(map);
    matches!(
        members.as_ref().map(|members| &*members.0),
        Some([(tag, value)]) if tag == "@none" && is_removal(value)
    )
}

fn relationship(raw: &RawValue) -> Result<Value, Problem> {
    let written = texts(raw).filter(|uris| !uris.is_empty());
    let written = written.ok_or_else(|| wanted("object", "a URI or an array of URIs"))?;
    let objects = written.iter().map(|text| target_uri("object", text));
    Ok(Value::Relationship { objects: objects.collect::<Result<_, _>>()?, array: is_array(raw) })
}

fn object_list(raw: &RawValue) -> Result<Vec<Uri>, Problem> {
    let wrong = || wanted("objectList", "an array of URIs or of objects with one `object`");
    let targets = elements(raw).ok_or_else(wrong)?;
    targets
        .into_iter()
        .map(|one| target_uri("objectList", &text(target(one)).ok_or_else(wrong)?))
        .collect()
}

/// `{"object": uri}` is the URI in an `objectList` (clause 4.5.22.3).
fn target(element: &RawValue) -> &RawValue {
    match Members::of(element).as_ref().map(|members| &*members.0) {
        Some([(name, uri)]) if name == "object" => uri,
        _ => element,
    }
}

fn target_uri(member: &'static str, text: &str) -> Result<Uri, Problem> {
    if text == model::NULL {
        return Err(Problem::MemberRemoval(member.to_owned()));
    }
    Uri::parse(text).map_err(|problem| Problem::Uri { member, problem })
}

/// Raw JSON: an object or an array (clause 4.5.24.2).
fn opaque(raw: &RawValue) -> Result<Json, Problem> {
    let json = Json::from_raw(raw);
    match json.kind() {
        JsonKind::Object | JsonKind::Array => Ok(json),
        _ => Err(wanted("json", "a JSON object or array")),
    }
}

/// Refuses an array in which the NGSI-LD Null stands beside other texts.
pub(super) fn no_removal_among(texts: &[Cow<'_, str>]) -> Result<(), Problem> {
    let found = texts.iter().any(|text| text == model::NULL);
    if found { Err(Problem::ArrayRemoval) } else { Ok(()) }
}

pub(super) fn wanted(member: &str, wanted: &'static str) -> Problem {
    Problem::Wanted { member: member.to_owned(), wanted }
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

/// `@none`, or the look of a tag of RFC 5646: letters, then parts of up to eight letters and digits.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let opens = parts.next().is_some_and(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let continues = parts.all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    tag == "@none" || (opens && continues)
}
