//! An identity provider on this machine that does what a test tells it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::SigningKey;

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
}

impl Provider {
    pub fn start(keys: &[&SigningKey]) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let keys = keys.iter().map(|key| key.jwk()).collect();
        let state = State { keys, issuer: issuer.clone(), mood: Mood::Fine, asked: 0 };
        let state = Arc::new(Mutex::new(state));
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever asked may be gone by then.
                let _ = answer(stream.unwrap(), &serving);
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
             allow_private = true\n{more}\n",
            self.issuer
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens are made for the server's own clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    while !lines.next().unwrap_or(Ok(String::new()))?.is_empty() {}
    let body = {
        let mut state = state.lock().unwrap();
        match state.mood {
            Mood::Fine => {}
            Mood::Down => {
                state.asked += 1;
                return Ok(());
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
