//! Pages: which one is asked for, and links to those before and after it (clauses 5.5.9, 6.3.10
//! and 6.3.13).

use http::HeaderValue;
use query::Page;

use crate::door::{Call, MediaType, Problem, query_value};

/// The page that a request asks for. Its size is 0 only where nothing but the count is wanted.
///
/// An offset beyond the end gives an empty page. Table 6.3.10-2 would rather have the last element
/// (should), but then a client that goes on until a page is empty would never stop.
pub(in crate::operations) fn asked(call: &Call<'_>, count: bool) -> Result<Page, Problem> {
    let settings = call.settings();
    let limit = call.parameters.number("limit")?.unwrap_or(settings.page_limit_default);
    let offset = call.parameters.number("offset")?.unwrap_or(0);
    if limit == 0 && !count {
        return Err(Problem::bad_request_data("`limit=0` goes only with `count=true`"));
    }
    if settings.page_limit_max < limit {
        return Err(Problem::too_many_results(format!(
            "`limit` is at most {} (setting `page_limit_max`); follow the links to further pages",
            settings.page_limit_max
        )));
    }
    Ok(Page { offset, limit })
}

/// Links to the previous and the next page, with all that it takes to ask for them.
pub(in crate::operations) fn links(
    call: &Call<'_>,
    page: Page,
    more: bool,
    media_type: MediaType,
) -> Vec<HeaderValue> {
    let mut links = Vec::new();
    if page.limit == 0 {
        return links;
    }
    let (offset, limit) = (page.offset, page.limit);
    if offset > 0 {
        links.extend(link(call, offset.saturating_sub(limit), limit, "prev", media_type));
    }
    if more {
        links.extend(link(call, offset.saturating_add(limit), limit, "next", media_type));
    }
    links
}

fn link(
    call: &Call<'_>,
    offset: usize,
    limit: usize,
    relation: &str,
    media_type: MediaType,
) -> Option<HeaderValue> {
    let (offset, limit) = (offset.to_string(), limit.to_string());
    let mut parameters = call.parameters.sorted();
    parameters.retain(|(name, _)| !matches!(*name, "offset" | "limit"));
    parameters.extend([("limit", limit.as_str()), ("offset", offset.as_str())]);
    parameters.sort_unstable();
    let mut text = String::from("<");
    text.push_str(call.head.uri.path().trim_end_matches('/'));
    for (index, (name, value)) in parameters.into_iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&query_value(name));
        text.push('=');
        text.push_str(&query_value(value));
    }
    text.push_str(">; rel=\"");
    text.push_str(relation);
    text.push_str("\"; type=\"");
    text.push_str(media_type.name());
    text.push('"');
    HeaderValue::from_str(&text).ok()
}
