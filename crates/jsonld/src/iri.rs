//! What an IRI looks like, and how a relative one is resolved (RFC 3986, 5.2).

/// How a text reads before any definition is looked at (JSON-LD 1.1 API, 5.2 IRI expansion).
pub(crate) enum Shape<'a> {
    /// `@type`; also the forms of keyword that JSON-LD keeps for later.
    Keyword,
    /// `http://..` or `_:b0`: no prefix can change what it means.
    Whole,
    /// `ex:Lamp`: a compact IRI if `ex` is a prefix.
    Prefixed(&'a str, &'a str),
    Plain,
}

pub(crate) fn shape(text: &str) -> Shape<'_> {
    match text.split_once(':') {
        None if is_keyword(text) => Shape::Keyword,
        None | Some(("", _)) => Shape::Plain,
        Some(("_", _)) => Shape::Whole,
        Some((_, rest)) if rest.starts_with("//") => Shape::Whole,
        Some((prefix, rest)) => Shape::Prefixed(prefix, rest),
    }
}

pub(crate) fn is_keyword(text: &str) -> bool {
    let Some(word) = text.strip_prefix('@') else { return false };
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic())
}

pub(crate) fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// A scheme, a colon, something after it, and no character that an IRI cannot hold (RFC 3987, 2.2).
pub(crate) fn is_absolute(text: &str) -> bool {
    let barred = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '"' | '{' | '}' | '|' | '\\' | '^' | '`')
    };
    has_scheme(text)
        && !text.contains(barred)
        && text.split_once(':').is_some_and(|(_, rest)| !rest.is_empty())
}

/// Whether an IRI ends so that a simple term for it may serve as a prefix (JSON-LD 1.1, gen-delim).
pub(crate) fn ends_as_prefix(iri: &str) -> bool {
    iri.ends_with([':', '/', '?', '#', '[', ']', '@'])
}

/// `reference` as seen from the document at `base`; `None` where `base` is not absolute.
pub(crate) fn resolve(base: &str, reference: &str) -> Option<String> {
    if has_scheme(reference) {
        return Some(reference.to_owned());
    }
    let (root, path, query) = split(base)?;
    if let Some(rest) = reference.strip_prefix("//") {
        let scheme = base.split(':').next()?;
        return Some(format!("{scheme}://{rest}"));
    }
    let (target, tail) = reference.split_at(reference.find(['?', '#']).unwrap_or(reference.len()));
    if target.is_empty() {
        let query = if tail.starts_with('?') { "" } else { query };
        return Some(format!("{root}{path}{query}{tail}"));
    }
    let folder =
        if target.starts_with('/') { "" } else { &path[..path.rfind('/').map_or(0, |at| at + 1)] };
    let slash = if folder.is_empty() && !target.starts_with('/') { "/" } else { "" };
    Some(format!("{root}{}{tail}", without_dots(&format!("{folder}{slash}{target}"))))
}

/// `https://host`, `/path` and `?query`, without the fragment.
fn split(base: &str) -> Option<(&str, &str, &str)> {
    let base = base.split('#').next()?;
    let authority = base.find("://")? + 3;
    let path = base[authority..].find(['/', '?']).map_or(base.len(), |at| authority + at);
    let query = base[path..].find('?').map_or(base.len(), |at| path + at);
    has_scheme(base).then(|| (&base[..path], &base[path..query], &base[query..]))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
        if last && matches!(segment, "." | "..") {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, expected: &str) {
        let found = resolve("http://a/b/c/d.jsonld?q#f", reference);
        assert_eq!(found.as_deref(), Some(expected), "{reference}");
    }

    #[test]
    fn a_relative_url_is_resolved_as_rfc_3986_says() {
        check("https://x/y", "https://x/y");
        check("g", "http://a/b/c/g");
        check("./g/", "http://a/b/c/g/");
        check("../g?y#s", "http://a/b/g?y#s");
        check("../../../g", "http://a/g");
        check("..", "http://a/b/");
        check("/g/./h", "http://a/g/h");
        check("//g/h", "http://g/h");
        check("?y", "http://a/b/c/d.jsonld?y");
        check("#s", "http://a/b/c/d.jsonld?q#s");
        check("", "http://a/b/c/d.jsonld?q");
        assert_eq!(resolve("http://a", "g").as_deref(), Some("http://a/g"));
        assert_eq!(resolve("c.jsonld", "g"), None);
    }

    #[test]
    fn an_absolute_iri_has_a_scheme_and_no_space() {
        assert!(is_absolute("urn:a") && is_absolute("https://example.org/ä#b"));
        for text in ["a", "urn:", ":a", "1a:b", "http://a b", "_:b0", "urn:<a>"] {
            assert!(!is_absolute(text), "{text}");
        }
    }
}
