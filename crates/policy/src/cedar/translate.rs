//! From the syntax tree of a policy to its terms.
//!
//! What has no translation is told here, with a hint at what could be written instead.

use std::fmt::Display;
use std::sync::Arc;

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, EntityOrSlot, EntityType, Expr, Literal, PatternElem,
    PrincipalConstraint, ResourceConstraint, Template, UnaryOp, Var,
};
use query::{Pattern, SystemMember};

use super::action::Action;
use super::atom::{Atoms, Group, Vocabulary, name, tenant};
use super::change::{expiry_member, scope_member, type_member};
use super::term::Term;
use super::value::{Operand, Reference};

/// Why a valid policy is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unsupported {
    pub message: String,
    pub help: Option<&'static str>,
}

impl From<String> for Unsupported {
    fn from(message: String) -> Unsupported {
        Unsupported { message, help: None }
    }
}

/// How much of an expression is quoted where it is not understood.
const QUOTED_CHARS_MAX: usize = 120;

pub(super) struct Translator<'a> {
    pub words: Vocabulary<'a>,
    pub atoms: &'a mut Atoms,
    /// May the policy be about reading?
    pub reads: bool,
}

impl Translator<'_> {
    /// When the policy applies: its head and all of its clauses.
    pub fn policy(&mut self, policy: &Template) -> Result<Term, Unsupported> {
        let actions = actions(&policy.action);
        self.reads = actions.contains(&Action::Read);
        let mut parts = vec![
            self.principal(&policy.principal)?,
            Term::ActionIn(actions),
            self.resource(&policy.resource)?,
        ];
        for clause in policy.clauses() {
            parts.push(match clause {
                Clause::When(condition) => self.condition(condition)?,
                Clause::Unless(condition) => self.condition(condition)?.not(),
            });
        }
        Ok(Term::All(parts))
    }

    fn principal(&mut self, head: &PrincipalConstraint) -> Result<Term, Unsupported> {
        let (caller, whole) = (Operand::Principal, format!("principal {head}"));
        match head {
            PrincipalConstraint::Any => Ok(Term::constant(true)),
            PrincipalConstraint::Eq(uid) => self.equal(&caller, &reference(uid)?, &whole),
            PrincipalConstraint::In(uid) => self.is_in(&caller, &reference(uid)?, &whole),
            PrincipalConstraint::Is(kind) => is(&caller, kind, &whole),
            PrincipalConstraint::IsIn(kind, uid) => {
                let is_in = self.is_in(&caller, &reference(uid)?, &whole)?;
                Ok(Term::All(vec![is(&caller, kind, &whole)?, is_in]))
            }
        }
    }

    fn resource(&mut self, head: &ResourceConstraint) -> Result<Term, Unsupported> {
        let (resource, whole) = (Operand::Resource, format!("resource {head}"));
        match head {
            ResourceConstraint::Any => Ok(Term::constant(true)),
            ResourceConstraint::Eq(uid) => self.equal(&resource, &reference(uid)?, &whole),
            ResourceConstraint::In(uid) => self.is_in(&resource, &reference(uid)?, &whole),
            ResourceConstraint::Is(kind) => is(&resource, kind, &whole),
            ResourceConstraint::IsIn(kind, uid) => {
                let is_in = self.is_in(&resource, &reference(uid)?, &whole)?;
                Ok(Term::All(vec![is(&resource, kind, &whole)?, is_in]))
            }
        }
    }

    fn condition(&mut self, expression: &Expr) -> Result<Term, Unsupported> {
        match expression {
            Expr::Literal(Literal::Bool(holds)) => Ok(Term::constant(*holds)),
            Expr::UnaryOp { op: UnaryOp::Not, expr } => Ok(self.condition(expr)?.not()),
            Expr::UnaryOp { op: UnaryOp::IsEmpty, expr } => is_empty(expr, expression),
            Expr::BinaryOp { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => {
                let parts = chain(expression, *op).into_iter();
                let parts = parts.map(|part| self.condition(part));
                let parts = parts.collect::<Result<_, _>>()?;
                Ok(if *op == BinaryOp::And { Term::All(parts) } else { Term::Any(parts) })
            }
            Expr::BinaryOp { op, left, right } => self.comparison(*op, left, right, expression),
            // Each step inside each other would double what comes out.
            Expr::IfThenElse { cond, .. } if has_branches(cond) => Err(Unsupported {
                message: format!("`{}`: a branch stands in a condition of one", quoted(expression)),
                help: Some("write the inner one with `&&` and `||`"),
            }),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                let cond = self.condition(cond)?;
                let then = self.condition(then_expr)?;
                let otherwise = self.condition(else_expr)?;
                let unmet = Term::All(vec![cond.clone().not(), otherwise]);
                Ok(Term::Any(vec![Term::All(vec![cond, then]), unmet]))
            }
            Expr::HasAttr { expr, attrs } if attrs.tail.is_empty() => {
                has(expr, &attrs.head).ok_or_else(|| unsupported(expression))
            }
            Expr::Like { expr, pattern } => self.like(expr, pattern, expression),
            Expr::Is { expr, entity_type, in_expr } => {
                let operand = operand(expr, expression)?;
                let mut parts = vec![is(&operand, entity_type, expression)?];
                if let Some(group) = in_expr {
                    let group = self::operand(group, expression)?;
                    parts.push(self.is_in(&operand, &group, expression)?);
                }
                Ok(Term::All(parts))
            }
            _ => Err(unsupported(expression)),
        }
    }

    fn comparison(
        &mut self,
        op: BinaryOp,
        left: &Arc<Expr>,
        right: &Arc<Expr>,
        whole: &Expr,
    ) -> Result<Term, Unsupported> {
        let (left, right) = (operand(left, whole)?, operand(right, whole)?);
        match op {
            BinaryOp::Eq => self.equal(&left, &right, whole),
            BinaryOp::NotEq => Ok(self.equal(&left, &right, whole)?.not()),
            BinaryOp::In => self.is_in(&left, &right, whole),
            BinaryOp::Contains => self.contains(&left, &right, whole),
            _ => Err(unsupported(whole)),
        }
    }

    fn equal(
        &mut self,
        left: &Operand,
        right: &Operand,
        whole: &dyn Display,
    ) -> Result<Term, Unsupported> {
        Ok(match (left, right) {
            (Operand::CallersName, Operand::Text(name)) => Term::NameIs(name.clone()),
            (Operand::ResourceId, Operand::Text(id)) => self.entity(Group::Entity(id.clone()))?,
            (Operand::Attribute, Operand::Text(term)) => Term::AttributeIs(self.attribute(term)?),
            (Operand::Principal, Operand::Reference(to)) if to.kind == "Caller" => {
                Term::NameIs(to.id.clone())
            }
            (Operand::CallersTenant, Operand::Reference(to)) if to.kind == "Tenant" => {
                Term::IsBoundTo(tenant(&to.id)?)
            }
            (Operand::Action, Operand::Reference(to)) => {
                Term::ActionIn(Action::from_name(&to.id).into_iter().collect())
            }
            (Operand::Resource, Operand::Reference(to)) if to.kind == "Entity" => {
                self.entity(Group::Entity(to.id.clone()))?
            }
            (Operand::Resource, Operand::Reference(to)) if to.kind == "Tenant" => {
                Term::All(vec![Term::IsOnEntities.not(), Term::In(tenant(&to.id)?)])
            }
            (Operand::Resource, Operand::CallersTenant) => {
                Term::All(vec![Term::IsOnEntities.not(), Term::InOwnTenant])
            }
            (
                Operand::Text(_) | Operand::Reference(_),
                Operand::Text(_) | Operand::Reference(_),
            ) => {
                return Err(unsupported(whole));
            }
            (Operand::Text(_) | Operand::Reference(_), _)
            | (Operand::CallersTenant, Operand::Resource) => return self.equal(right, left, whole),
            _ => return Err(unsupported(whole)),
        })
    }

    fn is_in(
        &mut self,
        left: &Operand,
        right: &Operand,
        whole: &dyn Display,
    ) -> Result<Term, Unsupported> {
        Ok(match (left, right) {
            (_, Operand::Set(elements)) => {
                let parts = elements.iter().map(|element| self.is_in(left, element, whole));
                Term::Any(parts.collect::<Result<_, _>>()?)
            }
            (Operand::Principal, Operand::Reference(to)) if to.kind == "Role" => {
                Term::HasRole(to.id.clone())
            }
            (Operand::Action, Operand::Reference(to)) => Term::ActionIn(Action::group(&to.id)),
            (Operand::Resource, Operand::Reference(to)) => self.group(to, whole)?,
            (Operand::Resource, Operand::CallersScopes) => Term::InCallersScopes,
            (Operand::Resource, Operand::CallersEntities) => Term::AmongCallersEntities,
            (Operand::Resource, Operand::CallersTenant) => Term::InOwnTenant,
            _ => return self.equal(left, right, whole),
        })
    }

    /// Is the resource in this group, or is it this?
    fn group(&mut self, to: &Reference, whole: &dyn Display) -> Result<Term, Unsupported> {
        let id = to.id.clone();
        self.entity(match to.kind.as_str() {
            "Tenant" => return Ok(Term::In(tenant(&id)?)),
            "Entity" => Group::Entity(id),
            "EntityType" => Group::EntityType(id),
            "Scope" => Group::Scope(id),
            "Query" => Group::Query(id),
            "Area" => Group::Area(id),
            _ => return Err(unsupported(whole)),
        })
    }

    fn contains(
        &mut self,
        set: &Operand,
        element: &Operand,
        whole: &dyn Display,
    ) -> Result<Term, Unsupported> {
        match (set, element) {
            (Operand::Set(elements), _) => {
                let parts = elements.iter().map(|one| self.equal(element, one, whole));
                Ok(Term::Any(parts.collect::<Result<_, _>>()?))
            }
            (Operand::CallersEntities, Operand::Resource) => Ok(Term::AmongCallersEntities),
            _ => Err(unsupported(whole)),
        }
    }

    fn like(
        &mut self,
        expression: &Arc<Expr>,
        pattern: &[PatternElem],
        whole: &Expr,
    ) -> Result<Term, Unsupported> {
        let pattern = as_regular_expression(pattern);
        match operand(expression, whole)? {
            Operand::ResourceId => self.entity(Group::IdsLike(pattern)),
            Operand::CallersName => {
                Ok(Term::NameMatches(Pattern::parse(&pattern).map_err(|error| error.problem)?))
            }
            Operand::Attribute => Err(Unsupported {
                message: format!("`{}`: attributes are named one by one", quoted(whole)),
                help: Some("write `[\"name\", \"email\"].contains(context.attribute)`"),
            }),
            _ => Err(unsupported(whole)),
        }
    }

    fn entity(&mut self, group: Group) -> Result<Term, Unsupported> {
        Ok(Term::Entity(self.atoms.of(group, &self.words)?))
    }

    /// An attribute, or one of the members that changes may concern too.
    fn attribute(&mut self, term: &str) -> Result<model::Name, Unsupported> {
        let name = name(term, self.words.expand)?;
        let member = match SystemMember::of(&name) {
            None => return Ok(name),
            Some(SystemMember::Type) => type_member(),
            Some(SystemMember::Scope) => scope_member(),
            Some(SystemMember::ExpiresAt) => expiry_member(),
            Some(_) => {
                return Err(Unsupported {
                    message: format!("`{term}` is no attribute, and comes with the entity"),
                    help: Some("of such members, policies name `type`, `scope` and `expiresAt`"),
                });
            }
        };
        if self.reads {
            return Err(Unsupported {
                message: format!("`{term}` is seen with the entity, and cannot be hidden alone"),
                help: Some("name it where the action is `create`, `update` or `delete`"),
            });
        }
        Ok(member)
    }
}

