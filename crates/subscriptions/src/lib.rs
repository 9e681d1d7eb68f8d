//! Who wants to know, and who has been told (NGSI-LD 5.8): follows the journal, finds the
//! subscriptions that an event concerns, and keeps the outbox of each until all is delivered.
//!
//! [`Post`] decides what is sent when, and does nothing itself; [`Notifier`] reads the journal,
//! sends, and writes down how far things are.

mod subscription;
mod changes;
mod sight;
mod concern;
mod matching;
mod index;
mod account;
mod settings;
mod post;
mod wire;
mod border;
mod office;
mod notifier;
mod dead_letters;
mod streams;

pub use account::Account;
pub use border::{Border, OpenBorder};
pub use changes::{Changes, is_same};
pub use concern::LINKED_MAX;
pub use dead_letters::{DeadLetters, LETTERS_AT_ONCE, Letters, Replayed};
pub use index::{Index, Slot};
pub use matching::Match;
pub use notifier::Notifier;
pub use office::{SubscribeError, Subscriptions};
pub use post::{DeadLetter, Delivery, Missing, News, Outcome, Post, Snapshot, State, Ticket};
pub use settings::Settings;
pub use streams::{Gone, OpenError, Stream, StreamSettings, Streams};
pub use subscription::{
    Accept, Endpoint, Format, Join, Key, Notification, Schedule, Selector, Status, Subscription,
    Trigger, Triggers,
};
pub use wire::{About, Deliver, Message, Told, Wire};

#[cfg(any(test, feature = "notation"))]
pub mod notation;
