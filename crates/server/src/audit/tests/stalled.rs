//! Disks that do not answer, and a writer that is no more.

use std::sync::{Condvar, Mutex};

use super::*;

/// A disk on which nothing is synced as long as it is told to wait.
#[derive(Clone, Debug, Default)]
struct SlowDisk(Arc<(Mutex<Mood>, Condvar)>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    Waits,
    Panics,
}

impl SlowDisk {
    fn set(&self, mood: Mood) {
        *self.0.0.lock().unwrap() = mood;
        self.0.1.notify_all();
    }
}

#[derive(Debug)]
struct SlowFile(Box<dyn Appended>, SlowDisk);

impl Disk for SlowDisk {
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn Appended>> {
        Ok(Box::new(SlowFile(SystemDisk.open(path)?, self.clone())))
    }
}

impl Appended for SlowFile {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        let (mood, changed) = &*self.1.0;
        let mood = changed.wait_while(mood.lock().unwrap(), |mood| *mood == Mood::Waits);
        let is_well = *mood.unwrap() == Mood::Well;
        assert!(is_well, "as the test wants it");
        self.0.sync()
    }

    fn cut(&mut self, bytes: u64) -> std::io::Result<()> {
        self.0.cut(bytes)
    }
}

/// Longer than a disk takes that is well.
const SHORT: Duration = Duration::from_millis(500);

/// With a queue of one, and a writer that is busy with the disk.
async fn stalled(on_failure: OnAuditFailure, wait: Duration) -> (City, SlowDisk, Ledger) {
    let mut city = City::new();
    city.settings.on_failure = on_failure;
    city.settings.queue_max = 1;
    city.settings.queue_wait_max = Duration::from_millis(100);
    city.settings.disk_wait_max = wait;
    let disk = SlowDisk::default();
    let ledger = Ledger::open_on(Arc::new(disk.clone()), city.settings.clone(), city.clock.clone());
    let ledger = ledger.unwrap();
    ledger.record_durably(entry("before")).await.unwrap();
    (city, disk, ledger)
}

async fn until_it_works(ledger: &Ledger) {
    while ledger.status().failing.is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn nobody_waits_for_ever_and_what_must_be_recorded_is_refused() {
    let (city, disk, ledger) = stalled(OnAuditFailure::Refuse, SHORT).await;
    disk.set(Mood::Waits);
    let refused = ledger.record_durably(entry("waits")).await.unwrap_err();
    assert!(refused.to_string().contains("the disk does not answer"), "{refused}");
    let refused = ledger.record(entry("refused")).await.unwrap_err();
    assert!(refused.to_string().contains("is refused"), "{refused}");
    assert!(ledger.ready().is_err() && ledger.status().failing.is_some());
    disk.set(Mood::Well);
    until_it_works(&ledger).await;
    ledger.record_durably(entry("after")).await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    assert!(city.targets().contains(&"after".to_owned()));
}

#[tokio::test]
async fn an_alert_counts_what_there_is_no_room_for() {
    let (city, disk, ledger) = stalled(OnAuditFailure::Alert, SHORT).await;
    disk.set(Mood::Waits);
    ledger.record_durably(entry("waits")).await.unwrap();
    let began = crate::clock::moment();
    for _ in 0..100 {
        ledger.record(entry("lost, but for those in the queue")).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "only the first ones wait");
    let lost = ledger.status().lost;
    assert!((90..=100).contains(&lost), "{lost}");
    assert!(ledger.status().failing.is_some());
    disk.set(Mood::Well);
    until_it_works(&ledger).await;
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.lost().iter().sum::<u64>(), lost);
    assert_eq!(city.targets().len() as u64, 102 - lost);
}

#[tokio::test]
async fn a_writer_that_is_no_more_is_told() {
    for on_failure in [OnAuditFailure::Refuse, OnAuditFailure::Alert] {
        let (_city, disk, ledger) = stalled(on_failure, Duration::from_secs(60)).await;
        disk.set(Mood::Panics);
        let is_alert = on_failure == OnAuditFailure::Alert;
        assert_eq!(ledger.record_durably(entry("lost")).await.is_ok(), is_alert);
        while ledger.status().failing.as_deref() != Some(ENDED) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(ledger.record(entry("lost")).await.is_ok(), is_alert);
        assert_eq!(ledger.status().lost, if is_alert { 2 } else { 0 });
    }
}

#[tokio::test]
async fn what_is_refused_again_and_again_is_one_entry_and_a_count() {
    let city = City::new();
    let ledger = city.open();
    let refusal = |id: u32| {
        let who = Who { name: "rob".into(), kind: Identity::Key, tenant: None };
        let entry = Entry::new(Event::Refusal, who, Outcome::refused("no right"));
        entry.target(&format!("/entities/{id}")).from("192.0.2.1")
    };
    for id in 0..500 {
        ledger.record_folded(refusal(id), "GET /entities/{id}", "403").await.unwrap();
    }
    ledger.note_folded(refusal(0), "GET /types", "403");
    city.clock.advance(Duration::from_secs(61));
    ledger.sign().await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    let refusals = city.bodies().into_iter().filter_map(|body| match body {
        Body::Entry(entry) if entry.event == Event::Refusal => Some(entry),
        _ => None,
    });
    let told: Vec<_> = refusals
        .map(|entry| {
            let again = entry.details.iter().find(|(name, _)| *name == "again");
            (entry.target.unwrap().to_string(), again.map(|(_, count)| count.to_owned()))
        })
        .collect();
    let again = |target: &str, count: Option<&str>| (target.to_owned(), count.map(str::to_owned));
    let expected = [
        again("/entities/0", None),
        again("/entities/0", None),
        again("GET /entities/{id}", Some("499")),
    ];
    assert_eq!(told, expected);
}
