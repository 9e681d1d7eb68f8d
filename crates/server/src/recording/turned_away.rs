//! Who is turned away before anything can be asked for: by its address, or in the handshake of TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use ::audit::{Entry, Event, Identity, Outcome, Who};

use crate::audit::Ledger;

/// Records it, the same from one address only once in a while.
#[derive(Clone, Debug)]
pub struct TurnedAway(pub(super) Arc<Ledger>);

impl TurnedAway {
    /// `listener` is the name of the one it came to.
    pub fn record(&self, listener: &str, from: SocketAddr, outcome: Outcome) {
        let who = Who { name: super::UNKNOWN.into(), kind: Identity::Anonymous, tenant: None };
        let route = format!("listener {listener}");
        // The reason holds nothing that changes from one time to the next but what the client sent.
        let kind = outcome.name();
        let entry = Entry::new(Event::Refusal, who, outcome).target(&route);
        let entry = entry.from(&from.ip().to_canonical().to_string());
        self.0.note_folded(entry, &route, kind);
    }
}
