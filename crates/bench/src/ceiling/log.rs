//! A bare log: tasks append records, one thread writes what waits and syncs once for all of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::clock::moment;
use crate::meter::Meter;

#[derive(Debug)]
pub struct LogPlan {
    pub file: PathBuf,
    pub writers: usize,
    pub record_bytes: u64,
    pub time_max: Duration,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LogOutcome {
    pub appends: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

/// The file is written to its full length before, and from its beginning again when it is full: a
/// sync that need not record a new length costs half as much.
const FILE_BYTES: u64 = 64 * 1024 * 1024;

/// How many records share a sync at most.
const GROUP_MAX: usize = 1024;
const APPENDS_MAX: u64 = 2_000_000;
const RECORD_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl LogPlan {
    /// The same plan on the command line.
    pub fn arguments(&self) -> Vec<String> {
        vec![
            format!("--file={}", self.file.display()),
            format!("--writers={}", self.writers),
            format!("--record-bytes={}", self.record_bytes),
            format!("--seconds={}", self.time_max.as_secs_f64()),
        ]
    }
}

/// Measures the process that it runs in.
pub fn print(plan: &LogPlan) -> io::Result<()> {
    let outcome = measure(plan)?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

struct Append {
    record: Arc<[u8]>,
    synced: oneshot::Sender<()>,
}

#[tokio::main(flavor = "current_thread")]
async fn measure(plan: &LogPlan) -> io::Result<LogOutcome> {
    let mut file = File::create(&plan.file)?;
    io::copy(&mut io::repeat(0).take(FILE_BYTES), &mut file)?;
    file.sync_all()?;
    let (log, appends) = mpsc::channel(GROUP_MAX);
    let meter = Meter::new(std::process::id());
    let (cpu, began) = (meter.cpu()?, moment());
    let committer = thread::spawn(move || commit(&file, appends));
    let appends = append_all(plan, log, began).await;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), meter.cpu()?.saturating_sub(cpu));
    committer.join().unwrap_or_else(|_| Err(io::Error::other("the committer panicked")))?;
    Ok(LogOutcome { appends, seconds, cpu_seconds: cpu.as_secs_f64() })
}

/// Returns how many records were appended, once all tasks have ended.
async fn append_all(plan: &LogPlan, log: mpsc::Sender<Append>, began: Instant) -> u64 {
    let share = APPENDS_MAX / plan.writers.max(1) as u64;
    let record: Arc<[u8]> = vec![b'x'; plan.record_bytes.min(RECORD_BYTES_MAX) as usize].into();
    let mut writers = JoinSet::new();
    for _ in 0..plan.writers {
        writers.spawn(append(log.clone(), record.clone(), share, began + plan.time_max));
    }
    drop(log);
    writers.join_all().await.into_iter().sum()
}

async fn append(log: mpsc::Sender<Append>, record: Arc<[u8]>, max: u64, until: Instant) -> u64 {
    let mut done = 0;
    while done < max && moment() < until {
        let (synced, answer) = oneshot::channel();
        let sent = log.send(Append { record: record.clone(), synced }).await;
        if sent.is_err() || answer.await.is_err() {
            break;
        }
        done += 1;
    }
    done
}

/// Ends when the last writer has, or at the first error of the disk.
fn commit(file: &File, mut appends: mpsc::Receiver<Append>) -> io::Result<()> {
    let (mut group, mut bytes, mut offset) = (Vec::new(), Vec::new(), 0);
    while appends.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        bytes.clear();
        group.iter().for_each(|append: &Append| bytes.extend_from_slice(&append.record));
        if offset + bytes.len() as u64 > FILE_BYTES {
            offset = 0;
        }
        file.write_all_at(&bytes, offset)?;
        file.sync_data()?;
        offset += bytes.len() as u64;
        for append in group.drain(..) {
            // A writer that has gone needs no answer.
            let _ = append.synced.send(());
        }
    }
    Ok(())
}
