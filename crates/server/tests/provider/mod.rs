//! An identity provider on this machine that does what a test tells it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use testkit::SigningKey;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

pub struct Provider {
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: Vec<Value>,
    /// What its document says.
    issuer: String,
    mood: Mood,
    asked: usize,
}

#[derive(Clone, Copy)]
pub enum Mood {
    Fine,
    /// Connections are closed without an answer.
    Down,
    /// It is somewhere else.
    Moved,
    /// It answers with this status.
    Status(u16),
    /// It takes that long to answer.
    Slow(Duration),
}

impl Provider {
    pub fn start(keys: &[&SigningKey]) -> Provider {
        Provider::serve(keys, None)
    }

    /// With a certificate, over https; tells also the certificate of its authority, as PEM.
    pub fn start_with_tls(keys: &[&SigningKey]) -> (Provider, String) {
        let (tls, authority) = certified();
        (Provider::serve(keys, Some(Arc::new(tls))), authority)
    }

    fn serve(keys: &[&SigningKey], tls: Option<Arc<ServerConfig>>) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let issuer = format!("{scheme}://{}", listener.local_addr().unwrap());
        let keys = keys.iter().map(|key| key.jwk()).collect();
        let state = State { keys, issuer: issuer.clone(), mood: Mood::Fine, asked: 0 };
        let state = Arc::new(Mutex::new(state));
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // Whoever asked may be gone by then.
                let _ = match &tls {
                    None => answer(stream, &serving),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls.clone()).unwrap();
                        answer(StreamOwned::new(connection, stream), &serving)
                    }
                };
            }
        });
        Provider { issuer, state }
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        self.state.lock().unwrap().keys = keys.iter().map(|key| key.jwk()).collect();
    }

    pub fn feel(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    pub fn claim_to_be(&self, issuer: &str) {
        self.state.lock().unwrap().issuer = issuer.to_owned();
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// Good claims of alice, with changes.
    pub fn claims(&self, changes: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer, "sub": "alice", "aud": "comity",
            "iat": now(), "exp": now() + 300, "roles": ["staff"],
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// The table of the settings file, with more lines.
    pub fn table(&self, more: &str) -> String {
        format!(
            "[[issuers]]\nname = \"city\"\nissuer = \"{}\"\naudiences = [\"comity\"]\n\
             roles = {{ boss = \"admin\", staff = \"writer\", public = \"reader\" }}\n\
             allow_private = true\n{}{more}\n",
            self.issuer,
            if more.contains("admin_a") { "" } else { "admin_any_sign_in = true\n" }
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens are made for the server's own clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An authority of its own, and a certificate by it for this machine.
fn certified() -> (ServerConfig, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (key, own_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = authority.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &Issuer::new(authority, key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![own.into()],
            PrivateKeyDer::try_from(own_key.serialize_der()).unwrap(),
        );
    (config.unwrap(), pem)
}

fn answer(mut stream: impl Read + Write, state: &Mutex<State>) -> std::io::Result<()> {
    let first = {
        let mut lines = BufReader::new(&mut stream).lines();
        let first = lines.next().unwrap_or(Ok(String::new()))?;
        while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
        first
    };
    let mood = state.lock().unwrap().mood;
    if let Mood::Slow(span) = mood {
        std::thread::sleep(span);
    }
    let body = {
        let mut state = state.lock().unwrap();
        match state.mood {
            Mood::Fine | Mood::Slow(_) => {}
            Mood::Down => {
                state.asked += 1;
                return Ok(());
            }
            Mood::Status(status) => {
                state.asked += 1;
                return write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            }
            Mood::Moved => {
                return stream
                    .write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n");
            }
        }
        if first.starts_with("GET /.well-known/openid-configuration ") {
            json!({"issuer": state.issuer, "jwks_uri": format!("{}/keys", state.issuer)})
        } else {
            state.asked += 1;
            json!({"keys": state.keys})
        }
        .to_string()
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
