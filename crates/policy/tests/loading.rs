//! What is taken as policies, and what people are told of the rest.

use expect_test::{Expect, expect};
use policy::cedar::{Expectation, Limits, Policies, Source, Sources};
use testkit::notation::name;

fn expand(term: &str) -> Result<model::Name, String> {
    Ok(name(term))
}

fn sources(policies: &str) -> Sources {
    let areas = r#"{"harbour": {"type": "Point", "coordinates": [24.9, 60.1]}}"#;
    Sources {
        policies: vec![Source::new("city.cedar", policies)],
        areas: vec![Source::new("areas.json", areas)],
    }
}

/// What is wrong with policies, or else what looks so.
fn told(policies: &str) -> String {
    match Policies::load(&sources(policies), &expand) {
        Ok(loaded) => loaded.warnings().iter().map(|one| format!("warning: {one}\n")).collect(),
        Err(problems) => problems.iter().map(|one| format!("{one}\n")).collect(),
    }
}

fn check(policies: &str, expected: Expect) {
    expected.assert_eq(&told(policies));
}

fn check_condition(condition: &str, expected: Expect) {
    check(&reading(condition), expected);
}

fn reading(condition: &str) -> String {
    let head = "permit (principal, action == Action::\"read\", resource)";
    format!("@id(\"p\")\n{head}\nwhen {{ {condition} }};")
}

