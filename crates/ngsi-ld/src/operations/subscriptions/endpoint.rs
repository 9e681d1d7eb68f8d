//! Where notifications go (clauses 5.2.15 and 5.2.22).

use http::{HeaderName, HeaderValue};
use subscriptions::{Accept, Endpoint};

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
    let binding = Binding::of(uri).map_err(|problem| members.wrong("uri", problem))?;
    let receiver_info = pairs(members, "receiverInfo")?;
    let notifier_info = pairs(members, "notifierInfo")?;
    let accept = accept(members)?;
    match binding {
        Binding::Http => {
            for (name, value) in &receiver_info {
                let checked = check_header(name, value);
                checked.map_err(|problem| members.wrong("receiverInfo", problem))?;
            }
        }
        Binding::Mqtt if accept == Accept::GeoJson => {
            return Err(members.wrong("accept", "is application/geo+json, which MQTT has not"));
        }
        Binding::Mqtt => {
            for (name, value) in &notifier_info {
                let checked = check_protocol(name, value);
                checked.map_err(|problem| members.wrong("notifierInfo", problem))?;
            }
        }
    }
    Ok(Endpoint {
        uri: uri.to_owned(),
        accept,
        receiver_info,
        notifier_info,
        timeout: members.span("timeout", 1e-3)?,
        cooldown: members.span("cooldown", 1e-3)?,
    })
}

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Http,
    /// Clause 7.2.
    Mqtt,
}

impl Binding {
    fn of(uri: &str) -> Result<Binding, &'static str> {
        let (binding, rest) = match uri.split_once("://") {
            Some(("http" | "https", rest)) => (Binding::Http, rest),
            Some(("mqtt" | "mqtts", rest)) => (Binding::Mqtt, rest),
            _ => return Err("begins with none of http, https, mqtt and mqtts"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if host.is_empty() || host.starts_with(':') {
            return Err("names no host");
        }
        if binding == Binding::Http && !user.is_empty() {
            return Err("holds a user or a password; use `receiverInfo` with `Authorization`");
        }
        let topic = path.trim_start_matches('/');
        if binding == Binding::Mqtt && (topic.is_empty() || topic.contains(['+', '#', '?'])) {
            return Err("names no topic to publish to");
        }
        Ok(binding)
    }
}

/// The parameters of MQTT (table 7.2-1); other ones mean nothing.
fn check_protocol(name: &str, value: &str) -> Result<(), &'static str> {
    match name {
        "MQTT-QoS" if !["0", "1", "2"].contains(&value) => Err("has an MQTT-QoS but 0, 1 and 2"),
        "MQTT-Version" if !["mqtt3.1.1", "mqtt5.0"].contains(&value) => {
            Err("has an MQTT-Version but mqtt3.1.1 and mqtt5.0")
        }
        _ => Ok(()),
    }
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
