//! Callers with tokens of an identity provider, as a server and a provider have them together.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![expect(clippy::disallowed_methods, reason = "how long keys count is what is tested")]

mod process;
mod provider;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use process::{Server, ask};
use provider::{Mood, Provider, now};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::SigningKey;

const LAMP: &str = r#"{"id":"urn:ngsi-ld:Lamp:1","type":"Lamp"}"#;

/// A server with a data directory of its own, that takes tokens.
struct City {
    server: Server,
    /// Removed with it.
    _directory: TempDir,
}

impl City {
    fn start(issuers: &str) -> City {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("comity.toml");
        std::fs::write(&config, format!("stream_keepalive = \"100ms\"\n{issuers}")).unwrap();
        let (data, config) = (directory.path().join("data"), config.display().to_string());
        let server = Server::run("serve", &data, &["--config", &config]);
        City { server, _directory: directory }
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> String {
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        ask(&self.server.address, method, path, &headers, body).unwrap()
    }

    /// Asks for what every role may see.
    fn check(&self, token: &str, expected: &str) {
        let answer = self.ask("GET", "/ngsi-ld/v1/types", token, "");
        assert!(answer.contains(expected), "{expected}: {answer}");
    }

    /// Asks until there is this answer.
    fn wait_for(&self, token: &str, expected: &str) {
        let began = Instant::now();
        loop {
            let answer = self.ask("GET", "/ngsi-ld/v1/types", token, "");
            if answer.contains(expected) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{expected}: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

const OK: &str = "HTTP/1.1 200";

#[test]
fn a_token_opens_what_its_role_allows() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    let city = City::start(&provider.table(""));
    assert_eq!(provider.asked(), 0, "nothing is fetched at start");
    let token = |changes: Value| key.token(&provider.claims(changes));
    let (writer, reader) = (token(json!({})), token(json!({"roles": "public", "sub": "bob"})));
    let created = city.ask("POST", "/ngsi-ld/v1/entities", &writer, LAMP);
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    city.check(&reader, "Lamp");
    let refused = city.ask("DELETE", "/ngsi-ld/v1/entities/urn:ngsi-ld:Lamp:1", &reader, "");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let admin = token(json!({"roles": ["boss"]}));
    let rules = city.ask("GET", "/admin/historyRetention", &admin, "");
    assert!(rules.starts_with(OK), "{rules}");
    assert_eq!(provider.asked(), 1, "keys are fetched once");
    // Keys are taken beside tokens, and what is neither is refused.
    let mut said = city.server.said.iter();
    let first_key = said.find(|line| line.contains("comity_")).unwrap();
    city.check(first_key.trim(), OK);
    city.check("a.b", "HTTP/1.1 401");
    // Whoever runs the server is told, and nobody else.
    assert!(city.server.said.iter().any(|line| line.contains("with a password alone")));
    let health = city.ask("GET", "/health", "", "");
    assert!(health.contains("\"warnings\":[]"), "{health}");
}

#[test]
fn a_bad_token_is_refused_with_its_reason() {
    let key = SigningKey::rs256("a");
    let provider = Provider::start(&[&key]);
    let city = City::start(&provider.table(
        "admin_acr = [\"mfa\"]\nadmin_amr = [\"hwk\"]\nkeys_retry = \"1h\"\nkeys_refresh = \"1h\"",
    ));
    let check = |changes: Value, expected: &[&str]| {
        let answer =
            city.ask("GET", "/ngsi-ld/v1/types", &key.token(&provider.claims(changes)), "");
        for part in expected {
            assert!(answer.contains(part), "{part}: {answer}");
        }
    };
    check(json!({}), &[OK]);
    check(
        json!({"iat": now() - 900, "exp": now() - 302}),
        &["HTTP/1.1 401", "www-authenticate: Bearer error=\"invalid_token\"", "expired 5 min ago"],
    );
    // The clocks may differ by a minute.
    check(json!({"exp": now() - 50}), &[OK]);
    check(json!({"nbf": now() + 50}), &[OK]);
    check(json!({"nbf": now() + 70}), &["HTTP/1.1 401", "not valid yet"]);
    check(json!({"aud": "other"}), &["HTTP/1.1 401", "`other`, but `comity` is expected"]);
    check(json!({"iss": "https://x.example"}), &["HTTP/1.1 401", "`https://x.example`, which is"]);
    check(json!({"exp": now() + 90_000}), &["HTTP/1.1 401", "24 h is the longest"]);
    check(json!({"roles": "guest"}), &["HTTP/1.1 403", "error=\"insufficient_scope\""]);
    check(
        json!({"roles": "boss", "acr": "pwd", "sub": "weak"}),
        &["HTTP/1.1 403", "insufficient_user_authentication", "acr_values=\"mfa\""],
    );
    check(json!({"roles": "boss", "acr": "mfa", "amr": ["hwk"]}), &[OK]);
    check(json!({"sub": "a\r\nset-cookie: x"}), &["HTTP/1.1 401", "names the caller"]);
    // Administration says the same.
    let weak = key.token(&provider.claims(json!({"roles": "boss"})));
    let answer = city.ask("GET", "/admin/historyRetention", &weak, "");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("insufficient_user_authentication"), "{answer}");
    let good = key.token(&provider.claims(json!({})));
    city.check(&good, OK);
    let (signed, _) = good.rsplit_once('.').unwrap();
    city.check(&format!("{signed}."), "the signature of the token is wrong");
    city.check(&format!("{good}A"), "HTTP/1.1 401");
    city.check(&"a.".repeat(2).repeat(5_000), "HTTP/1.1 401");
    city.check("..", "is not a signed JWT");
    city.check("a.b.c.d.e", "the token is encrypted (JWE)");
    city.check(&format!("a.b.{}", "c".repeat(20_000)), "the token has 20004 bytes");
    assert_eq!(provider.asked(), 1);
}

#[test]
fn keys_that_change_are_followed() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::ed25519("new", [3; 32]));
    let provider = Provider::start(&[&old]);
    let city = City::start(&provider.table("keys_retry = \"100ms\""));
    let before = old.token(&provider.claims(json!({})));
    city.check(&before, OK);
    std::thread::sleep(Duration::from_millis(150));
    provider.publish(&[&new]);
    // The first request with the new key finds it; the old one ends, remembered or not.
    city.check(&new.token(&provider.claims(json!({}))), OK);
    city.check(&before, "a key that its issuer does not publish (key id `old`)");
}

