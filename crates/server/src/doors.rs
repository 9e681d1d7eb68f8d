//! The doors, put together behind one address.

use std::sync::Arc;

use axum::Router;

use crate::egress::EgressRules;
use crate::fetch::Fetcher;
use crate::health;
use crate::keys::Keys;
use crate::platform::Platform;
use crate::settings::Settings;

/// All that is served. `keys` are nothing where none are asked for.
pub fn router(
    settings: &Settings,
    platform: &Platform,
    keys: Option<Arc<Keys>>,
    warnings: &[String],
) -> Router {
    let fetcher = Fetcher::new(EgressRules::of(settings));
    let _ = (platform, keys, fetcher);
    health::router(warnings)
}
