//! What each command does.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ::audit::{Entry, Event};
use identity::{KeysFile, NewKey};
use model::{DateTime, EntityId, Name, Scope, Tenant, Uri};
use policy::{Caller, role};

use crate::cli::{ExportArgs, ExportFormat, ImportArgs, KeyCommand};
use crate::demo;
use crate::doors;
use crate::egress::EgressRules;
use crate::export;
use crate::failure::Failure;
use crate::fetch::Fetcher;
use crate::history;
use crate::import::{
    Bar, Contexts, Format, Import, Input, Mapping, Mode, Outcome, Progress, ProgressFile, Records,
    Shape,
};
use crate::keys;
use crate::leaving::Leaving;
use crate::platform::{self, Platform, operator};
use crate::recording::{self, recorded};
use crate::say::{remark, say};
use crate::serve;
use crate::settings::Settings;

pub async fn serve(settings: Settings) -> Result<(), Failure> {
    let ready = serve::prepare(settings).await?;
    serve::greet(&ready);
    ready.run().await
}

pub async fn demo(settings: Settings) -> Result<(), Failure> {
    let ready = serve::prepare(settings).await?;
    demo::import_city(&ready.platform, &ready.settings).await?;
    say(demo::screen(&ready));
    ready.run().await
}

pub async fn import(settings: Settings, args: ImportArgs) -> Result<(), Failure> {
    let file = File::open(&args.file).map_err(Failure::io(args.file.display()))?;
    let bytes = file.metadata().map_err(Failure::io(args.file.display()))?.len();
    let format =
        args.format.map(Into::into).or_else(|| Format::of(&args.file)).ok_or_else(|| {
            Failure::Refused(format!(
                "the name `{}` does not tell the format; give it with --format",
                args.file.display()
            ))
        })?;
    let mapping_text = args.mapping.as_deref().map(read_text).transpose()?;
    let mapping = mapping_text.as_deref().map(Mapping::parse).transpose()?;
    let shape =
        Shape { history: args.history, ..shape(&settings, mapping, args.entity_type.clone()) };
    let records = Records::open(Input::new(file), format, shape)?;
    let mode = match (args.history, args.append) {
        (true, _) => Mode::History,
        (false, true) => Mode::Append,
        (false, false) => Mode::Replace,
    };
    let tenant = tenant(args.tenant.as_deref())?;
    let mut entry = entry(Event::Administration, "import");
    entry.who.tenant = Some(tenant.as_str()).filter(|name| !name.is_empty()).map(Into::into);
    let entry = entry.detail("file", &args.file.to_string_lossy());
    let entry = entry.detail("mode", &format!("{mode:?}"));
    let opened = Opened { records, mapping_text, bytes, tenant, mode };
    let import = import_records(&settings, &args, opened);
    let imported = recorded(&settings, entry, import, |(outcome, _), details| {
        let Progress { created, updated, refused, .. } = outcome.progress;
        details.add("created", &created.to_string());
        details.add("updated", &updated.to_string());
        details.add("refused", &refused.to_string());
    });
    let (outcome, report) = imported.await?;
    tell(&outcome, mode, &report)
}

/// A file that can be imported, as far as was looked.
struct Opened {
    records: Records,
    mapping_text: Option<String>,
    bytes: u64,
    tenant: Tenant,
    mode: Mode,
}

