//! Clients with certificates, from the connection to the caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use policy::Caller;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::{Tls, subject};
use crate::clock::moment;
use crate::settings::CertificateSettings;

/// How long a certificate may stay unlooked at on a connection that is open.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How many names of a certificate an answer tells.
const NAMES_TOLD: usize = 5;

/// How long each of them is there.
const NAME_CHARS_TOLD: usize = 200;

/// A client that showed a certificate; it was good when the connection began.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    tls: Arc<Tls>,
    chain: Vec<CertificateDer<'static>>,
    names: Vec<String>,
    checked: Mutex<Checked>,
}

/// What was found when the certificate was last looked at.
#[derive(Clone, Debug)]
struct Checked {
    generation: u64,
    at: Instant,
    found: Result<(), String>,
}

impl Peer {
    /// `chain` begins with the client's own certificate, as the handshake has verified it.
    pub fn new(tls: Arc<Tls>, chain: Vec<CertificateDer<'static>>) -> Peer {
        let names = chain.first().map(subject::names).unwrap_or_default();
        // The files may have changed since the handshake began.
        let (generation, at, found) = (tls.generation(), moment(), tls.verify(&chain));
        let checked = Mutex::new(Checked { generation, at, found });
        Peer(Arc::new(Shown { tls, chain, names, checked }))
    }

    /// The names in the certificate, of the kinds that are known here.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// Is the certificate still good? Connections last, and meanwhile one expires or is revoked.
    pub fn check(&self) -> Result<(), String> {
        let mut checked = self.0.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let (generation, now) = (self.0.tls.generation(), moment());
        let is_old = CHECK_AGAIN_AFTER <= now.saturating_duration_since(checked.at);
        if is_old || checked.generation != generation {
            *checked = Checked { generation, at: now, found: self.0.tls.verify(&self.0.chain) };
        }
        checked.found.clone()
    }
}

/// Who comes with which certificate.
#[derive(Clone, Debug, Default)]
pub struct Certificates(HashMap<String, Caller>);

impl Certificates {
    /// Or else which setting of a table is wrong, and why.
    pub fn new(all: &[CertificateSettings]) -> Result<Certificates, (&'static str, String)> {
        let one = |one: &CertificateSettings| Ok((lookup(&one.subject), one.caller()?));
        all.iter().map(one).collect::<Result<_, _>>().map(Certificates)
    }

    /// The caller that the certificate alone makes; nobody where it is mapped to none.
    pub fn caller(&self, peer: &Peer) -> Result<Caller, String> {
        let found = peer.0.names.iter().find_map(|name| self.0.get(name));
        found.cloned().ok_or_else(|| {
            let told = |name: &String| {
                format!("`{}`", name.chars().take(NAME_CHARS_TOLD).collect::<String>())
            };
            let names: Vec<String> = peer.0.names.iter().take(NAMES_TOLD).map(told).collect();
            match names.as_slice() {
                [] => "the certificate has no name of a kind that is known here".to_owned(),
                names => format!(
                    "the certificate is good, but nobody here has its name ({}); the settings need \
                     [[certificates]] with it as `subject`",
                    names.join(", ")
                ),
            }
        })
    }
}

/// DNS names are the same in capitals (RFC 4343).
fn lookup(subject: &str) -> String {
    match subject.split_once(':') {
        Some(("DNS", name)) => format!("DNS:{}", name.to_ascii_lowercase()),
        _ => subject.to_owned(),
    }
}
