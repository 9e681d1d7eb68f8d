//! `comity policy`: check policies, test them, explain a decision, and go back to older ones.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ::audit::{Entry, Event, Outcome};
use clap::{Args, Subcommand};
use identity::KeysFile;
use model::{
    Attribute, Attributes, Draft, Entity, Instance, InstanceList, Json, Scope, Tenant, Timestamp,
    Uri, Value,
};
use policy::Caller;
use policy::cedar::{Action, Limits, Policies};

use super::versions::{ChangeError, Proposal, Versions, loaded};
use super::written::{Found, Text, Written, expand};
use crate::cli::Common;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::platform::{Platform, operator};
use crate::recording::{self, recorded};
use crate::say::{remark, say};
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Tell what is wrong with policies. No data directory is needed.
    #[command(after_help = "Example:\n  comity policy check city.cedar areas.json")]
    Check(Files),
    /// Check policies, and that they decide what tables of expectations say.
    #[command(after_help = "Example:\n  comity policy test city.cedar city.expected.toml")]
    Test(Files),
    /// Tell why a caller may or may not do something, by files or by what is in force in a data
    /// directory that no server has open.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Box<Explain>),
    /// Put an older version in force in a data directory that no server has open; 0 is what a
    /// platform begins with. A running server does that under `/admin/policies/rollBack`.
    RollBack {
        #[command(flatten)]
        common: Common,
        version: u64,
    },
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  comity policy explain --key app --action read --entity urn:ngsi-ld:Lamp:7
  comity policy explain city.cedar --role crew --action update \\
      --entity urn:ngsi-ld:Lamp:7 --type Lamp --attribute brightness=60
  comity policy explain --role auditor --action audit";

#[derive(Debug, Args)]
pub struct Files {
    #[command(flatten)]
    common: Common,
    /// Policies (`.cedar`), areas (`.json`) and expectations (`.toml`).
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    common: Common,
    /// Policies (`.cedar`) and areas (`.json`) to ask instead of those in force.
    files: Vec<PathBuf>,
    /// The caller is the holder of this key of the data directory, by its name.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["name", "roles", "bound", "scopes", "entities"])]
    key: Option<String>,
    /// The caller's name.
    #[arg(long, value_name = "NAME", default_value = "somebody")]
    name: String,
    /// A role of the caller. May be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The only tenant that the caller may touch.
    #[arg(long, value_name = "NAME")]
    bound: Option<String>,
    /// A scope given to the caller. May be given several times.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An entity given to the caller. May be given several times.
    #[arg(long = "own", value_name = "ID")]
    entities: Vec<String>,
    /// What it wants to do: read, create, update, delete, administer, manageAccess or audit.
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// The tenant it asks for.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The entity it is about. Without `--type`, it is read from the data directory.
    #[arg(long, value_name = "ID")]
    entity: Option<String>,
    /// A type of the entity. May be given several times.
    #[arg(long = "type", value_name = "TYPE", requires = "entity")]
    types: Vec<String>,
    /// A scope of the entity. May be given several times.
    #[arg(long = "in", value_name = "SCOPE", requires = "types")]
    within: Vec<String>,
    /// A Property of the entity; a value that is not JSON is a text. May be given several times.
    #[arg(long = "attribute", value_name = "NAME=VALUE", requires = "types")]
    attributes: Vec<String>,
}

impl PolicyCommand {
    pub fn common(&self) -> &Common {
        match self {
            PolicyCommand::Check(Files { common, .. })
            | PolicyCommand::Test(Files { common, .. })
            | PolicyCommand::RollBack { common, .. } => common,
            PolicyCommand::Explain(explain) => &explain.common,
        }
    }
}

pub async fn run(settings: Settings, command: PolicyCommand) -> Result<(), Failure> {
    let limits = super::limits(&settings);
    match command {
        PolicyCommand::Check(Files { files, .. }) => check(&read(&files)?, &limits),
        PolicyCommand::Test(Files { files, .. }) => test(&read(&files)?, &limits),
        PolicyCommand::Explain(asked) => explain(&settings, &asked, &limits).await,
        PolicyCommand::RollBack { version, .. } => roll_back(&settings, version, limits).await,
    }
}

