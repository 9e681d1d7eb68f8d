//! What queries mean, and which ones mean nothing.

use super::*;

fn check(query: &str, expected: &str) {
    let parameters = Parameters::parse(Some(query)).unwrap();
    let asked = Asked::of_parameters(&parameters).unwrap();
    let shown = match Selection::new(&asked, &Compiled::core(), &Limits::DEFAULT) {
        Ok(selection) => format!("{:?}", selection.whole()),
        Err(problem) => problem.detail().to_owned(),
    };
    assert!(shown.contains(expected), "{query}: {shown}");
}

#[test]
fn a_query_is_not_too_wide() {
    const WIDE: &str = "the query is too wide";
    check("id=urn:x:1", WIDE);
    check("idPattern=.*", WIDE);
    check("attrs=createdAt", WIDE);
    check("q=modifiedAt%3E%222020-01-01T00:00:00Z%22", WIDE);
    check("scopeQ=/a", WIDE);
    check("local=false", WIDE);
    check("local=true&id=urn:x:1", "urn:x:1");
    check("type=*", "Any");
    check("type=*&local=false", "`local` cannot be false");
    check("attrs=createdAt,speed", "speed");
}

#[test]
fn an_id_wins_over_a_pattern() {
    check("type=A&id=urn:x:1,urn:x:2&idPattern=(", "Ids([<urn:x:1>, <urn:x:2>])");
    check("type=A&idPattern=(", "`idPattern`, character 1: not a regular expression");
    check("type=A&id=urn:x:1,nonsense", "`id`: `nonsense` is not a valid URI");
}

#[test]
fn a_geo_query_is_whole() {
    const POINT: &str = "geometry=Point&coordinates=[8,40]";
    check(&format!("georel=near;maxDistance==2000&{POINT}"), "NearMax(2000.0)");
    check(&format!("georel=near;minDistance==10.5&{POINT}"), "NearMin(10.5)");
    for bad in [
        "near",
        "near;maxDistance==0",
        "near;maxDistance==-1",
        "near;maxDistance==1;minDistance==2",
    ] {
        check(&format!("georel={bad}&{POINT}"), "near takes one distance in metres");
    }
    check(&format!("georel=beside&{POINT}"), "it is none of near, within");
    check("georel=within&geometry=Point", "go together");
    check(
        "georel=within&geometry=Point&coordinates=8,40",
        "`coordinates`, character 1: expected coordinates such as",
    );
    check("georel=within&geometry=Circle&coordinates=[8,40]", "`Circle` is not a geometry type");
    check("type=A&geoproperty=x", "A");
}

#[test]
fn a_plus_in_scope_q_is_a_wildcard_however_it_is_encoded() {
    check("type=A&scopeQ=/a/+/b", r#"levels: [Some("a"), None, Some("b")]"#);
    check("type=A&scopeQ=/a/%2B/b", r#"levels: [Some("a"), None, Some("b")]"#);
}

#[test]
fn a_context_source_filter_is_read_although_there_are_no_sources() {
    check("type=A&csf=))bad((", "`csf`, character 1: ");
    check("type=A&csf=name==%22x%22", "A");
}
