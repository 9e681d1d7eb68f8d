//! One reading of history as a row of a table: what `comity export --history` writes as CSV and
//! Parquet, and `comity import --history` takes back from CSV.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A reading, each cell as text. Empty cells are members that it does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadingRow {
    pub id: String,
    /// The type of the entity, or a JSON array of several.
    #[serde(rename = "type")]
    pub types: String,
    pub attribute: String,
    /// `Property`, `Relationship` and so on.
    pub kind: String,
    /// As JSON.
    pub value: String,
    pub unit_code: String,
    pub dataset_id: String,
    pub observed_at: String,
    pub created_at: String,
    pub modified_at: String,
    pub deleted_at: String,
    /// All other members of the instance, as a JSON object.
    pub members: String,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Which member holds the value of an attribute of this kind (4.5.2 to 4.5.5).
fn holder(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Property" | "GeoProperty" => "value",
        "Relationship" => "object",
        "LanguageProperty" => "languageMap",
        "JsonProperty" => "json",
        "VocabProperty" => "vocab",
        "ListProperty" => "valueList",
        "ListRelationship" => "objectList",
        _ => return None,
    })
}

impl ReadingRow {
    /// The rows of an evolution in the normalized representation, with system attributes.
    pub fn of_evolution(evolution: &str) -> Result<Vec<ReadingRow>, serde_json::Error> {
        let members: Members<'_> = serde_json::from_str(evolution)?;
        let mut rows = Vec::new();
        let id = plain(members.get("id"));
        let types = plain(members.get("type"));
        let of_entity = ["id", "type", "createdAt", "modifiedAt", "deletedAt", "@context"];
        for (attribute, instances) in &members {
            if of_entity.contains(&attribute.as_str()) {
                continue;
            }
            let instances: Vec<Members<'_>> = serde_json::from_str(instances.get())?;
            for mut instance in instances {
                let mut take = |name: &str| plain(instance.remove(name).as_ref());
                let mut row = ReadingRow {
                    id: id.clone(),
                    types: types.clone(),
                    attribute: attribute.clone(),
                    kind: take("type"),
                    unit_code: take("unitCode"),
                    dataset_id: take("datasetId"),
                    observed_at: take("observedAt"),
                    created_at: take("createdAt"),
                    modified_at: take("modifiedAt"),
                    deleted_at: take("deletedAt"),
                    ..ReadingRow::default()
                };
                // It follows from the rest.
                instance.remove("instanceId");
                let value = holder(&row.kind).and_then(|holder| instance.remove(holder));
                row.value = value.map_or_else(String::new, |value| value.get().to_owned());
                if !instance.is_empty() {
                    row.members = serde_json::to_string(&instance)?;
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// The row as an evolution with one reading, in the normalized representation.
    pub fn evolution(&self) -> Result<String, String> {
        let required = |name: &str, cell: &str| match cell {
            "" => Err(format!("the column `{name}` is empty")),
            _ => Ok(()),
        };
        required("id", &self.id)?;
        required("attribute", &self.attribute)?;
        required("value", &self.value)?;
        let kind = if self.kind.is_empty() { "Property" } else { &self.kind };
        let holder = holder(kind).ok_or_else(|| format!("there is no kind `{kind}`"))?;
        let json = |name: &str, cell: &str| -> Result<Box<RawValue>, String> {
            let read = serde_json::from_str(cell);
            read.map_err(|error| format!("the column `{name}` is not JSON: {error}"))
        };
        let mut out = format!("{{\"id\":{}", text(&self.id));
        if self.types.starts_with('[') {
            push(&mut out, "type", json("type", &self.types)?.get());
        } else if !self.types.is_empty() {
            push(&mut out, "type", &text(&self.types));
        }
        let mut instance = format!("{{\"type\":{}", text(kind));
        push(&mut instance, holder, json("value", &self.value)?.get());
        let plain = [
            ("unitCode", &self.unit_code),
            ("datasetId", &self.dataset_id),
            ("observedAt", &self.observed_at),
            ("deletedAt", &self.deleted_at),
        ];
        for (name, cell) in plain.into_iter().filter(|(_, cell)| !cell.is_empty()) {
            push(&mut instance, name, &text(cell));
        }
        if !self.members.is_empty() {
            let others: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&self.members)
                .map_err(|error| format!("the column `members` is no JSON object: {error}"))?;
            for (name, value) in &others {
                push(&mut instance, name, value.get());
            }
        }
        push(&mut out, &self.attribute, &format!("[{instance}}}]"));
        out.push('}');
        Ok(out)
    }
}

/// A text without its quotes, or else the JSON.
fn plain(value: Option<&&RawValue>) -> String {
    let Some(value) = value else { return String::new() };
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

fn text(plain: &str) -> String {
    serde_json::Value::from(plain).to_string()
}

fn push(out: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(out, ",{}:{value}", text(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_goes_out_and_comes_back() {
        let evolution = r#"{"id":"urn:a","type":["A","B"],"n":[{"type":"Property","value":1.50,"unitCode":"KWH","observedAt":"2026-01-01T00:00:00Z","q":{"type":"Property","value":"x"},"instanceId":"urn:i"}],"l":[{"type":"LanguageProperty","languageMap":{"fi":"\"a,b\""}}]}"#;
        let rows = ReadingRow::of_evolution(evolution).unwrap();
        assert_eq!((rows[1].value.as_str(), rows[1].types.as_str()), ("1.50", r#"["A","B"]"#));
        assert_eq!(rows[1].members, r#"{"q":{"type":"Property","value":"x"}}"#);
        let back = rows[1].evolution().unwrap();
        assert_eq!(ReadingRow::of_evolution(&back).unwrap(), [rows[1].clone()]);
        let back = rows[0].evolution().unwrap();
        assert_eq!(ReadingRow::of_evolution(&back).unwrap(), [rows[0].clone()]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_column() {
        let row = ReadingRow { id: "urn:a".into(), attribute: "n".into(), ..ReadingRow::default() };
        let check = |row: &ReadingRow, problem: &str| {
            assert!(row.evolution().unwrap_err().contains(problem), "{row:?}");
        };
        check(&row, "`value` is empty");
        let row = ReadingRow { value: "one".into(), ..row };
        check(&row, "`value` is not JSON");
        check(&ReadingRow { value: "1".into(), kind: "Thing".into(), ..row.clone() }, "`Thing`");
        check(&ReadingRow { value: "1".into(), members: "[]".into(), ..row }, "`members`");
    }
}
