//! What stands on either side of a comparison in a policy.

use cedar_policy::pst::{EntityUID, Expr, Literal, Var};

/// An expression that is no truth value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Text(String),
    Reference(Reference),
    Set(Vec<Operand>),
    Principal,
    CallersName,
    CallersTenant,
    CallersScopes,
    CallersEntities,
    Action,
    Resource,
    ResourceId,
    Context,
    Attribute,
}

/// `Role::"reader"` and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub kind: String,
    pub id: String,
}

impl Reference {
    pub fn of(uid: &EntityUID) -> Reference {
        Reference { kind: uid.ty.to_string(), id: uid.eid.to_string() }
    }
}

impl Operand {
    /// Nothing for what policies here cannot say, or what is a truth value.
    pub fn of(expression: &Expr) -> Option<Operand> {
        Some(match expression {
            Expr::Literal(Literal::String(text)) => Operand::Text(text.to_string()),
            Expr::Literal(Literal::EntityUID(uid)) => Operand::Reference(Reference::of(uid)),
            Expr::Set(elements) => {
                let elements = elements.iter().map(|element| Operand::of(element));
                Operand::Set(elements.collect::<Option<_>>()?)
            }
            Expr::Var(Var::Principal) => Operand::Principal,
            Expr::Var(Var::Action) => Operand::Action,
            Expr::Var(Var::Resource) => Operand::Resource,
            Expr::Var(Var::Context) => Operand::Context,
            Expr::GetAttr { expr, attr } => match (&**expr, attr.as_str()) {
                (Expr::Var(Var::Principal), "name") => Operand::CallersName,
                (Expr::Var(Var::Principal), "tenant") => Operand::CallersTenant,
                (Expr::Var(Var::Principal), "scopes") => Operand::CallersScopes,
                (Expr::Var(Var::Principal), "entities") => Operand::CallersEntities,
                (Expr::Var(Var::Resource), "id") => Operand::ResourceId,
                (Expr::Var(Var::Context), "attribute") => Operand::Attribute,
                _ => return None,
            },
            _ => return None,
        })
    }
}
