//! How the ledger stands: what its writer, and those who give it entries, know of each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::audit::{Anchor, Hash, PublicKey};

use super::alarm::Alarm;
use crate::clock::moment;

/// How the ledger stands.
#[derive(Clone, Debug)]
pub struct Status {
    /// The last line that is on disk: worth keeping elsewhere, as an anchor. Its number is 0 as long
    /// as the record could not be opened.
    pub last: Anchor,
    /// The key that signs; nothing as long as the record could not be opened.
    pub key: Option<PublicKey>,
    /// Why nothing can be recorded at this time.
    pub failing: Option<String>,
    /// How many entries were lost since the start.
    pub lost: u64,
}

/// The status, and what leads to it.
#[derive(Debug)]
pub struct Shared {
    status: Mutex<Status>,
    /// Somebody has waited for the disk for as long as one waits.
    stalled: AtomicBool,
    /// Nothing more is to be recorded.
    closed: AtomicBool,
    /// Entries that never came to the writer, and that the record is to tell of.
    unqueued: AtomicU64,
    alarm: Alarm,
}

impl Default for Shared {
    fn default() -> Shared {
        let last = Anchor { seq: 0, hash: Hash::NOTHING };
        Shared {
            status: Mutex::new(Status { last, key: None, failing: None, lost: 0 }),
            stalled: AtomicBool::default(),
            closed: AtomicBool::default(),
            unqueued: AtomicU64::default(),
            alarm: Alarm::default(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    pub fn failing(&self) -> Option<String> {
        self.lock().failing.clone()
    }

    pub fn fail(&self, why: String) {
        self.lock().failing = Some(why);
    }

    /// The disk does not answer. It is the writer that knows when it does again.
    pub fn stall(&self, why: &str) {
        self.stalled.store(true, Ordering::SeqCst);
        self.lock().failing.get_or_insert_with(|| why.to_owned());
    }

    pub fn is_stalled(&self) -> bool {
        self.stalled.load(Ordering::SeqCst)
    }

    /// The writer has come to an end with something, in one way or another.
    pub fn settle(&self, last: Option<Anchor>, key: Option<PublicKey>, failing: Option<String>) {
        self.stalled.store(false, Ordering::SeqCst);
        let mut status = self.lock();
        status.last = last.unwrap_or(status.last);
        status.key = key.or(status.key);
        if failing.is_none() {
            self.alarm.end();
        }
        status.failing = failing;
    }

    /// How many are lost in all.
    pub fn add_lost(&self, entries: u64) -> u64 {
        let mut status = self.lock();
        status.lost += entries;
        status.lost
    }

    pub fn add_unqueued(&self, entries: u64) {
        self.unqueued.fetch_add(entries, Ordering::SeqCst);
    }

    pub fn take_unqueued(&self) -> u64 {
        self.unqueued.swap(0, Ordering::SeqCst)
    }

    pub fn is_alarm_due(&self) -> bool {
        self.alarm.is_due(moment())
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}
