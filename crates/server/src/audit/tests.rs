//! The ledger, on a disk that fails and under a clock that is moved.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::audit::{
    Begins, Body, Entry, Event, Fault, Identity, Line, Outcome, Report, Trust, Who, verify,
};
use broker::Clock;
use model::{DateTime, Timestamp};
use tempfile::TempDir;
use testkit::MovableClock;

use super::disk::{Appended, Disk, SystemDisk};
use super::files;
use super::ledger::ENDED;
use super::{Ledger, LedgerError, LedgerSettings, NotRecorded};
use crate::settings::{OnAuditFailure, Settings};

mod full_disk;
mod opening;
mod keeping;
mod stalled;
mod finding;
mod layer;

const DAY: Duration = Duration::from_secs(86_400);

/// A data directory with a ledger, and a clock that moves when it is told to.
struct City {
    /// Removed when the test ends.
    _data: TempDir,
    clock: Arc<MovableClock>,
    settings: LedgerSettings,
    disk: Arc<SmallDisk>,
}

impl City {
    fn new() -> City {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { data: data.path().to_owned(), ..Settings::default() };
        let start = DateTime::parse("2026-04-01T12:00:00Z").unwrap().instant();
        City {
            settings: LedgerSettings::of(&settings).unwrap(),
            _data: data,
            clock: Arc::new(MovableClock::at(start)),
            disk: Arc::default(),
        }
    }

    fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open_on(self.disk.clone(), self.settings.clone(), self.clock.clone())
    }

    fn directory(&self) -> &Path {
        &self.settings.directory
    }

    fn segments(&self) -> Vec<PathBuf> {
        let segments = files::segments(self.directory()).unwrap();
        segments.into_iter().map(|segment| segment.path).collect()
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        self.segments().iter().flat_map(|path| lines_of(&fs::read(path).unwrap())).collect()
    }

    fn verify(&self) -> Report {
        verify(self.lines(), Trust { whole: true, ..Trust::default() })
    }

    #[track_caller]
    fn check_intact(&self) -> Report {
        let report = self.verify();
        assert!(report.is_intact(), "{:?}", report.findings);
        report
    }

    fn bodies(&self) -> Vec<Body> {
        self.lines().iter().map(|line| Line::parse(line).unwrap().body).collect()
    }

    /// The targets of entries, in their order.
    fn targets(&self) -> Vec<String> {
        let targets = self.bodies().into_iter().filter_map(|body| match body {
            Body::Entry(entry) => entry.target.map(|target| target.to_string()),
            _ => None,
        });
        targets.collect()
    }

    fn lost(&self) -> Vec<u64> {
        let gaps = self.bodies().into_iter().filter_map(|body| match body {
            Body::Gap(gap) => gap.entries,
            _ => None,
        });
        gaps.collect()
    }
}

fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(<[u8]>::to_vec).collect()
}

/// A disk that is full as long as it is told to be: half of what is written still fits.
#[derive(Debug, Default)]
struct SmallDisk {
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct SmallFile {
    file: Box<dyn Appended>,
    full: Arc<AtomicBool>,
}

impl SmallFile {
    fn room(&self) -> std::io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

impl Disk for SmallDisk {
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn Appended>> {
        let file = SystemDisk.open(path)?;
        Ok(Box::new(SmallFile { file, full: self.full.clone() }))
    }
}

impl Appended for SmallFile {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let Err(error) = self.room() else { return self.file.append(bytes) };
        self.file.append(&bytes[..bytes.len() / 2])?;
        Err(error)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.room()?;
        self.file.sync()
    }

