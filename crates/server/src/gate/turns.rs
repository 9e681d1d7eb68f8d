//! Waiting for one's turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Tenant;
use tokio::sync::oneshot;

use super::share::{Entry, Share, ShareRules, Ticket};

/// The turns of all requests.
#[derive(Debug)]
pub struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    share: Share,
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

/// A request may be worked on until this is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Arc<Turns>,
    tenant: Tenant,
}

/// A place in the line. It is given up where nobody waits any more.
#[derive(Debug)]
struct Place {
    turns: Arc<Turns>,
    tenant: Tenant,
    ticket: Ticket,
    /// Its turn was taken, so that there is nothing to give up.
    taken: bool,
}

impl Turns {
    pub fn new(rules: ShareRules) -> Turns {
        Turns(Mutex::new(State { share: Share::new(rules), waiting: HashMap::new() }))
    }

    /// See [`Share::limit`].
    pub fn limit(&self, tenant: &Tenant, max: Option<usize>) {
        self.state().share.limit(tenant, max);
    }

    /// Waits until a request of the tenant may be worked on.
    pub async fn turn(self: &Arc<Turns>, tenant: Tenant) -> Turn {
        let waiting = {
            let mut state = self.state();
            match state.share.enter(&tenant) {
                Entry::Now => None,
                Entry::Later(ticket) => {
                    let (sender, receiver) = oneshot::channel();
                    state.waiting.insert(ticket, sender);
                    Some((ticket, receiver))
                }
            }
        };
        if let Some((ticket, called)) = waiting {
            let (turns, tenant) = (self.clone(), tenant.clone());
            let mut place = Place { turns, tenant, ticket, taken: false };
            // The sender is only dropped with the server.
            let _ = called.await;
            place.taken = true;
        }
        Turn { turns: self.clone(), tenant }
    }

    fn leave(&self, tenant: &Tenant) {
        let mut state = self.state();
        let mut called = state.share.leave(tenant);
        for ticket in called.drain(..) {
            // Whoever has gone meanwhile finds out when it gives up its place, and passes it on.
            if let Some(sender) = state.waiting.remove(&ticket) {
                let _ = sender.send(());
            }
        }
    }

    fn give_up(&self, tenant: &Tenant, ticket: Ticket) {
        let waited = {
            let mut state = self.state();
            state.waiting.remove(&ticket);
            state.share.give_up(tenant, ticket)
        };
        // Its turn had come already.
        if !waited {
            self.leave(tenant);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.leave(&self.tenant);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.turns.give_up(&self.tenant, self.ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_turn_that_nobody_waits_for_any_more_goes_to_the_next() {
        let turns = Arc::new(Turns::new(ShareRules { all_max: 1, tenant_max: 1 }));
        let tenant = Tenant::default();
        let first = poll(pin!(turns.turn(tenant.clone()))).unwrap();
        let mut gone = Box::pin(turns.turn(tenant.clone()));
        let mut called = Box::pin(turns.turn(tenant.clone()));
        let mut last = Box::pin(turns.turn(tenant.clone()));
        assert!(poll(gone.as_mut()).is_none());
        assert!(poll(called.as_mut()).is_none());
        assert!(poll(last.as_mut()).is_none());
        drop(gone);
        drop(first);
        assert!(poll(last.as_mut()).is_none());
        // Called, and gone before it could begin.
        drop(called);
        assert!(poll(last.as_mut()).is_some());
        assert!(poll(pin!(turns.turn(tenant))).is_some(), "nothing runs any more");
        assert!(turns.state().waiting.is_empty());
    }
}
