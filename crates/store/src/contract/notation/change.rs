//! A change as a verb, an id, and what the verb needs.

use model::{Attribute, AttributePatch, Bare, Change, Instances, Name, Operation, Tenant, Value};

use super::fragment::attribute;
use super::tokens::{word_and_members, words};
use super::value::name_and_value;
use super::{draft, fragment, id, id_and_rest, name};

/// In the default tenant:
///
/// | written | operation |
/// |---|---|
/// | `create urn:lamp:1 Lamp brightness=60` | `Create` |
/// | `replace …`, `put …`, `upsert …` | `Replace`, `CreateOrReplace`, `CreateOrAppend` |
/// | `append urn:lamp:1 brightness=60` | `Append`; `append-new` does not overwrite |
/// | `update …`, `merge …` | `Update`, `Merge` |
/// | `patch urn:lamp:1 brightness=60` | `UpdateAttribute` |
/// | `replace-attribute urn:lamp:1 brightness=60` | `ReplaceAttribute` |
/// | `set urn:lamp:1 brightness=60(datasetId=urn:d:1)` | `SetValue` |
/// | `delete-attribute urn:lamp:1 brightness(datasetId=urn:d:1)` | `DeleteAttribute` |
/// | `delete-attribute urn:lamp:1 brightness*` | `DeleteAttribute`, all instances |
/// | `drop urn:lamp:1 brightness state`, `retain …` | `Drop`, `Retain` |
/// | `delete-scope urn:lamp:1`, `delete urn:lamp:1` | `DeleteScope`, `Delete` |
pub fn change(text: &str) -> Change {
    let (verb, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    let (id, rest) = id_and_rest(rest);
    Change { tenant: Tenant::default(), id, types: None, operation: operation(verb, rest) }
}

fn operation(verb: &str, rest: &str) -> Operation {
    match verb {
        "create" => Operation::Create(draft(rest)),
        "replace" => Operation::Replace(draft(rest)),
        "put" => Operation::CreateOrReplace(draft(rest)),
        "upsert" => Operation::CreateOrAppend(draft(rest)),
        "append" => Operation::Append { fragment: fragment(rest), overwrite: true },
        "append-new" => Operation::Append { fragment: fragment(rest), overwrite: false },
        "update" => Operation::Update(fragment(rest)),
        "merge" => Operation::Merge { fragment: fragment(rest), observed_at: None },
        "patch" => {
            let (name, patch) = attribute(rest.trim());
            Operation::UpdateAttribute { name, patch }
        }
        "replace-attribute" => Operation::ReplaceAttribute(whole_attribute(rest.trim())),
        "set" => set_value(rest.trim()),
        "delete-attribute" => delete_attribute(rest.trim()),
        "delete-scope" => Operation::DeleteScope,
        "delete" => Operation::Delete,
        "drop" => Operation::Drop(names(rest)),
        "retain" => Operation::Retain(names(rest)),
        _ => panic!("there is no verb `{verb}`"),
    }
}

fn whole_attribute(word: &str) -> Attribute {
    let (name, patch) = attribute(word);
    AttributePatch::into_attribute(patch, name).unwrap_or_else(|error| panic!("{error}"))
}

fn set_value(word: &str) -> Operation {
    let (front, members) = word_and_members(word);
    match name_and_value(front) {
        Some((term, Value::Property(value))) => Operation::SetValue {
            name: name(term),
            dataset_id: members.strip_prefix("datasetId=").map(id),
            value: Bare {
                terms: value.as_text().iter().map(|text| name(text)).collect(),
                json: value,
            },
            observed_at: None,
        },
        _ => panic!("`{word}` is not a name and a plain value"),
    }
}

fn delete_attribute(word: &str) -> Operation {
    let (front, members) = word_and_members(word);
    let (term, instances) = match front.strip_suffix('*') {
        Some(term) => (term, Instances::All),
        None => (front, Instances::One(members.strip_prefix("datasetId=").map(id))),
    };
    Operation::DeleteAttribute { name: name(term), instances }
}

fn names(text: &str) -> Vec<Name> {
    words(text).into_iter().map(name).collect()
}
