//! Requests over HTTP that come too fast, too often wrong, or too many at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::Extensions;
use axum::Router;
use axum::body::Bytes;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use policy::role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::*;
use crate::http::{HttpSettings, Listener, serve};
use crate::settings::{Networks, Written};
use crate::stop::{self, Stop};

/// A key is the name of its caller, and of the caller's tenant where it begins with `of-`.
struct Names;

impl Authenticate for Names {
    fn authenticate(&self, headers: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        let name = bearer(headers).ok_or(Unauthenticated::Missing)?;
        let tenant = name.strip_prefix("of-").map(|tenant| Tenant::parse(tenant).unwrap());
        match name {
            "wrong" => Err(Unauthenticated::Unknown),
            "forged" => Err(Unauthenticated::Forged("forged".to_owned())),
            "expired" => Err(Unauthenticated::Invalid("expired".to_owned())),
            _ => Ok(Caller { tenant, ..Caller::with_role(name, role::ADMIN) }),
        }
    }
}

/// What the doors of these tests do.
struct Doors {
    /// Requests to `/held` that have begun.
    held: AtomicUsize,
    free: Semaphore,
}

struct Server {
    address: std::net::SocketAddr,
    doors: Arc<Doors>,
    gate: Arc<Gate>,
    _stop: Stop,
}

async fn start(change: impl FnOnce(&mut Settings)) -> Server {
    let mut settings = Settings { lockout_delay: Duration::ZERO, ..Settings::default() };
    change(&mut settings);
    let providers = Arc::new(Providers::new(&[], &settings));
    let gate = Arc::new(Gate::new(&settings, Arc::new(Names), providers));
    let doors = Arc::new(Doors { held: AtomicUsize::new(0), free: Semaphore::new(0) });
    let held = async |State(doors): State<Arc<Doors>>| {
        doors.held.fetch_add(1, Ordering::SeqCst);
        let _free = doors.free.acquire().await;
        "held"
    };
    let router = Router::new()
        .route("/held", get(held))
        .fallback(any(async |body: Bytes| body.len().to_string()))
        .with_state(doors.clone())
        .layer(from_fn_with_state(gate.clone(), pass));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (name, allow_from) = ("main".to_owned(), Networks::default());
    let listener =
        Listener { name, socket, router, allow_from, turned_away: None, tls: None, hsts: None };
    let (stop, stopped) = stop::channel();
    let serving = serve(vec![listener], HttpSettings::of(&settings), stopped);
    tokio::spawn(serving);
    Server { address, doors, gate, _stop: stop }
}

impl Server {
    /// Sends the head of a request, and perhaps a body.
    async fn send(&self, path: &str, key: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let key = match key {
            "" => String::new(),
            key => format!("authorization: Bearer {key}\r\n"),
        };
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{key}{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, path: &str, key: &str, headers: &str) -> String {
        hear(self.send(path, key, headers).await).await
    }

    async fn status(&self, key: &str, headers: &str) -> String {
        let answer = self.ask("/", key, headers).await;
        answer.split(' ').nth(1).unwrap().to_owned()
    }

    async fn held(&self, count: usize) {
        while self.doors.held.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }
}

async fn hear(mut stream: TcpStream) -> String {
    let mut heard = String::new();
    let reading = stream.read_to_string(&mut heard);
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("an answer").unwrap();
    heard
}

#[tokio::test]
async fn what_comes_too_fast_is_told_when_to_come_again() {
    let slowly = |settings: &mut Settings| {
        settings.caller_requests_per_second = 1;
        settings.caller_requests_burst = 2;
    };
    let server = start(slowly).await;
    let path = "/ngsi-ld/v1/entities";
    server.gate.limit(
        &Tenant::parse("quick").unwrap(),
        TenantRates { caller_requests: Some(None), ..TenantRates::default() },
    );
    let mut heard = Vec::new();
    for _ in 0..20 {
        heard.push(server.ask(path, "a", "ngsild-tenant: north\r\n").await);
    }
    let refused = heard.iter().find(|answer| answer.starts_with("HTTP/1.1 429")).unwrap();
    assert!(refused.contains("\r\nretry-after: 1\r\n"), "{refused}");
    assert!(refused.contains("\r\ncontent-type: application/json\r\n"), "{refused}");
    assert!(refused.contains("\r\nngsild-tenant: north\r\n"), "{refused}");
    assert!(refused.contains("`caller_requests_per_second`"), "{refused}");
    assert!(refused.contains("\"status\":429"), "{refused}");
    for _ in 0..20 {
        assert_eq!(server.status("a", "ngsild-tenant: quick\r\n").await, "200");
    }
    // One caller, and one address of which nobody knows who asks, leave others theirs.
    assert_eq!(server.status("b", "").await, "200");
    assert_eq!(server.status("", "").await, "200");
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(server.status("", "").await);
    }
    assert!(strangers.contains(&"429".to_owned()), "{strangers:?}");
}