/// A server does not start under other policies than those that were in force.
pub fn cannot_start(error: ChangeError) -> Failure {
    let found = match &error {
        ChangeError::Invalid(_, found) => lines(found),
        _ => Vec::new(),
    };
    let told = match &error {
        ChangeError::Invalid(version, _) => {
            format!("version {version} of the policies cannot be used any more")
        }
        other => format!("the policies cannot be read: {other}"),
    };
    let help = "`comity policy roll-back VERSION` puts an older version in force";
    Failure::Refused([vec![told], found, vec![help.to_owned()]].concat().join("\n  "))
}

fn lines(found: &[Found]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}

fn read(files: &[PathBuf]) -> Result<Written, Failure> {
    let mut written = Written::default();
    for path in files {
        let text = fs::read_to_string(path).map_err(Failure::io(path.display()))?;
        let text = Text { name: path.display().to_string(), text };
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cedar") => written.policies.push(text),
            Some("json") => written.areas.push(text),
            Some("toml") => written.expected.push(text),
            _ => {
                let path = path.display();
                return Err(Failure::Refused(format!(
                    "`{path}` is neither .cedar (policies) nor .json (areas) nor .toml \
                     (expectations)"
                )));
            }
        }
    }
    if written.policies.is_empty() {
        return Err(Failure::Refused(
            "none of the files is .cedar, so there are no policies".into(),
        ));
    }
    Ok(written)
}

fn valid(written: &Written, limits: &Limits) -> Result<Policies, Failure> {
    let policies = written.valid(limits).map_err(|found| failed(&found))?;
    policies.warnings().iter().for_each(|warning| remark(format!("warning: {warning}")));
    Ok(policies)
}

fn failed(found: &[Found]) -> Failure {
    let count = match found.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    Failure::Refused(format!("{count}\n{}", lines(found).join("\n")))
}

fn check(written: &Written, limits: &Limits) -> Result<(), Failure> {
    valid(written, limits)?;
    say("the policies are valid");
    Ok(())
}

fn test(written: &Written, limits: &Limits) -> Result<(), Failure> {
    if written.expected.is_empty() {
        let problem = "none of the files is .toml, so there is nothing to test";
        return Err(Failure::Refused(problem.into()));
    }
    let policies = valid(written, limits)?;
    let unmet = written.unmet(&policies, limits).map_err(|found| failed(&found))?;
    if !unmet.is_empty() {
        return Err(failed(&unmet));
    }
    say("the policies are valid and decide what is expected");
    Ok(())
}

async fn explain(settings: &Settings, asked: &Explain, limits: &Limits) -> Result<(), Failure> {
    let action = Action::from_name(&asked.action).ok_or_else(|| {
        let known = Action::ALL.map(Action::name).join(", ");
        Failure::Refused(format!("there is no action `{}`; there are {known}", asked.action))
    })?;
    if action.is_on_entities() != asked.entity.is_some() {
        return Err(Failure::Refused(match action.is_on_entities() {
            true => format!("`{action}` is done to an entity; name one with --entity"),
            false => format!("`{action}` is done to a tenant; --entity has no meaning"),
        }));
    }
    let (caller, tenant) = (asked.caller(settings)?, tenant(asked.tenant.as_deref())?);
    let reads_store = asked.files.is_empty() || action.is_on_entities() && asked.types.is_empty();
    let platform = reads_store.then(|| existing(settings)).transpose()?;
    let policies = match (&platform, asked.files.is_empty()) {
        (Some(platform), true) => in_force(platform, limits).await?,
        _ => Arc::new(valid(&read(&asked.files)?, limits)?),
    };
    let told = match (&asked.entity, &platform) {
        (None, _) => policies.explain_on_tenant(&caller, action, &tenant),
        (Some(id), Some(platform)) if asked.types.is_empty() => {
            let id = uri(id)?;
            let found = platform.broker.retrieve(&operator(), &tenant, &id).await?;
            let unknown = || Failure::Refused(format!("entity `{id}` does not exist"));
            policies.explain(&caller, action, &tenant, &*found.ok_or_else(unknown)?)
        }
        (Some(id), _) => policies.explain(&caller, action, &tenant, &asked.entity_named(id)?),
    };
    say(told);
    Ok(())
}

