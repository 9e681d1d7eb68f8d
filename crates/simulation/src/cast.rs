//! Who subscribes, to what, and since when.

use model::Timestamp;
use store::Position;
use subscriptions::{Account, Schedule, Subscription, notation};

/// What a subscription may ask for.
const TERMS: &[&str] = &[
    "type=Lamp",
    "type=Bench",
    "watch=n",
    "watch=b type=Lamp",
    "q=n>30",
    "id=urn:e:1,urn:e:2",
    "pattern=urn:e:[34]",
    "on=entityCreated,entityDeleted",
    "on=entityUpdated,entityDeleted type=Lamp",
    "throttle=3 type=Lamp",
    "throttle=40",
    "every=20 type=Bench",
];

/// The receiver that always takes what it is sent, and those that do not.
pub const GOOD: &str = "http://good.example";
pub const DOUBTFUL: &[&str] = &["http://a.example/1", "http://a.example/2", "http://b.example"];

/// A subscription in the story, and what is known of it.
#[derive(Clone, Debug)]
pub struct Member {
    pub text: String,
    pub subscription: Subscription,
    /// It is told of what comes after this position.
    pub since: Position,
    /// Has it had the same terms all the time?
    pub is_steady: bool,
    pub ended: Option<Timestamp>,
    /// As it was when somebody last looked, since the last start.
    pub seen: Account,
}

impl Member {
    /// The `nth` one, with terms and a receiver of that number.
    pub fn new(nth: usize, terms: usize, receiver: usize, since: Position) -> Member {
        let text = text(nth, terms, receiver);
        Member {
            subscription: notation::subscription(&text),
            text,
            since,
            is_steady: true,
            ended: None,
            seen: Account::default(),
        }
    }

    pub fn is_told_by_the_clock(&self) -> bool {
        matches!(self.subscription.schedule, Schedule::Every(_))
    }

    pub fn gathers(&self) -> bool {
        matches!(self.subscription.schedule, Schedule::OnChange { throttling: Some(_) })
    }
}

pub fn text(nth: usize, terms: usize, receiver: usize) -> String {
    let receivers = DOUBTFUL.len() + 2;
    let uri = DOUBTFUL.get(receiver % receivers).copied().unwrap_or(GOOD);
    format!("{nth} {} to={uri}", TERMS[terms % TERMS.len()])
}
