//! Files that change while the server runs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::Tls;
use crate::stop::Stopped;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks at the files now and then, and at once on SIGHUP, until told to stop.
pub async fn follow(all: Vec<Arc<Tls>>, mut stop: Stopped) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            _ = hangup.recv() => true,
            _ = stop.told() => return Ok(()),
        };
        if asked {
            info!("SIGHUP: the files of TLS are read again");
        }
        let all = all.clone();
        // Lists of revoked certificates can be large.
        let done = tokio::task::spawn_blocking(move || {
            all.iter().for_each(|tls| tls.refresh(asked));
        });
        if let Err(error) = done.await {
            warn!(%error, "could not look at the files of TLS; trying again");
        }
    }
}
