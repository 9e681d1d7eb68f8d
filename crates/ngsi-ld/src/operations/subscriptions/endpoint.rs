//! Where notifications go (clauses 5.2.15 and 5.2.22).

use http::{HeaderName, HeaderValue};
use subscriptions::Endpoint;

use super::members::Members;
use super::read::accept;
use crate::door::Problem;

/// How many pairs an endpoint may give, for the receiver and for the sender each.
pub const INFO_MAX: usize = 32;

/// Header fields that belong to the message itself, or to the connection.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn endpoint(members: Members<'_>) -> Result<Endpoint, Problem> {
    let Some(uri) = members.text("uri")? else { return Err(members.wrong("uri", "is missing")) };
    members.uri("uri")?;
    check_uri(uri).map_err(|problem| members.wrong("uri", problem))?;
    let receiver_info = pairs(members, "receiverInfo")?;
    for (name, value) in &receiver_info {
        check_header(name, value).map_err(|problem| members.wrong("receiverInfo", problem))?;
    }
    Ok(Endpoint {
        uri: uri.to_owned(),
        accept: accept(members)?,
        receiver_info,
        notifier_info: pairs(members, "notifierInfo")?,
        timeout: members.span("timeout", 1e-3)?,
        cooldown: members.span("cooldown", 1e-3)?,
    })
}

fn check_uri(uri: &str) -> Result<(), &'static str> {
    let rest = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://"));
    let Some(rest) = rest else {
        return Err("begins with none of http:// and https://; other bindings are not supported");
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if authority.contains('@') {
        return Err("holds a user or a password; use `receiverInfo` with `Authorization`");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err("names no host");
    }
    Ok(())
}

fn pairs(members: Members<'_>, name: &'static str) -> Result<Vec<(String, String)>, Problem> {
    let Some(pairs) = members.objects(name, "notification.endpoint.")? else {
        return Ok(Vec::new());
    };
    if INFO_MAX < pairs.len() {
        return Err(members.wrong(name, format!("has more than {INFO_MAX} pairs")));
    }
    let text = |pair: Members<'_>, member: &str| {
        let text = pair.all.get(member).and_then(|value| value.as_str());
        text.map(str::to_owned).ok_or_else(|| {
            members.wrong(name, format!("has a pair without a text as its `{member}`"))
        })
    };
    pairs.into_iter().map(|pair| Ok((text(pair, "key")?, text(pair, "value")?))).collect()
}

/// The value is not repeated: it may be a secret.
fn check_header(name: &str, value: &str) -> Result<(), String> {
    let shown: String = name.chars().take(100).collect();
    match HeaderName::try_from(name) {
        Err(_) => Err(format!("has the key `{shown}`, which is no name of a header field")),
        Ok(parsed) if OWN_HEADERS.contains(&parsed.as_str()) => {
            Err(format!("has the key `{shown}`, which is not the receiver's to choose"))
        }
        Ok(_) if HeaderValue::try_from(value).is_err() => {
            Err(format!("has a value for `{shown}` that no header field can have"))
        }
        Ok(_) => Ok(()),
    }
}
