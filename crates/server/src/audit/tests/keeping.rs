//! What retention keeps, whatever files and clocks say.

use super::*;

/// A record of some days, of which retention is about to remove the first ones.
async fn days(count: u32) -> City {
    let mut city = City::new();
    city.settings.age_min = 10 * DAY;
    city.settings.age_max = None;
    for day in 0..count {
        let ledger = city.open();
        ledger.record_durably(entry(&day.to_string())).await.unwrap();
        ledger.close().await.unwrap();
        city.clock.advance(DAY);
    }
    city.settings.age_max = Some(10 * DAY);
    city
}

/// The names of all files but the ones that are always there.
fn names(city: &City) -> Vec<String> {
    let entries = fs::read_dir(city.directory()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "LOCK" && name != "key").collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_was_torn_goes_with_its_segment() {
    let city = days(20).await;
    let segments = city.segments().len();
    let last = files::segments(city.directory()).unwrap().pop().unwrap().first;
    for first in [1, last] {
        fs::write(city.directory().join(format!("torn-{first:020}-17")), "x").unwrap();
    }
    city.open().close().await.unwrap();
    assert!(city.segments().len() < segments);
    city.check_intact();
    let names = names(&city);
    let torn = names.iter().filter(|name| name.starts_with("torn-")).collect::<Vec<_>>();
    assert_eq!(torn, [&format!("torn-{last:020}-17")]);
}

#[tokio::test]
async fn what_does_not_verify_is_not_removed() {
    let city = days(20).await;
    let segments = city.segments();
    let mut lines = lines_of(&fs::read(&segments[2]).unwrap());
    let line = String::from_utf8(lines[1].clone()).unwrap().replace("start", "write");
    lines[1] = line.into_bytes();
    fs::write(&segments[2], [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
    city.open().close().await.unwrap();
    let kept = city.segments();
    assert!(!kept.contains(&segments[1]) && kept.contains(&segments[2]), "{kept:?}");
    assert!(segments[3..].iter().all(|segment| kept.contains(segment)), "nor what follows it");
}

/// A file that claims that all before it is old.
#[tokio::test]
async fn a_planted_file_removes_nothing() {
    let city = days(5).await;
    let segments = city.segments();
    let first = String::from_utf8(fs::read(&segments[0]).unwrap()).unwrap();
    let line = first.lines().next().unwrap().replace("2026-04", "1999-04");
    for number in [2, 3] {
        let planted = files::Segment::of(city.directory(), number);
        assert!(!planted.path.exists());
        fs::write(planted.path, format!("{line}\n")).unwrap();
    }
    city.open().close().await.unwrap();
    assert!(segments.iter().all(|segment| segment.exists()));
}

#[tokio::test]
async fn a_clock_that_is_years_ahead_removes_nothing_yet() {
    let city = days(5).await;
    let segments = city.segments();
    city.clock.advance(3_650 * DAY);
    let ledger = city.open();
    ledger.record_durably(entry("tomorrow")).await.unwrap();
    ledger.close().await.unwrap();
    city.open().close().await.unwrap();
    assert!(segments.iter().all(|segment| segment.exists()));
}
