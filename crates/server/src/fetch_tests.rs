//! Downloads from servers of all kinds.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::egress::Refused;

fn rules() -> EgressRules {
    EgressRules {
        loopback: true,
        timeout: Duration::from_millis(500),
        bytes_max: 100,
        redirects_max: 2,
        ..EgressRules::of(&crate::settings::Settings::default())
    }
}

/// A server that gives the same answer to everyone; `{url}` in it is its own address.
async fn server(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.replace("{url}", &url);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

async fn check(answer: &str, expected: &str) {
    let url = server(answer).await;
    let told = match Fetcher::new(rules()).get(&url).await {
        Ok(fetched) => {
            format!("{} {:?}", String::from_utf8_lossy(&fetched.body), fetched.expires_in)
        }
        Err(error) => error.to_string(),
    };
    assert!(told.contains(expected), "{told}");
}

#[tokio::test]
async fn a_document_arrives_with_how_long_it_may_be_kept() {
    check("HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\n\r\n{}", "{} Some(60s)").await;
    check("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n{}", "{} Some(0ns)").await;
    check("HTTP/1.1 200 OK\r\n\r\n{}", "{} None").await;
    let (date, expires) = ("Wed, 01 Apr 2026 12:00:00 GMT", "Wed, 01 Apr 2026 12:01:30 GMT");
    let head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nExpires: {expires}");
    check(&format!("{head}\r\n\r\n{{}}"), "{} Some(90s)").await;
}

#[tokio::test]
async fn what_does_not_arrive_is_explained() {
    check("HTTP/1.1 404 Not Found\r\n\r\n", "answered 404").await;
    check("HTTP/1.1 302 Found\r\nLocation: {url}/again\r\n\r\n", "more than 2 times").await;
    check("HTTP/1.1 302 Found\r\n\r\n", "answered 302").await;
    check("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", "private network").await;
    check("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "not a URL").await;
    check("SSH-2.0-OpenSSH\r\n", "no proper HTTP").await;
    check(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(101)), "larger than 100 bytes").await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "").await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let error = Fetcher::new(rules()).get(&url).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn only_public_addresses_are_called_and_only_over_http() {
    let closed = Fetcher::new(EgressRules { loopback: false, ..rules() });
    for url in
        ["http://localhost/", "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/x"]
    {
        let error = closed.get(url).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Egress(EgressError::Refused(Refused::Private(..)))),
            "{url}: {error}"
        );
    }
    for url in ["", "x", "ftp://example.org/", "http://a:b@example.org/", "file:///etc/passwd"] {
        let error = closed.get(url).await.unwrap_err();
        assert!(matches!(error, FetchError::NotAUrl), "{url}: {error}");
    }
}
