//! Log lines, for people or for machines, on the error output.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::settings::{LogFormat, Settings};

/// Turns logging on. Called once.
pub fn start(settings: &Settings) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| {
        Failure::Refused(format!("setting `log`: `{}` is no filter: {error}", settings.log))
    })?;
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let started = match settings.log_format {
        LogFormat::Human => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Where a test has turned it on already, that stands.
    drop(started);
    Ok(())
}
