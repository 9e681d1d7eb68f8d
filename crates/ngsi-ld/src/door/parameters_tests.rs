//! What becomes of the query of a URI.

use super::*;

fn detail<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
    result.unwrap_err().json()["detail"].as_str().unwrap().to_owned()
}

#[test]
fn names_and_values_are_decoded() {
    let parameters =
        Parameters::parse(Some("q=name%3D%3D%22a+b%22&&id=urn:x:%C3%A4&count")).unwrap();
    assert_eq!(parameters.text("q"), Some(r#"name=="a b""#));
    assert_eq!(parameters.text("id"), Some("urn:x:ä"));
    assert_eq!(parameters.text("count"), Some(""));
    assert_eq!(parameters.text("type"), None);
    assert!(Parameters::parse(None).unwrap().text("q").is_none());
}

#[test]
fn a_parameter_is_known_and_given_once() {
    assert_eq!(detail(Parameters::parse(Some("a=1&a=2"))), "`a` is given twice");
    assert_eq!(detail(Parameters::parse(Some("a=%"))), "`a=%` is not valid percent-encoding");
    let parameters = Parameters::parse(Some("local=true&foo=1")).unwrap();
    let found = detail(parameters.allow(&["local", "type"]));
    assert_eq!(found, "the operation has no parameter `foo`; it knows: local, type");
    assert!(parameters.allow(&["local", "foo"]).is_ok());
}

#[test]
fn an_option_is_known() {
    let parameters = Parameters::parse(Some("options=sysAttrs,%20keyValues,")).unwrap();
    assert!(parameters.allow_options(&["sysAttrs", "keyValues"]).is_ok());
    assert!(parameters.has_option("keyValues") && !parameters.has_option("concise"));
    let found = detail(parameters.allow_options(&["sysAttrs"]));
    assert_eq!(found, "`options`: the operation has no option `keyValues`; it knows: sysAttrs");
}

#[test]
fn values_are_of_their_type() {
    let parameters =
        Parameters::parse(Some("a=true&b=maybe&c=7&d=-1&f=x&g=2026-04-01T12:00:00Z")).unwrap();
    assert!(parameters.flag("a").unwrap() && !parameters.flag("missing").unwrap());
    assert_eq!(detail(parameters.flag("b")), "`b` is neither true nor false");
    assert_eq!(parameters.number("c").unwrap(), Some(7));
    assert_eq!(detail(parameters.number("d")), "`d` is not a number of 0 or more");
    assert_eq!(detail(uri("f", "x")), "`f`: `x` is not a valid URI");
    assert!(parameters.date_time("g").unwrap().is_some() && parameters.date_time("f").is_err());
}
