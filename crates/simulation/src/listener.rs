//! Those who listen to streams: some slowly, all of them again after the connection broke.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{Position, Store};
use subscriptions::{OpenError, Stream, Streams, Subscription, notation};
use tokio::task::JoinHandle;

use crate::disk::Disk;
use crate::time::Dice;

/// What one of them has heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub positions: Vec<Position>,
    /// Where it is told to go on where the journal was cut back further than that.
    pub skipped: Vec<(Position, Position)>,
    last: Position,
}

#[derive(Debug)]
pub struct Listener {
    pub subscription: Subscription,
    pub since: Position,
    heard: Arc<Mutex<Heard>>,
    dice: Dice,
    listening: Option<JoinHandle<()>>,
}

impl Listener {
    pub fn new(text: &str, disk: &Disk, dice: Dice) -> Listener {
        let since = *disk.journal_end().borrow();
        let heard = Heard { last: since, ..Heard::default() };
        let subscription = notation::subscription(text);
        Listener { subscription, since, heard: Arc::new(Mutex::new(heard)), dice, listening: None }
    }

    pub fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects, after breaking off what there was.
    pub fn connect(&mut self, streams: &Arc<Streams>) {
        self.break_off();
        let (streams, dice) = (streams.clone(), self.dice.clone());
        let (subscription, heard) = (self.subscription.clone(), self.heard.clone());
        self.listening = Some(tokio::spawn(async move {
            loop {
                listen(&streams, &subscription, &heard, &dice).await;
                tokio::time::sleep(dice.millis(500)).await;
            }
        }));
    }

    pub fn break_off(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }
}

async fn listen(
    streams: &Arc<Streams>,
    subscription: &Subscription,
    heard: &Mutex<Heard>,
    dice: &Dice,
) {
    let lock = || heard.lock().unwrap_or_else(PoisonError::into_inner);
    let last = lock().last;
    let opened = streams.open(subscription.clone(), Some(last)).await;
    let skip = |first: Position| {
        let mut heard = lock();
        let last = std::mem::replace(&mut heard.last, first);
        heard.skipped.push((last, first));
    };
    let mut stream: Stream = match opened {
        Ok(stream) => stream,
        Err(OpenError::Gone(gone)) => return skip(gone.first),
        Err(_) => return,
    };
    loop {
        match stream.next().await {
            Ok(recorded) => {
                let mut heard = lock();
                heard.positions.push(recorded.position);
                heard.last = stream.position();
            }
            Err(gone) => return skip(gone.first),
        }
        if dice.percent(20) {
            tokio::time::sleep(dice.millis(3_000)).await;
        }
    }
}
