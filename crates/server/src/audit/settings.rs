//! What a ledger is made from, and what of it may be set.

use std::path::PathBuf;
use std::time::Duration;

use super::files;
use super::open::LedgerError;
use crate::settings::{Bytes, OnAuditFailure, Settings, Written};

/// How large a segment may be set to be. A whole one is read at a start, and before it is removed.
pub const SEGMENT_BYTES_MIN: u64 = 64 << 10;
pub const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// How many entries may be set to wait in memory: some kilobytes each, at most.
pub const QUEUE_MIN: usize = 16;
pub const QUEUE_MAX: usize = 1_000_000;
/// How long the end may be set to be without a signature, and entries to wait for the disk.
pub const HEAD_INTERVAL_MIN: Duration = Duration::from_millis(100);
pub const HEAD_INTERVAL_MAX: Duration = Duration::from_secs(3600);
pub const SYNC_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// How long whoever has something to record waits for room in the queue, and then for the disk.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(2);
pub const DISK_WAIT_MAX: Duration = Duration::from_secs(10);

/// What a ledger is made from.
#[derive(Clone, Debug)]
pub struct LedgerSettings {
    pub directory: PathBuf,
    pub on_failure: OnAuditFailure,
    /// Are reads recorded? Are writes?
    pub reads: bool,
    pub writes: bool,
    /// Nothing younger is removed.
    pub age_min: Duration,
    /// What is older is removed; nothing is, where there is none.
    pub age_max: Option<Duration>,
    pub segment_bytes_max: u64,
    pub head_interval: Duration,
    pub sync_interval: Duration,
    pub queue_max: usize,
    pub queue_wait_max: Duration,
    pub disk_wait_max: Duration,
}

impl LedgerSettings {
    pub fn of(settings: &Settings) -> Result<LedgerSettings, LedgerError> {
        check(settings).map_err(LedgerError::Settings)?;
        Ok(LedgerSettings {
            directory: files::directory(&settings.data),
            on_failure: settings.audit_on_failure,
            reads: settings.audit_reads,
            writes: settings.audit_writes,
            age_min: settings.audit_age_min,
            age_max: Some(settings.audit_age_max).filter(|age| !age.is_zero()),
            segment_bytes_max: settings.audit_segment_bytes_max.0,
            head_interval: settings.audit_head_interval,
            sync_interval: settings.audit_sync_interval,
            queue_max: settings.audit_queue_max,
            queue_wait_max: QUEUE_WAIT_MAX,
            disk_wait_max: DISK_WAIT_MAX,
        })
    }
}

fn check(settings: &Settings) -> Result<(), String> {
    let (age_min, age_max) = (settings.audit_age_min, settings.audit_age_max);
    if !age_max.is_zero() && age_max < age_min {
        return Err("`audit_age_max` is less than `audit_age_min`".to_owned());
    }
    let bytes = |bytes: u64| Bytes(bytes).text();
    let segment = settings.audit_segment_bytes_max.0;
    within("audit_segment_bytes_max", segment, (SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX), bytes)?;
    let count = |count: usize| count.to_string();
    within("audit_queue_max", settings.audit_queue_max, (QUEUE_MIN, QUEUE_MAX), count)?;
    let head = (HEAD_INTERVAL_MIN, HEAD_INTERVAL_MAX);
    within("audit_head_interval", settings.audit_head_interval, head, |span| span.text())?;
    let sync = (Duration::ZERO, SYNC_INTERVAL_MAX);
    within("audit_sync_interval", settings.audit_sync_interval, sync, |span| span.text())
}

fn within<T: Copy + PartialOrd>(
    name: &str,
    value: T,
    (least, most): (T, T),
    text: impl Fn(T) -> String,
) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let (value, least, most) = (text(value), text(least), text(most));
    Err(format!("`{name}` is {value}; it may be from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Settings), expected: &str) {
        let mut settings = Settings::default();
        change(&mut settings);
        let told = LedgerSettings::of(&settings).err().map(|error| error.to_string());
        let expected = format!("the settings of the audit record are wrong: {expected}");
        assert_eq!(told.unwrap_or_default(), expected);
    }

    #[test]
    fn what_may_be_set_has_an_end_on_both_sides() {
        assert!(LedgerSettings::of(&Settings::default()).is_ok());
        let day = Duration::from_secs(86_400);
        check_refused(
            |s| (s.audit_age_min, s.audit_age_max) = (2 * day, day),
            "`audit_age_max` is less than `audit_age_min`",
        );
        check_refused(
            |s| s.audit_segment_bytes_max = Bytes(1),
            "`audit_segment_bytes_max` is 1B; it may be from 64KiB to 256MiB",
        );
        check_refused(
            |s| s.audit_segment_bytes_max = Bytes(1 << 40),
            "`audit_segment_bytes_max` is 1024GiB; it may be from 64KiB to 256MiB",
        );
        check_refused(
            |s| s.audit_queue_max = 0,
            "`audit_queue_max` is 0; it may be from 16 to 1000000",
        );
        check_refused(
            |s| s.audit_head_interval = day,
            "`audit_head_interval` is 1d; it may be from 100ms to 1h",
        );
        check_refused(
            |s| s.audit_sync_interval = day,
            "`audit_sync_interval` is 1d; it may be from 0 to 1min",
        );
    }
}
