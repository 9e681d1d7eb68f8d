//! What an auditor asks for, as the query of a URL has it.

use ::audit::{Event, Outcome};
use model::{DateTime, Timestamp};
use url::form_urlencoded;

use super::super::{SEARCH_LIMIT_MAX, Search};
use crate::recording::Note;

/// How many entries a page holds where nobody says.
pub const LIMIT: usize = 100;

/// How many characters of a name that is not known are said back.
const SAID_BACK_MAX: usize = 100;

/// `from`, `until`, `caller`, `tenant`, `event` (several, separated by commas), `outcome`, `target`
/// (what it begins with), `request`, `before` and `limit`. What is wrong is said in the user's words.
pub fn search(query: &str) -> Result<Search, String> {
    let mut asked = Search { limit: LIMIT, ..Search::default() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "from" => asked.from = Some(moment(&name, &value)?),
            "until" => asked.until = Some(moment(&name, &value)?),
            "caller" => asked.caller = Some(value.into_owned()),
            "tenant" => asked.tenant = Some(value.into_owned()),
            "event" => {
                for one in value.split(',') {
                    asked.events.push(event(one)?);
                }
            }
            "outcome" => {
                if !Outcome::NAMES.contains(&&*value) {
                    return Err(format!("`outcome` is one of {}", Outcome::NAMES.join(", ")));
                }
                asked.outcome = Some(value.into_owned());
            }
            "target" => asked.target = Some(value.into_owned()),
            "request" => asked.request = Some(value.into_owned()),
            "before" => {
                let before = value.parse().map_err(|_| "`before` is the `next` of another page")?;
                asked.before = Some(before);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|one| (1..=SEARCH_LIMIT_MAX).contains(one));
                let problem = || format!("`limit` is a number from 1 to {SEARCH_LIMIT_MAX}");
                asked.limit = limit.ok_or_else(problem)?;
            }
            _ => {
                let known = "from, until, caller, tenant, event, outcome, target, request, before, \
                             limit";
                return Err(unknown(&name, known));
            }
        }
    }
    Ok(asked)
}

/// `from` and `until`.
pub fn span(query: &str) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
    let (mut from, mut until) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "from" => from = Some(moment(&name, &value)?),
            "until" => until = Some(moment(&name, &value)?),
            _ => return Err(unknown(&name, "from, until")),
        }
    }
    Ok((from, until))
}

/// What was looked for: who audits the auditors wants to know.
pub fn note(asked: &Search) -> Note {
    let texts = [
        ("caller", asked.caller.clone()),
        ("tenant", asked.tenant.clone()),
        ("outcome", asked.outcome.clone()),
        ("target", asked.target.clone()),
        ("request", asked.request.clone()),
        ("from", asked.from.map(|at| DateTime::new(at, 6).to_string())),
        ("until", asked.until.map(|at| DateTime::new(at, 6).to_string())),
        ("before", asked.before.map(|before| before.to_string())),
    ];
    let mut note = Note::default();
    for (name, text) in texts {
        if let Some(text) = text {
            note = note.with(name, text);
        }
    }
    if !asked.events.is_empty() {
        let events: Vec<&str> = asked.events.iter().map(|event| event.name()).collect();
        note = note.with("event", events.join(","));
    }
    note
}

fn event(name: &str) -> Result<Event, String> {
    let names = || Event::ALL.map(Event::name).join(", ");
    Event::of_name(name).ok_or_else(|| format!("`event` lists some of {}", names()))
}

fn moment(name: &str, value: &str) -> Result<Timestamp, String> {
    let read = DateTime::parse(value).map(|at| at.instant());
    read.map_err(|_| format!("`{name}` is a moment such as 2026-04-01T12:00:00Z"))
}

fn unknown(name: &str, known: &str) -> String {
    let name: String = name.chars().take(SAID_BACK_MAX).collect();
    format!("there is no `{name}` here; use {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_looked_for() {
        let asked = search(
            "from=2026-04-01T00:00:00Z&until=2026-05-01T00:00:00Z&caller=a+b&tenant=north&\
             event=refusal,sign-in&event=start&outcome=refused&target=%2Fadmin&request=r&\
             before=7&limit=1000",
        );
        let asked = asked.unwrap();
        assert_eq!(asked.caller.as_deref(), Some("a b"));
        assert_eq!(asked.events, [Event::Refusal, Event::SignIn, Event::Start]);
        assert_eq!(asked.target.as_deref(), Some("/admin"));
        assert_eq!((asked.before, asked.limit), (Some(7), 1000));
        assert!(asked.from < asked.until);
        assert_eq!(search("").unwrap().limit, LIMIT);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |query: &str, expected: &str| {
            let error = search(query).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("form=1", "there is no `form` here; use from, until");
        check("from=yesterday", "`from` is a moment such as");
        check("event=refusal,signin", "`event` lists some of sign-in, refusal");
        check("outcome=ok", "`outcome` is one of allowed, refused, failed");
        check("limit=0", "`limit` is a number from 1 to 1000");
        check("limit=1001", "`limit` is a number from 1 to 1000");
        check("before=x", "`before` is the `next`");
        assert!(span("caller=a").unwrap_err().contains("use from, until"));
    }
}