    fn cut(&mut self, bytes: u64) -> std::io::Result<()> {
        self.file.cut(bytes)
    }
}

fn entry(target: &str) -> Entry {
    let who = Who { name: "ops".into(), kind: Identity::Key, tenant: None };
    Entry::new(Event::Administration, who, Outcome::Allowed).target(target)
}

async fn record(ledger: &Ledger, targets: impl IntoIterator<Item = u32>) {
    for target in targets {
        ledger.record(entry(&target.to_string())).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_recorded_durably_is_on_disk_and_for_its_owner_alone() {
    let city = City::new();
    let ledger = city.open();
    ledger.record_durably(entry("/admin/keys")).await.unwrap();
    assert_eq!(city.targets(), ["/admin/keys"]);
    assert_eq!(ledger.status().last.seq, 3);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(city.directory()), 0o700);
    for file in fs::read_dir(city.directory()).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    ledger.close().await.unwrap();
    let report = city.check_intact();
    assert_eq!((report.entries, report.heads, report.unsigned()), (3, 1, 0));
    assert_eq!(report.key.map(|key| key.public), ledger.status().key);
    let ended = ledger.record(entry("later")).await.unwrap_err();
    assert_eq!(ended, NotRecorded(ENDED.to_owned()));
}

#[tokio::test]
async fn the_record_goes_on_after_a_stop_and_has_one_writer() {
    let city = City::new();
    let ledger = city.open();
    record(&ledger, 1..4).await;
    assert!(matches!(city.try_open(), Err(LedgerError::Locked(_))));
    ledger.close().await.unwrap();
    let ledger = city.open();
    record(&ledger, 4..6).await;
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.targets(), ["1", "2", "3", "4", "5"]);
    let events = city.bodies().into_iter().filter_map(|body| match body {
        Body::Entry(entry) if entry.target.is_none() => Some(entry.event.name()),
        _ => None,
    });
    assert_eq!(events.collect::<Vec<_>>(), ["start", "stop", "start", "stop"]);
}

#[tokio::test]
async fn reads_and_writes_are_recorded_where_that_is_set() {
    let mut city = City::new();
    city.settings.writes = true;
    let ledger = city.open();
    assert!(ledger.records(Event::Write) && !ledger.records(Event::Read));
    for event in [Event::Write, Event::Read] {
        let entry = Entry { event, ..entry(event.name()) };
        ledger.record(entry.clone()).await.unwrap();
        ledger.record_durably(entry).await.unwrap();
    }
    ledger.close().await.unwrap();
    assert_eq!(city.targets(), ["write", "write"]);
}

#[tokio::test]
async fn segments_end_by_size_and_by_day() {
    let mut city = City::new();
    city.settings.segment_bytes_max = 1_000;
    let ledger = city.open();
    for target in 0..20 {
        ledger.record_durably(entry(&target.to_string())).await.unwrap();
    }
    let by_size = city.segments().len();
    assert!(by_size > 3, "{by_size}");
    city.clock.advance(DAY);
    ledger.record_durably(entry("tomorrow")).await.unwrap();
    assert_eq!(city.segments().len(), by_size + 1);
    ledger.close().await.unwrap();
    let ledger = city.open();
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.targets().len(), 21);
}

#[tokio::test]
async fn a_new_key_is_introduced_by_the_old_one() {
    let city = City::new();
    let ledger = city.open();
    record(&ledger, 0..3).await;
    let old = ledger.status().key.unwrap();
    let new = ledger.rotate_key().await.unwrap();
    assert_ne!(old, new);
    record(&ledger, 3..5).await;
    ledger.close().await.unwrap();
    let report = verify(city.lines(), Trust { keys: vec![old], whole: true, ..Trust::default() });
    assert!(report.is_intact() && report.key_known, "{:?}", report.findings);
    assert_eq!(report.key.unwrap().public, new);
    city.open().close().await.unwrap();
    city.check_intact();
}

/// The line that hands over is on disk; the file of the key has its old name, and the next segment
/// was not begun.
#[tokio::test]
async fn a_crash_while_keys_change_hands_is_put_right() {
    let city = City::new();
    let ledger = city.open();
    record(&ledger, 0..3).await;
    ledger.sign().await.unwrap();
    let key = fs::read(city.directory().join("key")).unwrap();
    let new = ledger.rotate_key().await.unwrap();
    ledger.close().await.unwrap();
    fs::remove_file(city.segments().pop().unwrap()).unwrap();
    fs::rename(city.directory().join("key"), city.directory().join("key.next")).unwrap();
    fs::write(city.directory().join("key"), key).unwrap();

    let ledger = city.open();
    assert_eq!(ledger.status().key, Some(new));
    record(&ledger, 3..5).await;
    ledger.close().await.unwrap();
    city.check_intact();
    assert!(!city.directory().join("key.next").exists());

    fs::remove_file(city.directory().join("key")).unwrap();
    assert!(matches!(city.try_open(), Err(LedgerError::NoKey(_))));
    fs::write(city.directory().join("key"), [9; 32]).unwrap();
    assert!(matches!(city.try_open(), Err(LedgerError::Resume { .. })));
}

