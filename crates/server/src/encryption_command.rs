//! `comity keys` and `comity shred`: the keys of a data directory that no server has open.

use ::audit::{Entry, Event, Outcome};
use clap::Subcommand;
use keyring::{Keyring, Rotated, Status};
use model::{DateTime, Tenant, Timestamp};

use crate::cli::Common;
use crate::failure::Failure;
use crate::platform::Platform;
use crate::recording::{self, recorded};
use crate::say::say;
use crate::settings::Settings;

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show the data keys there are, and the id of the master key; no secrets.
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Wrap all data keys under a new master key. Where it is in a file, one is made; else put the
    /// next one where it is looked for (see docs/security.md).
    RotateMaster {
        #[command(flatten)]
        common: Common,
    },
    /// Give every tenant a new data key for what is written from now on.
    RotateData {
        #[command(flatten)]
        common: Common,
    },
}

impl KeysCommand {
    pub fn common(&self) -> &Common {
        match self {
            KeysCommand::Status { common }
            | KeysCommand::RotateMaster { common }
            | KeysCommand::RotateData { common } => common,
        }
    }
}

pub async fn keys(settings: Settings, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Status { .. } => {
            let platform = open(&settings)?;
            let status = keyring_of(&platform)?.status().map_err(refused)?;
            lines(&platform, &status).iter().for_each(say);
            Ok(())
        }
        KeysCommand::RotateMaster { .. } => {
            let rotate = async { keyring_of(&open(&settings)?)?.rotate_master().map_err(refused) };
            let entry = entry("master key").detail("action", "rotate");
            let rotated = recorded(&settings, entry, rotate, |rotated: &Rotated, details| {
                details.add("from", &rotated.from.to_string());
                details.add("to", &rotated.to.to_string());
            });
            let Rotated { from, to, kept } = rotated.await?;
            say(format!("all data keys are wrapped by the master key {to}; before it was {from}"));
            say("Backups made before still need the old one.");
            if let Some(kept) = kept {
                say(format!(
                    "It is kept in `{}`: move it to where backups are, or destroy it",
                    kept.display()
                ));
            }
            Ok(())
        }
        KeysCommand::RotateData { .. } => {
            let rotate = async { keyring_of(&open(&settings)?)?.rotate_all().map_err(refused) };
            let entry = entry("data keys").detail("action", "rotate");
            let rotated = recorded(&settings, entry, rotate, |rotated, details| {
                details.add("rotated", &rotated.to_string());
            });
            say(format!("{} data keys have a new version", rotated.await?));
            Ok(())
        }
    }
}

/// Destroys what there is of a tenant.
pub async fn shred(settings: Settings, tenant: String) -> Result<(), Failure> {
    let tenant = Tenant::parse(&tenant).map_err(|error| Failure::Refused(error.to_string()))?;
    let mut entry = entry("tenant").detail("action", "shred");
    entry.who.tenant = Some(tenant.as_str().into());
    let work = async {
        let store = open(&settings)?.store;
        store.shred(tenant.clone()).await.map_err(|error| Failure::Refused(error.to_string()))
    };
    let shredded = recorded(&settings, entry, work, |shredded, details| {
        details.add("shredded", &shredded.to_string());
    });
    if !shredded.await? {
        return Err(Failure::Refused(format!("there is no tenant `{}`", tenant.as_str())));
    }
    say(format!("destroyed the keys of `{}`; nobody can read its data any more", tenant.as_str()));
    say("Backups made before still have the keys, under the master key of that time.");
    Ok(())
}

fn open(settings: &Settings) -> Result<Platform, Failure> {
    if !settings.data.is_dir() {
        let data = settings.data.display();
        return Err(Failure::Refused(format!("there is no data directory `{data}`")));
    }
    Platform::open(settings)
}

fn keyring_of(platform: &Platform) -> Result<&Keyring, Failure> {
    let keyring = platform.store.keyring().map(|keyring| &**keyring);
    keyring.ok_or_else(|| Failure::Refused("the data directory is not encrypted".to_owned()))
}

fn refused(error: keyring::KeyringError) -> Failure {
    Failure::Refused(error.to_string())
}

fn entry(target: &str) -> Entry {
    Entry::new(Event::KeyUse, recording::operator(), Outcome::Allowed).target(target)
}

/// For people.
fn lines(platform: &Platform, status: &Status) -> Vec<String> {
    let owner = |domain| match platform.store.tenant_of(domain) {
        _ if domain == keyring::SYSTEM => "(system)".to_owned(),
        Some(tenant) if tenant.is_default() => "(default)".to_owned(),
        Some(tenant) => tenant.as_str().to_owned(),
        None => "?".to_owned(),
    };
    let moment = |seconds: u64| {
        let micros = i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000);
        DateTime::new(Timestamp(micros), 0).to_string()
    };
    let mut lines = vec![
        format!("master key {}", status.master),
        format!("{:>8}  {:>7}  {:17}  {:20}  tenant", "domain", "version", "algorithm", "since"),
    ];
    lines.extend(status.keys.iter().map(|key| {
        let (domain, version, algorithm) = (key.domain, key.version, key.algorithm.name());
        let (since, owner) = (moment(key.made_at), owner(domain));
        format!("{domain:>8}  {version:>7}  {algorithm:17}  {since:20}  {owner}")
    }));
    lines.extend(status.gone.iter().map(|(domain, at)| {
        let (shredded, since) = ("shredded", moment(*at));
        format!("{domain:>8}  {:>7}  {shredded:17}  {since:20}  {}", "-", owner(*domain))
    }));
    lines
}
