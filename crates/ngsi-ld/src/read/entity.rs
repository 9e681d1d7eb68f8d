//! An entity or a part of one: its id, its types, its scopes, and its attributes.

use serde_json::value::RawValue;

use model::{EntityId, Field, Fragment, Name, Scope};

use super::attribute::{Level, Reader};
use super::error::{InvalidEntity, Problem};
use super::members::{Members, is_json_null, is_removal_of_many, text, texts};
use super::value::wanted;
use super::word::{Key, Word, type_name};

impl Reader<'_> {
    pub(super) fn entity(
        &mut self,
        members: Members<'_>,
    ) -> Result<(Option<EntityId>, Fragment), InvalidEntity> {
        let mut id = None;
        let mut fragment = Fragment::default();
        fragment.attributes.reserve(members.0.len());
        for (member, raw) in members.0 {
            match Key::read(&member, self.context)? {
                Key::Word(Word::Id) if id.is_some() => {
                    return Err(Problem::Twice("id".into()).into());
                }
                Key::Word(Word::Id) => id = Some(entity_id(raw)?),
                // What holds the value of an attribute is a name like any other on an entity.
                Key::Word(Word::Holder(_)) => {
                    let name = Name::new(self.context.expand_term(&member));
                    let patch = self.attribute(&name, raw, Level::Entity);
                    let patch = patch.map_err(|error| error.inside(&member))?;
                    fragment.attributes.push((name, patch));
                }
                Key::Word(word) => self.entity_word(&mut fragment, word, &member, raw)?,
                Key::Attribute(name) => {
                    let patch = self.attribute(&name, raw, Level::Entity);
                    let patch = patch.map_err(|error| error.inside(&member))?;
                    fragment.attributes.push((name, patch));
                }
            }
        }
        self.check_names(&fragment.attributes)?;
        Ok((id, fragment))
    }

    fn entity_word(
        &self,
        fragment: &mut Fragment,
        word: Word,
        member: &str,
        raw: &RawValue,
    ) -> Result<(), Problem> {
        let twice = || Problem::Twice(member.to_owned());
        match word {
            Word::Type if !fragment.types.is_empty() => return Err(twice()),
            Word::Type => fragment.types = self.types(raw)?,
            Word::Scope if !fragment.scopes.is_keep() => return Err(twice()),
            Word::Scope => fragment.scopes = self.scopes(raw)?,
            Word::ExpiresAt if !fragment.expires_at.is_keep() => return Err(twice()),
            Word::ExpiresAt => fragment.expires_at = self.date_time("expiresAt", raw)?,
            Word::Context | Word::Generated => {}
            _ => return Err(Problem::Reserved(member.to_owned())),
        }
        Ok(())
    }

    /// One type or several (clause 4.16).
    pub(super) fn types(&self, raw: &RawValue) -> Result<Vec<Name>, Problem> {
        let written = texts(raw).filter(|names| !names.is_empty());
        let written = written.ok_or_else(|| wanted("type", "a name or an array of names"))?;
        if written.iter().any(|name| name == model::NULL) {
            return Err(Problem::MemberRemoval("type".to_owned()));
        }
        written.iter().map(|name| type_name(name, self.context)).collect()
    }

    /// One scope or several (clause 4.18).
    fn scopes(&self, raw: &RawValue) -> Result<Field<Vec<Scope>>, Problem> {
        if is_removal_of_many(raw) {
            self.allow_removal("scope")?;
            return Ok(Field::Remove);
        }
        if is_json_null(raw) {
            return Err(Problem::JsonNullMember("scope".to_owned()));
        }
        let written = texts(raw).ok_or_else(|| wanted("scope", "a text or an array of texts"))?;
        let scopes = written.iter().map(|scope| Scope::parse(scope));
        Ok(Field::Set(scopes.collect::<Result<_, _>>()?))
    }
}

pub(super) fn entity_id(raw: &RawValue) -> Result<EntityId, Problem> {
    let written = text(raw).ok_or_else(|| wanted("id", "a URI"))?;
    if written == model::NULL {
        return Err(Problem::MemberRemoval("id".to_owned()));
    }
    EntityId::parse(&written).map_err(|problem| Problem::Uri { member: "id", problem })
}