/// A directory that is there; one is not made to be looked into.
fn existing(settings: &Settings) -> Result<Platform, Failure> {
    match settings.data.is_dir() {
        true => Platform::open(settings),
        false => {
            let data = settings.data.display();
            Err(Failure::Refused(format!("there is no data directory `{data}`")))
        }
    }
}

async fn in_force(platform: &Platform, limits: &Limits) -> Result<Arc<Policies>, Failure> {
    let loaded = loaded(&*platform.store, limits).await.map_err(cannot_start)?;
    let begun = || platform.broker.policy().in_force();
    Ok(loaded.unwrap_or_else(begun).policies)
}

impl Explain {
    fn caller(&self, settings: &Settings) -> Result<Caller, Failure> {
        if let Some(name) = &self.key {
            let ring = KeysFile::of(&settings.data).read()?.unwrap_or_default();
            let found = ring.iter().find(|key| key.caller.name == *name);
            let unknown = || Failure::Refused(format!("there is no key named `{name}`"));
            return Ok(found.ok_or_else(unknown)?.caller.clone());
        }
        Ok(Caller {
            name: self.name.clone(),
            roles: self.roles.iter().cloned().collect(),
            tenant: self.bound.as_deref().map(|name| tenant(Some(name))).transpose()?,
            scopes: scopes(&self.scopes)?,
            entities: self.entities.iter().map(|id| uri(id)).collect::<Result<_, _>>()?,
        })
    }

    fn entity_named(&self, id: &str) -> Result<Entity, Failure> {
        let name = |term: &String| expand(term).map_err(Failure::Refused);
        let attribute = |written: &String| {
            let (term, value) = written.split_once('=').ok_or_else(|| {
                Failure::Refused(format!("write an attribute as name=value, not `{written}`"))
            })?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            let instances =
                InstanceList::from([Instance::new(Value::Property(Json::from_tree(&value)))]);
            Ok(Attribute { name: name(&term.to_owned())?, instances })
        };
        let attributes: Result<Vec<Attribute>, Failure> =
            self.attributes.iter().map(attribute).collect();
        let draft = Draft {
            types: self.types.iter().map(name).collect::<Result<_, _>>()?,
            scopes: scopes(&self.within)?,
            expires_at: None,
            attributes: Attributes::new(attributes?),
        };
        Ok(draft.into_entity(uri(id)?, Timestamp::default(), Timestamp::default()))
    }
}

async fn roll_back(settings: &Settings, to: u64, limits: Limits) -> Result<(), Failure> {
    let platform = existing(settings)?;
    let entry = Entry::new(Event::Administration, recording::operator(), Outcome::Allowed);
    let entry = entry.target("policies").detail("restores", &to.to_string());
    let versions = Versions::new(platform.store.clone(), platform.broker.policy().clone(), limits);
    // Whoever holds the data directory could not be locked out.
    let caller = operator();
    let proposal = Proposal { caller: &caller, at: SystemClock.second(), seen: None };
    let work = async {
        let version = versions.restore(to, &proposal).await.map_err(|error| match &error {
            ChangeError::Invalid(_, found) => {
                Failure::Refused(format!("{error}\n{}", lines(found).join("\n")))
            }
            _ => Failure::Refused(error.to_string()),
        })?;
        platform.store.settle().await.map_err(broker::BrokerError::from)?;
        Ok(version)
    };
    let version = recorded(settings, entry, work, |version, details| {
        details.add("version", &version.version.to_string());
    });
    let version = version.await?;
    say(format!("version {} is in force, with the policies of version {to}", version.version));
    Ok(())
}

fn tenant(named: Option<&str>) -> Result<Tenant, Failure> {
    match named {
        None | Some("") => Ok(Tenant::default()),
        Some(name) => Tenant::parse(name).map_err(|error| Failure::Refused(error.to_string())),
    }
}

fn uri(text: &str) -> Result<Uri, Failure> {
    Uri::parse(text).map_err(|error| Failure::Refused(error.to_string()))
}

fn scopes(texts: &[String]) -> Result<Vec<Scope>, Failure> {
    let read = |text: &String| Scope::parse(text).map_err(|e| Failure::Refused(e.to_string()));
    texts.iter().map(read).collect()
}
