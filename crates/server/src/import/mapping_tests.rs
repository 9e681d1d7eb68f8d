//! What a mapping makes of a row.

use std::collections::BTreeMap;

use super::*;

struct Cells(BTreeMap<String, String>);

impl Row for Cells {
    fn cell(&self, column: &str) -> Option<String> {
        self.0.get(column).cloned()
    }

    fn geometry(&self) -> Option<&Value> {
        None
    }
}

fn check(attributes: &str, row: &str, expected: &str) {
    let text = format!("id = \"urn:x:{{n}}\"\ntype = \"T\"\n[attributes]\n{attributes}");
    let cells = row.split('|').filter_map(|cell| cell.split_once('='));
    let cells = cells.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let made = Mapping::parse(&text).unwrap().entity(&Cells(cells));
    let made = made.unwrap_or_else(|problem| problem);
    let made = made.strip_prefix(r#"{"id":"urn:x:1","type":"T""#).unwrap_or(&made);
    assert_eq!(made, expected, "{attributes}");
}

#[test]
fn every_kind_of_attribute_comes_from_cells() {
    check(
        r#"a = { kind = "text", column = "t" }"#,
        "n=1|t=x",
        r#","a":{"type":"Property","value":"x"}}"#,
    );
    check(
        r#"a = { kind = "number", column = "w", unit = "WTT", observed_at = "at" }"#,
        "n=1|w=3,50|at=2026-04-01T12:00:00Z",
        concat!(
            r#","a":{"type":"Property","value":3.5,"unitCode":"WTT","#,
            r#""observedAt":"2026-04-01T12:00:00Z"}}"#
        ),
    );
    check(
        r#"a = { kind = "relationship", object = "urn:s:{s}" }"#,
        "n=1|s=Main St",
        r#","a":{"object":"urn:s:Main%20St"}}"#,
    );
    check(
        r#"a = { kind = "language", columns = { fi = "f", sv = "s" } }"#,
        "n=1|s=Gata",
        r#","a":{"languageMap":{"sv":"Gata"}}}"#,
    );
    check(
        r#"a = { kind = "point", longitude = "x", latitude = "y" }"#,
        "n=1|x=24.9|y=60.1",
        r#","a":{"type":"GeoProperty","value":{"type":"Point","coordinates":[24.9,60.1]}}}"#,
    );
}

#[test]
fn an_empty_cell_gives_no_attribute_but_an_id_needs_all() {
    check(r#"a = { kind = "text", column = "t" }"#, "n=1", "}");
    check(r#"a = { kind = "relationship", object = "urn:s:{s}" }"#, "n=1", "}");
    check(r#"a = { kind = "text", column = "t" }"#, "t=x", "column `n` is empty");
    check(r#"a = { kind = "number", column = "t" }"#, "n=1|t=x", "`a`: `x` is not a number");
}

#[test]
fn a_wrong_mapping_is_refused() {
    for (text, expected) in [
        ("id = 'urn:{n'\ntype = 'T'", "has a brace that is not closed"),
        ("id = 'urn:{n}'\ntype = 'T'\ndelimiter = 'é'", "one ASCII character"),
        ("id = 'urn:{n}'\ntype = 'T'\nkind = 1", "unknown field `kind`"),
        ("id = 'urn:{n}'\ntype = 'T'\n[attributes]\na = { kind = 'word' }", "unknown variant"),
        ("type = 'T'", "missing field `id`"),
    ] {
        let error = Mapping::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
