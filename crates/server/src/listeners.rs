//! The addresses of a server: which may be taken, taking them, and what is said of them.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use http::header::HeaderValue;
use tokio::net::TcpListener;
use url::Url;

use crate::clock::SystemClock;
use crate::doors::Doors;
use crate::failure::Failure;
use crate::http::Listener;
use crate::settings::{ListenerSettings, Settings};
use crate::tls::{FileProblem, Pair, Tls, names};

/// An address that is taken.
#[derive(Debug)]
pub struct Taken {
    pub settings: ListenerSettings,
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
}

/// Refuses what must not be served at an address.
pub fn check(settings: &Settings) -> Result<(), Failure> {
    settings.all_listeners().iter().try_for_each(|one| {
        check_open(settings.open, one)?;
        check_plain(one)
    })
}

/// An open server must not be reachable from another machine.
fn check_open(is_open: bool, one: &ListenerSettings) -> Result<(), Failure> {
    if is_open && !one.listen.ip().to_canonical().is_loopback() {
        return Err(Failure::Refused(format!(
            "--open asks for no keys, so it is refused on {}, which other machines can reach; \
             listen on 127.0.0.1, or leave --open out",
            one.listen
        )));
    }
    Ok(())
}

/// Keys and data must not cross a network for everyone to read.
fn check_plain(one: &ListenerSettings) -> Result<(), Failure> {
    if one.tls || one.plain_http || one.listen.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "listener `{}`: HTTP without TLS is refused on {}, which other machines can reach; set \
         `tls = true` (a certificate is made if there is none), listen on 127.0.0.1, or set \
         `plain_http = true` where something else encrypts",
        one.name, one.listen
    )))
}

/// Takes all addresses, or explains what stands in the way. The settings then say where that is.
pub async fn take(settings: &mut Settings) -> Result<Vec<Taken>, Failure> {
    check(settings)?;
    let mut taken = Vec::new();
    for mut one in settings.all_listeners() {
        let socket = bind(&one).await.map_err(Failure::Refused)?;
        // Port 0 was any port; now it is one.
        one.listen = socket.local_addr().unwrap_or(one.listen);
        taken.push(Taken { settings: one, socket, tls: None });
    }
    match (settings.listeners.as_slice(), taken.as_slice()) {
        ([], [only]) => settings.listen = only.settings.listen,
        _ => settings.listeners = taken.iter().map(|one| one.settings.clone()).collect(),
    }
    Ok(taken)
}

async fn bind(one: &ListenerSettings) -> Result<TcpListener, String> {
    let address = one.listen;
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is in use by another program; choose another port with --listen")
        }
        _ => format!("could not listen on {address}: {error}"),
    })
}

/// Reads the files of those that speak TLS; makes a certificate where none is named. The data
/// directory is ours by now.
pub fn read_tls(all: &mut [Taken], settings: &Settings) -> Result<(), Failure> {
    let url = Url::parse(&settings.public_url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    let addresses: Vec<IpAddr> = all.iter().map(|one| one.settings.listen.ip()).collect();
    for one in all.iter_mut().filter(|one| one.settings.tls) {
        let names = || names(addresses.iter().copied(), host);
        let read = one.pair(&settings.data, names).and_then(|pair| Tls::open(&one.settings, pair));
        let listener = &one.settings.name;
        let read = read.map_err(|e| Failure::Refused(format!("listener `{listener}`: {e}")));
        one.tls = Some(Arc::new(read?));
    }
    Ok(())
}

impl Taken {
    /// The files of its certificate and key.
    fn pair(&self, data: &Path, names: impl Fn() -> Vec<String>) -> Result<Pair, FileProblem> {
        let (certificate, key) = (&self.settings.tls_certificate, &self.settings.tls_key);
        if !certificate.is_empty() {
            return Ok(Pair { certificate: certificate.into(), key: key.into() });
        }
        Pair::find_or_make(data, &names(), broker::Clock::now(&SystemClock))
    }

    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    pub fn url(&self) -> String {
        let scheme = if self.settings.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.settings.listen)
    }

    /// What a person should know of it: where it is, and how to tell its certificate from another.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Comity listens on {}", self.url())];
        let fingerprint = self.tls.as_ref().map(|tls| tls.fingerprint());
        lines.extend(fingerprint.map(|one| format!("  certificate SHA-256 {one}")));
        lines
    }

    /// With what is served there.
    pub fn listener(self, doors: &Doors) -> Listener {
        let hsts = self.hsts();
        Listener {
            router: doors.router(&self.settings.apis),
            name: self.settings.name,
            socket: self.socket,
            allow_from: self.settings.allow_from,
            turned_away: Some(doors.recorder.turned_away()),
            tls: self.tls,
            hsts,
        }
    }

    /// RFC 6797: it means nothing over HTTP, and must not be sent there.
    fn hsts(&self) -> Option<HeaderValue> {
        let seconds = self.settings.hsts_max_age.as_secs();
        let wanted = self.settings.tls && seconds != 0;
        wanted.then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        check(&settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn nothing_is_open_or_plain_where_other_machines_are() {
        let at = |address: &str| address.parse().unwrap();
        assert_eq!(refused(|_| {}), "");
        assert_eq!(refused(|s| s.listen = at("[::ffff:127.0.0.1]:1")), "");
        let told = refused(|s| s.listen = at("0.0.0.0:1"));
        assert!(told.contains("`tls = true`") && told.contains("`plain_http = true`"), "{told}");
        assert_eq!(refused(|s| (s.listen, s.tls) = (at("0.0.0.0:1"), true)), "");
        assert_eq!(refused(|s| (s.listen, s.plain_http) = (at("[::]:1"), true)), "");
        let told = refused(|s| (s.listen, s.open, s.tls) = (at("[::]:1"), true, true));
        assert!(told.contains("--open asks for no keys"), "{told}");
        let second = ListenerSettings { listen: at("192.0.2.1:1"), ..ListenerSettings::default() };
        let told = refused(|s| s.listeners = vec![ListenerSettings::default(), second]);
        assert!(told.contains("refused on 192.0.2.1:1"), "{told}");
    }
}
