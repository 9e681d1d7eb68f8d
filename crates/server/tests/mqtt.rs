//! Notifications over MQTT, taken by a broker that is not ours: mosquitto.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod process;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Lines};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A broker with two listeners: one for anybody, and one over TLS for who has the password. And who
/// listens to all that it is told.
struct Mosquitto {
    broker: Child,
    listener: Child,
    plain: u16,
    secure: u16,
    heard: Lines<BufReader<ChildStdout>>,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(program: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(program);
    // Debian puts servers where not every user looks for programs.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin")).args(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    child.unwrap_or_else(|e| panic!("`{program}` is needed (mosquitto, mosquitto-clients): {e}"))
}

impl Mosquitto {
    fn start(directory: &Path) -> Mosquitto {
        certificates(directory);
        let password = directory.join("passwords");
        let file = password.to_str().unwrap();
        assert!(
            run("mosquitto_passwd", &["-c", "-b", file, "city", "p@ss"]).wait().unwrap().success()
        );
        let (plain, secure) = (free_port(), free_port());
        let (d, root) = (directory.display(), std::env::var("USER").unwrap_or("root".to_owned()));
        let settings = format!(
            "user {root}\nper_listener_settings true\n\
             listener {plain} 127.0.0.1\nallow_anonymous true\n\
             listener {secure} 127.0.0.1\nallow_anonymous false\npassword_file {d}/passwords\n\
             certfile {d}/server.pem\nkeyfile {d}/server.key\n"
        );
        let file = directory.join("mosquitto.conf");
        std::fs::write(&file, settings).unwrap();
        let broker = run("mosquitto", &["-c", file.to_str().unwrap()]);
        for port in [plain, secure] {
            let is_there = |_: &u32| TcpStream::connect(("127.0.0.1", port)).is_ok();
            let pause = |_: &u32| std::thread::sleep(Duration::from_millis(20));
            assert!((0..500).inspect(pause).any(|nth| is_there(&nth)), "mosquitto does not start");
        }
        let port = plain.to_string();
        // What is retained is told first to who subscribes: then nothing further is missed.
        let said = ["-p", &port, "-r", "-t", "ready", "-m", "yes"];
        assert!(run("mosquitto_pub", &said).wait().unwrap().success());
        let topics = ["-p", &port, "-V", "5", "-q", "2", "-t", "#", "-F", "%t %q %p"];
        let mut listener = run("mosquitto_sub", &topics);
        let mut heard = BufReader::new(listener.stdout.take().unwrap()).lines();
        assert!(heard.next().unwrap().unwrap().starts_with("ready "));
        Mosquitto { broker, listener, plain, secure, heard }
    }

