//! Finding entries, and taking parts of the record elsewhere.

use super::super::{Search, export, search};
use super::*;

#[tokio::test]
async fn entries_are_found_newest_first_and_page_by_page() {
    let mut city = City::new();
    city.settings.segment_bytes_max = 3_000;
    let ledger = city.open();
    let start = city.clock.now();
    for number in 0..100_u32 {
        city.clock.advance(Duration::from_secs(60));
        let who = Who { name: format!("caller {}", number % 3).into(), ..Who::system() };
        let outcome = if number % 2 == 0 { Outcome::Allowed } else { Outcome::refused("no") };
        let event = if number % 5 == 0 { Event::SignIn } else { Event::Refusal };
        let entry = Entry::new(event, who, outcome).target(&format!("/a/{number}"));
        ledger.record_durably(entry).await.unwrap();
    }
    let minute = |minutes: i64| Some(Timestamp(start.0 + minutes * 60_000_000));
    let find = |asked: Search| {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = search(city.directory(), &Search { before, limit: 7, ..asked.clone() });
            let page = page.unwrap();
            assert!(page.lines.len() <= 7 && page.unreadable == 0);
            found.extend(page.lines.into_iter().map(|line| match line.body {
                Body::Entry(entry) => entry.target.unwrap_or_default().to_string(),
                other => panic!("{other:?}"),
            }));
            before = page.next;
            if before.is_none() {
                return found;
            }
        }
    };
    let expected = |wanted: &dyn Fn(u32) -> bool| -> Vec<String> {
        (0..100)
            .rev()
            .filter(|number| wanted(*number))
            .map(|number| format!("/a/{number}"))
            .collect()
    };
    let all = Search { target: Some("/a/".to_owned()), ..Search::default() };
    assert_eq!(find(all), expected(&|_| true));
    let by_caller = Search { caller: Some("caller 1".to_owned()), ..Search::default() };
    assert_eq!(find(by_caller), expected(&|number| number % 3 == 1));
    let by_time = Search { from: minute(31), until: minute(41), ..Search::default() };
    assert_eq!(find(by_time), expected(&|number| (30..40).contains(&number)));
    let refused = Search {
        events: vec![Event::SignIn],
        outcome: Some("refused".to_owned()),
        ..Search::default()
    };
    assert_eq!(find(refused), expected(&|number| number % 10 == 5));
    let by_target = Search { target: Some("/a/9".to_owned()), ..Search::default() };
    assert_eq!(find(by_target), expected(&|number| number == 9 || number >= 90));
    let nobody = Search { tenant: Some("none".to_owned()), ..Search::default() };
    assert_eq!(find(nobody), Vec::<String>::new());
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn an_export_verifies_without_the_rest() {
    let mut city = City::new();
    city.settings.segment_bytes_max = 3_000;
    let ledger = city.open();
    for number in 0..30_u32 {
        city.clock.advance(Duration::from_secs(60));
        ledger.record_durably(entry(&number.to_string())).await.unwrap();
    }
    let key = ledger.status().key.unwrap();
    ledger.close().await.unwrap();
    let start = DateTime::parse("2026-04-01T12:00:00Z").unwrap().instant();
    let minute = |minutes: i64| Some(Timestamp(start.0 + minutes * 60_000_000));
    let exported = |from, until| {
        let mut text = Vec::new();
        let count = export(city.directory(), from, until, &mut text).unwrap();
        let lines = lines_of(&text);
        let excerpts = lines.iter().filter(|line| line.starts_with(b"{\"kind\":\"excerpt\""));
        assert_eq!((lines.len() - excerpts.count()) as u64, count);
        lines
    };
    assert_eq!(exported(None, None), city.lines());
    let part = exported(minute(11), minute(21));
    let report = verify(&part, Trust { keys: vec![key], ..Trust::default() });
    assert!(report.is_intact() && report.key_known, "{:?}", report.findings);
    assert_eq!((report.begins, report.unsigned()), (Begins::InTheMiddle, 0));
    assert!((10..20).all(|number| part.iter().any(|line| {
        String::from_utf8_lossy(line).contains(&format!("\"target\":\"{number}\""))
    })));
    assert!(!String::from_utf8_lossy(&part[0]).contains("\"target\":\"9\""));
    // After the excerpt.
    assert!(!String::from_utf8_lossy(&part[1]).contains("\"target\":\"9\""));
    assert!(exported(minute(10_000), None).is_empty());
    assert!(exported(None, minute(-1)).is_empty());
}

/// Whoever knows the first key can verify a part that a later one signed.
#[tokio::test]
async fn an_export_from_after_a_new_key_verifies_with_the_old_one() {
    let city = City::new();
    let ledger = city.open();
    let old = ledger.status().key.unwrap();
    for number in 0..30_u32 {
        city.clock.advance(Duration::from_secs(60));
        ledger.record_durably(entry(&number.to_string())).await.unwrap();
        if number % 10 == 9 {
            ledger.rotate_key().await.unwrap();
        }
    }
    ledger.close().await.unwrap();
    let from = Timestamp(city.clock.now().0 - 5 * 60_000_000);
    let mut text = Vec::new();
    let count = export(city.directory(), Some(from), None, &mut text).unwrap();
    let lines = lines_of(&text);
    assert_eq!(lines.len() as u64, count + 1);
    let report = verify(&lines, Trust { keys: vec![old], ..Trust::default() });
    assert!(report.is_intact() && report.key_known, "{:?}", report.findings);
    assert_eq!(report.unsigned(), 0);
    // Without what stands before it, nobody knows who signed it.
    let report = verify(&lines[1..], Trust { keys: vec![old], ..Trust::default() });
    assert!(!report.is_intact());
}

/// One altered byte hides no entry but its own, wherever the search begins.
#[tokio::test]
async fn damaged_lines_are_passed_over_and_told() {
    let city = City::new();
    let ledger = city.open();
    record(&ledger, 0..2_000).await;
    ledger.close().await.unwrap();
    let path = city.segments().remove(0);
    let mut lines = lines_of(&fs::read(&path).unwrap());
    let count = lines.len();
    for line in lines[900..1_500].iter_mut() {
        line[0] = b'x';
    }
    lines.insert(1_600, vec![b'x'; 500_000]);
    fs::write(&path, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
    let (mut found, mut unreadable, mut before) = (0, 0, None);
    loop {
        let asked =
            Search { before, limit: 100, events: vec![Event::Administration], ..Search::default() };
        let page = search(city.directory(), &asked).unwrap();
        if page.unreadable > 0 {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(page.damaged, [name.to_owned()]);
        }
        (found, unreadable, before) =
            (found + page.lines.len(), unreadable + page.unreadable, page.next);
        if before.is_none() {
            break;
        }
    }
    let readable = lines.iter().filter_map(|line| Line::parse(line).ok());
    let entries = readable.filter(
        |line| matches!(&line.body, Body::Entry(one) if one.event == Event::Administration),
    );
    assert_eq!(found, entries.count(), "of {count} lines");
    assert!(unreadable >= 601, "{unreadable}");
}
