//! Lines of the record as messages of syslog (RFC 5424), for those who collect them elsewhere.

use std::fmt::Write;

use crate::entry::{Entry, Outcome};
use crate::hash::Hash;
use crate::line::{Body, Line};

/// How long a message may be: what every receiver over TLS should take (RFC 5425, section 4.3.1).
/// Details that do not fit any more are left out.
pub const MESSAGE_BYTES_MAX: usize = 8192;
/// How long a name may be (RFC 5424, section 6).
pub const HOST_BYTES_MAX: usize = 255;
pub const PROCESS_BYTES_MAX: usize = 128;

/// "log audit" (RFC 5424, section 6.2.1).
const FACILITY: u8 = 13;

/// Names the structured data. 32473 is the number that RFC 5612 reserves for documentation: the
/// project has none of its own, and a number that belongs to somebody else would be worse.
const DATA_ID: &str = "audit@32473";

/// Who sends.
#[derive(Clone, Debug)]
pub struct Sender<'a> {
    /// The name of the machine; what cannot stand in it is left out.
    pub host: &'a str,
    /// The number or name of the process.
    pub process: &'a str,
}

/// The message, without any framing. It carries the number and the hash of the line, so that
/// whoever keeps it has an anchor of the record.
pub fn message(line: &Line, hash: Hash, sender: &Sender<'_>) -> String {
    let (severity, id, text) = match &line.body {
        Body::Entry(entry) => (severity(&entry.outcome), entry.event.name(), sentence(entry)),
        Body::Gap(_) => (4, "gap", "the record has a gap".to_owned()),
        Body::Head { .. } => (6, "head", "the record is signed up to here".to_owned()),
        Body::Key { .. } => (5, "key", "another key signs from here on".to_owned()),
        Body::Record(_) | Body::Segment(_) => (6, "segment", "a segment begins".to_owned()),
        Body::Retention { .. } => (5, "retention", "old entries are removed".to_owned()),
    };
    let mut message = format!(
        "<{}>1 {} {} comity {} {id} [{DATA_ID} seq=\"{}\" hash=\"{hash}\"",
        FACILITY * 8 + severity,
        model::DateTime::new(line.at, 6),
        name(sender.host, HOST_BYTES_MAX),
        name(sender.process, PROCESS_BYTES_MAX),
        line.seq,
    );
    if let Body::Entry(entry) = &line.body {
        parameters(&mut message, entry, MESSAGE_BYTES_MAX - text.len() - END.len());
    }
    message.push_str(END);
    message.push_str(&text);
    message
}

/// The end of the structured data, and the mark that says that the text is UTF-8.
const END: &str = "] \u{feff}";

fn severity(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Allowed => 6,        // informational
        Outcome::Refused { .. } => 4, // warning
        Outcome::Failed { .. } => 3,  // error
    }
}

/// For people. Short enough that structured data always has room beside it.
fn sentence(entry: &Entry) -> String {
    let who: String = entry.who.name.as_str().chars().map(printable).collect();
    let reason: String =
        entry.outcome.reason().unwrap_or_default().chars().map(printable).collect();
    let colon = if reason.is_empty() { "" } else { ": " };
    format!("{} by {who} {}{colon}{reason}", entry.event.name(), entry.outcome.name())
}

/// Control characters would let one entry look like several to whoever reads lines.
fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// What an entry says, as long as the message stays below the limit.
fn parameters(message: &mut String, entry: &Entry, limit: usize) {
    let fields = [
        ("who", Some(entry.who.name.to_string())),
        ("kind", Some(entry.who.kind.name().to_owned())),
        ("tenant", entry.who.tenant.as_ref().map(ToString::to_string)),
        ("outcome", Some(entry.outcome.name().to_owned())),
        ("from", entry.from.as_ref().map(ToString::to_string)),
        ("request", entry.request.as_ref().map(ToString::to_string)),
        ("target", entry.target.as_ref().map(ToString::to_string)),
    ];
    for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        add(message, name, value, limit);
    }
    for (key, value) in entry.details.iter() {
        add(message, &name(&format!("d.{key}"), PARAMETER_NAME_MAX), value, limit);
    }
}

