//! History in and out, by the command line.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Runs `comity` on a data directory of this name.
    fn run(&self, data: &str, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command.args(words).arg("--data").arg(self.path(data)).output().unwrap()
    }

    fn says(&self, data: &str, words: &[&str]) -> String {
        let output = self.run(data, words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn import(&self, data: &str, file: &Path, more: &[&str]) -> String {
        let mut words = vec!["import", "--history", file.to_str().unwrap()];
        words.extend(more);
        self.says(data, &words)
    }

    fn export(&self, data: &str, more: &[&str]) -> String {
        let mut words = vec!["export", "--history"];
        words.extend(more);
        self.says(data, &words)
    }
}

/// Of every kind; late, in two datasets, with attributes below, and one that went.
const EVOLUTIONS: &str = r#"{"id":"urn:m:1","type":"Meter","energy":[{"type":"Property","value":1.50,"unitCode":"KWH","observedAt":"2026-01-02T00:00:00Z","quality":{"type":"Property","value":"good"}},{"type":"Property","value":12345678901234567890.5,"observedAt":"2026-01-01T00:00:00Z"}]}
{"id":"urn:m:1","type":"Meter","energy":[{"type":"Property","value":3,"observedAt":"2026-01-01T00:00:00Z","datasetId":"urn:d:1"},{"type":"Property","value":4,"observedAt":"2025-12-31T23:00:00.125Z"}]}
{"id":"urn:m:2","type":["Meter","Device"],"location":[{"type":"GeoProperty","value":{"type":"Point","coordinates":[24.9,60.1]},"observedAt":"2026-01-01T00:00:00Z"}],"on":[{"type":"Property","value":true,"observedAt":"2026-01-01T00:00:00Z"},{"type":"Property","value":"a, \"b\"\nc","observedAt":"2026-01-01T00:00:01Z"}],"of":[{"type":"Relationship","object":"urn:b:1","observedAt":"2026-01-01T00:00:00Z"}],"names":[{"type":"LanguageProperty","languageMap":{"fi":"mittari"},"observedAt":"2026-01-01T00:00:00Z"}],"kind":[{"type":"VocabProperty","vocab":"electric","observedAt":"2026-01-01T00:00:00Z"}],"raw":[{"type":"JsonProperty","json":{"a":[1]},"observedAt":"2026-01-01T00:00:00Z"}],"list":[{"type":"ListProperty","valueList":[1,2],"observedAt":"2026-01-01T00:00:00Z"}]}
"#;

/// Without the moments at which it was recorded, which are others each time.
fn dated(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let cells = reader.records().map(Result::unwrap).map(|row| {
        let members = row[11].split(",\"createdAt\"").next().unwrap();
        let cells = [0, 1, 2, 3, 4, 5, 6, 7].map(|at| row[at].to_owned());
        [&cells[..], &[members.to_owned()]].concat()
    });
    cells.collect()
}

#[test]
fn what_goes_out_comes_back_in() {
    let place = Place::new();
    let evolutions = place.file("history.ndjson", EVOLUTIONS);
    assert_eq!(place.import("a", &evolutions, &[]), "3 records imported, 0 refused\n");
    let csv = place.export("a", &["--format", "csv"]);
    assert!(csv.contains("urn:m:1,Meter,energy,Property,12345678901234567890.5,"), "{csv}");
    assert_eq!(dated(&csv).len(), 12, "{csv}");
    // The same again adds nothing.
    place.import("a", &evolutions, &["--restart"]);
    assert_eq!(dated(&place.export("a", &["--format", "csv"])), dated(&csv));
    // By way of either form into an empty directory.
    let table = place.file("history.csv", &csv);
    assert_eq!(place.import("b", &table, &[]), "12 records imported, 0 refused\n");
    assert_eq!(dated(&place.export("b", &["--format", "csv"])), dated(&csv));
    let lines = place.file("again.ndjson", &place.export("a", &[]));
    place.import("c", &lines, &[]);
    assert_eq!(dated(&place.export("c", &["--format", "csv"])), dated(&csv));
}

#[test]
fn a_part_is_chosen_by_type_entity_attribute_and_time() {
    let place = Place::new();
    place.import("a", &place.file("history.ndjson", EVOLUTIONS), &[]);
    let rows = |more: &[&str]| {
        let words = [&["--format", "csv"], more].concat();
        dated(&place.export("a", &words)).len()
    };
    assert_eq!(rows(&["--type", "Device"]), 8);
    assert_eq!(rows(&["--id", "urn:m:1"]), 4);
    assert_eq!(rows(&["--attrs", "energy,on"]), 6);
    assert_eq!(rows(&["--attrs", "energy", "--from", "2026-01-01T00:00:00Z"]), 3);
    assert_eq!(rows(&["--attrs", "energy", "--until", "2026-01-01T00:00:00Z"]), 1);
    assert_eq!(rows(&["--id", "urn:nobody"]), 0);
}

#[test]
fn a_table_of_meters_becomes_history_by_a_mapping() {
    let place = Place::new();
    let mapping = "id = 'urn:m:{meter}'\ntype = 'Meter'\nobserved_at = 'time'\n[attributes]\n\
        energy = { kind = 'number', column = 'kwh', unit = 'KWH' }\n\
        on = { kind = 'boolean', column = 'on' }";
    let mapping = place.file("meters.toml", mapping);
    let table = "time,meter,kwh,on\n2026-01-01T00:00:00Z,1,5.0,true\n2026-01-01T00:00:00Z,2,7,\n\
        2026-01-01T01:00:00Z,1,6,\n,1,8,\nyesterday,1,9,\n";
    let table = place.file("meters.csv", table);
    let words = ["import", "--history", table.to_str().unwrap(), "--mapping"];
    let output = place.run("a", &[&words[..], &[mapping.to_str().unwrap()]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3 records imported, 2 refused\n");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("line 5: `energy` does not say when it was observed"), "{told}");
    assert!(told.contains("line 6: ") && told.contains("yesterday"), "{told}");
    let rows = dated(&place.export("a", &["--format", "csv"]));
    let shown: Vec<String> =
        rows.iter().map(|row| [&row[0], &row[2], &row[4]].map(|c| c.as_str()).join(" ")).collect();
    assert_eq!(
        shown,
        ["urn:m:1 energy 5.0", "urn:m:1 energy 6", "urn:m:1 on true", "urn:m:2 energy 7"]
    );
}

#[test]
fn a_data_frame_has_numbers_and_moments() {
    let place = Place::new();
    place.import("a", &place.file("history.ndjson", EVOLUTIONS), &[]);
    let file = place.path("history.parquet");
    place.export("a", &["--format", "parquet", "-o", file.to_str().unwrap()]);
    let reader = SerializedFileReader::new(fs::File::open(&file).unwrap()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12);
    let first = &rows[0];
    assert_eq!(first.get_string(0).unwrap(), "urn:m:1");
    let micros = |row: &parquet::record::Row| row.get_timestamp_micros(8).unwrap();
    assert_eq!(micros(first), 1_767_222_000_125_000);
    assert!(rows.iter().any(|row| row.get_double(4).is_ok_and(|number| number == 1.5)));
    let text = rows.iter().find(|row| row.get_string(2).unwrap() == "of").unwrap();
    assert!(text.get_double(4).is_err(), "a relationship is no number");
    assert_eq!(text.get_string(5).unwrap(), "\"urn:b:1\"");
}

#[test]
fn what_does_not_go_together_is_said() {
    let place = Place::new();
    let refused = |words: &[&str], problem: &str| {
        let output = place.run("a", words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(problem), "{words:?}: {told}");
    };
    refused(&["export", "--format", "parquet"], "are for --history");
    refused(&["export", "--history", "--format", "geojson"], "ndjson, csv or parquet");
    refused(&["export", "--history", "--from", "noon"], "--from");
    refused(&["export", "--history", "--id", "m"], "--id");
    let table = place.file("t.csv", "id,value\nurn:a,1\n");
    refused(&["import", "--history", table.to_str().unwrap()], "there is no column `attribute`");
}
