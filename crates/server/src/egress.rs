//! Where the platform may call. What it is asked to download or to tell must not lead it into the
//! network it stands in, nor anywhere that its operator did not allow.
//!
//! Every connection that this program begins is opened by a [`Connector`], within these rules:
//! notifications, downloads of contexts, keys of identity providers, the audit record.
//! `tests/way_out.rs` fails where one is opened elsewhere.

mod address;
mod connector;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use crate::settings::{AllowPrivate, Authorities, Destinations, EgressTls, Settings};

pub use address::{Kind, plain};
pub use connector::{ADDRESSES_MAX, Connector, Stream};

/// The rules for everything that goes out.
#[derive(Clone, Debug)]
pub struct EgressRules {
    /// Where no destination is named: all.
    pub allow: Destinations,
    pub deny: Destinations,
    pub private: AllowPrivate,
    /// This machine itself; allowed without `private` only in tests.
    pub loopback: bool,
    /// This machine itself and nothing else, whatever else is allowed: without TLS, nobody else
    /// would be known.
    pub loopback_alone: bool,
    pub tls: EgressTls,
    /// Where the server that downloads listens. What it serves belongs to a tenant, and a download
    /// comes from none: it would give one tenant the contexts of another.
    pub own: Vec<SocketAddr>,
    pub timeout: Duration,
    pub bytes_max: usize,
    pub redirects_max: usize,
    /// Trusted beside those of the web.
    pub authorities: Authorities,
}

/// Where a connection is to go, before its name is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: Host,
    pub port: u16,
    pub secure: bool,
}

/// Which rule a destination offends against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address is not told: it may be known inside a network only.
    #[error("`{0}` is {1}, which nothing may reach from here (setting `egress_allow_private`)")]
    Private(String, Kind),
    #[error("`{0}` is not among the destinations that are allowed (setting `egress_allow`)")]
    NotAllowed(String),
    #[error("`{0}` is refused by `{1}` (setting `egress_deny`)")]
    Denied(String, String),
    #[error("`{0}` would be reached without TLS, which is required (setting `egress_tls`)")]
    Plain(String),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("it is not a URL that can be called; name a host, and no user or password")]
    NotAUrl,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(
        "it is at an address of this server, which calls itself neither for contexts nor with \
         notifications"
    )]
    Own,
    #[error("there was no connection within {0:?} (setting `egress_timeout`)")]
    TimedOut(Duration),
    #[error("its server could not be reached: {0}")]
    Unreachable(#[from] io::Error),
}

impl EgressRules {
    pub fn of(settings: &Settings) -> EgressRules {
        EgressRules {
            allow: settings.egress_allow.clone(),
            deny: settings.egress_deny.clone(),
            private: settings.egress_allow_private.clone(),
            loopback: settings.open,
            loopback_alone: false,
            tls: settings.egress_tls,
            own: Vec::new(),
            timeout: settings.egress_timeout,
            bytes_max: settings.egress_bytes_max.as_usize(),
            redirects_max: settings.egress_redirects_max,
            authorities: settings.egress_authorities.clone(),
        }
    }

    /// For the server that listens where these settings say, at every address.
    pub fn of_server(settings: &Settings) -> EgressRules {
        let own = settings.all_listeners().iter().map(|one| one.listen).collect();
        EgressRules { own, ..EgressRules::of(settings) }
    }

    pub fn is_own(&self, address: SocketAddr) -> bool {
        self.own.iter().any(|own| {
            let (ours, ip) = (plain(own.ip()), plain(address.ip()));
            own.port() == address.port()
                && (ours == ip || (ours.is_unspecified() && ip.is_loopback()))
        })
    }

    /// Refuses what can be refused before a name is looked up.
    pub fn check(&self, target: &Target) -> Result<(), Refused> {
        if self.tls == EgressTls::Required && !target.secure {
            return Err(Refused::Plain(target.shown()));
        }
        if let Some(address) = target.address() {
            return self.check_address(target, address);
        }
        self.check_denied(target, None)?;
        // Where a network is listed, the name may yet lead into it.
        let may_be_allowed = self.allow.is_empty()
            || self.allow.has_networks()
            || self.allow.matching(&target.host, target.port, None).is_some();
        if may_be_allowed { Ok(()) } else { Err(Refused::NotAllowed(target.shown())) }
    }

    /// Refuses an address that the host of a target has.
    pub fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refused> {
        let address = plain(address);
        self.check_denied(target, Some(address))?;
        let named = self.allow.matching(&target.host, target.port, Some(address));
        if !self.allow.is_empty() && named.is_none() {
            return Err(Refused::NotAllowed(target.shown()));
        }
        if self.allows(address) {
            return Ok(());
        }
        Err(Refused::Private(target.host.to_string(), Kind::of(address)))
    }

    fn check_denied(&self, target: &Target, address: Option<IpAddr>) -> Result<(), Refused> {
        match self.deny.matching(&target.host, target.port, address) {
            Some(rule) => Err(Refused::Denied(target.shown(), rule.to_string())),
            None => Ok(()),
        }
    }

    /// May an address of this kind be called at all?
    pub fn allows(&self, address: IpAddr) -> bool {
        let (address, kind) = (plain(address), Kind::of(address));
        let loopback = kind == Kind::Loopback;
        let allowed = kind == Kind::Public
            || (self.loopback && loopback)
            || match &self.private {
                AllowPrivate::All => !matches!(kind, Kind::Metadata | Kind::Multicast),
                AllowPrivate::Networks(networks) => networks.contains(address),
            };
        allowed && (loopback || !self.loopback_alone)
    }
}

impl Target {
    /// Of a URL of any scheme that is known here, with the port that is usual for it.
    pub fn of(url: &Url) -> Result<Target, EgressError> {
        let (secure, port) = match url.scheme() {
            "https" => (true, 443),
            "http" => (false, 80),
            "mqtts" => (true, 8883),
            "mqtt" => (false, 1883),
            // What RFC 5425 has, and what is usual without TLS.
            "tls" => (true, 6514),
            "tcp" => (false, 514),
            _ => return Err(EgressError::NotAUrl),
        };
        // MQTT has its user there; nobody else is asked by name and password.
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user && !url.scheme().starts_with("mqtt") {
            return Err(EgressError::NotAUrl);
        }
        // A scheme that URLs do not know has a host that is not read as one.
        let host = Host::parse(url.host_str().ok_or(EgressError::NotAUrl)?);
        let host = host.map_err(|_| EgressError::NotAUrl)?;
        Ok(Target { host, port: url.port().unwrap_or(port), secure })
    }

    /// Where it is an address that is named.
    fn address(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some((*address).into()),
            Host::Ipv6(address) => Some((*address).into()),
        }
    }

    fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
