//! TLS at the listeners: made from files, and made anew when they change, while connections go on.

mod files;
mod follow;
mod generated;
mod peer;
mod profile;
mod subject;

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ::audit::Outcome;
use broker::Clock;
use identity::Stamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

use crate::clock::SystemClock;
use crate::settings::{ClientAuth, ListenerSettings};

pub use files::{FILE_BYTES_MAX, FileProblem, REVOCATIONS_BYTES_MAX};
pub use follow::follow;
pub use generated::{Pair, names};
pub use peer::{Certificates, Peer};
pub use profile::{Profile, provider};

/// What clients and server can speak over TLS (RFC 7301).
const PROTOCOLS: [&[u8]; 1] = [b"http/1.1"];

/// A certificate that ends so soon is warned of.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// TLS at one listener.
pub struct Tls {
    settings: ListenerSettings,
    pair: Pair,
    current: RwLock<Current>,
}

/// What was made from the files as they last were.
#[derive(Clone)]
struct Current {
    config: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    fingerprint: String,
    stamps: Vec<Option<Stamp>>,
    /// How often it was made.
    generation: u64,
}

impl Tls {
    /// Reads the files. `pair` is used where the settings name no certificate.
    pub fn open(settings: &ListenerSettings, pair: Pair) -> Result<Tls, FileProblem> {
        let settings = settings.clone();
        let current = RwLock::new(make(&settings, &pair, 0)?);
        Ok(Tls { settings, pair, current })
    }

    /// The certificate's SHA-256, by which a person can tell it from another.
    pub fn fingerprint(&self) -> String {
        self.current().fingerprint
    }

    /// The handshake. It has no end of its own: whoever calls sets one.
    pub async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.current().config).accept(stream).await
    }

    /// Reads the files again where they changed, or in any case. Files that cannot be used leave
    /// everything as it was: a slip of the pen must not lock everyone out, nor let anyone in.
    pub fn refresh(&self, in_any_case: bool) {
        let before = self.current();
        let stamps = stamps(&self.settings, &self.pair);
        if !in_any_case && before.stamps == stamps {
            return;
        }
        let listener = &self.settings.name;
        let made = make(&self.settings, &self.pair, before.generation + 1);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        match made {
            Ok(made) => {
                info!(listener, fingerprint = made.fingerprint, "read the files of TLS again");
                *current = made;
            }
            Err(error) => {
                current.stamps = stamps;
                warn!(listener, %error, "the files of TLS changed, but cannot be used; the old ones stay");
            }
        }
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn generation(&self) -> u64 {
        self.current.read().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Would a client with this certificate be let in now?
    fn verify(&self, chain: &[CertificateDer<'static>]) -> Result<(), String> {
        let refused = || "the certificate is not taken here any more".to_owned();
        let clients = self.current().clients.ok_or_else(refused)?;
        let (first, others) = chain.split_first().ok_or_else(refused)?;
        let verified = clients.verify_client_cert(first, others, now());
        verified.map(|_| ()).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("listener", &self.settings.name).finish_non_exhaustive()
    }
}

/// Writes down that a handshake failed. Where it was for a certificate, somebody was refused: that is
/// given.
pub fn tell_failed(listener: &str, from: SocketAddr, error: &io::Error) -> Outcome {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => {
            info!(listener, %from, %error, "a client certificate was refused");
            Outcome::refused(&format!("the client certificate is refused: {error}"))
        }
        _ => {
            debug!(listener, %from, %error, "a TLS handshake failed");
            Outcome::failed(&format!("the TLS handshake failed: {error}"))
        }
    }
}

fn make(settings: &ListenerSettings, pair: &Pair, generation: u64) -> Result<Current, FileProblem> {
    // The stamps first: a change in between is then seen as one.
    let stamps = stamps(settings, pair);
    let profile = settings.profile();
    let profile = profile.map_err(|(name, problem)| FileProblem::new(Path::new(name), problem))?;
    let chain = files::certificates(&pair.certificate)?;
    warn_of(settings, pair, &chain[0]);
    let fingerprint = subject::fingerprint(&chain[0]);
    let key = files::key(&pair.key)?;
    let certified = CertifiedKey::from_der(chain, key, &profile.provider);
    let certified = certified.map_err(|error| FileProblem::new(&pair.key, error))?;
    let certified = Arc::new(SingleCertAndKey::from(certified));
    let clients = clients(settings, &profile)?;
    let builder = ServerConfig::builder_with_provider(profile.provider.clone());
    let builder = builder.with_protocol_versions(profile.versions);
    let builder = builder.map_err(|error| FileProblem::new(Path::new("tls_suites"), error))?;
    let mut config = match &clients {
        Some(clients) => builder.with_client_cert_verifier(clients.clone()),
        None => builder.with_no_client_auth(),
    }
    .with_cert_resolver(certified);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    if clients.is_some() {
        // A session that is taken up again would not be looked at again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Current { config: Arc::new(config), clients, fingerprint, stamps, generation })
}

/// Who judges the certificates of clients; nobody where none are asked for.
fn clients(
    settings: &ListenerSettings,
    profile: &Profile,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, FileProblem> {
    if settings.client_auth == ClientAuth::Off {
        return Ok(None);
    }
    let path = Path::new(&settings.client_authorities);
    let roots = Arc::new(files::authorities(path)?);
    let mut revocations = Vec::new();
    for path in &settings.client_revocations {
        let found = files::revocations(Path::new(path))?;
        // Here it is known which file holds one that cannot be used.
        let alone =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), profile.provider.clone());
        let usable = alone.with_crls(found.iter().cloned()).build();
        usable.map_err(|error| FileProblem::new(Path::new(path), error))?;
        revocations.extend(found);
    }
    let builder = WebPkiClientVerifier::builder_with_provider(roots, profile.provider.clone());
    let builder = builder.with_crls(revocations).enforce_revocation_expiration();
    let builder = match settings.client_auth {
        ClientAuth::Optional => builder.allow_unauthenticated(),
        ClientAuth::Required | ClientAuth::Off => builder,
    };
    builder.build().map(Some).map_err(|error| FileProblem::new(path, error))
}

/// Says what works, but not for long, or not as well as it should.
fn warn_of(settings: &ListenerSettings, pair: &Pair, certificate: &CertificateDer<'_>) {
    let listener = &settings.name;
    let (file, key) = (pair.certificate.display(), pair.key.display());
    let soon = i64::try_from((now().as_secs()) + EXPIRES_SOON.as_secs()).unwrap_or(i64::MAX);
    match subject::expires_at(certificate) {
        Some(end) if end < soon - EXPIRES_SOON.as_secs().cast_signed() => {
            warn!(listener, "the certificate in `{file}` has expired; clients will refuse it");
        }
        Some(end) if end < soon => {
            warn!(listener, "the certificate in `{file}` expires within 30 days");
        }
        _ => {}
    }
    let others = |data: fs::Metadata| data.permissions().mode() & 0o007 != 0;
    if fs::metadata(&pair.key).is_ok_and(others) {
        warn!(listener, "everyone on this machine can read the private key in `{key}`; chmod 600");
    }
}

fn stamps(settings: &ListenerSettings, pair: &Pair) -> Vec<Option<Stamp>> {
    let named = [&settings.client_authorities].into_iter().chain(&settings.client_revocations);
    let named = named.filter(|path| !path.is_empty()).map(PathBuf::from);
    let files = [pair.certificate.clone(), pair.key.clone()].into_iter().chain(named);
    files.map(|path| Stamp::of(&path)).collect()
}

fn now() -> UnixTime {
    let micros = u64::try_from(SystemClock.now().0).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_micros(micros))
}