fn actions(constraint: &ActionConstraint) -> Vec<Action> {
    match constraint {
        ActionConstraint::Any => Action::ALL.into(),
        ActionConstraint::Eq(uid) => Action::from_name(&uid.eid).into_iter().collect(),
        ActionConstraint::In(uids) => uids.iter().flat_map(|uid| Action::group(&uid.eid)).collect(),
    }
}

fn reference(uid: &EntityOrSlot) -> Result<Operand, Unsupported> {
    match uid {
        EntityOrSlot::Entity(uid) => Ok(Operand::Reference(Reference::of(uid))),
        EntityOrSlot::Slot(_) => Err(Unsupported {
            message: "templates are not supported".to_owned(),
            help: Some("write the principal and the resource out"),
        }),
    }
}

fn is(operand: &Operand, kind: &EntityType, whole: &dyn Display) -> Result<Term, Unsupported> {
    match (operand, kind.to_string().as_str()) {
        (Operand::Principal, "Caller") => Ok(Term::constant(true)),
        (Operand::Resource, "Entity") => Ok(Term::IsOnEntities),
        (Operand::Resource, "Tenant") => Ok(Term::IsOnEntities.not()),
        (Operand::Principal | Operand::Resource, _) => Ok(Term::constant(false)),
        _ => Err(unsupported(whole)),
    }
}