#[test]
fn the_defaults_load_and_decide_as_expected() {
    let policies = Policies::load(&Sources::defaults(), &expand).expect("policies");
    assert!(policies.warnings().is_empty(), "{:?}", policies.warnings());
    let source = Source::new("defaults.expected.toml", policy::cedar::DEFAULTS_EXPECTED);
    let table = Expectation::read(&source, &expand, &Limits::DEFAULT).expect("a table");
    assert!(20 < table.len());
    let failures: Vec<String> = policies.test(&table).iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The examples of the documentation load, and decide what its table says.
#[test]
fn what_is_documented_is_true() {
    let text = include_str!("../../../docs/policies.md");
    let blocks = |language: &str| {
        let opening = format!("```{language}\n");
        let parts = text.split(&opening).skip(1);
        let blocks = parts.map(|part| part.split("```").next().expect("a block"));
        blocks.collect::<Vec<_>>().join("\n")
    };
    let mut examples = sources(&blocks("cedar"));
    examples.policies.extend(Sources::defaults().policies);
    let policies = Policies::load(&examples, &expand).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    let table = Source::new("policies.md", blocks("toml"));
    let table = Expectation::read(&table, &expand, &Limits::DEFAULT).expect("a table");
    assert_eq!(table.len(), 1);
    assert_eq!(policies.test(&table), []);
}

#[test]
fn conditions_that_can_become_filters_are_taken() {
    for condition in [
        r#"resource in EntityType::"Lamp" && !(resource in Scope::"/Madrid")"#,
        r#"resource in [Scope::"/Madrid", Scope::"/Paris"]"#,
        r#"resource in Query::"speed>50;brand==\"X\"|heading""#,
        r#"resource in Area::"harbour""#,
        r#"resource.id like "urn:ngsi-ld:Lamp:*" || resource == Entity::"urn:a:b""#,
        r#"["urn:a:b", "urn:a:c"].contains(resource.id)"#,
        r#"["email", "name"].contains(context.attribute)"#,
        r#"context.attribute != "email""#,
        r#"principal has tenant && principal.tenant == Tenant::"north""#,
        r#"principal has tenant && resource in principal.tenant"#,
        r#"principal.name like "sensor-*" && principal.name != "sensor-9""#,
        r#"if principal in Role::"guest" then resource in principal.scopes else true"#,
        r#"principal.entities.contains(resource) || principal.entities.isEmpty()"#,
        r#"resource in Tenant::"(default)""#,
        r#"resource is Entity in EntityType::"Lamp""#,
        r#"principal in [Role::"a", Role::"b"]"#,
    ] {
        assert_eq!(told(&reading(condition)), "", "{condition}");
    }
}

#[test]
fn what_is_no_cedar_is_pointed_at() {
    check(
        "permit (principal, action, resource",
        expect![[r#"
        city.cedar:1:36: unexpected end of input
    "#]],
    );
    check(
        "@id(\"a\")\npermit (principal, action, resource)\nwhen { };",
        expect![[r#"
        city.cedar:3:1: `when` condition clause cannot be empty
    "#]],
    );
    check(
        "permit (principal, action == Action::\"fly\", resource);",
        expect![[r#"
        city.cedar:1:30: policy `city.cedar#1`: unrecognized action `Action::"fly"` (did you mean `Action::"read"`?)
    "#]],
    );
    check_condition(
        "resource.colour == \"red\"",
        expect![[r#"
            city.cedar:3:8: policy `p`: attribute `colour` on entity type `Entity` not found (did you mean `id`?)
        "#]],
    );
    check_condition(
        "principal.tenant == Tenant::\"north\"",
        expect![[r#"
        city.cedar:3:8: policy `p`: unable to guarantee safety of access to optional attribute `tenant` on entity type `Caller` (try testing for the attribute's presence with `e has tenant && ..`)
    "#]],
    );
    check(
        "@id(\"never\")\npermit (principal in Role::\"a\", action, resource) when { false };",
        expect![[r#"
            warning: city.cedar:1:1: policy `never`: policy is impossible: the policy expression evaluates to false for all valid requests
        "#]],
    );
}

#[test]
fn what_cannot_become_a_filter_is_refused_with_a_hint() {
    check_condition(
        "context.attribute like \"e*\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `context.attribute like "e*"`: attributes are named one by one (write `["name", "email"].contains(context.attribute)`)
    "#]],
    );
    check_condition(
        "principal.name == resource.id",
        expect![[r#"
        city.cedar:1:1: policy `p`: `principal.name == resource.id` cannot be made a filter (values of attributes are asked for with `resource in Query::"speed>50"`; the rest that policies may ask stands in comity.cedarschema)
    "#]],
    );
    check_condition(
        "if (true && (if true then true else true)) then true else false",
        expect![[r#"
        city.cedar:1:1: policy `p`: `if true && (if true then true else true) then true else false`: a branch stands in a condition of one (write the inner one with `&&` and `||`)
    "#]],
    );
    check_condition(
        "1 < 2",
        expect![[r#"
        city.cedar:1:1: policy `p`: `1 < 2` cannot be made a filter (values of attributes are asked for with `resource in Query::"speed>50"`; the rest that policies may ask stands in comity.cedarschema)
    "#]],
    );
    check_condition(
        "context.attribute == \"scope\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `scope` is seen with the entity, and cannot be hidden alone (name it where the action is `create`, `update` or `delete`)
    "#]],
    );
    check_condition(
        "context.attribute == \"createdAt\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `createdAt` is no attribute, and comes with the entity (of such members, policies name `type`, `scope` and `expiresAt`)
    "#]],
    );
    check_condition(
        "resource in Area::\"port\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: there is no area `port`
    "#]],
    );
    check_condition(
        "resource in Query::\"speed>\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `q`, character 7: expected a number, a text in quotes, a date or a time after `>`
    "#]],
    );
    check_condition(
        "resource in Query::\"street{lanes}>2\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `street{lanes}>2` asks about linked entities, which a policy cannot
    "#]],
    );
    check_condition(
        "resource in Scope::\"/1st\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `/1st` is not a scope; it must look like /Madrid/Gardens, each level opening with a letter, and have at most 1024 bytes
    "#]],
    );
    check_condition(
        "resource == Entity::\"lamp\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `lamp` is not a valid URI
    "#]],
    );
    check_condition(
        "resource in Tenant::\"a/b\"",
        expect![[r#"
        city.cedar:1:1: policy `p`: `a/b` is not a tenant name; it takes 1 to 100 letters, digits, `_`, `-` or `.`, or `(default)`
    "#]],
    );
    check(
        "permit (principal == ?principal, action, resource);",
        expect![[r#"
        city.cedar:1:1: templates (`?principal`) are not supported (write a policy for each of them)
    "#]],
    );
}

#[test]
fn policies_are_told_apart_by_their_ids() {
    let text = "// First.\n@id(\"a\")\npermit (principal, action, resource);\n\n\
                @id(\"a\")\nforbid (principal, action, resource);";
    check(
        text,
        expect![[r#"
        city.cedar:5:1: policy `a`: there is another policy with this id
    "#]],
    );
}

#[test]
fn there_is_a_limit_to_all_of_it() {
    let all = "permit (principal, action, resource);";
    let named = r#"permit (principal, action == Action::"read", resource)
        when { ["a", "b"].contains(context.attribute) };"#;
    let policy = |condition: String| {
        format!("permit (principal, action == Action::\"read\", resource) when {{ {condition} }};")
    };
    let deep = policy(format!("{}true{}", "(".repeat(40), ")".repeat(40)));
    let wide = policy(["principal in Role::\"r\""; 200].join(" || "));
    let limits = Limits::DEFAULT;
    let cases = [
        (all, Limits { policy_source_bytes_max: 10, ..limits.clone() }),
        (all, Limits { policies_max: 0, ..limits.clone() }),
        (all, Limits { policy_areas_max: 0, ..limits.clone() }),
        (named, Limits { policy_attributes_max: 1, ..limits.clone() }),
        (&deep, limits.clone()),
        (&wide, limits),
    ];
    let found: Vec<String> = cases
        .into_iter()
        .map(|(text, limits)| match Policies::within(&sources(text), &expand, &limits) {
            Ok(_) => "taken".to_owned(),
            Err(problems) => problems[0].to_string(),
        })
        .collect();
    expect![[r#"
        areas.json:1:1: has 59 bytes; at most 10 are read (setting `policy_source_bytes_max`)
        city.cedar:1:1: policy `city.cedar#1`: there are more than 0 policies (setting `policies_max`)
        areas.json:1:1: there are more than 0 areas (setting `policy_areas_max`)
        city.cedar:1:1: policy `city.cedar#1`: with this policy, more than 1 attributes are named (setting `policy_attributes_max`)
        city.cedar:1:94: brackets stand more than 32 deep inside each other (setting `policy_depth_max`)
        city.cedar:1:3375: the policy joins more than 256 parts (setting `policy_terms_max`) (write `in [..]` or `[..].contains(..)`, or several policies)"#]].assert_eq(&found.join("\n"));
}

/// Conditions at the limits fit into the stack of a thread, with all that parses and checks them.
#[test]
fn the_largest_policies_are_taken() {
    let nested = |inner: &str, times| format!("{}{inner}{}", "(".repeat(times), ")".repeat(times));
    let joined = ["context.attribute == \"a\""; 84].join(" || ");
    let branches = "if true then true else ".repeat(254) + "true";
    let deep = format!("{}true{}", "(false || ".repeat(31), ")".repeat(31));
    let set = format!("[{}].contains(context.attribute)", ["\"a\""; 40_000].join(", "));
    for condition in [nested(&joined, 31), nested(&branches, 31), deep, nested(&set, 29)] {
        assert_eq!(told(&reading(&condition)), "");
    }
}

#[test]
fn a_table_that_cannot_be_read_is_pointed_at() {
    let check = |text: &str, expected: Expect| {
        let source = Source::new("t.toml", text);
        let found = Expectation::read(&source, &expand, &Limits::DEFAULT);
        expected.assert_eq(&found.err().map_or("taken".to_owned(), |problem| problem.to_string()));
    };
    check(
        "[[expect]]\ncaller = { name = 1 }",
        expect!["t.toml:2:19: invalid type: integer `1`, expected a string"],
    );
    check(
        "\n[[expect]]\ncaller = { name = \"a\" }\naction = \"fly\"\npermitted = true",
        expect!["t.toml:2:1: expectation 1: there is no action `fly`"],
    );
    check(
        "[[expect]]\nabout = \"x\"\ncaller = { name = \"a\" }\naction = \"read\"\npermitted = true",
        expect!["t.toml:1:1: x: `read` is done to an entity"],
    );
}

#[test]
fn an_expectation_that_is_not_met_says_why() {
    let policies = Policies::load(&Sources::defaults(), &expand).expect("policies");
    let text = r#"
        [[expect]]
        about = "readers write"
        caller = { name = "ann", roles = ["reader"] }
        action = "update"
        entity = { id = "urn:a:1", types = ["Lamp"] }
        permitted = true

        [[expect]]
        about = "auditors write"
        caller = { name = "ada", roles = ["auditor", "writer"] }
        action = "update"
        entity = { id = "urn:a:1", types = ["Lamp"] }
        permitted = true

        [[expect]]
        about = "sizes are hidden"
        caller = { name = "ann", roles = ["reader"] }
        action = "read"
        entity = { id = "urn:a:1", types = ["Lamp"], attributes = { size = 1 } }
        permitted = true
        attributes = { size = false }
    "#;
    let table = Expectation::read(&Source::new("t.toml", text), &expand, &Limits::DEFAULT);
    let failures = policies.test(&table.expect("a table"));
    let told: Vec<String> = failures.iter().map(ToString::to_string).collect();
    expect![[r#"
        readers write: expected permitted, but update: refused: no policy permits it
        auditors write: expected permitted, but update: forbidden by `who-audits-changes-nothing` (defaults.cedar:39)
        sizes are hidden: expected `https://uri.etsi.org/ngsi-ld/default-context/size` refused, but read: permitted by `reader-reads` (defaults.cedar:4)
          https://uri.etsi.org/ngsi-ld/default-context/size: permitted by `reader-reads` (defaults.cedar:4)"#]].assert_eq(&told.join("\n"));
}
