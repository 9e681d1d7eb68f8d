//! How much room the disk has.

use store::StoreError;

use crate::settings::EmbeddedSettings;

/// Refuses where less is free than the settings keep in reserve, so that the store never runs
/// into a full disk in the middle of its own work.
pub fn check(settings: &EmbeddedSettings) -> Result<(), StoreError> {
    let needed_bytes = settings.disk_reserve_bytes;
    if needed_bytes == 0 {
        return Ok(());
    }
    let free_bytes = free_bytes(settings)?;
    if free_bytes < needed_bytes {
        return Err(StoreError::DiskFull { free_bytes, needed_bytes });
    }
    Ok(())
}

fn free_bytes(settings: &EmbeddedSettings) -> Result<u64, StoreError> {
    let stat = rustix::fs::statvfs(&settings.directory).map_err(std::io::Error::from)?;
    Ok(stat.f_bavail * stat.f_frsize)
}
