//! Context Source Identity: who this broker is (clauses 5.15, 5.2.40 and 6.33).

use axum::response::{IntoResponse, Response};
use model::{Json, Timestamp};
use sha2::{Digest, Sha256};

use crate::contexts::Compiled;
use crate::door::{Answer, Call, JSON, MediaType, Problem, preferences};

/// Each tenant has an alias of its own, so that loops through one broker are told apart.
pub(crate) fn source_identity(call: &Call<'_>) -> Result<Response, Problem> {
    call.parameters.allow(&[])?;
    let media_type = call.accepted(JSON)?;
    call.broker().may_read(&call.caller, &call.tenant)?;
    let alias = alias(call);
    let now = call.broker().now();
    let mut body = format!(
        r#"{{"id":"urn:ngsi-ld:ContextSourceIdentity:{}","type":"ContextSourceIdentity","contextSourceAlias":{},"contextSourceUptime":"{}","contextSourceTimeAt":"{now}""#,
        fingerprint(&alias),
        Json::text(&alias),
        duration(call.door.started_at, now),
    );
    let core = Compiled::core();
    if media_type == MediaType::LdJson {
        body.push_str(",\"@context\":");
        body.push_str(core.json());
    }
    body.push('}');
    let answer = Answer::new(body, media_type);
    Ok(answer.with_context(&core, preferences(call.headers())).into_response())
}

fn alias(call: &Call<'_>) -> String {
    let alias = &call.settings().source_alias;
    if call.tenant.is_default() {
        alias.clone()
    } else {
        format!("{alias}-{}", call.tenant.as_str())
    }
}

/// The part of an id that stands for an alias.
fn fingerprint(alias: &str) -> String {
    let digest = Sha256::digest(alias);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// ISO 8601, in days, hours, minutes and seconds.
fn duration(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.0.saturating_sub(from.0).max(0) / 1_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    let days = if days > 0 { format!("{days}D") } else { String::new() };
    format!("P{days}T{hours}H{minutes}M{seconds}S")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_iso_8601_does() {
        let check = |seconds: i64, expected| {
            assert_eq!(duration(Timestamp(0), Timestamp(seconds * 1_000_000)), expected);
        };
        check(0, "PT0H0M0S");
        check(3_661, "PT1H1M1S");
        check(90_000, "P1DT1H0M0S");
        check(-5, "PT0H0M0S");
    }
}
