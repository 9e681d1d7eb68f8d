//! On what something was done, without what nobody else is to know of it.

/// Parameters of a query whose values are told: what they hold is no secret, and tells an auditor
/// how much was asked for. Of all others only the name is.
const HARMLESS: [&str; 14] = [
    "count",
    "details",
    "endTimeAt",
    "event",
    "from",
    "lang",
    "lastN",
    "limit",
    "offset",
    "options",
    "timeAt",
    "timeproperty",
    "timerel",
    "until",
];

/// How many parameters are told, and how long their names and values are.
const PARAMETERS_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 64;

/// What stands for a value that is not told.
const HIDDEN: &str = "*";

/// The text, or, of a URL or a path with a query, the path and the names of parameters. What
/// stands before `@` in an authority, and after `#`, is left out: both may let someone in.
pub(crate) fn without_secrets(text: &str) -> String {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) =
        text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    let path = without_user(path);
    match query {
        Some(query) if !query.is_empty() => format!("{path}?{}", parameters(query)),
        _ => path,
    }
}

fn without_user(path: &str) -> String {
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{after}"),
        None => path.to_owned(),
    }
}

fn parameters(query: &str) -> String {
    let mut told: Vec<String> = query.split('&').take(PARAMETERS_MAX).map(parameter).collect();
    let further = query.split('&').count() - told.len();
    if further > 0 {
        told.push(format!("({further} more)"));
    }
    told.join("&")
}

fn parameter(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if HARMLESS.contains(&name) && is_plain(value, VALUE_BYTES_MAX) => {
            text.to_owned()
        }
        Some((name, _)) if is_plain(name, NAME_BYTES_MAX) => format!("{name}={HIDDEN}"),
        // What has no name may be a token as a whole.
        _ => HIDDEN.to_owned(),
    }
}

/// Nothing that is written otherwise than it reads.
fn is_plain(text: &str, bytes_max: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:,".contains(&byte);
    text.len() <= bytes_max && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(without_secrets(text), expected);
    }

    #[test]
    fn values_are_told_of_harmless_parameters_alone() {
        check("/ngsi-ld/v1/entities", "/ngsi-ld/v1/entities");
        check("key administrator", "key administrator");
        check("/events?access_token=s3cr3t", "/events?access_token=*");
        check("/a?limit=10&q=owner==%22Ada%22&count=true", "/a?limit=10&q=*&count=true");
        check("/a?s3cr3t", "/a?*");
        check("/a?s3cr3t%20is=1", "/a?*");
        check("/a?limit=s3cr3t%20x", "/a?limit=*");
        check("/a?", "/a");
        check("/a#access_token=s3cr3t", "/a");
        check("/a?b=1#s3cr3t", "/a?b=*");
        check("https://ada:s3cr3t@host/a@b?c=d", "https://*@host/a@b?c=*");
        check("https://host/a@b", "https://host/a@b");
    }

    #[test]
    fn parameters_have_an_end() {
        let query = vec!["a=b"; PARAMETERS_MAX + 7].join("&");
        let told = without_secrets(&format!("/a?{query}"));
        assert!(told.ends_with("&a=*&(7 more)"), "{told}");
        check(&format!("/a?{}=1", "n".repeat(NAME_BYTES_MAX + 1)), "/a?*");
    }
}