    /// The next so many messages: topic, quality of service and what they say.
    fn hears(&mut self, count: usize) -> BTreeSet<String> {
        self.heard.by_ref().map(Result::unwrap).take(count).collect()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        for child in [&mut self.listener, &mut self.broker] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// An authority of the city's own (`authority.pem`), and what it says of 127.0.0.1.
fn certificates(directory: &Path) {
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write("authority.pem", authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    write("server.pem", server.signed_by(&key, &issuer).unwrap().pem());
    write("server.key", key.serialize_pem());
}

fn ask(server: &process::Server, method: &str, path: &str, body: &str) -> String {
    let headers = "content-type: application/json\r\n";
    process::ask(&server.address, method, &format!("/ngsi-ld/v1{path}"), headers, body).unwrap()
}

fn subscribe(server: &process::Server, name: &str, uri: &str, version: &str, qos: &str) {
    let body = format!(
        r#"{{"id":"urn:s:{name}","type":"Subscription","entities":[{{"type":"Lamp"}}],
            "notification":{{"endpoint":{{"uri":"{uri}","accept":"application/json",
            "notifierInfo":[{{"key":"MQTT-Version","value":"{version}"}},
                            {{"key":"MQTT-QoS","value":"{qos}"}}]}}}}}}"#
    );
    let answer = ask(server, "POST", "/subscriptions", &body);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[test]
fn mosquitto_is_told_in_every_way_there_is() {
    let (data, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut mosquitto = Mosquitto::start(keys.path());
    let authorities = keys.path().join("authority.pem");
    let trusted = format!("--set=egress_authorities={}", authorities.display());
    let server = process::Server::run("serve", data.path(), &["--open", &trusted]);
    let mut expected = BTreeSet::new();
    for (version, v) in [("mqtt3.1.1", 3), ("mqtt5.0", 5)] {
        for qos in ["0", "1", "2"] {
            let (plain, secure) = (mosquitto.plain, mosquitto.secure);
            let name = format!("{v}-{qos}");
            let uri = format!("mqtt://127.0.0.1:{plain}/city/plain/{name}");
            subscribe(&server, &format!("plain:{name}"), &uri, version, qos);
            let uri = format!("mqtts://city:p%40ss@127.0.0.1:{secure}/city/secure/{name}");
            subscribe(&server, &format!("secure:{name}"), &uri, version, qos);
            expected.insert(format!("city/plain/{name} {qos}"));
            expected.insert(format!("city/secure/{name} {qos}"));
        }
    }
    let entity = r#"{"id":"urn:l:1","type":"Lamp","a":1}"#;
    assert!(ask(&server, "POST", "/entities", entity).starts_with("HTTP/1.1 201"));
    let heard = mosquitto.hears(expected.len());
    let ways = |line: &String| line.split(" {").next().unwrap().to_owned();
    assert_eq!(heard.iter().map(ways).collect::<BTreeSet<String>>(), expected);
    for line in heard {
        assert!(line.contains(r#""Content-Type":"application/json""#), "{line}");
        assert!(line.contains(r#""urn:l:1""#), "{line}");
    }
}

/// The account of a subscription, once it tells of a failure.
fn failure(server: &process::Server, name: &str) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        ask(server, "GET", &format!("/subscriptions/urn:s:{name}"), "").contains("\"lastFailure\"")
    })
}

#[test]
fn who_cannot_prove_its_name_or_knows_no_password_is_told_nothing() {
    let (data, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut mosquitto = Mosquitto::start(keys.path());
    let (secure, plain) = (mosquitto.secure, mosquitto.plain);
    let strange = process::Server::run("serve", data.path(), &["--open"]);
    let uri = format!("mqtts://city:p%40ss@127.0.0.1:{secure}/city/strange");
    subscribe(&strange, "strange", &uri, "mqtt5.0", "1");
    let entity = r#"{"id":"urn:l:1","type":"Lamp","a":1}"#;
    assert!(ask(&strange, "POST", "/entities", entity).starts_with("HTTP/1.1 201"));
    assert!(failure(&strange, "strange"), "its certificate is of an authority nobody knows");

    let (data, authorities) = (tempfile::tempdir().unwrap(), keys.path().join("authority.pem"));
    let trusted = format!("--set=egress_authorities={}", authorities.display());
    let server = process::Server::run("serve", data.path(), &["--open", &trusted]);
    let uri = format!("mqtts://city:wrong@127.0.0.1:{secure}/city/wrong");
    subscribe(&server, "wrong", &uri, "mqtt3.1.1", "1");
    let uri = format!("mqtts://127.0.0.1:{plain}/city/not-encrypted");
    subscribe(&server, "not-encrypted", &uri, "mqtt5.0", "1");
    let uri = format!("mqtt://127.0.0.1:{plain}/city/right");
    subscribe(&server, "right", &uri, "mqtt5.0", "1");
    assert!(ask(&server, "POST", "/entities", entity).starts_with("HTTP/1.1 201"));
    assert!(failure(&server, "wrong") && failure(&server, "not-encrypted"));
    let heard = mosquitto.hears(1).pop_first().unwrap();
    assert!(heard.starts_with("city/right 1 "), "{heard}");
}