/// How long the name of a parameter may be (RFC 5424, section 6.3.3).
const PARAMETER_NAME_MAX: usize = 32;

fn add(message: &mut String, name: &str, value: &str, limit: usize) {
    let mut parameter = String::new();
    // Writing to a String cannot fail.
    let _ = write!(parameter, " {name}=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            parameter.push('\\');
        }
        parameter.push(printable(c));
    }
    parameter.push('"');
    if message.len() + parameter.len() <= limit {
        message.push_str(&parameter);
    }
}

/// Printable ASCII without what has a meaning around names; `-` where nothing is left.
fn name(text: &str, length: usize) -> String {
    let kept = |c: &char| c.is_ascii_graphic() && !matches!(c, '=' | ']' | '"');
    let name: String = text.chars().filter(kept).take(length).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use model::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::{Event, HashAlgorithm, Identity, Who};

    const SENDER: Sender<'_> = Sender { host: "city-1", process: "4711" };

    fn line(entry: Entry) -> Line {
        let at = DateTime::parse("2026-04-01T12:00:00.000001Z").unwrap().instant();
        Line { seq: 17, prev: Hash::NOTHING, at, body: Body::Entry(Box::new(entry)) }
    }

    fn of(entry: Entry) -> String {
        message(&line(entry), HashAlgorithm::Sha256.hash(b"abc"), &SENDER)
    }

    #[test]
    fn an_entry_is_one_message() {
        let who = Who { name: "o\"p]s\\".into(), kind: Identity::Key, tenant: None };
        let entry = Entry::new(Event::SignIn, who, Outcome::refused("the key\nis gone"));
        let entry = entry.from("192.0.2.7").detail("a b=c", "1\r\n2");
        let expected = "<108>1 2026-04-01T12:00:00.000001Z city-1 comity 4711 sign-in \
            [audit@32473 seq=\"17\" \
            hash=\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\" \
            who=\"o\\\"p\\]s\\\\\" kind=\"key\" outcome=\"refused\" from=\"192.0.2.7\" \
            d.abc=\"1  2\"] \u{feff}sign-in by o\"p]s\\ refused: the key is gone";
        assert_eq!(of(entry), expected);
    }

    #[test]
    fn other_lines_are_messages_too() {
        let body = Body::Retention { first: 3, before: Hash::NOTHING };
        let line = Line { body, ..line(Entry::new(Event::Stop, Who::system(), Outcome::Allowed)) };
        let sender = Sender { host: "\u{e9} =", process: "" };
        let message = message(&line, Hash::NOTHING, &sender);
        assert!(message.starts_with("<109>1 2026-04-01T12:00:00.000001Z - comity - retention ["));
        assert!(message.ends_with("\"] \u{feff}old entries are removed"), "{message}");
    }

    proptest! {
        #[test]
        fn messages_are_short_and_of_one_line(
            texts in prop::collection::vec("(?s).{0,3000}", 4),
            details in prop::collection::vec(("(?s).{0,100}", "(?s).{0,1000}"), 0..20),
        ) {
            let who = Who { name: texts[0].as_str().into(), kind: Identity::Key, tenant: None };
            let mut entry = Entry::new(Event::Read, who, Outcome::failed(&texts[1]));
            entry = entry.target(&texts[2]).request(&texts[3]);
            for (name, value) in &details {
                entry = entry.detail(name, value);
            }
            let message = of(entry);
            prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
            prop_assert!(!message.contains(char::is_control));
            let end = closing(&message).unwrap();
            prop_assert!(message[end..].starts_with(END));
        }
    }

    /// Where the structured data end, as a receiver finds it: at the first `]` outside of values.
    fn closing(message: &str) -> Option<usize> {
        let (mut inside, mut escaped) = (false, false);
        for (at, c) in message.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if inside => escaped = true,
                '"' => inside = !inside,
                ']' if !inside => return Some(at),
                _ => {}
            }
        }
        None
    }
}
