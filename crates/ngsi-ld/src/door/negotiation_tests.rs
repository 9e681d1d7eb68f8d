//! Which media type is chosen (clause 6.3.4), and what is preferred.

use super::*;

fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn check(accept: &'static str, available: &'static [MediaType], expected: Option<MediaType>) {
    assert_eq!(accepted(&headers("accept", &[accept]), available), expected, "{accept}");
}

#[test]
fn json_is_assumed_where_nothing_is_said() {
    assert_eq!(accepted(&HeaderMap::new(), ENTITIES), Some(MediaType::Json));
}

#[test]
fn the_order_of_6_3_4_decides_between_equals() {
    check("application/ld+json, application/json", ENTITIES, Some(MediaType::Json));
    check("application/geo+json, application/ld+json", ENTITIES, Some(MediaType::LdJson));
    check("*/*", ENTITIES, Some(MediaType::Json));
    check("application/*", JSON, Some(MediaType::Json));
    check("text/html, */*;q=0.1", JSON, Some(MediaType::Json));
}

#[test]
fn weights_decide_before_the_order_does() {
    check("application/json;q=0.1, application/ld+json;q=0.9", JSON, Some(MediaType::LdJson));
    check("*/*;q=0.9, application/ld+json;q=0.8", JSON, Some(MediaType::Json));
    check("application/ld+json; q=notanumber", JSON, Some(MediaType::LdJson));
    check("application/geo+json;charset=utf-8;q=0.5", ENTITIES, Some(MediaType::GeoJson));
}

#[test]
fn a_weight_of_zero_is_a_refusal_that_no_wildcard_undoes() {
    check("application/json;q=0, */*", JSON, Some(MediaType::LdJson));
    check("application/json;q=0, application/ld+json;q=0, */*", JSON, None);
    check("*/*;q=0", ENTITIES, None);
}

#[test]
fn geojson_counts_only_where_it_is_available() {
    check("application/geo+json", ENTITIES, Some(MediaType::GeoJson));
    check("application/geo+json", JSON, None);
    check("application/geo+json;q=0.9, application/ld+json;q=0.1", JSON, Some(MediaType::LdJson));
    check("text/turtle", ENTITIES, None);
    check("application/ld+json", &[MediaType::Json], None);
}

#[test]
fn several_accept_lines_are_one_list() {
    let headers = headers("accept", &["text/html", "application/ld+json"]);
    assert_eq!(accepted(&headers, JSON), Some(MediaType::LdJson));
}

#[test]
fn a_body_is_json_or_json_ld_and_a_patch_may_be_a_merge_patch() {
    let check = |value, is_patch, expected| {
        assert_eq!(content_type(&headers("content-type", &[value]), is_patch), expected, "{value}");
    };
    check("application/json", false, Some(MediaType::Json));
    check("Application/JSON; charset=UTF-8", false, Some(MediaType::Json));
    check("application/ld+json;profile=x", false, Some(MediaType::LdJson));
    check("application/merge-patch+json", true, Some(MediaType::Json));
    check("application/merge-patch+json", false, None);
    check("application/geo+json", false, None);
    check("application/jsonp", false, None);
    assert_eq!(content_type(&HeaderMap::new(), false), None);
}

#[test]
fn preferences_are_found_among_others() {
    let check = |values: &[&'static str], context_in_header, version| {
        let expected = Preferences { context_in_header, version };
        assert_eq!(preferences(&headers("prefer", values)), expected, "{values:?}");
    };
    check(&[], false, false);
    check(&["body=json"], true, false);
    check(&["return=minimal, body=ld+json"], false, false);
    check(&["ngsi-ld=1.5", "body=\"json\""], true, true);
}
