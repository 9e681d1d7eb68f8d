//! Telling every part of a server to stop.

use tokio::sync::watch;

/// Says so; kept by whoever hears the signals.
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

/// Hears it; each part has its own.
#[derive(Clone, Debug)]
pub struct Stopped(watch::Receiver<bool>);

pub fn channel() -> (Stop, Stopped) {
    let (stop, stopped) = watch::channel(false);
    (Stop(stop), Stopped(stopped))
}

impl Stop {
    pub fn now(&self) {
        // Fails only where nobody listens any more.
        let _ = self.0.send(true);
    }
}

impl Stopped {
    /// Is it time to stop?
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is time to stop.
    pub async fn told(&mut self) {
        // Whoever could say so being gone is as good as being told.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
