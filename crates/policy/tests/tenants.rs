//! Whose data it is: tenants in policies, and those that callers belong to.

use model::{Name, Tenant};
use policy::Caller;
use policy::cedar::{Action, Policies, Source, Sources};
use testkit::notation::{name, tenant};

const POLICIES: &str = r#"
    @id("north")
    permit (principal in Role::"chief", action, resource in Tenant::"north");
    @id("default")
    permit (principal in Role::"clerk", action == Action::"administer", resource)
    when { resource == Tenant::"(default)" };
    @id("own")
    permit (principal in Role::"local", action in [Action::"read", Action::"administer"], resource)
    when { principal has tenant && resource in principal.tenant };
    @id("entities")
    permit (principal in Role::"guest", action, resource is Entity)
    when { !(resource in Tenant::"north") };
"#;

fn expand(term: &str) -> Result<Name, String> {
    Ok(name(term))
}

/// The tenants that each action is allowed in, of the default one, `north` and `south`.
fn check(role: &str, bound: Option<&str>, expected: &[(Action, &str)]) {
    let policies = vec![Source::new("tenants.cedar", POLICIES)];
    let policies = Policies::load(&Sources { policies, areas: Vec::new() }, &expand);
    let policies = policies.expect("policies");
    let principal =
        Caller { roles: [role.to_owned()].into(), tenant: bound.map(tenant), ..Caller::default() };
    // Twice: what is worked out first must not answer for another tenant afterwards.
    for _ in 0..2 {
        for action in Action::ALL {
            let tenants = ["", "north", "south"].map(tenant);
            let allowed = tenants.iter().filter(|one| policies.allow(&principal, action, one));
            let allowed: Vec<String> = allowed.map(Tenant::to_string).collect();
            let expected = expected.iter().find(|(of, _)| *of == action).map_or("", |one| one.1);
            assert_eq!(allowed.join(" "), expected, "{role} {action}");
            for one in &tenants {
                let explained = policies.explain_on_tenant(&principal, action, one);
                if !action.is_on_entities() {
                    let permitted = explained.verdict.is_permitted();
                    assert_eq!(permitted, allowed.contains(&one.to_string()), "{explained}");
                }
            }
        }
    }
}

#[test]
fn a_policy_may_be_about_one_tenant() {
    let everything = Action::ALL.map(|action| (action, "north"));
    check("chief", None, &everything);
    check("clerk", None, &[(Action::Administer, "(default)")]);
}

#[test]
fn a_policy_may_be_about_entities_alone() {
    let entities = Action::ALL.into_iter().filter(|action| action.is_on_entities());
    let expected: Vec<_> = entities.map(|action| (action, "(default) south")).collect();
    check("guest", None, &expected);
}

#[test]
fn who_belongs_to_a_tenant_has_no_rights_elsewhere() {
    check("chief", Some("south"), &[]);
    check("chief", Some("north"), &Action::ALL.map(|action| (action, "north")));
    check("local", Some("south"), &[(Action::Read, "south"), (Action::Administer, "south")]);
    check("local", None, &[]);
}
