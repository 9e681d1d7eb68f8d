//! Disks that are full for some time.

use testkit::Chance;

use super::*;

/// Until the disk takes lines again, and that was noticed.
async fn until_it_works(ledger: &Ledger) {
    while ledger.status().failing.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn on_a_full_disk_what_must_be_recorded_is_refused() {
    let city = City::new();
    let ledger = city.open();
    ledger.record_durably(entry("before")).await.unwrap();
    city.disk.full.store(true, Ordering::SeqCst);
    let refused = ledger.record_durably(entry("refused")).await.unwrap_err();
    assert!(refused.to_string().contains("what would have to be recorded is refused"));
    assert!(ledger.record(entry("refused")).await.is_err());
    assert!(ledger.status().failing.is_some());
    city.disk.full.store(false, Ordering::SeqCst);
    until_it_works(&ledger).await;
    ledger.record_durably(entry("after")).await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.targets(), ["before", "after"]);
    assert_eq!((city.lost(), ledger.status().lost), (vec![], 0), "all who asked were told");
}

#[tokio::test]
async fn on_a_full_disk_an_alert_may_do_and_the_record_tells_what_is_missing() {
    let mut city = City::new();
    city.settings.on_failure = OnAuditFailure::Alert;
    let ledger = city.open();
    ledger.record_durably(entry("before")).await.unwrap();
    city.disk.full.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        ledger.record_durably(entry("lost")).await.unwrap();
    }
    assert!(ledger.status().failing.is_some());
    assert_eq!(ledger.status().lost, 5);
    city.disk.full.store(false, Ordering::SeqCst);
    ledger.record_durably(entry("after")).await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.targets(), ["before", "after"]);
    assert_eq!(city.lost(), [5]);
}

/// A new segment, or another key, that could not be made leaves nothing behind.
#[tokio::test]
async fn a_full_disk_in_the_middle_of_a_change_leaves_nothing_behind() {
    let mut city = City::new();
    city.settings.on_failure = OnAuditFailure::Alert;
    let ledger = city.open();
    ledger.record_durably(entry("before")).await.unwrap();
    city.disk.full.store(true, Ordering::SeqCst);
    city.clock.advance(DAY);
    ledger.record_durably(entry("lost")).await.unwrap();
    assert!(ledger.rotate_key().await.is_err());
    assert!(ledger.sign().await.is_err());
    city.disk.full.store(false, Ordering::SeqCst);
    ledger.record_durably(entry("after")).await.unwrap();
    let key = ledger.rotate_key().await.unwrap();
    ledger.close().await.unwrap();
    assert_eq!(city.check_intact().key.unwrap().public, key);
    assert_eq!((city.targets(), city.lost()), (vec!["before".into(), "after".into()], vec![1]));
}

/// Whatever happens in between: of what was taken, the record has everything or says how much is
/// missing, and what was promised to be on disk is there.
#[tokio::test]
async fn nothing_is_lost_without_a_word() {
    for seed in 0..40 {
        let on_failure = if seed % 2 == 0 { OnAuditFailure::Refuse } else { OnAuditFailure::Alert };
        troubled(seed, on_failure).await;
    }
}

async fn troubled(seed: u64, on_failure: OnAuditFailure) {
    let mut chance = Chance::new(seed);
    let mut city = City::new();
    city.settings.on_failure = on_failure;
    city.settings.segment_bytes_max = 2_000;
    city.settings.sync_interval = Duration::from_millis(chance.below(3) as u64);
    let mut ledger = city.open();
    let (mut opened, mut taken, mut durable) = (1, 0, Vec::new());
    for turn in 0..40 {
        let target = format!("{seed}/{turn}");
        match chance.below(10) {
            0..=2 => taken += u64::from(ledger.record(entry(&target)).await.is_ok()),
            3..=5 if ledger.record_durably(entry(&target)).await.is_ok() => {
                taken += 1;
                durable.push(target);
            }
            6 => city.disk.full.store(true, Ordering::SeqCst),
            7 => city.disk.full.store(false, Ordering::SeqCst),
            8 => match chance.below(3) {
                0 => city.clock.advance(DAY),
                1 => drop(ledger.sign().await),
                _ => drop(ledger.rotate_key().await),
            },
            9 => {
                city.disk.full.store(false, Ordering::SeqCst);
                ledger.sign().await.unwrap();
                ledger.close().await.unwrap();
                ledger = city.open();
                opened += 1;
            }
            _ => {}
        }
    }
    city.disk.full.store(false, Ordering::SeqCst);
    ledger.sign().await.unwrap();
    ledger.close().await.unwrap();
    city.check_intact();
    let targets = city.targets();
    let entries = city.bodies().iter().filter(|body| matches!(body, Body::Entry(_))).count() as u64;
    let lost: u64 = city.lost().iter().sum();
    // Each time, the platform recorded that it started and stopped.
    assert_eq!(entries + lost, taken + 2 * opened, "{seed}");
    if on_failure == OnAuditFailure::Refuse {
        assert!(durable.iter().all(|target| targets.contains(target)), "{seed}");
    }
}
