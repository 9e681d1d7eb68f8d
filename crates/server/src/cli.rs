//! The command line `comity`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::audit::command::{self as audit_command, AuditCommand};
use crate::commands;
use crate::dead_letters;
use crate::encryption_command::{self, KeysCommand};
use crate::failure::Failure;
use crate::import::Format;
use crate::logs;
use crate::policies::command::{self as policy_command, PolicyCommand};
use crate::say::say;
use crate::settings::{self, Authorities, Layers, Settings, Written};

/// An open city platform: one binary, one data directory.
#[derive(Debug, Parser)]
#[command(name = "comity", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  comity demo                                    a sample city to try things on
  comity serve --data /var/lib/comity            serve a data directory
  comity key add meters --role writer            a key for something that writes
  comity import lamps.csv --mapping lamps.toml   entities from a table
  comity import city.ndjson                      entities, one on each line
  comity export --format geojson -o city.geojson
  comity config --markdown                       every setting explained";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a data directory over HTTP.
    #[command(after_help = "Example:\n  comity serve --data /var/lib/comity --config comity.toml")]
    Serve {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        serving: Serving,
    },
    /// Serve a sample city (central Helsinki), in ./data/demo unless told otherwise.
    Demo {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        serving: Serving,
    },
    /// Read entities from a file into a data directory that no server has open.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Write the entities of a data directory that no server has open.
    #[command(after_help = "Examples:\n  comity export > all.ndjson\n  \
        comity export --type Building --type Road --format geojson -o map.geojson\n  \
        comity export --history --type ElectricityMeter --from 2026-01-01T00:00:00Z \\\n      \
        --format parquet -o meters.parquet")]
    Export(ExportArgs),
    /// Verify every record, index entry and checksum of a data directory.
    Check(Common),
    /// Make, list and revoke keys; also while a server runs.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Show and rotate the keys of encryption at rest; no server may have the directory open.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Destroy the keys of a tenant, and forget it; there is no way back.
    #[command(after_help = "Example:\n  comity shred --tenant north --confirm north")]
    Shred {
        #[command(flatten)]
        common: Common,
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// The name of the tenant once more.
        #[arg(long, value_name = "NAME")]
        confirm: String,
    },
    /// List notifications that a running server gave up, send them once more, or throw them away.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Check policies, explain a decision, and go back to older policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Verify and export the audit record, and print its key; no server is needed.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print the settings in force, as a file; or all settings, explained.
    Config {
        #[command(flatten)]
        common: Common,
        /// Print the reference of all settings instead.
        #[arg(long)]
        markdown: bool,
    },
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  comity import city.ndjson
  comity import roads.geojson --type RoadSegment
  comity import lamps.csv --mapping lamps.toml
  comity import --history readings.csv --mapping meters.toml
  comity import --history history.ndjson

