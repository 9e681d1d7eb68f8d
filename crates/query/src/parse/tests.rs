//! The texts of clause 4.9, and what is said of texts that are not among them.

use proptest::prelude::*;

use super::{Parser, QOptions, parse_q};
use crate::collation::Collation;
use crate::filter::{Comparison, Condition, Operand, Range, Target, Test};
use crate::language::LanguageRanges;
use crate::meaning::tests::expand;
use crate::pattern::Pattern;

/// Conditions print as `(a and b)`, tests as `target operator operands`.
fn check(q: &str, expected: &str) {
    let found = parse_q(q, &QOptions::default(), &expand);
    assert_eq!(found.map_or_else(|e| e.to_string(), |c| show(&c)), expected, "{q}");
}

fn show(condition: &Condition) -> String {
    let joined = |parts: &[Condition], word: &str| {
        format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(word))
    };
    match condition {
        Condition::All(all) => joined(all, " and "),
        Condition::Any(any) => joined(any, " or "),
        Condition::Test(Test { target, comparison }) => {
            format!("{}{}", show_target(target), show_comparison(comparison))
        }
    }
}

fn show_target(target: &Target) -> String {
    let link = |link: &crate::Link| {
        let types = link.types.as_ref().map(|types| format!(" to {types:?}")).unwrap_or_default();
        format!("{}{types} > ", link.relationship)
    };
    let links: String = target.links.iter().map(link).collect();
    let names: Vec<&str> = target.attributes.iter().map(model::Name::as_str).collect();
    let inside: String = target.inside.iter().map(|name| format!("/{name}")).collect();
    format!("{links}{}{inside}", names.join(" "))
}

fn show_comparison(comparison: &Comparison) -> String {
    let ranges = |ranges: &[Range]| {
        let range = |range: &Range| match range {
            Range::Only(only) => show_operand(only),
            Range::Between(low, high) => format!("{}..{}", show_operand(low), show_operand(high)),
        };
        ranges.iter().map(range).collect::<Vec<_>>().join(", ")
    };
    match comparison {
        Comparison::Exists => " exists".to_owned(),
        Comparison::Absent => " absent".to_owned(),
        Comparison::Equals(all) => format!(" = {}", ranges(all)),
        Comparison::NotEquals(all) => format!(" != {}", ranges(all)),
        Comparison::Less(operand) => format!(" < {}", show_operand(operand)),
        Comparison::LessOrEqual(operand) => format!(" <= {}", show_operand(operand)),
        Comparison::Greater(operand) => format!(" > {}", show_operand(operand)),
        Comparison::GreaterOrEqual(operand) => format!(" >= {}", show_operand(operand)),
        Comparison::Matches(pattern) => format!(" ~ /{}/", pattern.as_str()),
        Comparison::NotMatches(pattern) => format!(" !~ /{}/", pattern.as_str()),
    }
}

fn show_operand(operand: &Operand) -> String {
    match operand {
        Operand::Number(number) => number.to_string(),
        Operand::Boolean(value) => value.to_string(),
        Operand::Text(text) => format!("{text:?}"),
        Operand::DateTime(moment) => format!("moment {moment}"),
        Operand::Date(text) => format!("date {text}"),
        Operand::Time(text) => format!("time {text}"),
        Operand::Uri(text) => format!("<{text}>"),
    }
}