#[tokio::test]
async fn nothing_of_a_body_is_read_that_is_too_much() {
    let server = start(|settings| {
        settings.tenant_body_bytes_per_second = crate::settings::Bytes(100);
    })
    .await;
    let first = server.send("/", "a", "content-length: 1000\r\n").await;
    // No byte of either body was sent; the first waits for its own.
    let refused = server.ask("/admin/x", "b", "content-length: 1000\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("\r\nretry-after: 1"), "{refused}");
    assert!(refused.contains("application/problem+json"), "{refused}");
    assert!(refused.contains("`tenant_body_bytes_per_second`"), "{refused}");
    let mut first = first;
    first.write_all(&[b'x'; 1000]).await.unwrap();
    assert!(hear(first).await.ends_with("1000"));
    assert_eq!(server.status("b", "").await, "200", "what has no body is not held up");
}

#[tokio::test]
async fn a_body_counts_for_no_more_than_a_door_reads_of_it() {
    let server = start(|settings| {
        settings.tenant_body_bytes_per_second = crate::settings::Bytes(100);
        settings.body_bytes_max = crate::settings::Bytes(1_000);
    })
    .await;
    drop(server.send("/", "a", "content-length: 1000000000000\r\n").await);
    let mut told = String::new();
    while !told.starts_with("HTTP/1.1 429") {
        told = server.ask("/", "b", "content-length: 1\r\n\r\nx").await;
    }
    let seconds = told.split("retry-after: ").nth(1).and_then(|text| text.split('\r').next());
    let seconds: u64 = seconds.unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds), "{told}");
}

#[tokio::test]
async fn a_tenant_that_floods_leaves_others_theirs() {
    let server = start(|settings| {
        settings.requests_max = 4;
        settings.tenant_requests_max = 3;
    })
    .await;
    let mut flood = Vec::new();
    for _ in 0..20 {
        flood.push(server.send("/held", "of-flood", "").await);
    }
    server.held(3).await;
    // None of the flood ends, and the other tenant is answered all the same, each time.
    for _ in 0..20 {
        assert_eq!(server.status("of-other", "").await, "200");
    }
    assert_eq!(
        server.status("", "").await,
        "200",
        "who asks for nothing of a tenant need not wait"
    );
    assert_eq!(server.doors.held.load(Ordering::SeqCst), 3);
    // Some of those that wait go, and the rest have their turn.
    flood.truncate(10);
    server.doors.free.add_permits(1);
    for stream in flood {
        assert!(hear(stream).await.ends_with("held"));
    }
    assert_eq!(server.status("of-flood", "").await, "200");
}

#[tokio::test]
async fn an_address_is_locked_where_signing_in_failed_too_often() {
    let server = start(|settings| settings.lockout_failures_max = 3).await;
    assert_eq!(server.status("right", "").await, "200");
    for _ in 0..9 {
        assert_eq!(server.status("expired", "").await, "200", "the door tells what is wrong");
        assert_eq!(server.status("", "").await, "200");
    }
    for key in ["wrong", "forged", "wrong"] {
        assert_eq!(server.status(key, "").await, "200");
    }
    let answer = server.ask("/", "right", "").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "a right key does not end it: {answer}");
    assert!(answer.contains("\r\nretry-after: 900\r\n"), "{answer}");
    assert!(answer.contains("`lockout_time`"), "{answer}");
    assert_eq!(server.status("", "").await, "200", "no key, and nothing tried");
    // Who is not trusted to tell where it comes from is not believed.
    assert_eq!(server.status("right", "x-forwarded-for: 9.9.9.9\r\n").await, "429");
}

#[tokio::test]
async fn a_lock_ends() {
    let server = start(|settings| {
        settings.lockout_failures_max = 1;
        settings.lockout_time = Duration::from_millis(200);
    })
    .await;
    server.status("wrong", "").await;
    assert_eq!(server.status("right", "").await, "429");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.status("right", "").await, "200");
}

#[tokio::test]
async fn behind_a_proxy_that_is_trusted_each_client_counts() {
    let server = start(|settings| {
        settings.lockout_failures_max = 2;
        settings.trusted_proxies = Networks::read("127.0.0.0/8").unwrap();
    })
    .await;
    for last in [1, 2] {
        let header = format!("x-forwarded-for: 1.2.3.4, 2001:db8::{last}\r\n");
        assert_eq!(server.status("wrong", &header).await, "200");
    }
    assert_eq!(server.status("right", "x-forwarded-for: 2001:db8::3\r\n").await, "429");
    assert_eq!(server.status("right", "x-forwarded-for: 2001:db8:1::3\r\n").await, "200");
    assert_eq!(server.status("right", "x-forwarded-for: 1.2.3.4\r\n").await, "200");
    assert_eq!(server.status("right", "").await, "200");
}

#[tokio::test]
async fn the_answer_to_a_failure_is_held_back() {
    let server = start(|settings| settings.lockout_delay = Duration::from_millis(200)).await;
    server.status("wrong", "").await;
    let began = moment();
    server.status("wrong", "").await;
    assert!(began.elapsed() >= Duration::from_millis(200));
}
