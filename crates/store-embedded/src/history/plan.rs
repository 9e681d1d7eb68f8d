//! Which evolutions can be meant by a filter.

use model::Name;
use query::{Comparison, Condition, Filter, Test};

/// A filter that holds for an entity as it is now, or was, wherever `filter` holds for its
/// readings: values and places may have been others, but the attribute was there.
pub fn of_names(filter: &Filter) -> Filter {
    match filter {
        Filter::Condition(condition) => of_condition(condition),
        Filter::Geo(geo) => Filter::Attributes(vec![geo.property.clone()]),
        Filter::Scope(_) | Filter::Not(_) => Filter::Everything,
        Filter::All(all) => Filter::All(all.iter().map(of_names).collect()),
        Filter::Any(any) => Filter::Any(any.iter().map(of_names).collect()),
        Filter::Everything
        | Filter::Ids(_)
        | Filter::IdPattern(_)
        | Filter::IdsAfter(_)
        | Filter::Types(_)
        | Filter::Attributes(_) => filter.clone(),
    }
}

fn of_condition(condition: &Condition) -> Filter {
    match condition {
        Condition::All(all) => Filter::All(all.iter().map(of_condition).collect()),
        Condition::Any(any) => Filter::Any(any.iter().map(of_condition).collect()),
        Condition::Test(test) => {
            read_by(test).map_or(Filter::Everything, |name| Filter::Attributes(vec![name]))
        }
    }
}

/// The attribute that must be there for a test to hold.
fn read_by(test: &Test) -> Option<Name> {
    if matches!(test.comparison, Comparison::Absent) || test.target.is_system() {
        return None;
    }
    match test.target.links.first() {
        Some(link) => Some(link.relationship.clone()),
        None => test.target.attributes.first().cloned(),
    }
}

/// What of a filter can be told without readings; elsewhere it holds.
pub fn of_header(filter: &Filter) -> Filter {
    match filter {
        Filter::Condition(_) | Filter::Geo(_) | Filter::Scope(_) | Filter::Attributes(_) => {
            Filter::Everything
        }
        Filter::All(all) => Filter::All(all.iter().map(of_header).collect()),
        Filter::Any(any) => Filter::Any(any.iter().map(of_header).collect()),
        Filter::Not(inner) if !is_of_header(inner) => Filter::Everything,
        Filter::Not(_)
        | Filter::Everything
        | Filter::Ids(_)
        | Filter::IdPattern(_)
        | Filter::IdsAfter(_)
        | Filter::Types(_) => filter.clone(),
    }
}

/// Can all of a filter be told without readings?
pub fn is_of_header(filter: &Filter) -> bool {
    match filter {
        Filter::Condition(_) | Filter::Geo(_) | Filter::Scope(_) | Filter::Attributes(_) => false,
        Filter::All(parts) | Filter::Any(parts) => parts.iter().all(is_of_header),
        Filter::Not(inner) => is_of_header(inner),
        _ => true,
    }
}
