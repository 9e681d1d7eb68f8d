//! The names that NGSI-LD allows for entity types and attributes.

use crate::iri;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    #[error("a name may not be empty")]
    Empty,
    #[error("`{name}` is not a name: it starts with `{found}`, not with a letter")]
    Start { name: String, found: char },
    #[error("`{name}` is not a name: after letters, digits and `_` it holds `{found}`")]
    Character { name: String, found: char },
}

/// A name is a letter, then letters, digits and `_`; it may follow such a prefix and a colon (NGSI-LD 4.6.2).
///
/// A fully qualified name, that is an absolute IRI, is accepted as it is. A letter is what Unicode calls alphabetic,
/// which includes the dependent vowels without which Hindi or Thai words could not be written.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match name.split_once(':') {
        None => check_word(name, name),
        Some(_) if iri::is_absolute(name) => Ok(()),
        Some((prefix, rest)) => check_word(prefix, name).and_then(|()| check_word(rest, name)),
    }
}

fn check_word(word: &str, name: &str) -> Result<(), NameError> {
    let mut characters = word.chars();
    match characters.next() {
        None => return Err(NameError::Empty),
        Some(found) if !found.is_alphabetic() => {
            return Err(NameError::Start { name: name.to_owned(), found });
        }
        Some(_) => {}
    }
    match characters.find(|c| !c.is_alphanumeric() && *c != '_') {
        None => Ok(()),
        Some(found) => Err(NameError::Character { name: name.to_owned(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_underscores_of_any_script_make_a_name() {
        for name in
            ["speed", "co2_level", "Straße", "温度", "तापमान", "ex:Lamp", "my_ex:Lamp", "é:b"]
        {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_fully_qualified_name_is_accepted_as_it_is() {
        for name in ["https://example.org/my-type#a", "urn:ngsi-ld:my-type", "ngsi-ld:name"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn other_characters_are_refused() {
        for name in ["", "_a", "7a", "@id", "a-b", "a b", "a<b", "a.b", "a:", ":a", "_:b0", "a: b"]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        let found = check_name("a-b").unwrap_err().to_string();
        assert_eq!(found, "`a-b` is not a name: after letters, digits and `_` it holds `-`");
    }
}