/// Gives what it came to, and where refused records are listed.
async fn import_records(
    settings: &Settings,
    args: &ImportArgs,
    opened: Opened,
) -> Result<(Outcome, PathBuf), Failure> {
    let Opened { records, mapping_text, bytes, tenant, mode } = opened;
    let platform = Platform::open(settings)?;
    let mut import = import_of(&platform, settings, tenant, mode);
    let context = match (&args.context, records.context()) {
        (Some(named), _) => Some(context_text(named)?),
        (None, inside) => inside.map(str::to_owned),
    };
    if let Some(written) = &context {
        let set = import.contexts.set_default(written).await;
        set.map_err(|problem| Failure::Refused(format!("the context: {problem}")))?;
    }
    let way =
        format!("{:?} {mapping_text:?} {context:?} {args:?}", settings.import_record_bytes_max);
    let directory = settings.data.join("imports");
    let kept = ProgressFile::of(&directory, &args.file, &way);
    let kept = kept.map_err(Failure::io(directory.display()))?;
    if args.restart {
        kept.remove().map_err(Failure::io(directory.display()))?;
    } else if let Some(progress) = kept.read() {
        remark(format!(
            "an earlier import stopped at line {}; it goes on there (--restart begins anew)",
            progress.place.line
        ));
    }
    let label = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut bar = Bar::new(&label.unwrap_or_default(), bytes, platform.broker.now());
    let outcome = import.run(records, Some(&kept), &mut bar).await.inspect_err(|error| {
        if error.is_resumable() {
            remark("the import stopped; the same command goes on from here");
        }
    })?;
    if mode == Mode::History {
        // So that it is compact, and quick to ask.
        let settled = platform.store.settle().await;
        settled.map_err(|error| Failure::Broker(broker::BrokerError::Store(error)))?;
    }
    Ok((outcome, kept.report))
}

/// Says what was imported. Refused records make the command fail, after all others were written.
fn tell(outcome: &Outcome, mode: Mode, report: &Path) -> Result<(), Failure> {
    let progress = &outcome.progress;
    let Progress { created, updated, refused, .. } = progress;
    say(match mode {
        Mode::History => format!("{updated} records imported, {refused} refused"),
        Mode::Replace | Mode::Append => {
            format!("{created} created, {updated} updated, {refused} refused")
        }
    });
    if progress.refused == 0 {
        return Ok(());
    }
    for (line, problem) in &outcome.refused {
        remark(format!("line {line}: {problem}"));
    }
    let more = progress.refused - outcome.refused.len() as u64;
    if more > 0 {
        remark(format!("and {more} more"));
    }
    Err(Failure::Refused(format!(
        "{} records were refused; all are listed in {}",
        progress.refused,
        report.display()
    )))
}

/// An import into a platform, with the limits in force.
pub fn import_of(platform: &Platform, settings: &Settings, tenant: Tenant, mode: Mode) -> Import {
    let door = doors::ngsi_ld(settings);
    Import {
        broker: platform.broker.clone(),
        caller: operator(),
        tenant,
        mode,
        contexts: Contexts::new(Fetcher::new(EgressRules::of(settings)), door.context()),
        limits: door.payload(),
        batch: settings.import_batch,
    }
}

pub fn shape(settings: &Settings, mapping: Option<Mapping>, entity_type: Option<String>) -> Shape {
    let record_bytes_max = settings.import_record_bytes_max.as_usize();
    Shape { mapping, entity_type, record_bytes_max, history: false }
}

pub async fn export(settings: Settings, args: ExportArgs) -> Result<(), Failure> {
    if args.history {
        return export_history(&settings, &args).await;
    }
    let layout = match args.format {
        ExportFormat::Ndjson => export::Layout::Ndjson,
        ExportFormat::Geojson => export::Layout::Geojson,
        ExportFormat::Csv | ExportFormat::Parquet => {
            let problem = "entities go out as ndjson or geojson; csv and parquet are for --history";
            return Err(Failure::Refused(problem.to_owned()));
        }
    };
    let tenant = tenant(args.tenant.as_deref())?;
    let leaving = Leaving::new(&settings, &tenant, args.to_region.as_deref())?;
    let entry = leaving.noted(export_entry("export", &tenant, &args));
    let export = async {
        let platform = Platform::open(&settings)?;
        let mut out = output(args.output.as_deref())?;
        let release = &leaving.release;
        export::export(&platform, tenant, &args.types, layout, release, &mut out).await
    };
    let count = recorded(&settings, entry, export, |count, details| {
        details.add("entities", &count.to_string());
    });
    let count = count.await?;
    remark(format!("{count} entities"));
    leaving.remark();
    Ok(())
}

