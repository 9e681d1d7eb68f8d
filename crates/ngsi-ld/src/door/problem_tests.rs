//! Problems: their status, type and headers.

use std::io;
use std::sync::Arc;

use axum::response::IntoResponse;
use expect_test::{Expect, expect};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use model::{EntityId, Tenant};
use policy::{Action, Denied};

use super::*;

fn check(problem: impl Into<Problem>, expected: Expect) {
    expected.assert_eq(&problem.into().json().to_string());
}

#[test]
fn a_problem_says_what_is_wrong_in_the_words_of_5_5_3() {
    let id = EntityId::parse("urn:x:1").unwrap();
    check(
        Refused::Unknown(id.clone()),
        expect![[
            r#"{"type":"https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound","title":"not found","detail":"entity `urn:x:1` does not exist","status":404}"#
        ]],
    );
    check(
        CommitError::Refused(Refused::Exists(id)),
        expect![[
            r#"{"type":"https://uri.etsi.org/ngsi-ld/errors/AlreadyExists","title":"it exists already","detail":"entity `urn:x:1` already exists","status":409}"#
        ]],
    );
    let tenant = Tenant::parse("north").unwrap();
    check(
        BrokerError::UnknownTenant(tenant),
        expect![[
            r#"{"type":"https://uri.etsi.org/ngsi-ld/errors/NonexistentTenant","title":"the tenant does not exist","detail":"tenant `north` does not exist; the first entity written for it creates it","status":404}"#
        ]],
    );
    check(
        Problem::not_acceptable(&[MediaType::Json, MediaType::LdJson]),
        expect![[
            r#"{"type":"https://uri.etsi.org/ngsi-ld/errors/InvalidRequest","title":"the request is not valid","detail":"the resource is available as application/json, application/ld+json","status":406,"available":["application/json","application/ld+json"]}"#
        ]],
    );
}

#[test]
fn what_http_itself_forbids_has_no_type_of_its_own() {
    let denied = Denied::Action {
        caller: "x".into(),
        roles: "the role reader".into(),
        action: Action::Update,
    };
    let problem = Problem::from(BrokerError::Denied(denied)).json();
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &403.into()));
}

#[test]
fn a_store_that_does_not_answer_may_be_asked_again() {
    let error = StoreError::Unavailable(Arc::new(io::Error::other("no disk")));
    let response = Problem::from(error).into_response();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
}

#[test]
fn some_refusals_tell_what_to_do_in_a_header() {
    let response = Problem::method_not_allowed("PUT", "GET, HEAD, OPTIONS").into_response();
    assert_eq!(response.headers()[ALLOW], "GET, HEAD, OPTIONS");
    let response = Problem::unauthenticated(&Unauthenticated::Missing).into_response();
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
}

#[test]
fn lengths_and_media_types_are_refused_without_a_body() {
    for problem in [Problem::length_required(), Problem::unsupported_media_type()] {
        let response = problem.into_response();
        assert!(!response.headers().contains_key(CONTENT_TYPE), "{}", response.status());
    }
}
