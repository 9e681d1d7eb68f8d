//! Clients of all kinds: slow ones, too many of them, and some that are there at the end.

use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::stop::{self, Stop};

struct Server {
    address: std::net::SocketAddr,
    stop: Stop,
    running: JoinHandle<()>,
}

async fn start(change: impl FnOnce(&mut HttpSettings)) -> Server {
    let mut settings = HttpSettings::of(&Settings::default());
    settings.shutdown_timeout = Duration::from_secs(5);
    change(&mut settings);
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    };
    let router = Router::new().route("/", get(|| async { "quick" })).route("/slow", get(slow));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = stop::channel();
    let name = "main".to_owned();
    let (allow_from, tls, hsts) = (Networks::default(), None, None);
    let listener =
        Listener { name, socket: listener, router, allow_from, turned_away: None, tls, hsts };
    let running = tokio::spawn(serve(vec![listener], settings, stopped));
    Server { address, stop, running }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// All that the server says until it closes the connection.
async fn hear(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    let _ = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("it hangs up");
    String::from_utf8_lossy(&heard).into_owned()
}

const CLOSE: &str = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_connection_carries_many_requests() {
    let server = start(|_| {}).await;
    let text = format!("GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /slow {CLOSE}");
    let heard = hear(server.send(&text).await).await;
    assert!(heard.contains("quick") && heard.ends_with("slow"), "{heard}");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_request_is_disconnected() {
    let server = start(|settings| settings.header_read_timeout = Duration::from_millis(100)).await;
    hear(server.send("GET / HTTP/1.1\r\nhost").await).await;
    let idle = hear(server.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await).await;
    assert!(idle.ends_with("quick"), "{idle}");
}

#[tokio::test]
async fn a_head_beyond_the_limits_is_refused() {
    let server = start(|settings| settings.headers_max = 5).await;
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(6));
    let heard = hear(server.send(&many).await).await;
    assert!(heard.starts_with("HTTP/1.1 431"), "{heard}");
    let server = start(|settings| settings.header_bytes_max = 8 * 1024).await;
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(9 * 1024));
    let heard = hear(server.send(&long).await).await;
    assert!(heard.starts_with("HTTP/1.1 431"), "{heard}");
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away() {
    let server = start(|settings| settings.connections_max = 1).await;
    let mut first = server.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    first.read_u8().await.unwrap();
    let heard = hear(server.send("").await).await;
    assert!(heard.starts_with("HTTP/1.1 503"), "{heard}");
    drop(first);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let heard = hear(server.send(&format!("GET / {CLOSE}")).await).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let server = start(|settings| settings.request_timeout = Duration::from_millis(50)).await;
    let heard = hear(server.send(&format!("GET /slow {CLOSE}")).await).await;
    assert!(heard.starts_with("HTTP/1.1 503"), "{heard}");
    assert!(heard.contains("setting `request_timeout`"), "{heard}");
}

#[tokio::test]
async fn requests_under_way_are_finished_at_the_end() {
    let server = start(|_| {}).await;
    let slow = server.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let idle = server.send("").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.now();
    assert!(hear(slow).await.ends_with("slow"));
    hear(idle).await;
    tokio::time::timeout(Duration::from_secs(2), server.running).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}
