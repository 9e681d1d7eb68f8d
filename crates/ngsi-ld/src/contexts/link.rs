//! `Link` headers: which one names the context of a request (clause 6.3.5, RFC 8288).

use http::HeaderMap;
use http::header::LINK;

const CONTEXT: &str = "http://www.w3.org/ns/json-ld#context";

/// The URL of the context; nothing where no link is one. Two are an error (JSON-LD 1.1, 6.2).
pub(crate) fn context_url(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut found = None;
    for line in headers.get_all(LINK) {
        let Ok(line) = std::str::from_utf8(line.as_bytes()) else {
            return Err("the Link header is not valid UTF-8");
        };
        for link in split(line, b',') {
            let Some((url, parameters)) = target(link) else { continue };
            if !is_context(parameters) {
                continue;
            }
            if found.replace(url).is_some() {
                return Err("two Link headers name a @context; one is allowed");
            }
        }
    }
    Ok(found)
}

/// `<url>; rel=..`: the URL, and what follows it.
fn target(link: &str) -> Option<(&str, &str)> {
    link.trim().strip_prefix('<')?.split_once('>')
}

fn is_context(parameters: &str) -> bool {
    split(parameters, b';').any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            let relations = value.trim().trim_matches('"').split_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations.into_iter().any(|one| one == CONTEXT)
        })
    })
}

/// The parts between marks that stand neither in quotes nor in `<..>`.
fn split(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut in_quotes, mut in_url) = (false, false);
        let end = text.bytes().position(|byte| {
            match byte {
                b'"' if !in_url => in_quotes = !in_quotes,
                b'<' if !in_quotes => in_url = true,
                b'>' if !in_quotes => in_url = false,
                _ => {}
            }
            byte == mark && !in_quotes && !in_url
        });
        rest = end.and_then(|end| text.get(end + 1..));
        text.get(..end.unwrap_or(text.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(lines: &[&'static str], expected: Result<Option<&str>, &'static str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, HeaderValue::from_static(line));
        }
        assert_eq!(context_url(&headers), expected, "{lines:?}");
    }

    const C: &str = r#"<https://a.org/c,d;e>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json""#;

    #[test]
    fn the_context_is_found_among_other_links() {
        check(&[C], Ok(Some("https://a.org/c,d;e")));
        check(
            &[
                r#"</x>; rel="next", <https://a.org/b>;title="a,b;c"; REL=http://www.w3.org/ns/json-ld#context"#,
            ],
            Ok(Some("https://a.org/b")),
        );
        check(
            &[r#"<https://uri.etsi.org/ngsi-ld/profile/version>; rel="profile""#, C],
            Ok(Some("https://a.org/c,d;e")),
        );
        check(
            &[r#"<https://a.org/c>; rel="alternate http://www.w3.org/ns/json-ld#context""#],
            Ok(Some("https://a.org/c")),
        );
    }

    #[test]
    fn what_is_no_context_is_passed_over() {
        check(&[], Ok(None));
        check(&["", "nonsense", "<unclosed", r#"<https://a.org/c>; rel="next""#], Ok(None));
    }

    #[test]
    fn two_contexts_are_one_too_many() {
        check(&[C, C], Err("two Link headers name a @context; one is allowed"));
    }
}
