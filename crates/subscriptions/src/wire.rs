//! The seams to what knows how subscriptions and notifications are written, and to the network.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Entity, Event, Timestamp};
use policy::Release;

use crate::post::Outcome;
use crate::subscription::{Endpoint, Key, Subscription};

/// A notification to be written (5.3.1).
#[derive(Clone, Debug)]
pub struct Told {
    /// The same whenever the same news is told again, so that receivers can drop repeats.
    pub id: String,
    pub subscription: Arc<Subscription>,
    pub at: Timestamp,
    pub about: About,
    /// What may go to the receiver, of the entities that come along too.
    pub release: Release,
}

/// What a notification tells of.
#[derive(Clone, Debug)]
pub enum About {
    Changes(Vec<Arc<Event>>),
    Entities(Vec<Arc<Entity>>),
}

/// A notification as it goes out.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub content_type: &'static str,
    /// Header fields; may hold secrets.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// Reads and writes what goes over the wire: a door.
#[async_trait]
pub trait Wire: Send + Sync {
    /// The subscription that the door has written down.
    fn read(&self, key: Key, record: &[u8]) -> Result<Subscription, String>;

    /// Says in the user's words what is wrong where it cannot be written now.
    async fn write(&self, told: &Told) -> Result<Message, String>;
}

/// Brings messages to endpoints.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Answers within the time limit of the endpoint, whatever the endpoint does.
    async fn deliver(&self, endpoint: &Endpoint, message: Message) -> Outcome;
}
