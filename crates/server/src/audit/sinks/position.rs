//! How far a sink is, on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::files;

#[derive(Clone, Debug)]
pub struct Position {
    path: PathBuf,
    seq: u64,
}

impl Position {
    /// Of the sink of this name; 0 where it has taken nothing yet.
    pub fn open(ledger: &Path, name: &str) -> io::Result<Position> {
        let directory = ledger.join("sinks");
        files::make_directory(&directory)?;
        let path = directory.join(name);
        let seq = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let problem = format!("`{}` holds no number", path.display());
                io::Error::new(io::ErrorKind::InvalidData, problem)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Position { path, seq })
    }

    pub fn get(&self) -> u64 {
        self.seq
    }

    /// Replaced whole: a crash leaves the one before or after.
    pub fn set(&mut self, seq: u64) -> io::Result<()> {
        if seq == self.seq {
            return Ok(());
        }
        let new = self.path.with_extension("new");
        files::write_private(&new, format!("{seq}\n").as_bytes())?;
        fs::rename(&new, &self.path)?;
        self.seq = seq;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_outlives_its_process() {
        let directory = tempfile::tempdir().unwrap();
        let mut position = Position::open(directory.path(), "syslog").unwrap();
        assert_eq!(position.get(), 0);
        position.set(17).unwrap();
        assert_eq!(Position::open(directory.path(), "syslog").unwrap().get(), 17);
        assert_eq!(Position::open(directory.path(), "http").unwrap().get(), 0);
        fs::write(directory.path().join("sinks/http"), "x").unwrap();
        let error = Position::open(directory.path(), "http").unwrap_err();
        assert!(error.to_string().contains("holds no number"), "{error}");
    }
}