#[test]
fn keys_that_were_taken_back_end_with_their_age() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let provider = Provider::start(&[&old]);
    let city = City::start(&provider.table("keys_refresh = \"500ms\"\nkeys_retry = \"100ms\""));
    let token = old.token(&provider.claims(json!({})));
    city.check(&token, OK);
    provider.publish(&[&new]);
    city.wait_for(&token, "HTTP/1.1 401");
}

/// A provider takes everything back, or is not there any more: that is no outage.
#[test]
fn what_a_provider_says_is_believed_at_once() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    let times = "keys_refresh = \"200ms\"\nkeys_retry = \"100ms\"";
    let city = City::start(&provider.table(times));
    let token = key.token(&provider.claims(json!({})));
    city.check(&token, OK);
    provider.publish(&[]);
    city.wait_for(&token, "a key that its issuer does not publish (key id `a`)");
    provider.publish(&[&key]);
    city.wait_for(&token, OK);
    provider.feel(Mood::Status(410));
    city.wait_for(&token, "HTTP/1.1 503");
    provider.feel(Mood::Fine);
    city.wait_for(&token, OK);
    provider.claim_to_be("https://login.example");
    city.wait_for(&token, "HTTP/1.1 503");
    provider.claim_to_be(&provider.issuer);
    city.wait_for(&token, OK);
    // A server that fails does not say that its keys are no more.
    let asked = provider.asked();
    provider.feel(Mood::Status(500));
    while provider.asked() < asked + 3 {
        city.check(&token, OK);
        std::thread::sleep(Duration::from_millis(20));
    }
    city.check(&token, OK);
}

/// Some providers give their keys no ids, or the same one again.
#[test]
fn keys_are_followed_without_ids() {
    let (old, new) = (SigningKey::es256("a"), SigningKey::es256("a"));
    let other = SigningKey::es384("a");
    let provider = Provider::start(&[&old]);
    let times = "keys_retry = \"100ms\"\nkeys_refresh = \"1h\"";
    let city = City::start(&provider.table(times));
    let token = |key: &SigningKey| key.token(&provider.claims(json!({})));
    city.check(&token(&old), OK);
    for key in [&new, &other] {
        provider.publish(&[key]);
        city.wait_for(&token(key), OK);
        city.check(&token(&old), "HTTP/1.1 401");
    }
}

/// Callers with keys do not notice a provider that is slow, whatever comes in its name.
#[test]
fn a_slow_provider_holds_up_nobody_else() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    provider.feel(Mood::Slow(Duration::from_secs(4)));
    let city = City::start(&provider.table(""));
    let first_key = city.server.said.iter().find(|line| line.contains("comity_")).unwrap();
    let token = |sub: String| key.token(&provider.claims(json!({ "sub": sub })));
    std::thread::scope(|scope| {
        let ask = |number: usize| {
            let (token, city) = (token(number.to_string()), &city);
            move || {
                let began = Instant::now();
                let answer = city.ask("GET", "/ngsi-ld/v1/types", &token, "");
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                assert!(answer.contains("retry-after: 5"), "{answer}");
                assert!(answer.contains("are being fetched"), "{answer}");
                began.elapsed()
            }
        };
        let asking: Vec<_> = (0..200).map(|number| scope.spawn(ask(number))).collect();
        for _ in 0..20 {
            let began = Instant::now();
            city.check(first_key.trim(), OK);
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        }
        let spans: Vec<Duration> = asking.into_iter().map(|one| one.join().unwrap()).collect();
        let waited = spans.iter().filter(|span| Duration::from_millis(1_900) < **span).count();
        // 64 wait at a time; the machine itself may be slow for others.
        assert!((1..=128).contains(&waited), "{spans:?}");
        assert!(spans.iter().all(|span| *span < Duration::from_secs(6)), "{spans:?}");
    });
    provider.feel(Mood::Fine);
    city.wait_for(&token("late".to_owned()), OK);
    assert_eq!(provider.asked(), 1, "one request for keys, whoever waits for them");
}

