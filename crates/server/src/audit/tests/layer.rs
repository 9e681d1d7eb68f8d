//! The layer around the doors, where the record cannot be written and where nobody waits.

use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::body::Body as Bytes;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use http::{Extensions, HeaderMap, Request, StatusCode};
use ngsi_ld::{Authenticate, Unauthenticated};
use policy::{Caller, Policy, role};
use tower::ServiceExt;

use super::*;
use crate::recording::{self, OncePerRequest, Recorder, SignIns};

/// Whoever comes is an administrator.
struct Anyone;

impl Authenticate for Anyone {
    fn authenticate(&self, _: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        Ok(Caller::with_role("ada", role::ADMIN))
    }
}

/// A door that counts, behind the layer; `/admin/never` has no answer.
fn door(ledger: &Arc<Ledger>, done: &Arc<AtomicUsize>) -> Router {
    let authenticate = Arc::new(OncePerRequest(Arc::new(Anyone)));
    let sign_ins = SignIns::new(Duration::from_secs(3600));
    let recorder = Recorder::new(ledger.clone(), authenticate, Policy::default(), sign_ins);
    let done = done.clone();
    let count = async move || {
        done.fetch_add(1, Ordering::SeqCst);
        "done"
    };
    Router::new()
        .route("/admin/never", any(std::future::pending::<()>))
        .fallback(count)
        .layer(from_fn_with_state(recorder, recording::record))
}

async fn ask(door: &Router, method: &str, path: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(path).body(Bytes::empty()).unwrap();
    door.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn nothing_is_done_that_must_be_recorded_and_cannot_be() {
    let mut city = City::new();
    city.settings.writes = true;
    let ledger = Arc::new(city.open());
    let done = Arc::new(AtomicUsize::new(0));
    let door = door(&ledger, &done);
    // What has signed in need not do so again.
    assert_eq!(ask(&door, "GET", "/ngsi-ld/v1/types").await, StatusCode::OK);
    ledger.sign().await.unwrap();
    city.disk.full.store(true, Ordering::SeqCst);
    assert_eq!(ask(&door, "DELETE", "/admin/deadLetters").await, 503);
    assert_eq!(ask(&door, "POST", "/ngsi-ld/v1/entities").await, 503);
    assert_eq!(ask(&door, "GET", "/audit").await, 503);
    assert_eq!(done.load(Ordering::SeqCst), 1, "the door heard of none of them");
    // Reads need not be recorded here.
    assert_eq!(ask(&door, "GET", "/ngsi-ld/v1/types").await, 200);
    city.disk.full.store(false, Ordering::SeqCst);
    while ledger.status().failing.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ask(&door, "DELETE", "/admin/deadLetters").await, 200);
    ledger.close().await.unwrap();
    city.check_intact();
    let targets = city.targets();
    let administered = targets.iter().filter(|target| *target == "/admin/deadLetters").count();
    assert_eq!(administered, 2, "before and after, once: {targets:?}");
}

#[tokio::test]
async fn an_alert_goes_on_and_the_record_tells_how_much_is_missing() {
    let mut city = City::new();
    city.settings.on_failure = OnAuditFailure::Alert;
    let ledger = Arc::new(city.open());
    let done = Arc::new(AtomicUsize::new(0));
    let door = door(&ledger, &done);
    ledger.sign().await.unwrap();
    city.disk.full.store(true, Ordering::SeqCst);
    assert_eq!(ask(&door, "DELETE", "/admin/deadLetters").await, 200);
    assert_eq!(done.load(Ordering::SeqCst), 1);
    city.disk.full.store(false, Ordering::SeqCst);
    ledger.close().await.unwrap();
    city.check_intact();
    assert_eq!(city.lost().iter().sum::<u64>(), 3, "a sign-in, and one before and after");
}

#[tokio::test]
async fn what_nobody_waits_for_is_recorded_too() {
    let city = City::new();
    let ledger = Arc::new(city.open());
    let door = door(&ledger, &Arc::default());
    let asked = ask(&door, "POST", "/admin/never");
    assert!(tokio::time::timeout(Duration::from_millis(200), asked).await.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    ledger.close().await.unwrap();
    let failed = city.bodies().into_iter().any(|body| match body {
        Body::Entry(entry) => {
            entry.event == Event::Administration && entry.outcome.name() == "failed"
        }
        _ => false,
    });
    assert!(failed, "{:?}", city.bodies());
}

/// Whoever may not come in, or not there.
struct Nobody;

impl Authenticate for Nobody {
    fn authenticate(&self, _: &HeaderMap, _: &Extensions) -> Result<Caller, Unauthenticated> {
        Err(Unauthenticated::Unknown)
    }
}

#[tokio::test]
async fn refusals_are_folded_and_tokens_in_queries_are_kept_out() {
    let mut city = City::new();
    city.settings.reads = true;
    let ledger = Arc::new(city.open());
    let refuse = async || StatusCode::UNAUTHORIZED;
    let recorder = |authenticate: Arc<dyn Authenticate>| {
        Recorder::new(
            ledger.clone(),
            authenticate,
            Policy::default(),
            SignIns::new(Duration::from_secs(3600)),
        )
    };
    let closed = Router::new().fallback(refuse);
    let closed = closed.layer(from_fn_with_state(recorder(Arc::new(Nobody)), recording::record));
    for number in 0..50 {
        let path = format!("/ngsi-ld/v1/entities/{number}?access_token=s3cr3t{number}&limit=5");
        assert_eq!(ask(&closed, "GET", &path).await, 401);
    }
    let open = door(&ledger, &Arc::default());
    assert_eq!(ask(&open, "GET", "/events?access_token=s3cr3t").await, 200);
    assert_eq!(ask(&open, "GET", "/events?s3cr3t").await, 200);
    ledger.close().await.unwrap();
    city.check_intact();
    let targets = city.targets();
    let refused = |target: &&String| target.contains("entities");
    assert_eq!(
        targets.iter().filter(refused).collect::<Vec<_>>(),
        ["/ngsi-ld/v1/entities/0?access_token=*&limit=5", "GET /ngsi-ld/v1/entities"]
    );
    assert!(targets.contains(&"/events?access_token=*".to_owned()), "{targets:?}");
    assert!(!String::from_utf8(city.lines().concat()).unwrap().contains("s3cr3t"));
}
