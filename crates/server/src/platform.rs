//! The platform of one data directory, without its doors.

use std::fs;
use std::sync::Arc;

use broker::Broker;
use policy::{Caller, Policy, role};
use store_embedded::{EmbeddedSettings, EmbeddedStore};
use tracing::info;

use crate::border::Border;
use crate::clock::SystemClock;
use crate::encryption;
use crate::failure::Failure;
use crate::settings::Settings;

#[derive(Debug)]
pub struct Platform {
    pub store: Arc<EmbeddedStore>,
    pub broker: Arc<Broker>,
    pub border: Arc<Border>,
}

impl Platform {
    /// Opens the data directory, or makes one.
    pub fn open(settings: &Settings) -> Result<Platform, Failure> {
        fs::create_dir_all(&settings.data).map_err(Failure::io(settings.data.display()))?;
        let (store, opening) = EmbeddedStore::open(embedded(settings)?)?;
        info!(
            data = %settings.data.display(),
            events_recovered = opening.events_recovered,
            "opened the data directory"
        );
        encryption::begin(&store, settings)?;
        let store = Arc::new(store);
        let clock = Arc::new(SystemClock);
        let broker = Broker::new(store.clone(), Policy::default(), clock);
        let border = Arc::new(Border::of(settings));
        let limits = crate::doors::subscriptions(settings);
        let broker = Arc::new(broker.with_border(limits, border.clone()));
        Ok(Platform { store, broker, border })
    }
}

pub fn embedded(settings: &Settings) -> Result<EmbeddedSettings, Failure> {
    Ok(EmbeddedSettings {
        encryption: encryption::encryption(settings)?,
        memory_bytes: settings.memory_bytes.as_usize(),
        disk_reserve_bytes: settings.disk_reserve_bytes.0,
        journal_bytes_max: settings.journal_bytes_max.0,
        journal_age_max: settings.journal_age_max,
        query_entities_max: settings.query_entities_max,
        query_sort_max: settings.query_sort_max,
        census_entities_max: settings.census_entities_max,
        query_readings_max: settings.query_readings_max,
        attributes_max: settings.attributes_max,
        ..EmbeddedSettings::new(&settings.data)
    })
}

/// Whoever may use the command line on a data directory may do everything in it.
pub fn operator() -> Caller {
    Caller::with_role("command line".to_owned(), role::ADMIN)
}