#[test]
fn a_flood_of_made_up_keys_does_not_reach_the_provider() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    let city = City::start(&provider.table("keys_retry = \"1h\"\nkeys_refresh = \"1h\""));
    let good = key.token(&provider.claims(json!({})));
    city.check(&good, OK);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (city, provider) = (&city, &provider);
            scope.spawn(move || {
                for number in 0..25 {
                    let id = format!("made-up-{thread}-{number}");
                    let forged = SigningKey::ed25519(&id, [thread; 32]);
                    city.check(&forged.token(&provider.claims(json!({}))), "HTTP/1.1 401");
                }
            });
        }
    });
    city.check(&good, OK);
    assert_eq!(provider.asked(), 1);
}

#[test]
fn an_outage_is_outlived_and_ends_some_time() {
    let key = SigningKey::es384("a");
    let provider = Provider::start(&[&key]);
    provider.feel(Mood::Down);
    let times = "keys_refresh = \"200ms\"\nkeys_retry = \"100ms\"\nkeys_outage_max = \"4s\"";
    let city = City::start(&provider.table(times));
    let token = |sub: &str| key.token(&provider.claims(json!({"sub": sub})));
    let answer = city.ask("GET", "/ngsi-ld/v1/types", &token("early"), "");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
    assert!(answer.contains("the keys of identity provider `city` could not be"), "{answer}");
    provider.feel(Mood::Fine);
    city.wait_for(&token("first"), OK);

    provider.feel(Mood::Down);
    let (began, asked) = (Instant::now(), provider.asked());
    // It is asked in vain, and the last keys go on counting, for tokens old and new.
    while provider.asked() < asked + 2 {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    if began.elapsed() < Duration::from_secs(2) {
        city.check(&token("second"), OK);
    }
    city.wait_for(&token("second"), "HTTP/1.1 503");
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    let answer = city.ask("GET", "/admin/historyRetention", &token("third"), "");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 5"), "{answer}");
    provider.feel(Mood::Fine);
    city.wait_for(&token("second"), OK);
}

#[test]
fn only_the_right_provider_is_believed() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    let token = key.token(&provider.claims(json!({})));
    // Another issuer's document, one that is elsewhere, and one in a network that is not allowed.
    provider.claim_to_be("https://login.example");
    City::start(&provider.table("")).check(&token, "HTTP/1.1 503");
    provider.claim_to_be(&provider.issuer);
    provider.feel(Mood::Moved);
    City::start(&provider.table("")).check(&token, "HTTP/1.1 503");
    provider.feel(Mood::Fine);
    let closed = provider.table("").replace("allow_private = true", "");
    City::start(&closed).check(&token, "HTTP/1.1 503");
    assert_eq!(provider.asked(), 0);
    City::start(&provider.table("")).check(&token, OK);
}

#[test]
fn a_provider_proves_itself_by_its_certificate() {
    let key = SigningKey::es256("a");
    let (provider, authority) = Provider::start_with_tls(&[&key]);
    let token = key.token(&provider.claims(json!({})));
    City::start(&provider.table("")).check(&token, "HTTP/1.1 503");
    assert_eq!(provider.asked(), 0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, authority).unwrap();
    let setting = format!("egress_authorities = \"{}\"\n", path.display());
    City::start(&(setting + &provider.table(""))).check(&token, OK);
}

#[test]
fn a_server_starts_without_its_provider() {
    let provider = Provider::start(&[]);
    provider.feel(Mood::Down);
    let key = SigningKey::es256("a");
    let city = City::start(&provider.table(""));
    assert_eq!(provider.asked(), 0);
    city.check(&key.token(&provider.claims(json!({}))), "HTTP/1.1 503");
}

#[test]
fn a_stream_ends_with_its_token() {
    let key = SigningKey::es256("a");
    let provider = Provider::start(&[&key]);
    let city = City::start(&provider.table("clock_skew = 0"));
    let token = key.token(&provider.claims(json!({"exp": now() + 5})));
    city.check(&token, OK);
    let mut stream = TcpStream::connect(&city.server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")
        .unwrap();
    let mut told = String::new();
    let mut bytes = [0; 1024];
    // The last chunk is empty.
    while !told.ends_with("\r\n0\r\n\r\n") {
        let read = stream.read(&mut bytes).expect("an end in time");
        assert_ne!(read, 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    assert!(told.starts_with(OK), "{told}");
    assert!(told.contains("id: ") && told.contains("event: end"), "{told}");
    city.check(&token, "HTTP/1.1 401");
}
