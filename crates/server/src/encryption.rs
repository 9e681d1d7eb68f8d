//! Encryption at rest as the settings have it: where the master key comes from, and its rotations.

use std::sync::Arc;
use std::time::Duration;

use keyring::{KeyringSettings, MasterKeySource, Seconds, default_file};
use model::Timestamp;
use store_embedded::{EmbeddedStore, EncryptionSettings};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stop::Stopped;

/// How the data directory is to be encrypted.
pub fn encryption(settings: &Settings) -> Result<EncryptionSettings, Failure> {
    let keyring = KeyringSettings {
        directory: settings.data.clone(),
        source: source(settings)?,
        algorithm: settings.encryption_algorithm,
        now: seconds(broker::Clock::now(&SystemClock)),
    };
    Ok(match settings.encryption_at_rest {
        true => EncryptionSettings::On(keyring),
        false => EncryptionSettings::Off(Some(keyring)),
    })
}

fn seconds(now: Timestamp) -> Seconds {
    Seconds::try_from(now.0 / 1_000_000).unwrap_or_default()
}

fn source(settings: &Settings) -> Result<MasterKeySource, Failure> {
    let (file, variable, line) =
        (&settings.master_key_file, &settings.master_key_env, &settings.master_key_command);
    let wrapped = &settings.master_key_wrapped_file;
    if line.is_empty() && !wrapped.is_empty() {
        let problem = "`master_key_wrapped_file` is for `master_key_command`, which is not set";
        return Err(Failure::Refused(problem.to_owned()));
    }
    match [file, variable, line].map(String::is_empty) {
        [true, true, true] => Ok(MasterKeySource::File(default_file(&settings.data).0)),
        [false, true, true] => Ok(MasterKeySource::File(file.into())),
        [true, false, true] => Ok(MasterKeySource::Variable(variable.clone())),
        [true, true, false] => {
            let wrapped = (!wrapped.is_empty()).then(|| wrapped.into());
            Ok(MasterKeySource::Command { line: line.clone(), wrapped })
        }
        _ => {
            let problem = "the master key has one place: set one of `master_key_file`, \
                           `master_key_env` and `master_key_command`";
            Err(Failure::Refused(problem.to_owned()))
        }
    }
}

/// What whoever runs the server must know of it at each start.
pub fn warnings(settings: &Settings) -> Vec<String> {
    if !settings.encryption_at_rest {
        let data = settings.data.display();
        return vec![format!(
            "encryption_at_rest is off: whoever gets at the disk reads everything in `{data}`"
        )];
    }
    let mut warnings: Vec<String> =
        source(settings).ok().and_then(|source| source.warning()).into_iter().collect();
    let is_default = settings.master_key_file.is_empty()
        && settings.master_key_env.is_empty()
        && settings.master_key_command.is_empty();
    let (path, is_inside) = default_file(&settings.data);
    if is_default && is_inside {
        warnings.push(format!(
            "the master key `{}` lies with the data that it protects: a copy of the directory has \
             both; set master_key_file, master_key_env or master_key_command",
            path.display()
        ));
    }
    warnings
}

/// Tells which keys are in force, and rotates those that are due.
pub fn begin(store: &EmbeddedStore, settings: &Settings) -> Result<(), Failure> {
    let Some(keyring) = store.keyring().filter(|_| settings.encryption_at_rest) else {
        return Ok(());
    };
    let problem = |error: keyring::KeyringError| Failure::Refused(error.to_string());
    let rotated = rotate(store, settings).map_err(problem)?;
    let master = keyring.status().map_err(problem)?.master;
    let algorithm = settings.encryption_algorithm.name();
    info!(
        algorithm, master_key = %master, source = %source(settings)?, rotated,
        "the data directory is encrypted; keep the master key where the data are not: without it \
         nobody can read them"
    );
    Ok(())
}

fn rotate(store: &EmbeddedStore, settings: &Settings) -> Result<usize, keyring::KeyringError> {
    let now = seconds(broker::Clock::now(&SystemClock));
    match store.keyring() {
        Some(keyring) => keyring.rotate_due(now, settings.data_key_age_max.as_secs()),
        None => Ok(0),
    }
}

/// How often keys are looked at.
const INTERVAL: Duration = Duration::from_secs(600);

/// Rotates data keys when they are due.
pub async fn keep(store: Arc<EmbeddedStore>, settings: Settings, mut stop: Stopped) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.told() => return,
        }
        let (store, settings) = (store.clone(), settings.clone());
        match tokio::task::spawn_blocking(move || rotate(&store, &settings)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(rotated)) => info!(rotated, "gave data keys new versions"),
            Ok(Err(error)) => warn!(%error, "could not rotate data keys; trying again"),
            Err(error) => warn!(%error, "could not rotate data keys; trying again"),
        }
    }
}
