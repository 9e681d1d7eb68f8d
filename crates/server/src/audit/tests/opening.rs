//! Opening records that a crash, a disk or somebody has left in another state.

use ::audit::{Gap, GapCause};

use super::*;

impl City {
    fn gaps(&self) -> Vec<Gap> {
        let lines = self.lines().into_iter().filter_map(|line| Line::parse(&line).ok());
        let gaps = lines.filter_map(|line| match line.body {
            Body::Gap(gap) => Some(gap),
            _ => None,
        });
        gaps.collect()
    }

    fn causes(&self) -> Vec<GapCause> {
        self.gaps().iter().map(|gap| gap.cause).collect()
    }

    /// A record of some entries, ended in good order.
    async fn recorded(on_failure: OnAuditFailure) -> City {
        let mut city = City::new();
        city.settings.on_failure = on_failure;
        let ledger = city.open();
        record(&ledger, 0..20).await;
        ledger.close().await.unwrap();
        city
    }

    fn rewrite(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let path = self.segments().pop().unwrap();
        let mut lines = lines_of(&fs::read(&path).unwrap());
        change(&mut lines);
        fs::write(&path, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
    }

    fn has(&self, name: &str) -> bool {
        self.directory().join(name).exists()
    }
}

fn altered(line: &mut Vec<u8>) {
    *line = String::from_utf8(line.clone()).unwrap().replace("ops", "eve").into_bytes();
}

#[tokio::test]
async fn what_is_damaged_is_not_cut_and_stops_the_start_where_that_is_set() {
    let city = City::recorded(OnAuditFailure::Refuse).await;
    city.rewrite(|lines| altered(&mut lines[10]));
    let before = fs::read(city.segments().pop().unwrap()).unwrap();
    let told = city.try_open().unwrap_err().to_string();
    assert!(told.contains("entry 11 (line 11): it was altered"), "{told}");
    assert!(told.contains("audit_on_failure = alert"), "{told}");
    assert_eq!(fs::read(city.segments().pop().unwrap()).unwrap(), before);
    // A whole line that says nothing is no torn one.
    let city = City::recorded(OnAuditFailure::Refuse).await;
    city.rewrite(|lines| *lines.last_mut().unwrap() = b"nonsense".to_vec());
    assert!(matches!(city.try_open(), Err(LedgerError::Damaged { .. })));
}

#[tokio::test]
async fn what_is_damaged_is_left_and_told_where_an_alert_will_do() {
    let city = City::recorded(OnAuditFailure::Alert).await;
    city.rewrite(|lines| altered(&mut lines[10]));
    let ledger = city.open();
    record(&ledger, 100..103).await;
    ledger.close().await.unwrap();
    city.open().close().await.unwrap();
    let [damaged] = &city.gaps()[..] else { panic!("{:?}", city.gaps()) };
    assert_eq!(damaged.cause, GapCause::Damaged);
    assert_eq!(damaged.aside.as_ref().unwrap().as_str(), "00000000000000000001.ndjson");
    // Exactly what was altered is found, and nothing of what came after.
    let told = city.verify().findings;
    assert_eq!(
        told.iter().map(|finding| (finding.seq, &finding.fault)).collect::<Vec<_>>(),
        [(11, &Fault::Altered)]
    );
}

#[tokio::test]
async fn a_record_without_a_readable_beginning_goes_on_where_an_alert_will_do() {
    for text in ["nonsense\n".repeat(3), "x".repeat(1 << 20)] {
        let city = City::recorded(OnAuditFailure::Refuse).await;
        fs::write(city.segments().pop().unwrap(), &text).unwrap();
        assert!(matches!(city.try_open(), Err(LedgerError::Damaged { .. })));
        let mut settings = city.settings.clone();
        settings.on_failure = OnAuditFailure::Alert;
        let city = City { settings, ..city };
        for _ in 0..2 {
            let ledger = city.open();
            record(&ledger, 0..3).await;
            ledger.close().await.unwrap();
        }
        assert_eq!(city.causes(), [GapCause::Damaged]);
        let first = city.verify().findings.remove(0);
        assert!(matches!(first.fault, Fault::Unreadable(_)), "{first}");
        let rest = fs::read(city.segments().pop().unwrap()).unwrap();
        assert!(verify(lines_of(&rest), Trust::default()).is_intact());
    }
}

#[tokio::test]
async fn a_record_of_a_newer_version_is_left_alone() {
    for on_failure in [OnAuditFailure::Refuse, OnAuditFailure::Alert] {
        for (from, to) in
            [("\"kind\":\"head\"", "\"kind\":\"seal\""), ("\"version\":1", "\"version\":2")]
        {
            let city = City::recorded(on_failure).await;
            let path = city.segments().pop().unwrap();
            let text = fs::read_to_string(&path).unwrap().replace(from, to);
            fs::write(&path, &text).unwrap();
            let told = city.try_open().unwrap_err().to_string();
            assert!(told.contains("written by a newer version"), "{told}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}

#[tokio::test]
async fn zeros_at_the_end_are_torn_and_zeros_before_a_signature_are_not() {
    let city = City::recorded(OnAuditFailure::Refuse).await;
    let path = city.segments().pop().unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [whole.as_slice(), &[0; 4096]].concat()).unwrap();
    city.open().close().await.unwrap();
    city.check_intact();
    assert_eq!(city.causes(), [GapCause::Torn]);
    // A page that did not reach the disk, before one that did.
    fs::write(&path, [whole.as_slice(), &[0; 100], b"\n{}\n"].concat()).unwrap();
    city.open().close().await.unwrap();
    city.check_intact();
    let mut lines = lines_of(&whole);
    lines[10].fill(0);
    fs::write(&path, [lines.join(&b'\n'), b"\n".to_vec()].concat()).unwrap();
    assert!(matches!(city.try_open(), Err(LedgerError::Damaged { .. })));
}

#[tokio::test]
async fn an_end_without_a_stop_is_told() {
    let city = City::new();
    // As if the process had ended: nobody says that the platform stops.
    drop(city.open());
    let ledger = loop {
        match city.try_open() {
            Ok(ledger) => break ledger,
            Err(LedgerError::Locked(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    };
    ledger.close().await.unwrap();
    assert_eq!(city.causes(), [GapCause::Unclean]);
    city.rewrite(|lines| drop(lines.pop()));
    city.open().close().await.unwrap();
    city.check_intact();
    let gaps = city.gaps();
    assert_eq!(gaps.iter().map(|gap| gap.unsigned).collect::<Vec<_>>(), [Some(0), Some(2)]);
    let count = gaps.len();
    city.open().close().await.unwrap();
    assert_eq!(city.gaps().len(), count, "the last one was ended in good order");
}

/// Between cutting what is torn and saying so.
#[tokio::test]
async fn what_was_set_aside_before_a_crash_is_told_after_it() {
    let city = City::recorded(OnAuditFailure::Refuse).await;
    let name = "torn-00000000000000000001-17";
    fs::write(city.directory().join(format!("{name}.untold")), "x").unwrap();
    for _ in 0..2 {
        city.open().close().await.unwrap();
        city.check_intact();
        let [torn] = &city.gaps()[..] else { panic!("{:?}", city.gaps()) };
        assert_eq!((torn.cause, torn.bytes), (GapCause::Torn, Some(1)));
        assert_eq!(torn.aside.as_ref().unwrap().as_str(), name);
        assert!(city.has(name) && !city.has(&format!("{name}.untold")));
    }
}

#[tokio::test]
async fn a_key_without_a_record_signs_no_other() {
    let city = City::recorded(OnAuditFailure::Refuse).await;
    let old = city.check_intact().key.unwrap();
    fs::remove_file(city.segments().pop().unwrap()).unwrap();
    city.open().close().await.unwrap();
    let new = city.check_intact().key.unwrap();
    assert_ne!(old, new);
    assert_eq!(city.causes(), [GapCause::Missing]);
    assert!(city.has(&format!("key.old-{}", old.id)));
}

#[tokio::test]
async fn a_disk_that_lets_nothing_be_opened_stops_only_who_must_record() {
    let mut city = City::recorded(OnAuditFailure::Refuse).await;
    city.disk.full.store(true, Ordering::SeqCst);
    assert!(matches!(city.try_open(), Err(LedgerError::Io { .. })));
    city.settings.on_failure = OnAuditFailure::Alert;
    let ledger = city.open();
    for _ in 0..3 {
        ledger.record_durably(entry("lost")).await.unwrap();
    }
    assert!(ledger.status().failing.unwrap().contains("could not use"));
    assert!(ledger.status().lost >= 4, "{:?}", ledger.status());
    city.disk.full.store(false, Ordering::SeqCst);
    while ledger.status().failing.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ledger.record_durably(entry("after")).await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.lost(), [4], "and that the platform started");
    assert_eq!(city.targets().last().unwrap(), "after");
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them() {
    let city = City::recorded(OnAuditFailure::Refuse).await;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let (key, segment) = (city.directory().join("key"), city.segments().pop().unwrap());
    mode(&key, 0o640);
    mode(&segment, 0o646);
    mode(city.directory(), 0o777);
    city.open().close().await.unwrap();
    let of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(of(&key), 0o600);
    // A group may read the record, if somebody lets it.
    assert_eq!((of(&segment), of(city.directory())), (0o640, 0o750));
}

/// Only an administrator of the machine can make files for others; as anyone else nothing is tested.
#[tokio::test]
async fn what_an_administrator_makes_belongs_to_the_service() {
    use std::os::unix::fs::{MetadataExt, chown};
    let city = City::recorded(OnAuditFailure::Refuse).await;
    let paths = || {
        let entries = fs::read_dir(city.directory()).unwrap();
        entries.map(|entry| entry.unwrap().path()).chain([city.directory().to_owned()])
    };
    if paths().any(|path| chown(path, Some(4711), Some(4711)).is_err()) {
        return;
    }
    let ledger = city.open();
    ledger.rotate_key().await.unwrap();
    ledger.close().await.unwrap();
    assert!(city.segments().len() > 1);
    for path in paths() {
        let owner = fs::metadata(&path).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (4711, 4711), "{path:?}");
    }
}