#[test]
fn the_examples_of_the_clause_are_read() {
    check("temperature", "temperature exists");
    check("temperature==20", "temperature = 20");
    check(r#"brandName!="Mercedes""#, r#"brandName != "Mercedes""#);
    check(r#"isParked=="urn:x:D1""#, r#"isParked = "urn:x:D1""#);
    check(r#"speed>50;brandName!="M""#, r#"(speed > 50 and brandName != "M")"#);
    check("((s>50|r>3);b==true)", "((s > 50 or r > 3) and b = true)");
    check("(t>=20;t<=25)|c<=10", "((t >= 20 and t <= 25) or c <= 10)");
    check(
        "temperature.observedAt>=2017-12-24T12:00:00Z",
        "temperature https://uri.etsi.org/ngsi-ld/observedAt >= moment 2017-12-24T12:00:00.000Z",
    );
    check(r#"address[city]=="Berlin""#, r#"address/city = "Berlin""#);
    check(
        "sensor.rawdata[airquality.particulate]==40",
        "sensor rawdata/airquality/particulate = 40",
    );
    check("sensor{humidity}==40", "sensor > humidity = 40");
    check("sensor{Device:humidity}==40", "sensor to Is(Device) > humidity = 40");
    check("a{T,U:b{V:c.d[e]}}<1", "a to OneOf([Is(T), Is(U)]) > b to Is(V) > c d/e < 1");
    check(r#"color=="black", "red""#, r#"color = "black", "red""#);
    check("temperature==10..20", "temperature = 10..20");
    check("color[*]==1", "color = 1");
}

#[test]
fn values_are_of_many_kinds() {
    check("a==-1.5e3,0.1", "a = -1500, 0.1");
    check("a==true,false", "a = true, false");
    check(r#"a=="b;c|d)\u00e4\"\\""#, r#"a = "b;c|d)ä\"\\""#);
    check("a==2026-04-01,12:00:00.5Z", "a = date 2026-04-01, time 12:00:00.5Z");
    check("a==2026-04-01..2026-05-01", "a = date 2026-04-01..date 2026-05-01");
    check("a==urn:x:y|b==http://h/p?q=1#f", "(a = <urn:x:y> or b = <http://h/p?q=1#f>)");
    check(r#"a~="^\d+\"$";b!~=(x|y)*z"#, r#"(a ~ /^\d+"$/ and b !~ /(x|y)*z/)"#);
    check(r#"(a~=b[)|;]c)"#, "a ~ /b[)|;]c/");
}

#[test]
fn forms_in_use_are_read_too() {
    check("!heading;speed>25", "(heading absent and speed > 25)");
    check("category==commercial", r#"category = "commercial""#);
    check("speed>50;brandName==%22Tesla%20S%22", r#"(speed > 50 and brandName = "Tesla S")"#);
    check(r#" a > 1 ; b == "x" | c "#, r#"((a > 1 and b = "x") or c exists)"#);
    check("schema:name~=a", "schema:name ~ /a/");
    check("https://a.org/b.c#d==1", "https://a.org/b.c#d = 1");
}

#[test]
fn what_is_wrong_is_pointed_at() {
    check("", "`q`, character 1: expected an attribute name");
    check(
        "speed>",
        "`q`, character 7: expected a number, a text in quotes, a date or a time after `>`",
    );
    check("temperature==", "`q`, character 14: expected a value after `==`");
    check("))bad((", "`q`, character 1: expected an attribute name, found `)`");
    check(
        "a=5",
        "`q`, character 2: expected an operator such as `==`, `;`, `|` or the end, found `=`",
    );
    check("ä==1;5>3", "`q`, character 6: expected an attribute name, found `5`");
    check("a>4..5", "`q`, character 4: ranges and lists may only stand after `==` and `!=`");
    check(
        "a>true",
        "`q`, character 3: expected a number, a text in quotes, a date or a time after `>`",
    );
    check(
        "a==1..\"x\"",
        "`q`, character 4: a range goes between two numbers, texts in quotes, dates or times",
    );
    check("a==\"x", "`q`, character 4: a text in quotes has no end");
    check(r#"a=="\x""#, "`q`, character 4: what is in quotes is not a JSON string");
    check("a==1e999", "`q`, character 4: the number `1e999` is too large");
    check(
        "a==.5",
        "`q`, character 4: expected a value after `==`, found `.5`; put texts in quotes",
    );
    check("a~=\"(\"", "`q`, character 4: not a regular expression: unclosed group");
    check("a[b", "`q`, character 4: expected `]` after the path inside a value");
    check("a{b", "`q`, character 4: expected `}` after the path in a linked entity");
    check("(a;b", "`q`, character 5: expected `)` at the end of a group");
    check("a==1 b", "`q`, character 6: expected `;`, `|` or the end, found `b`");
    check("a:b:c", "`q`, character 1: expected an attribute name, found `a:b:c`");
}

#[test]
fn everything_has_a_limit() {
    let check = |q: &str, place: &str, problem: &str, setting: &str| {
        let invalid = parse_q(q, &QOptions::default(), &expand).expect_err("too much");
        assert!(invalid.exceeds, "{invalid}");
        let expected = format!("`q`, character {place}: {problem} (setting `{setting}`)");
        assert_eq!(invalid.to_string(), expected);
    };
    check(&"a;".repeat(300), "513", "more than 256 terms", "query_terms_max");
    let parentheses = "more than 16 parentheses inside each other";
    check(&"(".repeat(20), "17", parentheses, "query_depth_max");
    let long = "20000 bytes are too long; at most 16384 may stand here";
    check(&"a".repeat(20_000), "1", long, "query_bytes_max");
    let values = format!("a==1{}", ",1".repeat(300));
    check(&values, "516", "more than 256 values in a list", "query_terms_max");
    check(&"a{".repeat(20), "23", "more than 10 relationships to follow", "join_level_max");
    let names = "more than 16 names in a path";
    check(&["a"; 20].join("."), "40", names, "query_depth_max");
    let pattern = format!("b~=\"{}\"", "a".repeat(1025));
    check(&pattern, "4", "a pattern takes at most 1024 bytes", "pattern_bytes_max");
}

#[test]
fn values_expand_where_that_is_asked() {
    let options = Parser::new(&expand).q_options(Some("a, b"), Some("b")).expect("names");
    let shown = |q| parse_q(q, &options, &expand).map(|condition| show(&condition));
    let expected = "(a = <http://example.org/commercial> and b = \"commercial\")";
    assert_eq!(shown("a==commercial;b==commercial").as_deref(), Ok(expected));
}

#[test]
fn a_condition_tells_how_deep_and_how_wide_it_is() {
    let depth = |q, deep, asks| {
        let condition = parse_q(q, &QOptions::default(), &expand).expect("a condition");
        assert_eq!((condition.link_depth(), condition.asks_for_attributes()), (deep, asks), "{q}");
    };
    depth(r#"modifiedAt>"2020-01-01T00:00:00Z""#, 0, false);
    depth(r#"owner{works{name}}=="x"|a"#, 2, true);
    depth("owner{createdAt}", 1, true);
}

proptest! {
    #[test]
    fn nothing_makes_a_parser_panic(text in "[a-c0-2ä\"%;|,(){}\\[\\].:=!<>~*+#/@ TZ\\\\-]{0,40}") {
        let options = QOptions { expand_values: vec![model::Name::new("a")], ..Default::default() };
        let parser = Parser::new(&expand);
        let _ = parser.q(&text, &options);
        let _ = parser.q(&format!("a=={text}"), &options);
        let _ = parser.types(&text);
        let _ = parser.scope_q(&text);
        let _ = parser.names("attrs", &text);
        let _ = parser.order_by(&text, None);
        let _ = parser.order_from(&text, None);
        let _ = parser.projection("pick", &text);
        let _ = LanguageRanges::parse(&text).map(|ranges| ranges.pick_from(&["a", "b-C"]).is_some());
        let _ = Collation::parse(&text);
        let _ = Pattern::parse(&text);
    }

    #[test]
    fn no_text_at_all_makes_a_parser_panic(text in any::<String>()) {
        let _ = parse_q(&text, &QOptions::default(), &expand);
        let _ = Parser::new(&expand).types(&text);
        let _ = LanguageRanges::parse(&text);
        let _ = Collation::parse(&text);
    }
}