async fn export_history(settings: &Settings, args: &ExportArgs) -> Result<(), Failure> {
    let layout = match args.format {
        ExportFormat::Ndjson => history::Layout::Ndjson,
        ExportFormat::Csv => history::Layout::Csv,
        ExportFormat::Parquet => history::Layout::Parquet,
        ExportFormat::Geojson => {
            return Err(Failure::Refused("history goes out as ndjson, csv or parquet".to_owned()));
        }
    };
    let asked = readings_of(tenant(args.tenant.as_deref())?, args)?;
    let leaving = Leaving::new(settings, &asked.tenant, args.to_region.as_deref())?;
    leaving.refuse_part("history")?;
    let entry = leaving.noted(export_entry("export history", &asked.tenant, args));
    let export = async {
        let platform = Platform::open(settings)?;
        let mut sink = history::sink(layout, output(args.output.as_deref())?)?;
        history::export(&platform, &asked, history::READINGS, &mut *sink).await
    };
    let count = recorded(settings, entry, export, |count, details| {
        details.add("readings", &count.to_string());
    });
    let count = count.await?;
    remark(format!("{count} readings"));
    leaving.remark();
    Ok(())
}

fn export_entry(target: &str, tenant: &Tenant, args: &ExportArgs) -> Entry {
    let mut entry = entry(Event::Export, target);
    entry.who.tenant = Some(tenant.as_str()).filter(|name| !name.is_empty()).map(Into::into);
    if !args.types.is_empty() {
        entry = entry.detail("types", &args.types.join(", "));
    }
    let output = args.output.as_deref().map(Path::to_string_lossy);
    entry.detail("output", output.as_deref().unwrap_or("(standard output)"))
}

