//! TLS as clients see it: `openssl s_client` and `curl`, which share nothing with the server, and
//! rustls where a connection must be held.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
#![expect(clippy::disallowed_methods, reason = "how long handshakes may take is what is tested")]

mod pki;
mod process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pki::{Authority, Pair};
use process::Server;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, kx_group};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const TYPES: &str = "/ngsi-ld/v1/types";

/// A server with a certificate of an authority, and what else the files of a test hold.
struct City {
    server: Server,
    authority: Authority,
    directory: TempDir,
}

impl City {
    /// `listener` stands in the only table of listeners, `more` before it.
    fn start(
        more: impl FnOnce(&Authority) -> String,
        listener: impl FnOnce(&Authority) -> String,
    ) -> City {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "authority");
        let pair = authority.server("server");
        let file = format!(
            "{}\n[[listeners]]\nname = \"main\"\nlisten = \"127.0.0.1:0\"\ntls = true\n\
             tls_certificate = \"{}\"\ntls_key = \"{}\"\n{}",
            more(&authority),
            pair.certificate.display(),
            pair.key.display(),
            listener(&authority)
        );
        let config = directory.path().join("comity.toml");
        std::fs::write(&config, file).unwrap();
        let (config, data) = (config.display().to_string(), directory.path().join("data"));
        let data = data.display().to_string();
        let server = Server::start(&["serve", "--config", &config, "--data", &data]);
        City { server, authority, directory }
    }

    fn address(&self) -> &str {
        &self.server.address
    }

    fn key(&self) -> String {
        format!("authorization: Bearer {}", self.server.key().unwrap())
    }

    /// The answer to a GET with its head, or nothing where there is none.
    fn curl(&self, pair: Option<&Pair>, headers: &[&str]) -> Option<String> {
        let mut command = Command::new("curl");
        command.args(["-sSi", "--max-time", "10", "--cacert"]).arg(&self.authority.file);
        if let Some(pair) = pair {
            command.arg("--cert").arg(&pair.certificate).arg("--key").arg(&pair.key);
        }
        command.args(headers.iter().flat_map(|header| ["-H", header]));
        let output = command.arg(format!("https://{}{TYPES}", self.address())).output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success() && !answer.is_empty()).then_some(answer)
    }

    fn check(&self, pair: Option<&Pair>, headers: &[&str], expected: &str) {
        let answer = self.curl(pair, headers).unwrap_or_else(|| "refused".to_owned());
        assert!(answer.contains(expected), "{expected}: {answer}");
    }

    /// The fingerprint of the certificate that a new connection gets.
    fn fingerprint(&self) -> String {
        fingerprint(self.address())
    }

    /// A connection that is held.
    fn connect(&self, pair: Option<&Pair>) -> Held {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.authority.file).unwrap()).unwrap();
        // As browsers have it.
        let groups = vec![kx_group::X25519MLKEM768, kx_group::X25519];
        let provider = CryptoProvider { kx_groups: groups, ..aws_lc_rs::default_provider() };
        let config = ClientConfig::builder_with_provider(Arc::new(provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = match pair {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let chain = vec![CertificateDer::from_pem_file(&pair.certificate).unwrap()];
                let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Held(StreamOwned::new(client, stream))
    }
}

struct Held(StreamOwned<ClientConnection, TcpStream>);

impl Held {
    /// The head of the answer, and what of its body came with it.
    fn ask(&mut self) -> String {
        let request = format!("GET {TYPES} HTTP/1.1\r\nhost: x\r\n\r\n");
        self.0.write_all(request.as_bytes()).unwrap();
        let mut answer = vec![0; 4096];
        let read = self.0.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}

fn openssl(args: &[&str], input: &[u8]) -> Output {
    let mut process = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read anything.
    let _ = process.stdin.take().unwrap().write_all(input);
    process.wait_with_output().unwrap()
}

/// Does a handshake come about with these arguments?
fn shakes(address: &str, args: &[&str]) -> bool {
    let connect = ["s_client", "-connect", address, "-brief"];
    openssl(&[&connect, args].concat(), b"").status.success()
}

fn fingerprint(address: &str) -> String {
    let shown = openssl(&["s_client", "-connect", address], b"").stdout;
    let told = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], &shown).stdout;
    String::from_utf8(told).unwrap().split_once('=').unwrap().1.trim().to_owned()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn copy(from: &Pair, to: &Pair) {
    std::fs::copy(&from.key, &to.key).unwrap();
    std::fs::copy(&from.certificate, &to.certificate).unwrap();
}

#[test]
fn a_first_start_makes_a_certificate_and_shows_how_to_tell_it() {
    let data = tempfile::tempdir().unwrap();
    let start = || Server::run("serve", data.path(), &["--set", "tls=true"]);
    let told = |server: &Server| {
        let mut lines = server.said.iter();
        lines.find_map(|line| line.split_once("SHA-256 ")).unwrap().1.to_owned()
    };
    let server = start();
    assert_eq!(told(&server), fingerprint(&server.address));
    let (certificate, key) = (data.path().join("tls/certificate.pem"), "tls/key.pem");
    let mode = std::fs::metadata(data.path().join(key)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ask = |host: &str| {
        let port = server.address.rsplit_once(':').unwrap().1;
        let mut curl = Command::new("curl");
        curl.args(["-sSi", "--cacert"]).arg(&certificate);
        let output = curl.arg(format!("https://{host}:{port}/health")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for host in ["127.0.0.1", "localhost"] {
        let answer = ask(host);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    }
    let plain = process::ask(&server.address, "GET", "/health", "", "").unwrap_or_default();
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    let first = told(&server);
    assert!(server.stop());
    assert_eq!(told(&start()), first);
}

#[test]
fn only_the_versions_that_are_set_are_spoken() {
    let city = City::start(|_| String::new(), |_| String::new());
    assert!(shakes(city.address(), &["-tls1_3"]));
    for old in ["-tls1_2", "-tls1_1", "-tls1"] {
        assert!(!shakes(city.address(), &[old, "-cipher", "ALL:@SECLEVEL=0"]), "{old}");
    }
    let city = City::start(|_| String::new(), |_| "tls_min = \"1.2\"".to_owned());
    assert!(shakes(city.address(), &["-tls1_3"]));
    assert!(shakes(city.address(), &["-tls1_2"]));
    for old in ["-tls1_1", "-tls1"] {
        assert!(!shakes(city.address(), &[old, "-cipher", "ALL:@SECLEVEL=0"]), "{old}");
    }
}

#[test]
fn only_the_suites_that_are_set_are_spoken() {
    let listener = "tls_min = \"1.2\"\n\
        tls_suites = [\"TLS_AES_128_GCM_SHA256\", \"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\"]";
    let city = City::start(|_| String::new(), |_| listener.to_owned());
    let spoken = ["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"];
    let all = openssl(&["ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], b"").stdout;
    let all = String::from_utf8(all).unwrap();
    assert!(all.trim().split(':').count() > 20, "{all}");
    for suite in all.trim().split(':') {
        let alone = match suite.starts_with("TLS_") {
            true => ["-tls1_3", "-ciphersuites", suite].map(str::to_owned),
            false => ["-tls1_2", "-cipher", &format!("{suite}:@SECLEVEL=0")].map(str::to_owned),
        };
        let alone = alone.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(shakes(city.address(), &alone), spoken.contains(&suite), "{suite}");
    }
}

#[test]
fn groups_are_hybrid_where_the_client_prefers_it() {
    let city = City::start(|_| String::new(), |_| String::new());
    let mut held = city.connect(None);
    held.ask();
    let group = held.0.conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(format!("{group:?}"), "X25519MLKEM768");
    assert!(shakes(city.address(), &["-groups", "X25519"]));
    assert!(!shakes(city.address(), &["-groups", "X448"]));
    let city = City::start(|_| String::new(), |_| "tls_groups = [\"secp384r1\"]".to_owned());
    assert!(shakes(city.address(), &["-groups", "P-384"]));
    assert!(!shakes(city.address(), &["-groups", "X25519:P-256"]));
}

#[test]
fn new_files_are_taken_up_while_connections_go_on() {
    let city = City::start(|_| String::new(), |_| String::new());
    let at = |name: &str| Pair {
        certificate: city.directory.path().join(format!("{name}.pem")),
        key: city.directory.path().join(format!("{name}.key")),
    };
    let first = city.fingerprint();
    let mut held = city.connect(None);
    assert!(held.ask().starts_with("HTTP/1.1 401"));

    // What cannot be used changes nothing.
    std::fs::write(at("server").certificate, "broken").unwrap();
    city.server.signal("-HUP");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(city.fingerprint(), first);

    copy(&city.authority.server("second"), &at("server"));
    wait_until("the second certificate", || city.fingerprint() != first);
    assert!(held.ask().starts_with("HTTP/1.1 401"), "the connection goes on");
    let second = city.fingerprint();
    copy(&city.authority.server("third"), &at("server"));
    city.server.signal("-HUP");
    wait_until("the third certificate", || city.fingerprint() != second);
    assert!(held.ask().starts_with("HTTP/1.1 401"), "the connection goes on");
}

const MAPPED: &str = "[[certificates]]\nsubject = \"DNS:Gateway.City.example\"\nrole = \"reader\"\n\
    [[certificates]]\nsubject = \"CN:robot\"\nrole = \"admin\"\ntenant = \"*\"\n";

fn with_clients(auth: &str) -> City {
    let listener = |authority: &Authority| {
        let revoked = authority.revoke("revoked.der", &[66], 2099);
        let (file, revoked) = (authority.file.display(), revoked.display());
        format!(
            "client_auth = \"{auth}\"\nclient_authorities = \"{file}\"\n\
             client_revocations = [\"{revoked}\"]"
        )
    };
    City::start(|_| MAPPED.to_owned(), listener)
}

#[test]
fn a_client_certificate_says_who_is_calling() {
    let city = with_clients("required");
    let client = |serial, name: &str, until| {
        city.authority.client(&format!("client{serial}"), serial, name, until)
    };
    let gateway = client(1, "gateway.city.example", 2099);
    city.check(Some(&gateway), &[], "HTTP/1.1 200");
    city.check(Some(&client(2, "robot", 2099)), &[], "HTTP/1.1 200");
    // One that nobody here has is not taken for somebody else.
    let stranger = client(3, "stranger.example", 2099);
    city.check(Some(&stranger), &[], "HTTP/1.1 403");
    city.check(Some(&stranger), &[], "nobody here has its name (`DNS:stranger.example`)");
    city.check(Some(&client(66, "gateway.city.example", 2099)), &[], "refused");
    city.check(Some(&client(4, "gateway.city.example", 2001)), &[], "refused");
    city.check(None, &[&city.key()], "refused");
    let other = Authority::new(city.directory.path(), "other");
    let forged = other.client("forged", 5, "gateway.city.example", 2099);
    city.check(Some(&forged), &[], "refused");
    // All of it is in the record.
    let recorded = |names: &[&str]| {
        let data = city.directory.path().join("data");
        wait_until(&names.join(", "), || has_entry(&data, names));
    };
    recorded(&["\"kind\":\"certificate\"", "sign-in", "Gateway"]);
    recorded(&["\"kind\":\"certificate\"", "refusal", "\"certificate\":\"DNS:stranger.example\""]);
    recorded(&["refusal", "\"target\":\"listener main\"", "the client certificate is refused"]);
}

/// Is there a line with all of these in the audit record?
fn has_entry(data: &Path, parts: &[&str]) -> bool {
    let entries = std::fs::read_dir(data.join("audit")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|one| one == "ndjson"));
    texts
        .map(|path| std::fs::read_to_string(path).unwrap())
        .any(|text| text.lines().any(|line| parts.iter().all(|part| line.contains(part))))
}

#[test]
fn a_key_beside_a_certificate_decides_and_both_must_be_good() {
    let city = with_clients("optional");
    let gateway = city.authority.client("gateway", 1, "gateway.city.example", 2099);
    let key = city.key();
    city.check(None, &[], "HTTP/1.1 401");
    city.check(None, &[&key], "HTTP/1.1 200");
    city.check(Some(&gateway), &["authorization: Bearer comity_0_0"], "HTTP/1.1 401");
    city.check(Some(&gateway), &["authorization: Basic YQ=="], "HTTP/1.1 401");
    let revoked = city.authority.client("revoked", 66, "gateway.city.example", 2099);
    city.check(Some(&revoked), &[&key], "refused");
    let administer = |headers: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"]);
        curl.arg(&city.authority.file).arg("--cert").arg(&gateway.certificate);
        curl.arg("--key").arg(&gateway.key);
        curl.args(headers.iter().flat_map(|header| ["-H", header]));
        let path = format!("https://{}/admin/historyRetention", city.address());
        String::from_utf8(curl.arg(path).output().unwrap().stdout).unwrap()
    };
    assert_eq!(administer(&[]), "403", "a reader does not administer");
    assert_eq!(administer(&[&key]), "200", "an administrator's key does, from the same machine");
}

#[test]
fn a_certificate_that_is_revoked_ends_on_open_connections_too() {
    let city = with_clients("required");
    let gateway = city.authority.client("gateway", 1, "gateway.city.example", 2099);
    let mut held = city.connect(Some(&gateway));
    assert!(held.ask().starts_with("HTTP/1.1 200"));
    city.authority.revoke("revoked.der", &[66, 1], 2099);
    city.server.signal("-HUP");
    wait_until("new connections are refused", || city.curl(Some(&gateway), &[]).is_none());
    let answer = held.ask();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    // A list that is past its time says nothing of anybody, so that nobody comes in.
    let robot = city.authority.client("robot", 2, "robot", 2099);
    city.check(Some(&robot), &[], "HTTP/1.1 200");
    city.authority.revoke("revoked.der", &[66], 2021);
    city.server.signal("-HUP");
    wait_until("the list is past its time", || city.curl(Some(&robot), &[]).is_none());
}

#[test]
fn slow_handshakes_end_and_count_as_connections() {
    let more = "header_read_timeout = \"1s\"\nconnections_max = 2";
    let city = City::start(|_| more.to_owned(), |_| String::new());
    let began = Instant::now();
    let mut silent: Vec<TcpStream> =
        (0..2).map(|_| TcpStream::connect(city.address()).unwrap()).collect();
    // The beginning of a handshake is no handshake.
    silent[0].write_all(&[22, 3, 1, 0, 200, 1]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(city.curl(None, &[]).is_none(), "there is room for two");
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // Closed, or reset for what was sent and not read.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert!((1..8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    wait_until("there is room again", || city.curl(None, &[]).is_some());
}

#[test]
fn each_listener_serves_what_it_is_set_to() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("comity.toml");
    let file = "[[listeners]]\nname = \"city\"\nlisten = \"127.0.0.1:0\"\napis = [\"data\", \"health\"]\n\
        [[listeners]]\nname = \"operations\"\nlisten = \"127.0.0.1:0\"\napis = [\"admin\"]\n\
        [[listeners]]\nname = \"far\"\nlisten = \"127.0.0.1:0\"\nallow_from = [\"10.0.0.0/8\"]\n";
    std::fs::write(&config, file).unwrap();
    let (config, data) = (config.display().to_string(), directory.path().join("data"));
    let server =
        Server::start(&["serve", "--config", &config, "--data", &data.display().to_string()]);
    let addresses: Vec<&str> =
        server.said.iter().filter_map(|line| Some(line.split_once("://")?.1)).collect();
    let key = format!("authorization: Bearer {}\r\n", server.key().unwrap());
    let check = |nth: usize, path: &str, status: &str| {
        let answer = process::ask(addresses[nth], "GET", path, &key, "").unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
        assert!(!answer.contains("strict-transport"), "{answer}");
    };
    check(0, TYPES, "200");
    check(0, "/health", "200");
    check(0, "/admin/historyRetention", "404");
    check(0, "/events", "404");
    check(1, "/admin/historyRetention", "200");
    check(1, TYPES, "404");
    check(1, "/health", "404");
    // Nothing is sent: what the server has not read when it hangs up would take its answer along.
    let mut heard = String::new();
    TcpStream::connect(addresses[2]).unwrap().read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 403"), "{heard}");
    let parts = ["refusal", "\"target\":\"listener far\"", "in no network of `allow_from`"];
    wait_until("a refusal in the record", || has_entry(&directory.path().join("data"), &parts));
}

/// What `comity serve` says where it does not start.
fn refused(directory: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    let output = command.arg("serve").arg("--data").arg(directory.join("data")).args(args).output();
    let output = output.unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_must_not_be_served_is_refused_with_what_to_set() {
    let directory = tempfile::tempdir().unwrap();
    let check = |args: &[&str], expected: &str| {
        let told = refused(directory.path(), args);
        assert!(told.contains(expected), "{told}");
    };
    check(&["--listen", "0.0.0.0:0"], "HTTP without TLS is refused on 0.0.0.0:0");
    check(&["--listen", "0.0.0.0:0"], "set `tls = true`");
    let missing = directory.path().join("none.pem").display().to_string();
    let named = [&format!("tls_certificate={missing}"), &format!("tls_key={missing}")];
    let all =
        ["--listen", "127.0.0.1:0", "--set", "tls=true", "--set", named[0], "--set", named[1]];
    check(&all, "none.pem`: cannot be read");
    assert!(!directory.path().join("data/tls").exists());
}
