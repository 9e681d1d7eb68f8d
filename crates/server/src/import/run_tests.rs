//! Imports that end well, that refuse, and that are stopped half-way.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use model::EntityId;
use testkit::{Platform, platform};

use super::*;
use crate::egress::EgressRules;
use crate::fetch::Fetcher;
use crate::import::{Format, Input, Mapping, Shape};
use crate::settings::Settings;

/// Breaks off after some bytes, like a disk that goes away.
struct Failing {
    inner: Cursor<Vec<u8>>,
    after: u64,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.after.saturating_sub(self.inner.position());
        if left == 0 {
            return Err(io::Error::other("the disk went away"));
        }
        let end = buffer.len().min(usize::try_from(left).unwrap());
        self.inner.read(&mut buffer[..end])
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

fn import(platform: &Platform, batch: usize) -> Import {
    let rules = EgressRules {
        timeout: Duration::from_secs(1),
        bytes_max: 1_000,
        redirects_max: 0,
        ..EgressRules::of(&Settings::default())
    };
    Import {
        broker: platform.broker.clone(),
        caller: platform.admin.clone(),
        tenant: Tenant::default(),
        mode: Mode::Replace,
        contexts: Contexts::new(Fetcher::new(rules), jsonld::Limits::default()),
        limits: read::Limits { attributes_max: 10, instances_max: 2, readings_max: 8 },
        batch,
    }
}

fn records(source: impl Read + Seek + Send + 'static, format: Format) -> Records {
    let shape = Shape { record_bytes_max: 1_000, ..Shape::default() };
    Records::open(Input::new(source), format, shape).unwrap()
}

fn bar(platform: &Platform) -> Bar {
    Bar::new("test", 1, platform.broker.now())
}

async fn check(text: &str, format: Format, shape: Shape, expected: &str) {
    let platform = platform();
    let source = Cursor::new(text.as_bytes().to_vec());
    let shape = Shape { record_bytes_max: 1_000, ..shape };
    let records = Records::open(Input::new(source), format, shape).unwrap();
    let outcome = import(&platform, 2).run(records, None, &mut bar(&platform)).await.unwrap();
    let Progress { created, updated, .. } = outcome.progress;
    let refused = outcome.refused.iter().map(|(line, problem)| format!("\n{line}: {problem}"));
    let told = format!("{created} created, {updated} updated{}", refused.collect::<String>());
    assert_eq!(told, expected, "{text}");
}

fn lamps(count: usize) -> String {
    (0..count).map(|n| format!("{{\"id\":\"urn:lamp:{n}\",\"type\":\"Lamp\"}}\n")).collect()
}

#[tokio::test]
async fn good_records_are_written_and_bad_ones_are_told_with_their_line() {
    let text = "{\"id\":\"urn:a\",\"type\":\"T\"}\n\n{\"id\":\"a\",\"type\":\"T\"}\n{\"id\":\n\
                {\"id\":\"urn:b\",\"type\":\"T\"}\n{\"id\":\"urn:a\",\"type\":\"T\",\"x\":1}";
    let platform = platform();
    let records = records(Cursor::new(text.as_bytes().to_vec()), Format::Ndjson);
    let outcome = import(&platform, 2).run(records, None, &mut bar(&platform)).await.unwrap();
    assert_eq!((outcome.progress.created, outcome.progress.updated), (2, 1));
    let lines: Vec<u64> = outcome.refused.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 4], "{:?}", outcome.refused);
}

#[tokio::test]
async fn features_and_tables_become_entities() {
    let lamp = Shape { entity_type: Some("Lamp".to_owned()), ..Shape::default() };
    let features = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","id":"node/1","properties":{"watts":5},
         "geometry":{"type":"Point","coordinates":[24.9,60.1]}},
        {"type":"Feature","id":2,"properties":{},"geometry":{"type":"Point","coordinates":[999,0]}}
    ]}"#;
    check(
        features,
        Format::Json,
        lamp,
        "1 created, 0 updated\n4: attribute `location`: position [999, 0] is not on Earth; longitude goes \
         from -180 to 180, latitude from -90 to 90",
    )
    .await;

    let mapping = "id = 'urn:lamp:{n}'\ntype = 'Lamp'\ndelimiter = ';'\n[attributes]\n\
                   power = { kind = 'number', column = 'w' }";
    let mapping = Shape { mapping: Some(Mapping::parse(mapping).unwrap()), ..Shape::default() };
    check(
        "n;w\n1;5\n2;many\n;3\n4\n5;\n",
        Format::Csv,
        mapping,
        "2 created, 0 updated\n3: `power`: `many` is not a number\n4: column `n` is empty\n\
         5: the row has 1 cells; the first has 2",
    )
    .await;
}

#[tokio::test]
async fn an_import_that_was_stopped_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lamps.ndjson");
    let text = format!("{}broken\n{}", lamps(4), lamps(10));
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let file = ProgressFile::of(directory.path(), &path, "test").unwrap();
    let platform = platform();

    let after = text.find("urn:lamp:7").unwrap() as u64;
    let failing = Failing { inner: Cursor::new(text.clone().into_bytes()), after };
    let cut = records(failing, Format::Ndjson);
    let error = import(&platform, 3).run(cut, Some(&file), &mut bar(&platform)).await.unwrap_err();
    assert!(error.is_resumable(), "{error}");
    let kept = file.read().unwrap();
    assert_eq!(kept.done(), 12, "whole batches of three");

    let whole = records(Cursor::new(text.into_bytes()), Format::Ndjson);
    let outcome = import(&platform, 3).run(whole, Some(&file), &mut bar(&platform)).await.unwrap();
    let Progress { created, updated, refused, .. } = outcome.progress;
    assert_eq!((created, updated, refused), (10, 4, 1));
    assert!(outcome.refused.is_empty(), "the broken line was told by the first run");
    let report = std::fs::read_to_string(&file.report).unwrap();
    assert!(report.starts_with("line 5: "), "{report}");
    assert_eq!(report.lines().count(), 1);
    assert_eq!(file.read(), None);

    let last = EntityId::parse("urn:lamp:9").unwrap();
    let broker = &platform.broker;
    assert!(broker.retrieve(&platform.reader, &Tenant::default(), &last).await.unwrap().is_some());
}