fn has(expression: &Expr, attribute: &str) -> Option<Term> {
    Some(match (expression, attribute) {
        (Expr::Var(Var::Principal), "tenant") => Term::IsBound,
        (Expr::Var(Var::Principal), "name" | "scopes" | "entities") => Term::constant(true),
        (Expr::Var(Var::Principal), _) => Term::constant(false),
        (Expr::Var(Var::Resource), "id") => Term::IsOnEntities,
        (Expr::Var(Var::Context), "attribute") => Term::IsOnEntities,
        (Expr::Var(Var::Resource | Var::Context), _) => Term::constant(false),
        _ => return None,
    })
}

fn is_empty(set: &Expr, whole: &Expr) -> Result<Term, Unsupported> {
    match operand(set, whole)? {
        Operand::CallersScopes => Ok(Term::HasScopes.not()),
        Operand::CallersEntities => Ok(Term::HasEntities.not()),
        _ => Err(unsupported(whole)),
    }
}

fn operand(expression: &Expr, whole: &Expr) -> Result<Operand, Unsupported> {
    Operand::of(expression).ok_or_else(|| unsupported(whole))
}

/// The parts of `a && b && c`, however many: the parser makes them as deep as they are long.
fn chain(expression: &Expr, wanted: BinaryOp) -> Vec<&Expr> {
    let (mut parts, mut waiting) = (Vec::new(), vec![expression]);
    while let Some(expression) = waiting.pop() {
        match expression {
            Expr::BinaryOp { op, left, right } if *op == wanted => {
                waiting.push(&**right);
                waiting.push(&**left);
            }
            part => parts.push(part),
        }
    }
    parts
}

