//! Tables of listeners: good ones, and what is said of others.

use crate::settings::Layers;

fn check(text: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("comity.toml");
    std::fs::write(&path, text).unwrap();
    let told = match (Layers { file: Some(path), ..Layers::default() }).settings() {
        Ok(settings) => format!("{:?}", settings.all_listeners()),
        Err(error) => error.to_string(),
    };
    assert!(told.contains(expected), "{expected}: {told}");
}

fn one(more: &str) -> String {
    format!("[[listeners]]\nname = \"a\"\n{more}\n")
}

#[test]
fn without_tables_there_is_one_with_everything() {
    check("", "name: \"main\", listen: 127.0.0.1:9090, apis: Apis([Data, Admin, Events, Health])");
    check("tls = true\ntls_min = 1.2", "tls: true");
    check("tls = true\ntls_min = 1.2", "tls_min: V1_2");
    check("tls_min = 1.1", "setting `tls_min`: `1.1` is neither 1.2 nor 1.3");
    check("tls_certificate = \"a\"", "setting `tls_key`: takes a file where `tls_certificate`");
    check("tls_certificate = \"a\"\ntls_key = \"b\"", "is of no use without `tls = true`");
}

#[test]
fn tables_take_the_place_of_the_settings() {
    let two = one("apis = [\"data\", \"events\"]")
        + "[[listeners]]\nname = \"b\"\nlisten = \"[::1]:9091\"\napis = [\"admin\"]\n\
           allow_from = [\"10.0.0.0/8\"]\n";
    check(&two, "listen: [::1]:9091, apis: Apis([Admin])");
    check(&format!("listen = \"127.0.0.1:1\"\n{two}"), "setting `listen`: says where to listen if");
    check(&format!("tls = true\n{two}"), "setting `tls`: says where to listen if");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let place = "comity.toml, [[listeners]] number 1: ";
    let told = |rest: &str| format!("{place}{rest}");
    check(&one("lisen = \"127.0.0.1:1\""), &told("there is no setting `lisen`; did you mean"));
    check("[[listeners]]\n", &told("setting `name`: takes 1 to 50 letters"));
    check(&one("apis = []"), &told("setting `apis`: names nothing"));
    check(&one("apis = [\"all\"]"), &told("setting `apis`: `all` is none of data, admin"));
    check(&one("allow_from = [\"10.0.0.1/8\"]"), &told("setting `allow_from`: `10.0.0.1/8` is"));
    check(&one("tls_suites = [\"x\"]"), &told("setting `tls_suites`: `x` is not there"));
    check(&one("client_auth = \"on\""), &told("setting `client_auth`: `on` is none of"));
    check(&one("client_auth = \"required\""), &told("setting `client_auth`: needs `tls = true`"));
    let alone = "tls = true\nclient_auth = \"optional\"";
    check(&one(alone), &told("setting `client_auth`: needs `client_authorities`"));
    let unused = "tls = true\nclient_authorities = \"a.pem\"";
    check(&one(unused), &told("setting `client_authorities`: is of no use"));
    check(&one("").repeat(2), "number 2: setting `name`: `a` is the name of another");
    let same = one("") + &one("").replace("\"a\"", "\"b\"");
    check(&same, "number 2: setting `listen`: 127.0.0.1:9090 is the address of another");
    check(&one("").repeat(17), "has 17 tables; 16 are the most");
}