A mapping names the id, the type, and where attributes come from:
  id = \"urn:ngsi-ld:Streetlight:{number}\"
  type = \"Streetlight\"
  [attributes]
  location = { kind = \"point\", longitude = \"lon\", latitude = \"lat\" }
  power = { kind = \"number\", column = \"watts\", unit = \"WTT\" }
  refRoadSegment = { kind = \"relationship\", object = \"urn:ngsi-ld:RoadSegment:{street}\" }
  name = { kind = \"language\", columns = { fi = \"name\", sv = \"name_sv\" } }
For history it also names the column that tells when a row was observed:
  observed_at = \"time\"
Without a mapping, a CSV of history has the columns that `comity export --history` writes.
Kinds: text, number, boolean, date-time, json, relationship, language, point, geometry.

An import that was stopped goes on where it stopped when the command is given again.";

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A TOML file of settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting, such as `log=debug`; `comity config --markdown` lists them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
struct Serving {
    /// The address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Ask for no keys: for tests, and only on a loopback address.
    #[arg(long)]
    open: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub common: Common,
    /// NGSI-LD JSON, JSON-LD or NDJSON, a GeoJSON feature collection, or CSV with a mapping.
    pub file: PathBuf,
    /// The format, where the name of the file does not tell it.
    #[arg(long)]
    pub format: Option<FormatArg>,
    /// How columns or properties become attributes; TOML.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// The type of GeoJSON features.
    #[arg(long = "type", value_name = "TYPE")]
    pub entity_type: Option<String>,
    /// The @context of entities that name none: a file or a URL.
    #[arg(long, value_name = "FILE|URL")]
    pub context: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Keep attributes of existing entities that the file does not name.
    #[arg(long)]
    pub append: bool,
    /// The file has what was said of entities over time: temporal evolutions, or a table of
    /// readings. They are added to what is known; the same reading twice is kept once.
    #[arg(long, conflicts_with_all = ["append", "entity_type"])]
    pub history: bool,
    /// Begin anew, although an earlier import stopped half-way.
    #[arg(long)]
    pub restart: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Ndjson,
    Json,
    Geojson,
    Csv,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub common: Common,
    #[arg(long, default_value = "ndjson")]
    pub format: ExportFormat,
    /// Only entities of this type; may be given more than once.
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// What was said of them over time, instead of how they are now.
    #[arg(long)]
    pub history: bool,
    /// Only the history of this entity.
    #[arg(long, value_name = "ID", requires = "history")]
    pub id: Option<String>,
    /// Only the history of these attributes, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "history")]
    pub attrs: Vec<String>,
    /// Only what was observed at this moment or later, such as 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "MOMENT", requires = "history")]
    pub from: Option<String>,
    /// Only what was observed before this moment.
    #[arg(long, value_name = "MOMENT", requires = "history")]
    pub until: Option<String>,
    /// The region that the export is for: what may not go there by `[[residency]]` is left out.
    #[arg(long, value_name = "REGION")]
    pub to_region: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Where to write; the standard output unless given.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One entity, or temporal evolution, on each line: what `comity import` takes back.
    Ndjson,
    /// A GeoJSON feature collection of simplified entities, for maps and GIS tools.
    Geojson,
    /// A table of readings, with --history; `comity import --history` takes it back.
    Csv,
    /// The same with typed columns, for data frames.
    Parquet,
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Write them, one JSON object on each line.
    #[command(after_help = "Example:\n  \
        COMITY_KEY=... comity dead-letters list --subscription urn:ngsi-ld:Subscription:1")]
    List(DeadLettersArgs),
    /// Send them once more; those that are taken are dead no longer.
    Replay(DeadLettersArgs),
    /// Throw them away.
    Empty(DeadLettersArgs),
}

/// Which dead letters. The environment variable `COMITY_KEY` holds the administrator's key.
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// Where the server listens; the variable COMITY_KEY holds the key of an administrator.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    pub server: Url,
    /// A PEM file of certificates that are trusted beside those of the web, such as the one that the
    /// server made for itself.
    #[arg(long, value_name = "FILE", value_parser = <Authorities as Written>::read)]
    pub authorities: Option<Authorities>,
    /// Only those of the subscription with this id.
    #[arg(long, value_name = "ID")]
    pub subscription: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it, once.
    #[command(after_help = "Example:\n  comity key add \"parking sensors\" --role writer")]
    Add {
        #[command(flatten)]
        common: Common,
        /// Who will hold it; shown in lists and logs.
        name: String,
        /// What it may do, as policies say: admin, security-officer, auditor, writer, reader, device,
        /// or a role of your own policies. May be given several times.
        #[arg(long = "role", value_name = "ROLE", default_value = "reader")]
        roles: Vec<String>,
        /// The only tenant it opens.
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// A part of the city that it is for. May be given several times.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// An entity that it is for, such as the one that a device tells of. May be given several
        /// times.
        #[arg(long = "entity", value_name = "ID")]
        entities: Vec<String>,
    },
    /// Show the keys there are, without their secrets.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Take a key away, by its name or id.
    Revoke {
        #[command(flatten)]
        common: Common,
        key: String,
    },
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Format {
        match format {
            FormatArg::Ndjson => Format::Ndjson,
            FormatArg::Json | FormatArg::Geojson => Format::Json,
            FormatArg::Csv => Format::Csv,
        }
    }
}

impl KeyCommand {
    fn common(&self) -> &Common {
        match self {
            KeyCommand::Add { common, .. }
            | KeyCommand::List { common }
            | KeyCommand::Revoke { common, .. } => common,
        }
    }
}

impl Common {
    fn layers(&self) -> Layers {
        let data = self.data.iter().map(|path| ("data".to_owned(), path.display().to_string()));
        let flags = self.set.iter().cloned().chain(data).collect();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let variables = variables.collect();
        Layers { defaults: quiet(), file: self.config.clone(), variables, flags }
    }

    fn settings(&self) -> Result<Settings, Failure> {
        Ok(self.layers().settings()?)
    }
}

/// Only a server that runs for long tells what it does; everyone else speaks of troubles alone.
fn quiet() -> Vec<(String, String)> {
    vec![("log".to_owned(), "warn".to_owned())]
}

impl Serving {
    fn settings(&self, mut layers: Layers) -> Result<Settings, Failure> {
        if let Some(listen) = self.listen {
            layers.flags.push(("listen".to_owned(), listen.to_string()));
        }
        if self.open {
            layers.flags.push(("open".to_owned(), "true".to_owned()));
        }
        Ok(layers.settings()?)
    }
}

/// Runs one command.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve { common, serving } => {
            let layers = Layers { defaults: Vec::new(), ..common.layers() };
            on_runtime(serving.settings(layers)?, commands::serve)
        }
        Command::Demo { common, serving } => {
            let mut layers = common.layers();
            layers.defaults.push(("data".to_owned(), "data/demo".to_owned()));
            on_runtime(serving.settings(layers)?, commands::demo)
        }
        Command::Import(args) => {
            let settings = args.common.settings()?;
            on_runtime(settings, |settings| commands::import(settings, args))
        }
        Command::Export(args) => {
            let settings = args.common.settings()?;
            on_runtime(settings, |settings| commands::export(settings, args))
        }
        Command::Check(common) => commands::check(&common.settings()?),
        Command::Key(command) => {
            let settings = command.common().settings()?;
            on_runtime(settings, |settings| commands::key(settings, command))
        }
        Command::Keys(command) => {
            let settings = command.common().settings()?;
            on_runtime(settings, |settings| encryption_command::keys(settings, command))
        }
        Command::Shred { common, tenant, confirm } => {
            if tenant != confirm {
                let problem = "--tenant and --confirm name different tenants; nothing was done";
                return Err(Failure::Refused(problem.to_owned()));
            }
            let settings = common.settings()?;
            on_runtime(settings, |settings| encryption_command::shred(settings, tenant))
        }
        Command::Audit(command) => {
            let settings = command.common().settings()?;
            on_runtime(settings, |settings| audit_command::run(settings, command))
        }
        Command::Policy(command) => {
            let settings = command.common().settings()?;
            on_runtime(settings, |settings| policy_command::run(settings, command))
        }
        Command::DeadLetters(command) => {
            let settings = Common::default().settings()?;
            on_runtime(settings, |_| dead_letters::run(command))
        }
        Command::Config { markdown: true, .. } => {
            say(settings::markdown().trim_end());
            Ok(())
        }
        Command::Config { common, markdown: false } => {
            let layers = Layers { defaults: Vec::new(), ..common.layers() };
            say(settings::file(&layers.settings()?).trim_end());
            Ok(())
        }
    }
}

fn on_runtime<F>(settings: Settings, command: impl FnOnce(Settings) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    logs::start(&settings)?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if settings.worker_threads > 0 {
        builder.worker_threads(settings.worker_threads);
    }
    let runtime = builder.enable_all().build().map_err(Failure::io("the runtime"))?;
    runtime.block_on(command(settings))
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("write a setting as name=value")?;
    Ok((pair.0.trim().to_owned(), pair.1.trim().to_owned()))
}
