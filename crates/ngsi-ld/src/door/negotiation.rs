//! Media types: which one a body has, and which one the client prefers (clause 6.3.4).

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};

pub(crate) const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const APPLICATION_LD_JSON: HeaderValue = HeaderValue::from_static("application/ld+json");
const APPLICATION_GEO_JSON: HeaderValue = HeaderValue::from_static("application/geo+json");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    LdJson,
    GeoJson,
}

/// What most resources are available as; the order decides between equals (clause 6.3.4).
pub(crate) const JSON: &[MediaType] = &[MediaType::Json, MediaType::LdJson];

/// What entities are available as.
pub(crate) const ENTITIES: &[MediaType] = &[MediaType::Json, MediaType::LdJson, MediaType::GeoJson];

impl MediaType {
    pub fn name(self) -> &'static str {
        match self {
            MediaType::Json => "application/json",
            MediaType::LdJson => "application/ld+json",
            MediaType::GeoJson => "application/geo+json",
        }
    }

    pub fn header(self) -> HeaderValue {
        match self {
            MediaType::Json => APPLICATION_JSON,
            MediaType::LdJson => APPLICATION_LD_JSON,
            MediaType::GeoJson => APPLICATION_GEO_JSON,
        }
    }
}

/// The media type that suits the client best, or nothing where it accepts none of those there are.
pub(crate) fn accepted(headers: &HeaderMap, available: &'static [MediaType]) -> Option<MediaType> {
    let mut lines = headers.get_all(ACCEPT).iter();
    let (first, rest) = (lines.next(), lines.next());
    // What nearly all clients send needs no weighing.
    let usual = match (first.map(HeaderValue::as_bytes), rest) {
        (None | Some(b"*/*" | b"application/json"), None) => Some(MediaType::Json),
        (Some(b"application/ld+json"), None) => Some(MediaType::LdJson),
        _ => None,
    };
    if usual.is_some_and(|usual| available.contains(&usual)) {
        return usual;
    }
    let ranges = || headers.get_all(ACCEPT).iter().flat_map(ranges);
    let mut best = None;
    for media_type in available {
        let weight = weight(*media_type, ranges());
        if weight > 0 && best.is_none_or(|(_, highest)| highest < weight) {
            best = Some((*media_type, weight));
        }
    }
    best.map(|(media_type, _)| media_type)
}

struct Range<'a> {
    name: &'a str,
    /// In thousandths.
    weight: u16,
}

fn ranges(line: &HeaderValue) -> impl Iterator<Item = Range<'_>> {
    line.to_str().unwrap_or_default().split(',').map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.split(';').find_map(quality).unwrap_or(WEIGHT_MAX);
        Range { name: name.trim(), weight }
    })
}

const WEIGHT_MAX: u16 = 1_000;

/// `q=0.8`; a weight that cannot be read does not count.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value: f32 = value.trim().parse().ok()?;
    (0.0..=1.0).contains(&value).then_some((value * f32::from(WEIGHT_MAX)).round() as u16)
}

/// The weight that the most specific range gives (RFC 9110, 12.5.1); 0 is a refusal.
fn weight<'a>(media_type: MediaType, ranges: impl Iterator<Item = Range<'a>>) -> u16 {
    let matching = ranges.filter_map(|range| {
        let specificity = match range.name {
            "*/*" => 0,
            "application/*" => 1,
            name if name.eq_ignore_ascii_case(media_type.name()) => 2,
            _ => return None,
        };
        Some((specificity, range.weight))
    });
    matching.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

/// What a body says it is; nothing where it is something else (clause 6.3.4).
pub(crate) fn content_type(headers: &HeaderMap, is_patch: bool) -> Option<MediaType> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let name = value.split(';').next().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("application/json") {
        Some(MediaType::Json)
    } else if name.eq_ignore_ascii_case("application/ld+json") {
        Some(MediaType::LdJson)
    } else if is_patch && name.eq_ignore_ascii_case("application/merge-patch+json") {
        Some(MediaType::Json)
    } else {
        None
    }
}

/// What the client prefers beside a media type (RFC 7240, clause 6.3.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// GeoJSON without a `@context` in the body.
    pub context_in_header: bool,
    /// A version of NGSI-LD is asked for. There is one: 1.9.
    pub version: bool,
}

pub(crate) fn preferences(headers: &HeaderMap) -> Preferences {
    let mut found = Preferences::default();
    for line in headers.get_all("prefer") {
        for preference in line.to_str().unwrap_or_default().split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "body" => found.context_in_header = value == "json",
                "ngsi-ld" => found.version = true,
                _ => {}
            }
        }
    }
    found
}

/// The version of NGSI-LD that is preferred, `1.6`, where one is named.
pub(crate) fn preferred_version(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(','));
    preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let is_version = value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (name.trim().eq_ignore_ascii_case("ngsi-ld") && is_version && !value.is_empty())
            .then_some(value)
    })
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
