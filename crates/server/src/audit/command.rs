//! `comity audit`: the record of a data directory, and records from elsewhere, looked at offline.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::audit::{
    Anchor, Begins, Body, Entry, Event, Identity, Outcome, PublicKey, Report, Trust, Verifier, Who,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use model::{DateTime, Timestamp};

use super::ledger::Ledger;
use super::lines::Lines;
use super::retention::first_line;
use super::settings::LedgerSettings;
use super::{export, files};
use crate::cli::Common;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::platform;
use crate::say::{remark, say};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Tell whether a record was altered, cut or reordered, and where.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Write the lines of the record, as they stand.
    #[command(after_help = "Example:\n  \
        comity audit export --from 2026-04-01T00:00:00Z --until 2026-05-01T00:00:00Z -o april.ndjson")]
    Export(AuditExportArgs),
    /// Print the public key that signs the record.
    Key(AuditKeyArgs),
    /// Print the JSON schema of the record's lines.
    Schema,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  comity audit verify --data /var/lib/comity
  comity audit verify april.ndjson --key c0ff... --anchor 1234:beef...

Without --key, the record is taken at its word about the key that signs it: keep the
key that `comity audit key` prints, and an anchor now and then, somewhere else.";

#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    common: Common,
    /// Files of lines in their order, or the directory of a record; the one of the data directory
    /// unless given.
    paths: Vec<PathBuf>,
    /// A public key that may sign; may be given more than once.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<PublicKey>,
    /// What is known of the record from elsewhere, as verifying it printed; may be given more than
    /// once.
    #[arg(long = "anchor", value_name = "NUMBER:HASH")]
    anchors: Vec<Anchor>,
}

#[derive(Debug, Args)]
pub struct AuditExportArgs {
    #[command(flatten)]
    common: Common,
    /// Only from this moment on, such as 2026-04-01T00:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    from: Option<Timestamp>,
    /// Only until this moment, and on to the head that signs what was before it.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
    /// Where to write; the standard output unless given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct AuditKeyArgs {
    #[command(flatten)]
    common: Common,
    /// Print it as PEM, as other tools take it.
    #[arg(long)]
    pem: bool,
    /// Make another key, which signs from now on; no server may run on the data directory.
    #[arg(long)]
    rotate: bool,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    DateTime::parse(text).map(|at| at.instant()).map_err(|error| error.to_string())
}

impl AuditCommand {
    /// The settings it is about.
    pub fn common(&self) -> Common {
        match self {
            AuditCommand::Verify(VerifyArgs { common, .. })
            | AuditCommand::Export(AuditExportArgs { common, .. })
            | AuditCommand::Key(AuditKeyArgs { common, .. }) => common.clone(),
            AuditCommand::Schema => Common::default(),
        }
    }
}

pub async fn run(settings: Settings, command: AuditCommand) -> Result<(), Failure> {
    let directory = files::directory(&settings.data);
    match command {
        AuditCommand::Verify(args) => verify(&directory, args, settings.audit_head_interval),
        AuditCommand::Export(args) => write_export(&directory, &args),
        AuditCommand::Key(AuditKeyArgs { pem, rotate, .. }) => {
            let key = if rotate { new_key(&settings).await? } else { key(&directory)? };
            say(if pem { as_pem(&key) } else { key.to_string() });
            Ok(())
        }
        AuditCommand::Schema => {
            let text = ::audit::schema::text();
            io::stdout().write_all(text.as_bytes()).map_err(Failure::io("the output"))
        }
    }
}

fn verify(directory: &Path, args: VerifyArgs, head_interval: Duration) -> Result<(), Failure> {
    let VerifyArgs { paths, keys, anchors, .. } = args;
    let (paths, is_directory) = match paths.as_slice() {
        [] => (segments(directory)?, Some(directory.to_owned())),
        [one] if one.is_dir() => (segments(one)?, Some(one.clone())),
        _ => (paths, None),
    };
    // A server that writes meanwhile may be in the middle of its last line.
    let written = is_directory.as_deref().is_some_and(is_written);
    // Elsewhere, the settings here say nothing of how often the record was signed.
    let head_interval = is_directory.is_some().then_some(head_interval);
    let trust = Trust { keys, anchors, head_interval, whole: is_directory.is_some() };
    let mut verifier = Verifier::new(trust);
    for path in &paths {
        read_into(&mut verifier, path, written).map_err(Failure::io(path.display()))?;
    }
    tell(&verifier.finish())
}

