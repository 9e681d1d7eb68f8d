//! Receivers: some take what they are sent, some are away for a while, some hang, some refuse, and
//! some take it and are not heard to say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::Timestamp;
use subscriptions::{Deliver, Endpoint, Message, Outcome};

use crate::time::{Dice, StoryClock};

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes everything within some milliseconds.
    Good,
    /// Takes everything, slowly.
    Slow,
    /// Takes it, or does not, or takes it and is not heard.
    Moody,
    /// Accepts the connection and says nothing.
    Hanging,
    /// Is not there.
    Away,
}

/// What one receiver got: in which notification, and what that told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub uri: String,
    pub id: String,
    pub body: String,
    pub at: Timestamp,
    /// Was it sent again from among the dead letters?
    pub is_replay: bool,
}

#[derive(Debug)]
struct State {
    manners: BTreeMap<String, Manner>,
    under_way: BTreeMap<String, usize>,
    receipts: Vec<Receipt>,
    broken: Option<String>,
}

/// All receivers.
#[derive(Clone, Debug)]
pub struct Network {
    dice: Dice,
    clock: Arc<StoryClock>,
    state: Arc<Mutex<State>>,
    /// The most that may be under way to one receiver.
    limit: usize,
}

/// A way to the receivers.
#[derive(Debug)]
pub struct Way {
    pub network: Network,
    pub is_replay: bool,
}

impl Network {
    pub fn new(dice: Dice, clock: Arc<StoryClock>, limit: usize) -> Network {
        let state = State {
            manners: BTreeMap::new(),
            under_way: BTreeMap::new(),
            receipts: Vec::new(),
            broken: None,
        };
        Network { dice, clock, state: Arc::new(Mutex::new(state)), limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn behave(&self, uri: &str, manner: Manner) {
        self.state().manners.insert(uri.to_owned(), manner);
    }

    pub fn receipts(&self) -> Vec<Receipt> {
        self.state().receipts.clone()
    }

    /// What was asked of a receiver that must not be.
    pub fn broken(&self) -> Option<String> {
        self.state().broken.clone()
    }

    fn take(&self, endpoint: &Endpoint, message: &Message, is_replay: bool) {
        use broker::Clock;
        let id = message.headers.first().map(|(_, id)| id.clone()).unwrap_or_default();
        let (uri, body, at) = (endpoint.uri.clone(), message.body.clone(), self.clock.now());
        self.state().receipts.push(Receipt { uri, id, body, at, is_replay });
    }

    async fn ask(&self, endpoint: &Endpoint, message: &Message, is_replay: bool) -> Outcome {
        let manner = self.state().manners.get(&endpoint.uri).copied().unwrap_or(Manner::Good);
        match manner {
            Manner::Good => tokio::time::sleep(self.dice.millis(5)).await,
            Manner::Slow => {
                tokio::time::sleep(Duration::from_secs(1) + self.dice.millis(3_000)).await;
            }
            Manner::Moody => tokio::time::sleep(self.dice.millis(200)).await,
            Manner::Hanging => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }
            Manner::Away => {
                tokio::time::sleep(self.dice.millis(3)).await;
                return Outcome::Failed("connection refused".to_owned());
            }
        }
        let mood = if manner == Manner::Moody { self.dice.below(5) } else { 4 };
        match mood {
            0 => Outcome::Failed("it answered 503".to_owned()),
            1 => Outcome::Refused("it answered 400".to_owned()),
            2 => {
                self.take(endpoint, message, is_replay);
                Outcome::Failed("the connection broke".to_owned())
            }
            _ => {
                self.take(endpoint, message, is_replay);
                Outcome::Delivered
            }
        }
    }
}

/// Counts one that is under way, until it is dropped.
struct Count<'n>(&'n Network, &'n str);

impl<'n> Count<'n> {
    fn new(network: &'n Network, uri: &'n str) -> Count<'n> {
        let mut state = network.state();
        let under_way = state.under_way.entry(uri.to_owned()).or_default();
        *under_way += 1;
        if *under_way > network.limit {
            let problem = format!("{under_way} deliveries at once to {uri}");
            state.broken = Some(problem);
        }
        drop(state);
        Count(network, uri)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        if let Some(under_way) = self.0.state().under_way.get_mut(self.1) {
            *under_way -= 1;
        }
    }
}

#[async_trait]
impl Deliver for Way {
    async fn deliver(&self, endpoint: &Endpoint, message: Message) -> Outcome {
        let network = &self.network;
        let _counted = (!self.is_replay).then(|| Count::new(network, &endpoint.uri));
        network.ask(endpoint, &message, self.is_replay).await
    }
}
