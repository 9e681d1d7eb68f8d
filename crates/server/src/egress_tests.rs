//! What is refused before a connection is opened, and for which rule.

use super::*;
use crate::settings::Written;

fn rules(settings: &[(&str, &str)]) -> EgressRules {
    let mut read = Settings::default();
    for (name, text) in settings {
        let setting = crate::settings::ALL.iter().find(|one| one.name == *name).unwrap();
        (setting.set)(&mut read, text).unwrap();
    }
    EgressRules::of(&read)
}

fn target(url: &str) -> Target {
    Target::of(&Url::parse(url).unwrap()).unwrap()
}

/// `address` is what the name leads to, where it is looked up.
fn check(settings: &[(&str, &str)], url: &str, address: &str, expected: &str) {
    let (rules, target) = (rules(settings), target(url));
    let mut told = rules.check(&target);
    if let (Ok(()), Ok(address)) = (&told, address.parse()) {
        told = rules.check_address(&target, address);
    }
    let told = told.map_or_else(|refused| refused.to_string(), |()| "allowed".to_owned());
    assert!(told.contains(expected), "{settings:?} {url} {address}: {told}");
}

const LIST: [(&str, &str); 1] = [("egress_allow", "a.example, *.b.example:443, 192.0.2.0/24")];

#[test]
fn without_a_list_the_public_internet_is_allowed_and_nothing_else() {
    check(&[], "https://a.example/", "1.1.1.1", "allowed");
    check(&[], "https://a.example/", "10.0.0.1", "in a private network, which nothing may reach");
    check(&[], "https://a.example/", "169.254.169.254", "credentials of machines");
    check(&[], "https://10.0.0.1/", "", "setting `egress_allow_private`");
    check(&[], "https://[::ffff:10.0.0.1]/", "", "setting `egress_allow_private`");
    check(&[], "https://[64:ff9b::a00:1]/", "", "setting `egress_allow_private`");
    check(&[], "https://[2002:a00:1::]/", "", "behind a tunnel");
}

#[test]
fn addresses_are_known_in_all_that_urls_take_for_one() {
    for host in
        ["0x7f.1", "0177.0.0.1", "2130706433", "127.1", "0x7f000001", "127.0.0.1.", "%31%32%37.1"]
    {
        check(&[], &format!("http://{host}/"), "", "this machine itself");
        check(&[], &format!("mqtt://{host}/t"), "", "this machine itself");
    }
    check(&[], "http://①②⑦.0.0.1/", "", "this machine itself");
}

#[test]
fn a_list_narrows_names_and_addresses() {
    check(&LIST, "https://a.example/", "1.1.1.1", "allowed");
    check(&LIST, "https://A.EXAMPLE./", "1.1.1.1", "allowed");
    check(&LIST, "https://x.b.example/", "1.1.1.1", "allowed");
    check(&LIST, "http://x.b.example/", "1.1.1.1", "`x.b.example:80` is not among");
    check(&LIST, "https://c.example/", "1.1.1.1", "(setting `egress_allow`)");
    check(&LIST, "https://1.1.1.1/", "", "(setting `egress_allow`)");
    check(&LIST, "https://b.example.evil.net/", "1.1.1.1", "(setting `egress_allow`)");
    // Who may be called is not who may be anywhere.
    check(&LIST, "https://a.example/", "127.0.0.1", "(setting `egress_allow_private`)");
    check(&LIST, "https://192.0.2.1/", "", "(setting `egress_allow_private`)");
    let alone = [("egress_allow", "a.example")];
    check(&alone, "https://c.example/", "", "(setting `egress_allow`)");
}

#[test]
fn what_is_denied_is_denied_whatever_else_allows_it() {
    let deny = ("egress_deny", "a.example, 1.1.1.0/24");
    check(&[LIST[0], deny], "https://a.example/", "8.8.8.8", "is refused by `a.example`");
    check(&[deny], "https://c.example/", "1.1.1.1", "is refused by `1.1.1.0/24`");
    check(&[deny], "https://[64:ff9b::101:101]/", "", "is refused by `1.1.1.0/24`");
    check(&[deny], "https://[::ffff:1.1.1.1]/", "", "(setting `egress_deny`)");
    check(&[deny], "https://c.example/", "1.1.2.1", "allowed");
    let all = ("egress_allow_private", "true");
    check(&[("egress_deny", "10.0.0.0/8"), all], "http://10.0.0.1/", "", "is refused by");
}

