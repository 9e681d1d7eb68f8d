//! Random changes.

use model::{Change, Instances, Operation, Tenant};

use super::entities::{attribute, draft, partial, patch_of, whole};
use super::vocabulary::{bare, dataset, id, moment, selector, tenant, term};
use crate::chance::Chance;

/// One that makes an entity where random work usually is.
pub fn creation(chance: &mut Chance) -> Change {
    let operation = Operation::CreateOrReplace(draft(chance));
    Change { tenant: Tenant::default(), id: id(chance), types: None, operation }
}

pub fn change(chance: &mut Chance) -> Change {
    let operation = operation(chance);
    let creates = matches!(
        operation,
        Operation::Create(_) | Operation::CreateOrReplace(_) | Operation::CreateOrAppend(_)
    );
    let types = (!creates && chance.once_in(8)).then(|| selector(chance, 1));
    Change { tenant: tenant(chance), id: id(chance), types, operation }
}

fn operation(chance: &mut Chance) -> Operation {
    match chance.below(40) {
        0..6 => Operation::Create(draft(chance)),
        6..9 => Operation::Replace(draft(chance)),
        9..15 => Operation::CreateOrReplace(draft(chance)),
        15..18 => Operation::CreateOrAppend(draft(chance)),
        18..22 => Operation::Append { fragment: whole(chance), overwrite: !chance.once_in(3) },
        22..25 => Operation::Update(partial(chance)),
        25..28 => {
            let observed_at = chance.once_in(4).then(|| moment(chance));
            Operation::Merge { fragment: partial(chance), observed_at }
        }
        28..30 => {
            let name = term(chance);
            let patch = patch_of(chance, &name);
            Operation::UpdateAttribute { name, patch }
        }
        30 | 31 => {
            let name = term(chance);
            let attribute = attribute(chance, &name, 1).into_attribute(name);
            Operation::ReplaceAttribute(attribute.expect("a patch that lacks nothing"))
        }
        32 | 33 => Operation::SetValue {
            name: term(chance),
            dataset_id: dataset(chance),
            value: bare(chance),
            observed_at: chance.once_in(4).then(|| moment(chance)),
        },
        34 | 35 => {
            let instances =
                if chance.once_in(2) { Instances::All } else { Instances::One(dataset(chance)) };
            Operation::DeleteAttribute { name: term(chance), instances }
        }
        36 => Operation::DeleteScope,
        37 => Operation::Drop(chance.list(1, 3, term)),
        38 => Operation::Retain(chance.list(1, 3, term)),
        _ => Operation::Delete,
    }
}
