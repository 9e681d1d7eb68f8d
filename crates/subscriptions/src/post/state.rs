//! How far a subscription is, as it is written down.

use std::collections::BTreeSet;

use model::Timestamp;
use serde_json::{Value, json};
use store::Position;

use crate::account::Account;

/// Everything up to the cursor is delivered, dead or expired; of what comes later, what is `done`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub cursor: Position,
    /// Up to where the journal was read for the account. What waits in it lies before that.
    pub counted_to: Position,
    /// Nothing was waiting: what others read on in the journal counts for this one too.
    pub is_idle: bool,
    /// The journal was cut off before all that waits was read.
    pub is_cut: bool,
    pub done: BTreeSet<Position>,
    pub account: Account,
    pub sent_at: Option<Timestamp>,
    pub next_period: Option<Timestamp>,
    pub dead_letters: usize,
}

impl State {
    /// Of a subscription to what happens from here on.
    pub fn from_here(cursor: Position) -> State {
        State { cursor, counted_to: cursor, is_idle: true, ..State::default() }
    }

    /// Where nothing was waiting, what all have read counts.
    pub fn caught_up(self, read_to: Position) -> State {
        let cursor = if self.is_idle { self.cursor.max(read_to) } else { self.cursor };
        State { cursor, ..self }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let moment = |at: Option<Timestamp>| at.map(|at| at.0);
        let account = &self.account;
        json!({
            "cursor": self.cursor.0,
            "countedTo": self.counted_to.0,
            "isIdle": self.is_idle,
            "isCut": self.is_cut,
            "done": self.done.iter().map(|position| position.0).collect::<Vec<_>>(),
            "delivered": account.delivered,
            "waiting": account.waiting,
            "dead": account.dead,
            "expired": account.expired,
            "timesSent": account.times_sent,
            "timesFailed": account.times_failed,
            "lastNotification": moment(account.last_notification),
            "lastSuccess": moment(account.last_success),
            "lastFailure": moment(account.last_failure),
            "sentAt": moment(self.sent_at),
            "nextPeriod": moment(self.next_period),
            "deadLetters": self.dead_letters,
        })
        .to_string()
        .into_bytes()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<State> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let count = |name: &str| json[name].as_u64();
        let moment = |name: &str| json[name].as_i64().map(Timestamp);
        let done = json["done"].as_array()?.iter();
        Some(State {
            cursor: Position(count("cursor")?),
            // Not written down before accounts outlived a stop: then nothing is known to wait.
            counted_to: Position(count("countedTo").or(count("cursor"))?),
            is_idle: json["isIdle"].as_bool()?,
            is_cut: json["isCut"].as_bool().unwrap_or_default(),
            done: done.filter_map(Value::as_u64).map(Position).collect(),
            account: Account {
                delivered: count("delivered")?,
                waiting: count("waiting").unwrap_or_default(),
                dead: count("dead")?,
                expired: count("expired")?,
                times_sent: count("timesSent")?,
                times_failed: count("timesFailed")?,
                last_notification: moment("lastNotification"),
                last_success: moment("lastSuccess"),
                last_failure: moment("lastFailure"),
            },
            sent_at: moment("sentAt"),
            next_period: moment("nextPeriod"),
            dead_letters: usize::try_from(count("deadLetters")?).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back() {
        let state = State {
            cursor: Position(7),
            counted_to: Position(13),
            is_idle: true,
            is_cut: true,
            done: [Position(9), Position(12)].into(),
            account: Account {
                delivered: 4,
                waiting: 2,
                dead: 1,
                last_success: Some(Timestamp(5)),
                ..Account::default()
            },
            sent_at: Some(Timestamp(-1)),
            next_period: None,
            dead_letters: 1,
        };
        assert_eq!(State::from_bytes(&state.to_bytes()), Some(state));
        assert_eq!(State::from_bytes(b"{}"), None);
    }

    #[test]
    fn a_state_from_before_accounts_outlived_a_stop_keeps_its_place() {
        let bytes = State::from_here(Position(7)).to_bytes();
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        let members = json.as_object_mut().expect("an object");
        members.retain(|name, _| name != "countedTo" && name != "waiting");
        let read = State::from_bytes(json.to_string().as_bytes());
        assert_eq!(read, Some(State::from_here(Position(7))));
    }
}
