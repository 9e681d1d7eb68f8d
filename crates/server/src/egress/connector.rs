//! The only way out: names are looked up once, what they lead to is checked, and the connection
//! goes to an address that was checked.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::{EgressError, EgressRules, Target};
use crate::tls;

/// How many addresses of one name are looked at; the first ones.
pub const ADDRESSES_MAX: usize = 64;

/// Opens every connection that this program begins.
#[derive(Clone)]
pub struct Connector {
    rules: EgressRules,
    tls: TlsConnector,
    resolver: Arc<dyn Resolve>,
}

/// A connection, encrypted or not.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Looks names up.
#[async_trait]
pub trait Resolve: Send + Sync {
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As the system does.
struct System;

#[async_trait]
impl Resolve for System {
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.take(ADDRESSES_MAX).collect())
    }
}

impl Connector {
    /// Believes the public certificate authorities, and those of the rules.
    pub fn new(rules: EgressRules) -> Connector {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        rules.authorities.add_to(&mut roots);
        let provider = tls::provider();
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the built-in provider knows the default versions; every start tries it")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Connector { rules, tls: TlsConnector::from(Arc::new(config)), resolver: Arc::new(System) }
    }

    /// The same, within other rules; the authorities that it believes stay those they are.
    pub fn within(&self, rules: EgressRules) -> Connector {
        Connector { rules, ..self.clone() }
    }

    /// The same, with names that lead elsewhere.
    #[cfg(test)]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Connector {
        Connector { resolver, ..self }
    }

    pub fn rules(&self) -> &EgressRules {
        &self.rules
    }

    /// To the host of an http or https URL.
    pub async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::NotAUrl);
        }
        self.connect_to(&Target::of(url)?).await
    }

    /// As [`Connector::connect`], for protocols other than HTTP.
    pub async fn connect_to(&self, target: &Target) -> Result<Box<dyn Stream>, EgressError> {
        // Who began it may no longer wait for it: it ends all the same.
        let timeout = self.rules.timeout;
        let connected = tokio::time::timeout(timeout, self.connected(target)).await;
        connected.unwrap_or(Err(EgressError::TimedOut(timeout)))
    }

    async fn connected(&self, target: &Target) -> Result<Box<dyn Stream>, EgressError> {
        self.rules.check(target)?;
        let addresses = self.addresses(target).await?;
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        if !target.secure {
            return Ok(Box::new(stream));
        }
        let name = match &target.host {
            Host::Domain(name) => {
                ServerName::try_from(name.clone()).map_err(|_| EgressError::NotAUrl)?
            }
            Host::Ipv4(address) => ServerName::IpAddress((*address).into()),
            Host::Ipv6(address) => ServerName::IpAddress((*address).into()),
        };
        Ok(Box::new(self.tls.connect(name, stream).await?))
    }

    /// The addresses that may be called; there is one.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, EgressError> {
        let found = match &target.host {
            Host::Ipv4(address) => vec![SocketAddr::from((*address, target.port))],
            Host::Ipv6(address) => vec![SocketAddr::from((*address, target.port))],
            Host::Domain(name) => self.resolver.addresses(name, target.port).await?,
        };
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in found {
            // A name that leads to this server among others is no more trusted than one that leads
            // nowhere else.
            if self.rules.is_own(address) {
                return Err(EgressError::Own);
            }
            match self.rules.check_address(target, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(allowed),
            (true, Some(refused)) => Err(refused.into()),
            (true, None) => {
                Err(io::Error::new(io::ErrorKind::NotFound, "it has no address").into())
            }
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "connector_tests.rs"]
mod tests;
