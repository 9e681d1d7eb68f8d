//! The ordering language, and collations: sort keys stand as the comparison says.

use query::{Collation, Parser, Sorter, compare};

use crate::query_languages::checked;
use crate::sample::{ENTITIES, expand};

/// `orderBy`; below it, perhaps, `collation`, `orderFrom` and `orderGeometry`, a line each.
pub fn order_by(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let by = lines.next().unwrap_or_default();
    let collation = lines.next().and_then(|tag| Collation::parse(tag).ok()).unwrap_or_default();
    let (from, geometry) = (lines.next(), lines.next());
    let parser = Parser::new(&expand);
    let from = from.and_then(|from| checked(from, parser.order_from(from, geometry)));
    let Some(order) = checked(by, parser.order_by(by, from.as_ref())) else { return };
    let sorter = Sorter::new(&order, &collation);
    for left in ENTITIES.iter() {
        for right in ENTITIES.iter() {
            let found = compare(left, right, &order, &collation);
            assert_eq!(compare(right, left, &order, &collation), found.reverse(), "{order:?}");
            let by_keys = sorter.key(left).cmp(&sorter.key(right));
            assert_eq!(by_keys, found, "{} and {} by {order:?}", left.id, right.id);
        }
    }
}