fn segments(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let segments = files::segments(directory).map_err(Failure::io(directory.display()))?;
    if segments.is_empty() {
        let directory = directory.display();
        return Err(Failure::Refused(format!("there is no audit record in `{directory}`")));
    }
    Ok(segments.into_iter().map(|segment| segment.path).collect())
}

/// Does a process hold the record? That it cannot be found out is as good as no.
fn is_written(directory: &Path) -> bool {
    directory.join("LOCK").exists() && matches!(files::lock(directory), Ok(None))
}

fn read_into(verifier: &mut Verifier, path: &Path, written: bool) -> io::Result<()> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()?.map(<[u8]>::to_vec) {
        if lines.ended() || !written {
            verifier.push(&line);
        }
    }
    Ok(())
}

fn tell(report: &Report) -> Result<(), Failure> {
    say(format!(
        "{} lines: {} entries, {} heads, {} gaps",
        report.lines, report.entries, report.heads, report.gaps
    ));
    tell_beginning(report);
    match (report.key, report.key_known) {
        (Some(key), true) => say(format!("signed with key {}", key.public)),
        (Some(key), false) => {
            say(format!("signed with key {}, which the record itself names", key.public));
        }
        (None, _) => say("signed by no head"),
    }
    if report.unsigned() > 0 {
        say(format!("{} lines at the end are not signed yet", report.unsigned()));
    }
    if report.anchors_met > 0 {
        say(format!("{} anchors agree", report.anchors_met));
    }
    if let Some(last) = report.last {
        say(format!("anchor of the last line: {last}"));
    }
    for finding in &report.findings {
        say(format!("PROBLEM: {finding}"));
    }
    if report.is_intact() {
        say("no problems found");
        return Ok(());
    }
    let count = report.findings.len() as u64 + report.findings_left_out;
    Err(Failure::Refused(format!("the audit record is not intact: {count} problems found")))
}

fn tell_beginning(report: &Report) {
    let Some(first) = report.first else { return };
    say(match report.begins {
        Begins::AtTheBeginning => "it begins with the first line of the record".to_owned(),
        Begins::AfterRetention => {
            format!("it begins with entry {first}; retention removed what was before")
        }
        Begins::AfterAnchor => format!("it begins with entry {first}, as an anchor says"),
        Begins::InTheMiddle | Begins::Nowhere => {
            format!("it begins with entry {first}; what was before is not here")
        }
    });
}

fn write_export(directory: &Path, args: &AuditExportArgs) -> Result<(), Failure> {
    segments(directory)?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            Box::new(BufWriter::new(options.open(path).map_err(Failure::io(path.display()))?))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let count = export(directory, args.from, args.until, &mut out)?;
    out.flush().map_err(Failure::io("the output"))?;
    remark(format!("{count} lines"));
    Ok(())
}

/// The key that the record names, which anyone who reads it may know; the secret is not needed.
fn key(directory: &Path) -> Result<PublicKey, Failure> {
    let segments = files::segments(directory).map_err(Failure::io(directory.display()))?;
    let none =
        || Failure::Refused(format!("there is no audit record in `{}`", directory.display()));
    let last = segments.last().ok_or_else(none)?;
    let line = first_line(last).map_err(Failure::io(last.path.display()))?;
    match line.map(|line| line.body) {
        Some(Body::Record(opening) | Body::Segment(opening)) => Ok(opening.key.public),
        _ => {
            let segment = last.path.display();
            Err(Failure::Refused(format!("the first line of `{segment}` names no key")))
        }
    }
}

async fn new_key(settings: &Settings) -> Result<PublicKey, Failure> {
    fs::create_dir_all(&settings.data).map_err(Failure::io(settings.data.display()))?;
    let ledger = Ledger::open(LedgerSettings::of(settings)?, Arc::new(SystemClock))?;
    let failed = |error: super::NotRecorded| Failure::Refused(error.to_string());
    let who =
        Who { name: platform::operator().name.into(), kind: Identity::Operator, tenant: None };
    let entry = Entry::new(Event::KeyUse, who, Outcome::Allowed).target("audit/key");
    ledger.record_durably(entry.detail("action", "rotate")).await.map_err(failed)?;
    let key = ledger.rotate_key().await.map_err(failed)?;
    ledger.close().await.map_err(failed)?;
    Ok(key)
}

/// SubjectPublicKeyInfo as text (RFC 7468, section 13); it is short enough for one line.
pub(super) fn as_pem(key: &PublicKey) -> String {
    let text = STANDARD.encode(key.spki());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----")
}