#[test]
fn private_networks_are_opened_all_or_by_name() {
    let all = [("egress_allow_private", "true")];
    for address in ["10.0.0.1", "127.0.0.1", "::1", "169.254.0.1", "100.64.0.1", "fd00::1"] {
        check(&all, "http://a.example/", address, "allowed");
        check(&[], "http://a.example/", address, "(setting `egress_allow_private`)");
    }
    for address in ["169.254.169.254", "fd00:ec2::254", "224.0.0.1", "ff02::1"] {
        check(&all, "http://a.example/", address, "(setting `egress_allow_private`)");
    }
    let named = [("egress_allow_private", "10.1.0.0/16, 169.254.169.254")];
    check(&named, "http://a.example/", "10.1.2.3", "allowed");
    check(&named, "http://a.example/", "::ffff:10.1.2.3", "allowed");
    check(&named, "http://a.example/", "10.2.0.1", "(setting `egress_allow_private`)");
    check(&named, "http://a.example/", "169.254.169.254", "allowed");
    check(&named, "http://a.example/", "127.0.0.1", "(setting `egress_allow_private`)");
}

#[test]
fn where_tls_is_required_nothing_goes_without() {
    let required = [("egress_tls", "required"), ("egress_allow_private", "true")];
    for plain in ["http://a.example/", "mqtt://a.example/t", "tcp://a.example", "http://[::1]/"] {
        check(&required, plain, "1.1.1.1", "(setting `egress_tls`)");
        check(&[], plain.replace("[::1]", "b.example").as_str(), "1.1.1.1", "allowed");
    }
    for secure in ["https://a.example/", "mqtts://a.example/t", "tls://a.example"] {
        check(&required, secure, "1.1.1.1", "allowed");
    }
}

#[test]
fn targets_have_hosts_and_no_passwords() {
    let shown = |url: &str| {
        let target = Url::parse(url).ok().and_then(|url| Target::of(&url).ok());
        target.map_or("none".to_owned(), |target| format!("{} {}", target.shown(), target.secure))
    };
    assert_eq!(shown("http://allowed.example@evil.example/"), "none");
    assert_eq!(shown("https://a:b@c.example/"), "none");
    assert_eq!(shown("mqtt://a:b@c.example/t"), "c.example:1883 false");
    assert_eq!(shown("mqtts://C.example:1/t"), "c.example:1 true");
    assert_eq!(shown("https://bücher.example"), "xn--bcher-kva.example:443 true");
    assert_eq!(shown("tls://[2001:db8::1]"), "[2001:db8::1]:6514 true");
    for other in ["ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "mqtt:///t"] {
        assert_eq!(shown(other), "none", "{other}");
    }
}

#[test]
fn open_servers_may_call_themselves_and_nobody_else_inside() {
    let settings = Settings { open: true, ..Settings::default() };
    let rules = EgressRules::of(&settings);
    assert!(rules.allows("127.0.0.1".parse().unwrap()));
    assert!(rules.allows("::1".parse().unwrap()));
    assert!(!rules.allows("10.0.0.1".parse().unwrap()));
    assert!(!EgressRules::of(&Settings::default()).allows("127.0.0.1".parse().unwrap()));
}

#[test]
fn a_server_knows_its_own_address() {
    let check = |listen: &str, address: &str, expected: bool| {
        let settings = Settings { listen: listen.parse().unwrap(), ..Settings::default() };
        let found = EgressRules::of_server(&settings).is_own(address.parse().unwrap());
        assert_eq!(found, expected, "{listen} {address}");
        assert!(!EgressRules::of(&settings).is_own(address.parse().unwrap()));
    };
    check("127.0.0.1:9090", "127.0.0.1:9090", true);
    check("127.0.0.1:9090", "[::ffff:127.0.0.1]:9090", true);
    check("127.0.0.1:9090", "[64:ff9b::7f00:1]:9090", true);
    check("0.0.0.0:9090", "127.0.0.1:9090", true);
    check("[::]:9090", "[::1]:9090", true);
    check("127.0.0.1:9090", "127.0.0.1:9091", false);
    check("127.0.0.1:9090", "192.0.2.1:9090", false);
}

#[test]
fn rules_read_back_as_settings() {
    assert_eq!(EgressTls::read(&EgressTls::Required.text()), Ok(EgressTls::Required));
    assert!(EgressTls::read("yes").unwrap_err().contains("neither required nor optional"));
}
