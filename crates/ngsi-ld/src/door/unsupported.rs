//! The parts of the standard that this door does not serve, in one table.

/// Each resource with the methods that the standard gives it (table 6.2-1); `*` is any segment.
const RESOURCES: [(&[&str], &str); 10] = [
    (&["temporal", "entityMaps"], "GET, HEAD, POST, OPTIONS"),
    (&["csourceRegistrations"], "GET, HEAD, POST, OPTIONS"),
    (&["csourceRegistrations", "*"], "GET, HEAD, PATCH, DELETE, OPTIONS"),
    (&["csourceSubscriptions"], "GET, HEAD, POST, OPTIONS"),
    (&["csourceSubscriptions", "*"], "GET, HEAD, PATCH, DELETE, OPTIONS"),
    (&["entityMaps"], "GET, HEAD, POST, OPTIONS"),
    (&["entityMaps", "*"], "GET, HEAD, PATCH, DELETE, OPTIONS"),
    (&["snapshots"], "POST, DELETE, OPTIONS"),
    (&["snapshots", "*"], "GET, HEAD, PATCH, DELETE, OPTIONS"),
    (&["snapshots", "*", "clone"], "POST, OPTIONS"),
];

/// The methods of the resource with these segments; nothing where the standard has none there.
pub(super) fn methods(segments: &[&str]) -> Option<&'static str> {
    let matches = |pattern: &[&str]| {
        pattern.len() == segments.len()
            && pattern.iter().zip(segments).all(|(wanted, found)| *wanted == "*" || wanted == found)
    };
    RESOURCES.iter().find(|(pattern, _)| matches(pattern)).map(|(_, methods)| *methods)
}

/// The path of each resource below the root, `{}` for any segment.
pub(super) fn paths() -> impl Iterator<Item = String> {
    RESOURCES.iter().map(|(pattern, _)| pattern.join("/").replace('*', "{}"))
}

/// Why a request to one of them is refused (clause 5.5.6).
pub(super) const REASON: &str = "this broker serves entities, types, attributes, contexts, \
     subscriptions and temporal evolutions; registrations, entity maps and snapshots are not \
     supported";