/// The file, or the standard output.
fn output(path: Option<&Path>) -> Result<Box<dyn Write + Send>, Failure> {
    Ok(match path {
        Some(path) => {
            let file = File::create(path).map_err(Failure::io(path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(BufWriter::new(io::stdout())),
    })
}

fn readings_of(tenant: Tenant, args: &ExportArgs) -> Result<history::Asked, Failure> {
    let context = jsonld::Context::core();
    let names = |terms: &[String]| -> Vec<Name> {
        terms.iter().map(|term| Name::new(&*context.expand_term(term))).collect()
    };
    let moment = |name: &str, text: &Option<String>| {
        let read = text.as_deref().map(DateTime::parse).transpose();
        let read = read.map_err(|error| Failure::Refused(format!("--{name}: {error}")))?;
        Ok::<_, Failure>(read.map(|at| at.instant()))
    };
    let id = args.id.as_deref().map(EntityId::parse).transpose();
    Ok(history::Asked {
        tenant,
        types: names(&args.types),
        id: id.map_err(|error| Failure::Refused(format!("--id: {error}")))?,
        attributes: names(&args.attrs),
        from: moment("from", &args.from)?,
        until: moment("until", &args.until)?,
    })
}

pub fn check(settings: &Settings) -> Result<(), Failure> {
    if !settings.data.is_dir() {
        let data = settings.data.display();
        return Err(Failure::Refused(format!("there is no data directory `{data}`")));
    }
    KeysFile::of(&settings.data).read()?;
    let verified = store_embedded::verify(platform::embedded(settings)?, |_| {})?;
    say(format!(
        "{} entities, {} index entries, {} documents, {} events in the journal",
        verified.entities, verified.index_entries, verified.documents, verified.events
    ));
    for problem in &verified.problems {
        say(format!("PROBLEM: {problem}"));
    }
    match verified.problems.len() {
        0 => {
            say("no problems found");
            Ok(())
        }
        count => Err(Failure::Refused(format!("{count} problems found; restore from a backup"))),
    }
}

pub async fn key(settings: Settings, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Add { name, roles, tenant: bound, scopes, entities, .. } => {
            let caller = Caller {
                name,
                roles: roles.into_iter().collect(),
                tenant: bound.map(|name| tenant(Some(&name))).transpose()?,
                scopes: each(&scopes, Scope::parse)?,
                entities: each(&entities, Uri::parse)?,
            };
            add_key(&settings, caller).await
        }
        KeyCommand::List { .. } => list_keys(&settings),
        KeyCommand::Revoke { key, .. } => {
            if !settings.data.is_dir() {
                let data = settings.data.display();
                return Err(Failure::Refused(format!("there is no data directory `{data}`")));
            }
            let entry = entry(Event::KeyUse, &format!("key {key}")).detail("action", "revoke");
            let revoke =
                async { Ok(KeysFile::of(&settings.data).change(|ring| ring.revoke(&key))?) };
            let revoked = recorded(&settings, entry, revoke, |revoked, details| {
                details.add("id", &revoked.id);
                details.add("roles", &revoked.caller.roles_shown());
            });
            let revoked = revoked.await?;
            say(format!("revoked key {} ({})", revoked.id, revoked.caller.name));
            say("A running server stops taking it within a second.");
            Ok(())
        }
    }
}

/// What the record is to say of a command.
fn entry(event: Event, target: &str) -> Entry {
    Entry::new(event, recording::operator(), ::audit::Outcome::Allowed).target(target)
}

fn each<T, E: std::fmt::Display>(
    texts: &[String],
    read: fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Failure> {
    let read =
        |text: &String| read(text).map_err(|error| Failure::Refused(format!("`{text}`: {error}")));
    texts.iter().map(read).collect()
}

async fn add_key(settings: &Settings, caller: Caller) -> Result<(), Failure> {
    fs::create_dir_all(&settings.data).map_err(Failure::io(settings.data.display()))?;
    for role in caller.roles.iter().filter(|name| !role::ALL.contains(&name.as_str())) {
        remark(format!("`{role}` is no role of a new platform: it opens what policies say of it."));
    }
    let mut entry = entry(Event::KeyUse, &format!("key {}", caller.name));
    entry = entry.detail("action", "add").detail("roles", &caller.roles_shown());
    if let Some(tenant) = &caller.tenant {
        entry = entry.detail("tenant", tenant.as_str());
    }
    let add = async { keys::add(&settings.data, NewKey { caller }) };
    let token = recorded(settings, entry, add, |_, _| {}).await?;
    writeln!(io::stdout(), "{}", token.as_str()).map_err(Failure::io("the output"))?;
    remark("This is the only time the key is shown. A running server takes it within a second.");
    Ok(())
}

fn list_keys(settings: &Settings) -> Result<(), Failure> {
    let ring = KeysFile::of(&settings.data).read()?.unwrap_or_default();
    let mut out = io::stdout().lock();
    let line = format!("{:12}  {:6}  {:20}  {:20}  name", "id", "role", "tenant", "created");
    let mut lines = vec![line];
    lines.extend(ring.iter().map(|key| {
        let tenant = key.caller.tenant.as_ref().map_or("(all)", Tenant::as_str);
        let (id, roles, created) = (&key.id, key.caller.roles_shown(), key.created_at);
        format!("{id:12}  {roles:6}  {tenant:20}  {created:20}  {}", key.caller.name)
    }));
    writeln!(out, "{}", lines.join("\n")).map_err(Failure::io("the output"))
}

fn tenant(named: Option<&str>) -> Result<Tenant, Failure> {
    match named {
        None => Ok(Tenant::default()),
        Some(name) => Tenant::parse(name).map_err(|error| Failure::Refused(error.to_string())),
    }
}

/// The text of a `@context`: a file's, or a URL itself.
fn context_text(named: &str) -> Result<String, Failure> {
    if named.contains("://") {
        return Ok(serde_json::Value::from(named).to_string());
    }
    read_text(&PathBuf::from(named))
}

fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::io(path.display()))
}
