//! The door: any request gets an answer that is not the server's fault, and that can be read.

use std::cell::RefCell;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{Extensions, HeaderMap, Request, StatusCode};
use ngsi_ld::{
    Authenticate, Door, FetchContext, FetchError, Fetched, Settings, Unauthenticated, router,
};
use policy::{Caller, role};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::sample::{JSON_DEPTH_MAX, WRITTEN};

/// Everyone may do anything.
struct Open;

impl Authenticate for Open {
    fn authenticate(&self, _: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        Ok(testkit::caller(role::ADMIN))
    }
}

/// One context, the same at every URL that names a city.
struct Web;

#[async_trait]
impl FetchContext for Web {
    async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        if !url.contains("city") {
            return Err(FetchError("nobody answers".to_owned()));
        }
        let text = r#"{"@context":{"city":"https://city.example/","speed":"city:speed"}}"#;
        Ok(Fetched { bytes: text.into(), expires_in: None })
    }
}

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(
        Builder::new_current_thread().enable_all().build().expect("a thread has a runtime"),
    );
}

/// A request: its method and what follows `/ngsi-ld/v1` in its path, then a header on each line,
/// an empty line, and a body.
pub fn parameters(data: &[u8]) {
    let Some(request) = request(data) else { return };
    RUNTIME.with_borrow(|runtime| runtime.block_on(answered(request)));
}

fn request(data: &[u8]) -> Option<Request<Body>> {
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (head, body) = (&data[..end], data.get(end + 2..).unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let uri = [b"/ngsi-ld/v1", &first[space + 1..]].concat();
    let mut request = Request::builder().method(&first[..space]).uri(&*uri);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    let has_length = request.headers_ref()?.contains_key("content-length");
    if !body.is_empty() && !has_length {
        request = request.header("content-length", body.len());
    }
    request.body(Body::from(body.to_vec())).ok()
}

async fn answered(request: Request<Body>) {
    let shown = format!("{} {}", request.method(), request.uri());
    let city = city().await;
    let response = city.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    check(response, &shown).await;
    // Whatever it did, the city can be looked at.
    let look = Request::get("/ngsi-ld/v1/entities?local=true&limit=100").body(Body::empty());
    let look = look.expect("the question is valid");
    let response = city.oneshot(look).await.unwrap_or_else(|never| match never {});
    assert_eq!(response.status(), StatusCode::OK, "after {shown}");
    check(response, &shown).await;
}

async fn city() -> Router {
    let platform = testkit::platform();
    let settings = Settings { json_depth_max: JSON_DEPTH_MAX, ..Settings::default() };
    let door = Door::new(platform.broker.clone(), Arc::new(Open), Arc::new(Web), settings);
    let city = router(door);
    for body in WRITTEN {
        let create = Request::post("/ngsi-ld/v1/entities")
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .body(Body::from(body))
            .expect("the request is valid");
        let response = city.clone().oneshot(create).await.unwrap_or_else(|never| match never {});
        assert_eq!(response.status(), StatusCode::CREATED);
    }
    city
}

async fn check(response: Response, shown: &str) {
    let (head, body) = response.into_parts();
    let expected = [StatusCode::NOT_IMPLEMENTED, StatusCode::GATEWAY_TIMEOUT];
    assert!(
        !head.status.is_server_error() || expected.contains(&head.status),
        "{} for {shown}",
        head.status
    );
    let body = to_bytes(body, usize::MAX).await.expect("an answer in memory arrives");
    let text = std::str::from_utf8(&body).unwrap_or_else(|_| panic!("not UTF-8, for {shown}"));
    if text.is_empty() {
        return;
    }
    assert!(model::Json::parse(text).is_ok(), "not JSON, for {shown}: {text}");
    if !head.status.is_success() {
        let problem = model::Json::parse(text).ok().and_then(|problem| problem.members());
        let problem = problem.unwrap_or_else(|| panic!("not a problem, for {shown}: {text}"));
        assert!(problem.iter().any(|(name, _)| name == "title"), "for {shown}: {text}");
    }
}