/// A crash may leave the last segment at any length beyond what was promised.
#[tokio::test]
async fn a_torn_end_is_set_aside_and_said() {
    let city = City::new();
    let ledger = city.open();
    record(&ledger, 0..3).await;
    ledger.close().await.unwrap();
    let path = city.segments().pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let lines = lines_of(&whole);
    let last = lines.last().unwrap().len() + 1;
    for cut in [1, 2, last / 2, last - 1, last, last + 1, last + 100] {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        city.open().close().await.unwrap();
        let report = city.check_intact();
        let torn = cut != last;
        // The end was cut off in any case, and with it that the platform stopped in good order.
        assert_eq!(report.gaps, 1 + u64::from(torn), "{cut}");
        let aside = fs::read_dir(city.directory()).unwrap().map(|file| file.unwrap().path());
        let aside = aside.filter(|path| path.to_str().unwrap().contains("torn-"));
        for path in aside.collect::<Vec<_>>() {
            let torn = fs::read(&path).unwrap();
            assert!(!torn.is_empty() && whole.windows(torn.len()).any(|part| part == torn));
            fs::remove_file(path).unwrap();
        }
    }
    // A segment of which not even the first line is whole.
    fs::write(&path, &whole).unwrap();
    let next = files::Segment::of(city.directory(), lines.len() as u64 + 1);
    fs::write(&next.path, &lines[0][..50]).unwrap();
    city.open().close().await.unwrap();
    assert_eq!(city.check_intact().gaps, 1);
    assert_eq!(city.segments().len(), 1);
    // What nothing that was torn looks like is left alone.
    fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
    assert!(matches!(city.try_open(), Err(LedgerError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap().len(), 1 << 20);
}

#[tokio::test]
async fn old_segments_are_removed_and_the_rest_still_verifies() {
    let mut city = City::new();
    city.settings.age_min = 30 * DAY;
    city.settings.age_max = Some(10 * DAY);
    for day in 0..50 {
        let ledger = city.open();
        ledger.record_durably(entry(&day.to_string())).await.unwrap();
        ledger.close().await.unwrap();
        city.clock.advance(DAY);
    }
    let report = city.check_intact();
    assert_eq!(report.begins, Begins::AfterRetention);
    // The longer of the two times counts; a segment goes once all of it is that old.
    assert_eq!(city.targets().first().unwrap(), "19");
    // More than that was not removed by retention.
    fs::remove_file(city.segments().remove(0)).unwrap();
    assert_eq!(city.verify().findings[0].fault, Fault::BeginningCut);
}

#[test]
fn what_is_kept_is_no_shorter_than_it_must_be() {
    let age_max = DAY;
    let settings =
        Settings { audit_age_min: 2 * DAY, audit_age_max: age_max, ..Settings::default() };
    let refused = LedgerSettings::of(&settings).unwrap_err();
    assert!(refused.to_string().contains("`audit_age_max` is less than `audit_age_min`"));
}

/// What many record at the same time shares its syncs, and is all there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_record_at_the_same_time() {
    let mut city = City::new();
    city.settings.queue_max = 3;
    let ledger = Arc::new(city.open());
    let tasks = (0..8).map(|task| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            for number in 0..50 {
                let entry = entry(&format!("{task}/{number:02}"));
                if number % 2 == 0 {
                    ledger.record(entry).await.unwrap();
                } else {
                    ledger.record_durably(entry).await.unwrap();
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // Everyone's last one was durable, and with it what they had recorded before.
    let mut targets = city.targets();
    for task in 0..8 {
        let of_task = targets.iter().filter(|target| target.starts_with(&format!("{task}/")));
        assert!(of_task.is_sorted());
    }
    targets.sort();
    let expected = (0..8).flat_map(|task| (0..50).map(move |number| format!("{task}/{number:02}")));
    assert!(targets.into_iter().eq(expected));
    ledger.close().await.unwrap();
    city.check_intact();
}