fn has_branches(expression: &Expr) -> bool {
    match expression {
        Expr::IfThenElse { .. } => true,
        Expr::UnaryOp { expr, .. } => has_branches(expr),
        Expr::BinaryOp { left, right, .. } => has_branches(left) || has_branches(right),
        _ => false,
    }
}

/// Matches the whole text, as `like` does.
fn as_regular_expression(pattern: &[PatternElem]) -> String {
    let mut text = String::from("(?s)^");
    let mut wild = false;
    for element in pattern {
        match element {
            // Several in a row mean what one does.
            PatternElem::Wildcard if wild => {}
            PatternElem::Wildcard => text.push_str(".*"),
            PatternElem::Char(c) if c.is_ascii_alphanumeric() => text.push(*c),
            PatternElem::Char(c) => text.push_str(&format!("\\x{{{:x}}}", u32::from(*c))),
        }
        wild = matches!(element, PatternElem::Wildcard);
    }
    text.push('$');
    text
}

fn unsupported(expression: &dyn Display) -> Unsupported {
    Unsupported {
        message: format!("`{}` cannot be made a filter", quoted(expression)),
        help: Some(
            "values of attributes are asked for with `resource in Query::\"speed>50\"`; the rest \
             that policies may ask stands in comity.cedarschema",
        ),
    }
}

fn quoted(expression: &dyn Display) -> String {
    let text = expression.to_string();
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
