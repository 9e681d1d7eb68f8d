//! Lines of an audit record: what is read is what was written, and any lines can be verified.

use audit::syslog::{MESSAGE_BYTES_MAX, Sender, message};
use audit::{FINDINGS_MAX, HashAlgorithm, Line, Trust, verify};

/// Lines of a record.
pub fn audit(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    lines.iter().for_each(|text| line(text));
    let report = verify(&lines, Trust { whole: true, ..Trust::default() });
    assert_eq!(report.lines, lines.len() as u64);
    assert!(report.findings.len() <= FINDINGS_MAX);
    assert!(report.findings.is_sorted_by_key(|finding| finding.place));
    let said: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(said.iter().all(|said| said.is_ascii()));
    // What was found intact is still, where it is known how far it went.
    if report.is_intact()
        && let Some(last) = report.last
    {
        let again = verify(&lines, Trust { anchors: vec![last], ..Trust::default() });
        assert!(again.is_intact() && again.anchors_met == 1);
    }
}

fn line(text: &[u8]) {
    let Ok(line) = Line::parse(text) else { return };
    assert_eq!(line.print(), text);
    let sender = Sender { host: "city", process: "1" };
    let message = message(&line, HashAlgorithm::Sha256.hash(text), &sender);
    assert!(message.len() <= MESSAGE_BYTES_MAX && !message.contains(char::is_control));
}
